"""
What goes wrong when a test says so: by request, before MiniStack sees it or after it has answered, and by resource,
while CloudFormation works on it. Each rule holds for `times` matches, 1 unless it says; null is for ever.
"""

import time

import ministack.services.cloudwatch_logs as logs
from ministack.services.cloudformation import stacks

from .stacks import stop_if_cancelled
from .template import HANDLERS

rules = {"requests": [], "resources": [], "returning": []}


def install():
    for name, handler in HANDLERS.items():
        for verb in ("create", "update", "delete"):
            if verb in handler:
                handler[verb] = failing(name, verb, handler[verb])
    blocks = stacks._runs_on_worker_thread
    # What takes time must not hold up the requests meanwhile.
    stacks._runs_on_worker_thread = lambda name: blocks(name) or any(
        fits(rule, name) and rule.get("seconds") for rule in rules["resources"]
    )
    logs._delete_log_group = returning(logs._delete_log_group)


def put(new):
    for kind in rules:
        rules[kind] = new.get(kind, [])


def take(kind, matches):
    for rule in rules[kind]:
        left = rule.get("times", 1)
        if left != 0 and matches(rule):
            if left is not None:
                rule["times"] = left - 1
            return rule
    return None


def fits(rule, name):
    return rule["type"] in ("*", name) and rule.get("times", 1) != 0


def failing(name, verb, handler):
    def run(*args, **kwargs):
        stop = (lambda: stop_if_cancelled(args[2], args[0], name)) if verb == "create" else lambda: None
        stop()
        rule = take("resources", lambda each: fits(each, name) and each.get("on", verb) == verb)
        if rule:
            until = time.monotonic() + rule.get("seconds", 0)
            # For as long as the test has it so.
            while (left := until - time.monotonic()) > 0 and rule in rules["resources"]:
                time.sleep(min(left, 0.05))
                stop()
            if rule.get("message"):
                raise ValueError(rule["message"])
        return handler(*args, **kwargs)

    return run


def returning(delete):
    """A log group that is written to while it is deleted: its cluster's last lines make it anew."""

    def delete_group(data):
        response = delete(data)
        name = data.get("logGroupName")
        if response[0] < 400 and take("returning", lambda rule: rule["logGroup"] == name):
            logs._create_log_group({"logGroupName": name})
        return response

    return delete_group
