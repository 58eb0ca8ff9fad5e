"""Services that MiniStack has not, as far as a command asks them something: quotas, prices, what was spent."""

import json

import ministack.app
from ministack.core import router
from ministack.core.iam_actions import SERVICE_TO_IAM_NAMESPACE

# By service and code, the defaults: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
QUOTAS = {
    ("eks", "L-1194D53C"): ("Clusters", 100.0),
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 5.0),
    ("vpc", "L-A4707A72"): ("Internet gateways per Region", 5.0),
    ("vpc", "L-FE5A380F"): ("NAT gateways per Availability Zone", 5.0),
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5.0),
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 32.0),
    ("elasticloadbalancing", "L-53DA6B97"): ("Application Load Balancers per Region", 50.0),
}

SERVICES = {
    # By MiniStack's name: how a request names it, what IAM calls it, and who answers.
    "service-quotas": ("ServiceQuotasV20190624", "servicequotas", lambda action, asked: quotas(action, asked)),
    "pricing": ("AWSPriceListService", "pricing", lambda _action, _asked: {"PriceList": []}),
    "ce": ("AWSInsightsIndexService", "ce", lambda _action, _asked: {"ResultsByTime": []}),
}


def install():
    for name, (target, namespace, answer) in SERVICES.items():
        router.SERVICE_PATTERNS[name] = {"target_prefixes": [target]}
        SERVICE_TO_IAM_NAMESPACE[name] = namespace
        ministack.app.SERVICE_HANDLERS[name] = handler_of(answer)


def handler_of(answer):
    async def handle(_method, _path, headers, body, _query):
        action = headers.get("x-amz-target", "").split(".")[-1]
        found = answer(action, json.loads(body or b"{}"))
        if found is None:
            problem = {"__type": "NoSuchResourceException", "message": "The quota does not exist."}
            return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(problem).encode()
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(found).encode()

    return handle


def quotas(action, asked):
    if action.startswith("List"):
        return {"Quotas": [shown(key) for key in QUOTAS if key[0] == asked.get("ServiceCode")]}
    key = (asked.get("ServiceCode"), asked.get("QuotaCode"))
    return {"Quota": shown(key)} if key in QUOTAS else None


def shown(key):
    service, code = key
    name, value = QUOTAS[key]
    return {"ServiceCode": service, "QuotaCode": code, "QuotaName": name, "Value": value, "Adjustable": True}
