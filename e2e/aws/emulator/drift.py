"""Readers for drift: what a resource is now, in the words of its template. MiniStack has them for few types."""

import ministack.services.acm as acm
import ministack.services.alb as alb
import ministack.services.budgets as budgets
import ministack.services.ec2 as ec2
import ministack.services.ecr as ecr
import ministack.services.eks as eks
import ministack.services.scheduler as scheduler
from ministack.services.cloudformation import drift

from .network import allocation_of, same_rule, rule_of
from .template import pascal, tag_map


def install():
    # Each with the properties that it reads; with none it says only whether the resource is there.
    for name, (reader, properties) in READERS.items():
        drift._DRIFT_READERS[name] = (reader, frozenset(properties))


def read_cluster(physical_id, _props):
    cluster = eks._clusters.get(physical_id)
    if cluster is None:
        return None
    vpc = pascal(cluster["resourcesVpcConfig"])
    enabled = [each["types"] for each in cluster["logging"]["clusterLogging"] if each["enabled"]]
    return {
        "Name": cluster["name"],
        "Version": cluster["version"],
        "RoleArn": cluster["roleArn"],
        "ComputeConfig": pascal(cluster["computeConfig"]),
        "StorageConfig": pascal(cluster["storageConfig"]),
        "UpgradePolicy": pascal(cluster["upgradePolicy"]),
        "ResourcesVpcConfig": {
            key: vpc[key]
            for key in ("SubnetIds", "EndpointPublicAccess", "EndpointPrivateAccess", "PublicAccessCidrs")
        },
        "Logging": {"ClusterLogging": {"EnabledTypes": [{"Type": each} for types in enabled for each in types]}},
        "Tags": eks._tags.get(cluster["arn"], {}),
    }


def read_entry(physical_id, _props):
    principal, cluster = physical_id.rsplit("|", 1)
    entry = eks._access_entries.get(eks._ae_key(cluster, principal))
    if entry is None:
        return None
    prefix = f"{cluster}\x00{principal}\x00"
    policies = [value for key, value in eks._access_policies.items() if key.startswith(prefix)]
    return {
        "PrincipalArn": entry["principalArn"],
        "Type": entry["type"],
        "AccessPolicies": [
            {
                "PolicyArn": policy["policyArn"],
                "AccessScope": {
                    key: value for key, value in pascal(policy["accessScope"]).items() if value != []
                },
            }
            for policy in policies
        ],
        "Tags": eks._tags.get(entry["accessEntryArn"], {}),
    }


def read_association(physical_id, props):
    key = eks._pia_key(props["ClusterName"], physical_id.rsplit("/", 1)[1])
    found = eks._pod_identity_associations.get(key)
    return found and {"RoleArn": found["roleArn"]}


def read_budget(physical_id, props):
    found = budgets._budgets.get(physical_id)
    if found is None:
        return None
    now = {key: found.get(key) for key in props["Budget"]}
    if "BudgetLimit" in now:
        amount = float(now["BudgetLimit"]["Amount"])
        now["BudgetLimit"] = {**now["BudgetLimit"], "Amount": f"{amount:g}"}
    return {"Budget": now, "ResourceTags": budgets._tags.get(budgets._budget_arn(physical_id), {})}


def read_group(physical_id, props):
    group = ec2._security_groups.get(physical_id)
    if group is None:
        return None
    own = {
        "SecurityGroupIngress": group["IpPermissions"],
        "SecurityGroupEgress": group["IpPermissionsEgress"],
    }
    # As in the template while they are the same: the API's rules have another shape.
    rules = {
        key: props[key]
        if key in props and same_rules(props[key], now)
        else [shown(rule) for rule in now]
        for key, now in own.items()
    }
    return {"GroupDescription": group["Description"], "VpcId": group["VpcId"], **rules, "Tags": tags_of(physical_id)}


def same_rules(wanted, now):
    rules = [rule_of(each) for each in wanted]
    return len(rules) == len(now) and all(any(same_rule(rule, each) for each in now) for rule in rules)


def shown(rule):
    found = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
    for address in rule.get("IpRanges", []):
        found.update(address)
    for pair in rule.get("UserIdGroupPairs", []):
        found["SourceSecurityGroupId"] = pair.get("GroupId")
    return found


def read_ingress(_physical_id, props):
    group = ec2._security_groups.get(props["GroupId"])
    rule = rule_of(props)
    return props if group and any(same_rule(each, rule) for each in group["IpPermissions"]) else None


def read_target_group(physical_id, _props):
    group = alb._tgs.get(physical_id)
    if group is None:
        return None
    attributes = [{"Key": each["Key"], "Value": each["Value"]} for each in alb._tg_attrs.get(physical_id, [])]
    return {**group, "TargetGroupAttributes": attributes, "Tags": alb._tags.get(physical_id, [])}


def read_balancer(physical_id, _props):
    balancer = alb._lbs.get(physical_id)
    if balancer is None:
        return None
    attributes = alb._lb_attrs.get(physical_id, [])
    return {**balancer, "LoadBalancerAttributes": attributes, "Tags": alb._tags.get(physical_id, [])}


