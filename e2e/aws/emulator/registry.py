"""ECR where clients and nodes reach it: it takes images from who has a token, and forgets them with their repository."""

import base64
import hmac
import json
import os
import secrets
import time

import ministack.services.ecr as ecr
from ministack.core.responses import get_account_id

# The tokens given out, and until when they are good.
tokens = {}
VALID_SECONDS = 12 * 60 * 60
WRITES = ("POST", "PUT", "PATCH", "DELETE")


def install():
    host = os.environ["CAUSEWAY_REGISTRY"]
    ecr._repo_uri = lambda name: f"{host}/{name}"
    ecr._get_authorization_token = lambda _data: give_token(host)
    ecr._delete_repository = forgetting(ecr._delete_repository)
    ecr.handle_registry_request = asking(ecr.handle_registry_request)


def give_token(host):
    password = secrets.token_urlsafe(24)
    expires = int(time.time()) + VALID_SECONDS
    tokens[password] = expires
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps({
        "authorizationData": [{
            "authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
            "expiresAt": expires,
            "proxyEndpoint": f"http://{host}",
            "registryId": get_account_id(),
        }],
    }).encode()


def forgetting(delete):
    def delete_repository(data):
        response = delete(data)
        if response[0] < 400:
            for store in (ecr._layer_blobs, ecr._manifest_blobs, ecr._uploads):
                store.pop(data["repositoryName"], None)
        return response

    return delete_repository


def asking(handle):
    """Reading is open: the nodes that pull have no role here that would let them in."""

    async def handle_request(method, path, headers, body, query):
        given = headers.get("authorization", "")
        if (method.upper() in WRITES or given) and not is_good(given):
            refused = ecr._registry_error(401, "UNAUTHORIZED", "Your authorization token has expired or is wrong.")
            refused[1]["WWW-Authenticate"] = 'Basic realm="registry"'
            return refused
        return await handle(method, path, headers, body, query)

    return handle_request


def is_good(authorization):
    kind, _, encoded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return False
    now = time.time()
    known = any(hmac.compare_digest(password, each) for each, until in list(tokens.items()) if until > now)
    return kind.lower() == "basic" and user == "AWS" and known
