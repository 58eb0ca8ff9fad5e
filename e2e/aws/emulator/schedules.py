"""Schedules that delete a stack: the universal target, called with the rights of the schedule's role."""

import asyncio
import contextvars
import json
import logging

import ministack.services.eventbridge as eventbridge
import ministack.services.scheduler as scheduler
from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, provisioners

from .rights import may
from .template import HANDLERS

TARGET = ":aws-sdk:cloudformation:deleteStack"
logger = logging.getLogger("schedules")
# The requests' own, for stacks are worked on in it.
loop = None
# By its key, the schedule that fired last and its expression then: another one, or another time, fires anew.
fired_by = {}


def install():
    scheduler._SCHEDULE_TICK_INTERVAL = 0.5
    scheduler._tick_schedules = ticking(scheduler._tick_schedules)
    eventbridge._invoke_target = invoking(eventbridge._invoke_target)
    schedule = HANDLERS["AWS::Scheduler::Schedule"]
    schedule["update"] = moving(schedule["update"])
    provisioners._REPLACING_PROPERTIES["AWS::Scheduler::Schedule"] = ("Name",)


def ticking(tick):
    def tick_schedules():
        schedules, fired = scheduler._schedules._data, scheduler._schedule_last_fired
        for key in list(fired):
            if not is_same(schedules.get(key), fired_by.get(key)):
                fired.pop(key)
        tick()
        fired_by.clear()
        for key in fired:
            if key in schedules:
                fired_by[key] = schedules[key], schedules[key]["ScheduleExpression"]

    return tick_schedules


def is_same(schedule, fired):
    if schedule is None or fired is None:
        return False
    return schedule is fired[0] and schedule["ScheduleExpression"] == fired[1]


def moving(update):
    def update_schedule(physical_id, old, new, stack):
        if old.get("GroupName", "default") == new.get("GroupName", "default"):
            return update(physical_id, old, new, stack)
        created = HANDLERS["AWS::Scheduler::Schedule"]["create"](physical_id, new, stack)
        HANDLERS["AWS::Scheduler::Schedule"]["delete"](physical_id, old)
        return created

    return update_schedule


def invoking(invoke):
    def invoke_target(target, event, rule, *rest):
        if not target.get("Arn", "").endswith(TARGET):
            return invoke(target, event, rule, *rest)
        asked = json.loads(target.get("Input") or "{}")
        refusal = why_not(target["RoleArn"], asked)
        if refusal:
            logger.warning("schedule %s: %s", rule.get("Name"), refusal)
            return None
        tries = target.get("RetryPolicy", {}).get("MaximumRetryAttempts", 185)
        # The context holds account and region.
        loop.call_soon_threadsafe(start, asked, int(tries), context=contextvars.copy_context())
        return None

    return invoke_target


def start(asked, tries):
    """What is refused for now, as a stack that is being updated, is asked for again, once a second."""
    status, _headers, body = handlers._delete_stack({key: [value] for key, value in asked.items()})
    if status < 400:
        return
    logger.warning("a schedule could not delete %s: %s", asked.get("StackName"), body)
    if tries > 0:
        loop.call_later(1, start, asked, tries - 1)


def why_not(role_arn, asked):
    """What the schedule's role lacks, or nothing: it must be allowed to delete the stack and to pass its role on."""
    stack = cloudformation._stacks.get(asked.get("StackName", ""))
    if stack is None:
        return "there is no such stack"
    passed = asked.get("RoleARN")
    if not may(role_arn, "cloudformation:DeleteStack", stack["StackId"], {"cloudformation:rolearn": passed}):
        return f"{role_arn} may not cloudformation:DeleteStack on {stack['StackId']}"
    if passed and not may(role_arn, "iam:PassRole", passed, {"iam:passedtoservice": "cloudformation.amazonaws.com"}):
        return f"{role_arn} may not iam:PassRole on {passed}"
    return None


def use_loop():
    global loop
    loop = asyncio.get_running_loop()
