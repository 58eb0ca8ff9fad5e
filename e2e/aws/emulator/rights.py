"""
What a role may do that CloudFormation is given to delete a stack with. Without one CloudFormation acts in its caller's
name, and that is not checked.
"""

import contextvars

import ministack.services.eks as eks
import ministack.services.iam as iam
from ministack.core.iam_evaluator import EvalContext, _gather_role_policies, evaluate
from ministack.core.responses import get_account_id, get_region
from ministack.services import tagging

from .network import allocation_of
from .template import HANDLERS, refuse

# The role that the stack at hand is deleted with.
acting = contextvars.ContextVar("acting", default=None)


def install():
    for name, calls_of in CALLS.items():
        HANDLERS[name]["delete"] = if_allowed(calls_of, HANDLERS[name]["delete"])


def may(role_arn, action, resource, context):
    account, name = get_account_id(), role_arn.rsplit("/", 1)[1]
    tags = tagging.resource_tags(resource) or {}
    asked = EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={
            **{f"aws:resourcetag/{key}".lower(): value for key, value in tags.items()},
            **{key: value for key, value in context.items() if value is not None},
        },
    )
    return evaluate(asked, _gather_role_policies(name, account)).decision == "Allow"


def if_allowed(calls_of, delete):
    def delete_if_allowed(physical_id, props):
        role = acting.get()
        for action, resources, *context in calls_of(physical_id, props) if role else ():
            for resource in resources:
                if not may(role, action, resource, *context or ({},)):
                    refuse(
                        f"User: {role} is not authorized to perform: {action} on resource: {resource}",
                        action.split(":")[0], 403, "AccessDenied",
                    )
        return delete(physical_id, props)

    return delete_if_allowed


def arn(service, end):
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{end}"


def ec2(action, *ends):
    return f"ec2:{action}", [arn("ec2", end) for end in ends]


def calls_for_role(name, _props):
    role = iam._roles.get(name)
    if role is None:
        return []
    calls = [("iam:DeleteRole", [role["Arn"]])]
    if role.get("AttachedPolicies"):
        calls.append(("iam:DetachRolePolicy", [role["Arn"]]))
    if role.get("InlinePolicies"):
        calls.append(("iam:DeleteRolePolicy", [role["Arn"]]))
    return calls


def calls_for_entry(physical_id, _props):
    principal, cluster = physical_id.rsplit("|", 1)
    entry = eks._access_entries.get(eks._ae_key(cluster, principal))
    return [("eks:DeleteAccessEntry", [entry["accessEntryArn"]])] if entry else []


def calls_for_record(_physical_id, props):
    zone = f"arn:aws:route53:::hostedzone/{props['HostedZoneId']}"
    return [("route53:ChangeResourceRecordSets", [zone], {
        "route53:changeresourcerecordsetsactions": ["DELETE"],
        "route53:changeresourcerecordsetsnormalizedrecordnames": [props["Name"].lower().rstrip(".")],
    })]


def of_arn(action):
    return lambda physical_id, _props: [(action, [physical_id])]


# By type, what is called to delete one and on what: https://docs.aws.amazon.com/service-authorization/latest/reference/
CALLS = {
    "AWS::EC2::VPC": lambda key, _: [ec2("DeleteVpc", f"vpc/{key}")],
    "AWS::EC2::Subnet": lambda key, _: [ec2("DeleteSubnet", f"subnet/{key}")],
    "AWS::EC2::InternetGateway": lambda key, _: [ec2("DeleteInternetGateway", f"internet-gateway/{key}")],
    "AWS::EC2::VPCGatewayAttachment": lambda _, props: [
        ec2("DetachInternetGateway", f"internet-gateway/{props['InternetGatewayId']}", f"vpc/{props['VpcId']}"),
    ],
    "AWS::EC2::RouteTable": lambda key, _: [ec2("DeleteRouteTable", f"route-table/{key}")],
    "AWS::EC2::Route": lambda _, props: [ec2("DeleteRoute", f"route-table/{props['RouteTableId']}")],
    "AWS::EC2::SubnetRouteTableAssociation": lambda _, props: [
        ec2("DisassociateRouteTable", f"route-table/{props['RouteTableId']}", f"subnet/{props['SubnetId']}"),
    ],
    "AWS::EC2::EIP": lambda key, _: [ec2("ReleaseAddress", f"elastic-ip/{allocation_of(key)}")],
    "AWS::EC2::NatGateway": lambda key, _: [ec2("DeleteNatGateway", f"natgateway/{key}")],
    "AWS::EC2::SecurityGroup": lambda key, _: [ec2("DeleteSecurityGroup", f"security-group/{key}")],
    "AWS::EC2::SecurityGroupIngress": lambda _, props: [
        ec2("RevokeSecurityGroupIngress", f"security-group/{props['GroupId']}"),
    ],
    "AWS::IAM::Role": calls_for_role,
    "AWS::EKS::Cluster": lambda key, _: [("eks:DeleteCluster", [arn("eks", f"cluster/{key}")])],
    "AWS::EKS::AccessEntry": calls_for_entry,
    "AWS::ECR::Repository": lambda key, _: [("ecr:DeleteRepository", [arn("ecr", f"repository/{key}")])],
    "AWS::Logs::LogGroup": lambda key, _: [("logs:DeleteLogGroup", [arn("logs", f"log-group:{key}")])],
    "AWS::ElasticLoadBalancingV2::LoadBalancer": of_arn("elasticloadbalancing:DeleteLoadBalancer"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": of_arn("elasticloadbalancing:DeleteTargetGroup"),
    "AWS::ElasticLoadBalancingV2::Listener": of_arn("elasticloadbalancing:DeleteListener"),
    "AWS::CertificateManager::Certificate": of_arn("acm:DeleteCertificate"),
    "AWS::Route53::RecordSet": calls_for_record,
}
