"""
Stacks one operation at a time, as CloudFormation has them. MiniStack deletes a stack while it still creates it, makes
change sets of a stack that is worked on, forgets the client's tokens, and reports resources that did not change.
"""

import asyncio
import contextlib
import datetime
import time

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, stacks
from ministack.services.cloudformation.helpers import _error, _p, _xml

from .rights import acting

# By account, region and name: the operation that runs, and the creations that a deletion has called off.
running = {}
cancelled = set()
ACTIONS = handlers._ACTION_HANDLERS
# By the field that carries its token: a call that is made again gets the first one's answer.
TOKENS = {
    "CreateChangeSet": "ClientToken",
    "ExecuteChangeSet": "ClientRequestToken",
    "CreateStack": "ClientRequestToken",
    "UpdateStack": "ClientRequestToken",
    "DeleteStack": "ClientRequestToken",
}
answers = {}
# States in which a stack can be deleted and nothing else.
STUCK = (
    "CREATE_FAILED",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_FAILED",
    "IMPORT_ROLLBACK_FAILED",
    "DELETE_FAILED",
)


class Cancelled(BaseException):
    """Passes by MiniStack's handling of failures: there is no rollback, for the deletion takes all away."""

    def __init__(self, logical_id, type_name):
        super().__init__(logical_id)
        self.logical_id, self.type_name = logical_id, type_name


def install():
    replace("_deploy_stack_async", one_at_a_time(stacks._deploy_stack_async))
    replace("_delete_stack_async", after_what_runs(stacks._delete_stack_async))
    ACTIONS["CreateChangeSet"] = unless_busy(ACTIONS["CreateChangeSet"])
    ACTIONS["ExecuteChangeSet"] = unless_busy(ACTIONS["ExecuteChangeSet"])
    ACTIONS["DeleteStack"] = handlers._delete_stack = unless_updating(ACTIONS["DeleteStack"])
    for action, field in TOKENS.items():
        ACTIONS[action] = once(action, field, ACTIONS[action])
    stacks.now_iso = later_each_time
    stacks._add_event, stacks._update_resource = quiet(stacks._add_event, stacks._update_resource)


def replace(name, function):
    for module in (stacks, handlers, changesets):
        if hasattr(module, name):
            setattr(module, name, function)


def key_of(name):
    return get_account_id(), get_region(), name


def stop_if_cancelled(stack_name, logical_id, type_name):
    if key_of(stack_name) in cancelled:
        raise Cancelled(logical_id, type_name)


def one_at_a_time(deploy):
    async def deploy_alone(name, stack_id, *args, **kwargs):
        key = key_of(name)
        with marked(key):
            try:
                return await deploy(name, stack_id, *args, **kwargs)
            except Cancelled as stopped:
                stacks._add_event(
                    stack_id, name, stopped.logical_id, stopped.type_name, "CREATE_FAILED",
                    "Resource creation cancelled",
                )

    return deploy_alone


@contextlib.contextmanager
def marked(key):
    running[key] = done = asyncio.Event()
    try:
        yield
    finally:
        running.pop(key, None)
        done.set()


def after_what_runs(delete):
    async def delete_alone(name, stack_id, *args, **kwargs):
        key = key_of(name)
        if key in running:
            cancelled.add(key)
            await running[key].wait()
            cancelled.discard(key)
        # Once given, a role stays the stack's.
        acting.set(cloudformation._stacks[name].get("_role"))
        with marked(key):
            return await delete(name, stack_id, *args, **kwargs)

    return delete_alone


def stack_of(params):
    return handlers._resolve_stack(_p(params, "StackName") or "")


def unless_busy(act):
    def act_on_idle(params):
        stack = stack_of(params)
        status = stack["StackStatus"] if stack else ""
        if (status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS") or status in STUCK:
            return _error("ValidationError", f"Stack:{stack['StackId']} is in {status} state and can not be updated.")
        return act(params)

    return act_on_idle


def unless_updating(delete):
    def delete_stack(params):
        stack = stack_of(params)
        status = stack["StackStatus"] if stack else ""
        if status.startswith("UPDATE_") and status.endswith("_IN_PROGRESS"):
            problem = f"Stack [{stack['StackName']}] cannot be deleted while in status {status}"
            return _error("ValidationError", problem)
        if status == "DELETE_IN_PROGRESS":
            return _xml(200, "DeleteStackResponse", "")
        if stack and _p(params, "RoleARN"):
            stack["_role"] = _p(params, "RoleARN")
        response = delete(params)
        if response[0] < 400 and status and status != "DELETE_COMPLETE":
            # Whoever asks next sees that it has begun.
            stack["StackStatus"] = "DELETE_IN_PROGRESS"
        return response

    return delete_stack


def once(action, field, act):
    def act_once(params):
        token = _p(params, field)
        if not token:
            return act(params)
        key = (get_account_id(), get_region(), action, token)
        if key not in answers:
            answers[key] = act(params)
        return answers[key]

    return act_once


last_time = 0.0


def later_each_time():
    """Readers sort events by their time, so that two of one millisecond would change places."""
    global last_time
    last_time = max(time.time(), last_time + 0.001)
    at = datetime.datetime.fromtimestamp(last_time, datetime.timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def quiet(add_event, update_resource):
    """An update tells of the resources that it touches, and of no others."""
    begun = {}

    def add(stack_id, stack_name, logical_id, type_name, status, reason="", *rest, **more):
        event = (stack_id, stack_name, logical_id, type_name, status, reason, *rest)
        if status == "UPDATE_IN_PROGRESS" and not reason and type_name != "AWS::CloudFormation::Stack":
            begun[stack_id, logical_id] = (event, more)
            return
        held = begun.pop((stack_id, logical_id), None)
        if held and status == "UPDATE_COMPLETE":
            return
        if held:
            add_event(*held[0], **held[1])
        add_event(*event, **more)

    def update(type_name, physical_id, old, new, stack_name, logical_id=None, *rest):
        if old != new:
            stack = cloudformation._stacks.get(stack_name) or {}
            held = begun.pop((stack.get("StackId"), logical_id), None)
            if held:
                add_event(*held[0], **held[1])
        return update_resource(type_name, physical_id, old, new, stack_name, logical_id, *rest)

    return add, update


def put_state(name, state, then=None):
    """The state that somebody else's work has left a stack in, or has it in for half a second."""
    stack = cloudformation._stacks[name]
    stack["StackStatus"] = state
    if then:
        asyncio.get_running_loop().call_later(0.5, lambda: stack.update(StackStatus=then))


def forget():
    answers.clear()
