"""Everything that an account holds in a region, of whatever service: read from MiniStack's stores, not its answers."""

import sys

from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

# What is kept of what is gone, for whoever asks later; and the users that the test brings.
LEFT_OUT = {
    "cloudformation.stack_events", "cloudformation.change_sets", "cloudtrail.events",
    "iam.users", "iam.access_keys", "iam.user_inline_policies",
}


def census(account, region):
    found = {}
    for name, module in list(sys.modules.items()):
        service = name.removeprefix("ministack.services.")
        if service == name or "." in service:
            continue
        for store, value in vars(module).items():
            kind = f"{service}.{store.lstrip('_')}"
            if kind not in LEFT_OUT:
                there = [key for key, each in held(value, account, region) if counts(kind, each)]
                keys = [str(key).replace("\x00", " ") for key in there]
                if keys:
                    found[kind] = sorted(keys)
    return without_defaults(found, account, region)


def held(store, account, region):
    if isinstance(store, AccountRegionScopedDict):
        return [(key[2], value) for key, value in list(store._data.items()) if key[:2] == (account, region)]
    if isinstance(store, AccountScopedDict):
        return [(key[1], value) for key, value in list(store._data.items()) if key[0] == account]
    return []


def counts(kind, value):
    if kind == "cloudformation.stacks":
        return value.get("StackStatus") != "DELETE_COMPLETE"
    if kind == "ec2.nat_gateways":
        return value.get("State") != "deleted"
    # Stores of lists, maps and counts keep an empty one.
    return value not in ({}, [], 0)


def without_defaults(found, account, region):
    """Every account has a VPC, what belongs to it, and a group of schedules from the start."""
    import ministack.services.ec2 as ec2

    default = {key for key, value in held(ec2._vpcs, account, region) if value.get("IsDefault")}
    own = {"ec2.vpcs": default, "scheduler.schedule_groups": {"default"}}
    for store in ("subnets", "security_groups", "route_tables", "network_acls", "internet_gateways"):
        values = held(getattr(ec2, f"_{store}"), account, region)
        own[f"ec2.{store}"] = {key for key, value in values if vpcs_of(value) & default}
    left = {
        kind: [key for key in keys if key not in own.get(kind, ()) and not key.startswith("default.")]
        for kind, keys in found.items()
    }
    return {kind: keys for kind, keys in sorted(left.items()) if keys}


def vpcs_of(value):
    return {value.get("VpcId"), *(each.get("VpcId") for each in value.get("Attachments", []))} - {None}
