"""What stands before MiniStack: faults, the record of calls, and what a test asks of the emulator itself."""

import asyncio
import contextlib
import json
from urllib.parse import parse_qs

import ministack.app
from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.responses import set_request_account_id, set_request_region

from . import faults, schedules, stacks
from .census import census
from .cluster import review_token
from .settings import settings
from .users import make_users

inner = ministack.app.app
# Each action that was asked for: by whose key, about what, and whether it was allowed.
calls = []


def install():
    ministack.app.app = app
    iam_evaluator.enforce = recording(iam_evaluator.enforce)


def recording(enforce):
    def enforce_and_record(access_key, action, service, region, resource_arn="*", **more):
        denied = enforce(access_key, action, service, region, resource_arn=resource_arn, **more)
        calls.append({"action": action, "resource": resource_arn, "key": access_key, "allowed": denied is None})
        return denied

    return enforce_and_record


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        schedules.use_loop()
    if scope["type"] != "http" or scope["path"].startswith("/_ministack/health"):
        return await inner(scope, receive, send)
    body = await read(receive)
    if scope["path"].startswith("/_causeway/"):
        return await control(scope, body, send)
    if scope["path"] == "/_ministack/reset":
        stacks.forget()
        calls.clear()
    rule = None if scope["path"].startswith("/_ministack") else find_rule(scope, body)
    if rule is None:
        return await inner(scope, replaying(body, receive), send)
    await asyncio.sleep(rule.get("delay", 0))
    if rule.get("cut") == "after":
        await inner(scope, replaying(body, receive), nowhere)
    if rule.get("cut"):
        return await cut_short(send)
    if "answer" in rule or "code" in rule:
        return await answer(scope, rule, send)
    return await inner(scope, replaying(body, receive), send)


async def read(receive):
    body, is_more = b"", True
    while is_more:
        event = await receive()
        if event["type"] == "http.disconnect":
            break
        body, is_more = body + event.get("body", b""), event.get("more_body", False)
    return body


def replaying(body, receive):
    """The request's body was read to find its rule; MiniStack reads it once more."""
    is_given = False

    async def receive_again():
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def nowhere(_event):
    pass


async def cut_short(send):
    """An answer that breaks off: what a client sees when a connection is lost."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
    with contextlib.suppress(Exception):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})


def find_rule(scope, body):
    if not faults.rules["requests"]:
        return None
    action = action_of(scope, body)
    text = body.decode("utf-8", "replace")
    return faults.take(
        "requests",
        lambda rule: rule["action"] in ("*", action) and rule.get("contains", "") in f"{scope['path']} {text}",
    )


def action_of(scope, body):
    """As IAM names it: `cloudformation:CreateChangeSet`; for the registry, its method and path."""
    method, path, headers = scope["method"], scope["path"], headers_of(scope)
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    if path.startswith("/v2/"):
        return f"{method} {path}"
    params = ministack.app._routing_params(method, path, headers, body, query)
    service = router.detect_service(method, path, headers, params)
    return iam_actions.extract_iam_action(service, method, path, headers, body, params) or f"{method} {path}"


def headers_of(scope):
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def answer(scope, rule, send):
    status = rule.get("status", 200 if "answer" in rule else 400)
    if "answer" in rule:
        return await respond(send, status, "application/x-amz-json-1.1", json.dumps(rule["answer"]))
    code, message = rule["code"], rule.get("message", "injected")
    if "urlencoded" in headers_of(scope).get("content-type", ""):
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        text = f"<ErrorResponse>{error}<RequestId>fault</RequestId></ErrorResponse>"
        return await respond(send, status, "text/xml", text)
    text = json.dumps({"__type": code, "message": message})
    named = [(b"x-amzn-errortype", code.encode())]
    return await respond(send, status, "application/x-amz-json-1.1", text, named)


async def respond(send, status, content_type, text, more=()):
    data = text if isinstance(text, bytes) else text.encode()
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(data)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def control(scope, body, send):
    path, method = scope["path"], scope["method"]
    asked = {key: value[0] for key, value in parse_qs(scope["query_string"].decode()).items()}
    if path.startswith("/_causeway/token-review/"):
        review = review_token(path, body)
        if review is None:
            return await respond(send, 404, "text/plain", "")
        return await respond(send, review[0], "application/json", review[2])
    if path == "/_causeway/faults" and method == "PUT":
        faults.put(json.loads(body))
        return await respond(send, 200, "application/json", "{}")
    if path == "/_causeway/faults":
        return await respond(send, 200, "application/json", json.dumps(faults.rules))
    if path == "/_causeway/settings" and method == "PUT":
        for key, value in json.loads(body).items():
            setattr(settings, key, value)
        return await respond(send, 200, "application/json", "{}")
    if path == "/_causeway/stack-state" and method == "PUT":
        asked = json.loads(body)
        set_request_account_id(asked["account"])
        set_request_region(asked["region"])
        stacks.put_state(asked["stack"], asked["state"], asked.get("then"))
        return await respond(send, 200, "application/json", "{}")
    if path == "/_causeway/users" and method == "PUT":
        make_users(json.loads(body))
        return await respond(send, 200, "application/json", "{}")
    if path == "/_causeway/calls":
        seen = json.dumps(calls)
        if method == "DELETE":
            calls.clear()
        return await respond(send, 200, "application/json", seen)
    if path == "/_causeway/census":
        set_request_account_id(asked["account"])
        set_request_region(asked["region"])
        found = census(asked["account"], asked["region"])
        return await respond(send, 200, "application/json", json.dumps(found))
    return await respond(send, 404, "text/plain", f"no {method} {path}")