def read_listener(physical_id, _props):
    listener = alb._listeners.get(physical_id)
    return listener and {key: listener[key] for key in ("Port", "Protocol", "LoadBalancerArn")}


def read_repository(physical_id, _props):
    found = ecr._repositories.get(physical_id)
    return found and {
        "RepositoryName": found["repositoryName"],
        "ImageTagMutability": found["imageTagMutability"],
        "ImageScanningConfiguration": pascal(found["imageScanningConfiguration"]),
        "Tags": found.get("tags", []),
    }


def read_schedule(physical_id, props):
    found = scheduler._schedules.get(f"{props.get('GroupName', 'default')}/{physical_id}")
    return found and {key: found[key] for key in ("ScheduleExpression", "State", "Target") if key in found}


def read_vpc(physical_id, _props):
    found = ec2._vpcs.get(physical_id)
    return found and {**found, "Tags": tags_of(physical_id)}


def read_subnet(physical_id, _props):
    found = ec2._subnets.get(physical_id)
    return found and {**found, "Tags": tags_of(physical_id)}


def read_route(physical_id, props):
    table, destination = physical_id.split("|")
    found = ec2._route_tables.get(table)
    routes = found["Routes"] if found else []
    route = next((each for each in routes if each.get("DestinationCidrBlock") == destination), None)
    known = ("DestinationCidrBlock", "GatewayId", "NatGatewayId")
    return route and {key: route.get(key) for key in known if key in props}


def read_association_of_routes(physical_id, _props):
    associations = [each for table in ec2._route_tables.values() for each in table["Associations"]]
    return {} if any(each["RouteTableAssociationId"] == physical_id for each in associations) else None


def read_attachment(physical_id, props):
    gateway = ec2._internet_gateways.get(props.get("InternetGatewayId", ""))
    attached = gateway["Attachments"] if gateway else []
    return {} if any(each["VpcId"] == props["VpcId"] for each in attached) else None


def in_store(store):
    return lambda physical_id, _props: {} if physical_id in store() else None


def tags_of(physical_id):
    return tag_map(ec2._tags.get(physical_id))


READERS = {
    "AWS::EKS::Cluster": (read_cluster, {
        "Name", "Version", "RoleArn", "ComputeConfig", "StorageConfig", "UpgradePolicy", "ResourcesVpcConfig",
        "Logging", "Tags",
    }),
    "AWS::EKS::AccessEntry": (read_entry, {"PrincipalArn", "Type", "AccessPolicies", "Tags"}),
    "AWS::EKS::PodIdentityAssociation": (read_association, {"RoleArn"}),
    "AWS::Budgets::Budget": (read_budget, {"Budget", "ResourceTags"}),
    "AWS::EC2::VPC": (read_vpc, {"CidrBlock", "EnableDnsHostnames", "EnableDnsSupport", "Tags"}),
    "AWS::EC2::Subnet": (read_subnet, {"CidrBlock", "VpcId", "AvailabilityZone", "MapPublicIpOnLaunch", "Tags"}),
    "AWS::EC2::InternetGateway": (in_store(lambda: ec2._internet_gateways), ()),
    "AWS::EC2::VPCGatewayAttachment": (read_attachment, ()),
    "AWS::EC2::RouteTable": (in_store(lambda: ec2._route_tables), ()),
    "AWS::EC2::Route": (read_route, {"DestinationCidrBlock", "GatewayId", "NatGatewayId"}),
    "AWS::EC2::SubnetRouteTableAssociation": (read_association_of_routes, ()),
    "AWS::EC2::EIP": (lambda physical_id, _props: {} if allocation_of(physical_id) else None, ()),
    "AWS::EC2::NatGateway": (in_store(lambda: ec2._nat_gateways), ()),
    "AWS::EC2::SecurityGroup": (read_group, {
        "GroupDescription", "VpcId", "SecurityGroupIngress", "SecurityGroupEgress", "Tags",
    }),
    "AWS::EC2::SecurityGroupIngress": (read_ingress, ()),
    "AWS::ECR::Repository": (read_repository, {
        "RepositoryName", "ImageTagMutability", "ImageScanningConfiguration", "Tags",
    }),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (read_balancer, {
        "Scheme", "Type", "Subnets", "SecurityGroups", "LoadBalancerAttributes", "Tags",
    }),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (read_target_group, {
        "HealthCheckPath", "HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount",
        "UnhealthyThresholdCount", "Matcher", "Port", "Protocol", "TargetType", "VpcId", "TargetGroupAttributes",
        "Tags",
    }),
    "AWS::ElasticLoadBalancingV2::Listener": (read_listener, {"Port", "Protocol", "LoadBalancerArn"}),
    "AWS::Scheduler::Schedule": (read_schedule, {"ScheduleExpression", "State", "Target"}),
    "AWS::Scheduler::ScheduleGroup": (in_store(lambda: scheduler._schedule_groups), ()),
    "AWS::CertificateManager::Certificate": (in_store(lambda: acm._certificates), ()),
}
