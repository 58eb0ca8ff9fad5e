"""Refusals of AWS that MiniStack's CloudFormation leaves out: a name that is taken, a role that is in use."""

import json

import ministack.services.cloudwatch_logs as logs
import ministack.services.ecr as ecr
import ministack.services.iam as iam
import ministack.services.scheduler as scheduler

from .template import HANDLERS, refuse

# By type: the property with the name, and whether one of that name is there.
NAMED = {
    "AWS::ECR::Repository": ("RepositoryName", lambda name, _props: name in ecr._repositories),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda name, _props: name in logs._log_groups),
    "AWS::Scheduler::ScheduleGroup": ("Name", lambda name, _props: name in scheduler._schedule_groups),
    "AWS::Scheduler::Schedule": (
        "Name", lambda name, props: f"{props.get('GroupName', 'default')}/{name}" in scheduler._schedules,
    ),
}


def install():
    for name, (key, is_taken) in NAMED.items():
        HANDLERS[name]["create"] = if_free(name, key, is_taken, HANDLERS[name]["create"])
    HANDLERS["AWS::IAM::Role"]["delete"] = if_unused(HANDLERS["AWS::IAM::Role"]["delete"])


def if_free(name, key, is_taken, create):
    def create_free(logical_id, props, stack):
        if props.get(key) and is_taken(props[key], props):
            identifier = json.dumps({f"/properties/{key}": props[key]})
            problem = f"Resource of type '{name}' with identifier '{identifier}' already exists."
            refuse(problem, name.split("::")[1], code="AlreadyExists")
        return create(logical_id, props, stack)

    return create_free


def if_unused(delete):
    def delete_role(physical_id, props):
        for profile in iam._instance_profiles.values():
            roles = [role if isinstance(role, str) else role.get("RoleName") for role in profile.get("Roles", [])]
            if physical_id in roles:
                problem = "Cannot delete entity, must remove roles from instance profile first."
                refuse(problem, "Iam", 409, "DeleteConflict")
        return delete(physical_id, props)

    return delete_role
