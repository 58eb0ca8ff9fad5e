"""What a network of the environment has beside MiniStack's own types, and what keeps it from being deleted."""

import secrets

import ministack.services.alb as alb
import ministack.services.ec2 as ec2
from ministack.services.cloudformation import provisioners

from .settings import settings
from .template import HANDLERS, add_type, refuse


def install():
    add_type(
        "AWS::EC2::EIP", create_address, retag, delete_address,
        tags="Tags", replaced_by=("Domain", "NetworkBorderGroup", "Address"),
    )
    add_type(
        "AWS::EC2::NatGateway", create_nat, retag, delete_nat,
        tags="Tags", replaced_by=("AllocationId", "SubnetId", "ConnectivityType"),
    )
    add_type(
        "AWS::EC2::SecurityGroupIngress", create_ingress, update_ingress, delete_ingress,
        replaced_by=(
            "GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6",
            "SourcePrefixListId", "SourceSecurityGroupId",
        ),
    )
    keep_what_is_used("AWS::EC2::Subnet", uses_subnet)
    keep_what_is_used("AWS::EC2::SecurityGroup", uses_group)
    place_balancers()


def new_id(kind):
    return f"{kind}-{secrets.token_hex(9)[:17]}"


def create_address(_logical_id, props, _stack):
    allocation = new_id("eipalloc")
    ec2._addresses[allocation] = {
        "AllocationId": allocation,
        "PublicIp": ec2._random_ip("52."),
        "Domain": props.get("Domain", "vpc"),
        "AssociationId": None,
        "InstanceId": None,
        "NetworkInterfaceId": None,
        "PrivateIpAddress": None,
    }
    provisioners._ec2_apply_tags(allocation, props)
    return address_reference(allocation)


def address_reference(allocation):
    """Its id is the address itself."""
    address = ec2._addresses[allocation]["PublicIp"]
    return address, {"AllocationId": allocation, "PublicIp": address}


def allocation_of(address):
    found = (key for key, value in ec2._addresses.items() if value["PublicIp"] == address)
    return next(found, None)


def delete_address(physical_id, _props):
    allocation = allocation_of(physical_id)
    if any(nat["AllocationId"] == allocation and nat["State"] != "deleted" for nat in ec2._nat_gateways.values()):
        refuse(f"The address with allocation id {allocation} cannot be released: it is in use", "Ec2")
    ec2._addresses.pop(allocation, None)
    ec2._tags.pop(allocation, None)


def create_nat(_logical_id, props, _stack):
    subnet = ec2._subnets.get(props["SubnetId"])
    if subnet is None:
        refuse(f"The subnet ID '{props['SubnetId']}' does not exist", "Ec2", code="NotFound")
    if props.get("AllocationId") not in ec2._addresses:
        refuse(f"Elastic IP address {props.get('AllocationId')} could not be found", "Ec2", code="NotFound")
    gateway = new_id("nat")
    ec2._nat_gateways[gateway] = {
        "NatGatewayId": gateway,
        "SubnetId": props["SubnetId"],
        "VpcId": subnet["VpcId"],
        "AllocationId": props["AllocationId"],
        "ConnectivityType": props.get("ConnectivityType", "public"),
        "State": "available",
        "CreateTime": ec2._now_ts(),
        "Tags": props.get("Tags") or [],
    }
    provisioners._ec2_apply_tags(gateway, props)
    return gateway, {"NatGatewayId": gateway}


def delete_nat(physical_id, _props):
    ec2._nat_gateways.pop(physical_id, None)
    ec2._tags.pop(physical_id, None)


def retag(physical_id, old, new, _stack, _logical_id):
    """All that changes of an address or a gateway in place."""
    allocation = allocation_of(physical_id)
    provisioners._ec2_apply_tags(allocation or physical_id, new, old)
    return address_reference(allocation) if allocation else (physical_id, {"NatGatewayId": physical_id})


def create_ingress(_logical_id, props, _stack):
    permissions = permissions_of(props["GroupId"])
    wanted = rule_of(props)
    if any(same_rule(rule, wanted) for rule in permissions):
        refuse("the specified rule already exists", "Ec2", code="AlreadyExists")
    permissions.append(wanted)
    rule = new_id("sgr")
    return rule, {"Id": rule}


def update_ingress(physical_id, old, new, _stack, _logical_id):
    delete_ingress(physical_id, old)
    permissions_of(new["GroupId"]).append(rule_of(new))
    return physical_id, {"Id": physical_id}


def delete_ingress(_physical_id, props):
    group = ec2._security_groups.get(props["GroupId"])
    if group is not None:
        gone = rule_of(props)
        group["IpPermissions"] = [rule for rule in group["IpPermissions"] if not same_rule(rule, gone)]


def permissions_of(group_id):
    group = ec2._security_groups.get(group_id)
    if group is None:
        refuse(f"The security group '{group_id}' does not exist", "Ec2", code="NotFound")
    return group["IpPermissions"]


def rule_of(props):
    return provisioners._ec2_sg_permissions([props])[0]


def same_rule(one, other):
    return ec2._strip_descriptions(one) == ec2._strip_descriptions(other)


def keep_what_is_used(name, users_of):
    """As AWS does, and MiniStack's CloudFormation does not, the type is not deleted while something uses it."""
    delete = HANDLERS[name]["delete"]

    def delete_unused(physical_id, props):
        users = users_of(physical_id)
        if users:
            refuse(
                f"resource {physical_id} has a dependent object: {', '.join(users)}",
                "Ec2", code="DependencyViolation",
            )
        return delete(physical_id, props)

    HANDLERS[name]["delete"] = delete_unused


def uses_subnet(subnet_id):
    used = [key for key, value in ec2._network_interfaces.items() if value.get("SubnetId") == subnet_id]
    return used + [key for key, value in ec2._nat_gateways.items() if value["SubnetId"] == subnet_id]


def uses_group(group_id):
    used = [
        key for key, value in ec2._network_interfaces.items()
        if group_id in [group.get("GroupId") for group in value.get("Groups") or value.get("GroupSet") or []]
    ]
    used += [value["LoadBalancerArn"] for value in alb._lbs.values() if group_id in value["SecurityGroups"]]
    return used + [
        key for key, value in ec2._security_groups.items()
        if key != group_id and any(
            pair.get("GroupId") == group_id
            for rule in value["IpPermissions"] for pair in rule.get("UserIdGroupPairs", [])
        )
    ]


def place_balancers():
    """A load balancer lies in the VPC of its subnets, not in the default one, and is where a test has put it."""
    handler = HANDLERS["AWS::ElasticLoadBalancingV2::LoadBalancer"]
    create = handler["create"]

    def create_placed(logical_id, props, stack):
        subnets = [ec2._subnets.get(each) for each in props.get("Subnets") or []]
        if None in subnets:
            refuse("One or more subnets do not exist", "ElasticLoadBalancingV2", code="NotFound")
        arn, attributes = create(logical_id, props, stack)
        if subnets:
            alb._lbs[arn]["VpcId"] = subnets[0]["VpcId"]
        if settings.balancer:
            alb._lbs[arn]["DNSName"] = attributes["DNSName"] = settings.balancer
        return arn, attributes

    handler["create"] = create_placed
