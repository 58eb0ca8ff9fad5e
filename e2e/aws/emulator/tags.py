"""Services that the Resource Groups Tagging API of MiniStack leaves out."""

import ministack.services.acm as acm
import ministack.services.alb as alb
import ministack.services.budgets as budgets
import ministack.services.cloudwatch_logs as logs
import ministack.services.ec2 as ec2
import ministack.services.eks as eks
import ministack.services.tagging as tagging
from ministack.core.responses import get_account_id, get_region

from .template import tag_map

# By the beginning of an id, as it stands in an ARN.
EC2_TYPES = {
    "vpc": "vpc",
    "subnet": "subnet",
    "igw": "internet-gateway",
    "rtb": "route-table",
    "sg": "security-group",
    "acl": "network-acl",
    "eipalloc": "elastic-ip",
    "nat": "natgateway",
    "eni": "network-interface",
    "vol": "volume",
    "i": "instance",
    "lt": "launch-template",
}


def install():
    collectors = {
        "eks": of_arns(eks, in_region),
        "ec2": collect_ec2,
        "logs": collect_logs,
        "budgets": of_arns(budgets, lambda _arn: True),
        "elasticloadbalancing": of_arns(alb, in_region),
        "acm": collect_acm,
    }
    tagging._COLLECTORS.update(collectors)
    # Also for conditions on the tags of what a call is about.
    tagging._RESOURCE_TAG_COLLECTORS.update({**collectors, "ecr": tagging._COLLECTORS["ecr"]})


def listed(tags):
    return [{"Key": key, "Value": value} for key, value in tag_map(tags).items()]


def in_region(arn):
    return arn.split(":")[3] == get_region()


def of_arns(service, is_here):
    def collect():
        for arn, tags in service._tags.items():
            if tags and is_here(arn):
                yield arn, listed(tags)

    return collect


def collect_ec2():
    for key, tags in ec2._tags.items():
        kind = EC2_TYPES.get(key.rsplit("-", 1)[0])
        if kind and tags:
            yield f"arn:aws:ec2:{get_region()}:{get_account_id()}:{kind}/{key}", listed(tags)


def collect_logs():
    for group in logs._log_groups.values():
        if group.get("tags"):
            yield group["arn"].removesuffix(":*"), listed(group["tags"])


def collect_acm():
    for arn, certificate in acm._certificates.items():
        if certificate.get("Tags"):
            yield arn, listed(certificate["Tags"])
