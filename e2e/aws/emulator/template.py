"""How a type of resource is told to MiniStack's CloudFormation, and what a template's values are made into."""

import json

from ministack.services.cloudformation import provisioners

HANDLERS = provisioners._RESOURCE_HANDLERS


def add_type(name, create, update, delete, *, tags=None, replaced_by=()):
    """`tags` is the property that holds them; a change of a property in `replaced_by` makes the resource anew."""
    HANDLERS[name] = {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}
    provisioners._REPLACING_PROPERTIES[name] = tuple(replaced_by)
    if tags:
        provisioners._STACK_TAG_PROPERTY[name] = (tags, "list")


def camel(value):
    """The template's `PrincipalArn` is the service's `principalArn`."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: camel(inner) for key, inner in value.items()}
    return [camel(inner) for inner in value] if isinstance(value, list) else value


def pascal(value):
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: pascal(inner) for key, inner in value.items()}
    return [pascal(inner) for inner in value] if isinstance(value, list) else value


def typed(value):
    """Templates may write booleans as texts."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def tag_map(tags):
    return provisioners._tag_map(tags)


def must(response, service):
    """What a service answered; its refusal fails the resource, in CloudFormation's words."""
    status, _headers, body = response
    answer = json.loads(body or b"{}")
    if status < 400:
        return answer
    message = answer.get("message") or answer.get("Message") or str(answer)
    refuse(message, service, status, (answer.get("__type") or "GeneralServiceException").split("#")[-1])


def refuse(message, service, status=400, code="InvalidRequest"):
    raise ValueError(
        f'Resource handler returned message: "{message} (Service: {service}, Status Code: {status})" '
        f"(HandlerErrorCode: {code})"
    )
