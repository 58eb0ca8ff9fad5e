"""IAM users with keys that the test chose, so that they stay good over a reset."""

import json

import ministack.services.iam as iam
from ministack.core.responses import set_request_account_id


def make_users(users):
    for user in users:
        set_request_account_id(user["account"])
        name, key = user["name"], user["accessKeyId"]
        iam._create_user({"UserName": [name]})
        policy = {"Version": "2012-10-17", "Statement": user["statements"]}
        iam._put_user_policy({"UserName": [name], "PolicyName": ["own"], "PolicyDocument": [json.dumps(policy)]})
        iam._access_keys[key] = {
            "UserName": name,
            "AccessKeyId": key,
            "SecretAccessKey": user["secretAccessKey"],
            "Status": "Active",
            "CreateDate": iam._now(),
        }
