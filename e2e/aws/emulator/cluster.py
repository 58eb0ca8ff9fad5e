"""Clusters of EKS: Auto Mode, a security group of their own, and a real API server behind them."""

import base64
import contextvars
import json
import re
import time

import ministack.services.ec2 as ec2
import ministack.services.eks as eks
from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services.cloudformation import provisioners

from .network import new_id
from .settings import settings
from .template import HANDLERS, camel, refuse, typed

# Set by CloudFormation's handler around the API's call, which it hands these members not to.
members = contextvars.ContextVar("members", default=None)


def install():
    eks._create_cluster = made_whole(eks._create_cluster)
    eks._delete_cluster = with_its_group(eks._delete_cluster)
    eks._sanitize = as_it_is_reached(eks._sanitize)
    # One group for each policy, whoever has it: the API server needs one binding for each.
    eks._access_policy_group = lambda _cluster, _principal, policy: f"eks-access-policy:{policy.rsplit('/', 1)[1]}"
    eks._handle_request_sync = with_versions(eks._handle_request_sync)
    handler = HANDLERS["AWS::EKS::Cluster"]
    create, update = handler["create"], handler["update"]

    def create_from_template(logical_id, props, stack):
        token = members.set(auto_mode(props))
        try:
            return create(logical_id, props, stack)
        finally:
            members.reset(token)

    def update_from_template(physical_id, old, new, stack, logical_id):
        changed = auto_mode(new)
        name, _attributes = update(physical_id, old, new, stack, logical_id)
        put(eks._clusters[name], changed)
        return name, provisioners._eks_cluster_attrs(eks._clusters[name])

    handler["create"], handler["update"] = create_from_template, update_from_template


def auto_mode(props):
    network = props.get("KubernetesNetworkConfig") or {}
    found = typed(camel({
        "ComputeConfig": props.get("ComputeConfig") or {},
        "StorageConfig": props.get("StorageConfig") or {},
        "ElasticLoadBalancing": network.get("ElasticLoadBalancing") or {},
        "UpgradePolicy": props.get("UpgradePolicy") or {"SupportType": "EXTENDED"},
    }))
    found["bootstrapSelfManagedAddons"] = typed(props.get("BootstrapSelfManagedAddons", True))
    return found


def put(cluster, parts):
    enabled = {
        parts["computeConfig"].get("enabled", False),
        parts["storageConfig"].get("blockStorage", {}).get("enabled", False),
        parts["elasticLoadBalancing"].get("enabled", False),
    }
    if len(enabled) > 1:
        refuse(
            "For EKS Auto Mode, please ensure that all required configs, including computeConfig, "
            "kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled.", "Eks",
        )
    cluster["computeConfig"], cluster["storageConfig"] = parts["computeConfig"], parts["storageConfig"]
    cluster["kubernetesNetworkConfig"]["elasticLoadBalancing"] = parts["elasticLoadBalancing"]
    cluster["upgradePolicy"] = parts["upgradePolicy"]


def made_whole(create):
    def create_cluster(body, creator_arn=None):
        subnets = [ec2._subnets.get(each) for each in body.get("resourcesVpcConfig", {}).get("subnetIds", [])]
        if None in subnets:
            return eks._error(400, "InvalidParameterException", "The subnet ID does not exist")
        response = create(body, creator_arn)
        if response[0] >= 400:
            return response
        cluster = eks._clusters[body["name"]]
        try:
            put(cluster, members.get() or auto_mode(capitalized(body)))
        except ValueError as problem:
            eks._clusters.pop(body["name"])
            eks._tags.pop(cluster["arn"], None)
            return eks._error(400, "InvalidParameterException", str(problem))
        vpc = cluster["resourcesVpcConfig"]
        vpc["vpcId"] = subnets[0]["VpcId"] if subnets else ec2._DEFAULT_VPC_ID
        vpc["clusterSecurityGroupId"] = make_group(cluster)
        # Without Docker it becomes active at once, but on a thread of its own.
        while cluster["status"] == "CREATING":
            time.sleep(0.001)
        return eks._json_resp(200, {"cluster": eks._sanitize(cluster)})

    return create_cluster


def capitalized(body):
    return {key[:1].upper() + key[1:]: value for key, value in body.items()}


def make_group(cluster):
    """https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html"""
    name, group = cluster["name"], new_id("sg")
    ec2._security_groups[group] = {
        "GroupId": group,
        "GroupName": f"eks-cluster-sg-{name}-{int(time.time())}",
        "Description": "EKS created security group applied to ENIs of the control plane and of managed nodes.",
        "VpcId": cluster["resourcesVpcConfig"]["vpcId"],
        "OwnerId": cluster["arn"].split(":")[4],
        "IpPermissions": [{
            "IpProtocol": "-1", "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [],
            "UserIdGroupPairs": [{"GroupId": group}],
        }],
        "IpPermissionsEgress": [{
            "IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [], "PrefixListIds": [],
            "UserIdGroupPairs": [],
        }],
    }
    tags = {
        "Name": f"eks-cluster-sg-{name}",
        f"kubernetes.io/cluster/{name}": "owned",
        "aws:eks:cluster-name": name,
        **{key: value for key, value in cluster["tags"].items() if not key.startswith("aws:")},
    }
    ec2._tags[group] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return group


def with_its_group(delete):
    def delete_cluster(name):
        cluster = eks._clusters.get(name)
        response = delete(name)
        if cluster is not None and response[0] < 400:
            group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
            ec2._security_groups.pop(group, None)
            ec2._tags.pop(group, None)
        return response

    return delete_cluster


def as_it_is_reached(sanitize):
    def described(cluster):
        if settings.endpoint:
            cluster["endpoint"] = settings.endpoint
            data = base64.b64encode(settings.certificate.encode()).decode()
            cluster["certificateAuthority"] = {"data": data}
        return sanitize(cluster)

    return described


# https://docs.aws.amazon.com/eks/latest/APIReference/API_ClusterVersionInformation.html
VERSIONS = ("1.36", "1.35", "1.34")


def with_versions(handle):
    def handle_request(method, path, headers, body, query):
        if path == "/cluster-versions" and method == "GET":
            asked = query.get("clusterVersions") or VERSIONS
            return eks._json_resp(200, {"clusterVersions": [
                {
                    "clusterVersion": version,
                    "clusterType": "eks",
                    "defaultVersion": version == VERSIONS[0],
                    "status": "standard-support",
                    "versionStatus": "STANDARD_SUPPORT",
                }
                for version in VERSIONS if version in asked
            ]})
        return handle(method, path, headers, body, query)

    return handle_request


REVIEW = re.compile(r"/_causeway/token-review/(\d{12})/([a-z0-9-]+)/([A-Za-z0-9_-]{16,})")


def review_token(path, body):
    """
    The API server's question whose token this is. It names no cluster, for it stands behind whichever the account has
    in the region: one of them must be what the token was signed for, and must have an access entry for its signer.
    """
    asked = REVIEW.fullmatch(path)
    if asked is None or not settings.secret or asked[3] != settings.secret:
        return None
    account, region = asked[1], asked[2]
    set_request_account_id(account)
    set_request_region(region)
    answer = eks._token_review_response(json.loads(body or b"{}"))
    for name, cluster in list(eks._clusters.items()):
        answer = eks._handle_auth_webhook(name, account, region, body, cluster["_auth_token"])
        if json.loads(answer[2])["status"]["authenticated"]:
            break
    return answer
