"""Requests over HTTP: what ministack checks, mended, and `iam:PassRole`.

Follows the Service Authorization Reference, and "Grant a user permissions to pass a role to an AWS service" in the
IAM User Guide.
"""

import json
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator

from local.aws import patching
from local.aws.answers import Response
from local.aws.iam import callers, passing, resources
from local.aws.iam.authorization import Denied, note

original = patching.names(iam_actions, "extract_iam_action", "extract_resource_arn", "access_denied_response")
evaluator = patching.names(iam_evaluator, "enforce")
dispatcher = patching.names(app, "_dispatch_service_request")

# Where ministack takes something else for the resource.
MENDED = ("athena:", "glue:", "states:")
# Of the services that answer in JSON 1.x: HTTP 400, and the resource in the text.
NAMING = ("glue", "states", "dynamodb", "athena", "events", "lambda", "scheduler")


def install() -> None:
    patching.replace(
        iam_actions,
        extract_iam_action=action_of,
        extract_resource_arn=resource_of,
        access_denied_response=denial,
    )
    patching.replace(iam_evaluator, enforce=enforce)
    patching.replace(app, _dispatch_service_request=dispatch)


def action_of(service: str, *request: Any) -> str | None:
    """The action; a batch of SQS has none of its own."""
    action: str | None = original.extract_iam_action(service, *request)
    return action.removesuffix("Batch") if action and service == "sqs" else action


def resource_of(service: str, method: str, path: str, headers: dict[str, str], body: bytes, *more: Any) -> str:
    action = action_of(service, method, path, headers, body, more[0])
    if action and action.startswith(MENDED) and (arn := resources.of(action, _json(body))) != "*":
        return arn
    if action and action.startswith(MENDED) and not resources.forms(action):
        return "*"
    found: str = original.extract_resource_arn(service, method, path, headers, body, *more)
    return found


# What the request that is served says, and why its caller may not pass on a role of it.
_request: ContextVar[dict[str, Any]] = ContextVar("request")
_refused: ContextVar[str] = ContextVar("refused", default="")


def enforce(access_key: str, action: str, service: str, *where: Any, **about: Any) -> Any:
    """ministack's verdict, a note of it, and whether the caller may pass on the roles of the request."""
    if action.startswith("states:"):
        about["service_context"] = {**(about.get("service_context") or {}), **resources.qualifier(_request.get({}))}
    denied = evaluator.enforce(access_key, action, service, *where, **about)
    # Unknown callers have no role.
    if isinstance(denied, iam_evaluator.AuthError) or (principal := callers.of_key(access_key)) is None:
        return denied
    note(principal.name, action, granted=denied is None)
    if denied is not None:
        return denied
    try:
        passing.check(principal, action, _request.get({}))
    except Denied as refused:
        _refused.set(str(refused))
        return iam_evaluator.EvalResult("ImplicitDeny", principal.arn)
    return None


def denial(service: str, action: str, principal: str, request_id: str, **about: Any) -> Response:
    if service in NAMING and not about.get("error_code") and not about.get("message"):
        explicit = bool(about.get("explicit_deny"))
        text = iam_actions.identity_denial_message(action, principal, about.get("resource_arn", "*"), explicit)
        about["message"] = _refused.get() or text
    status, headers, body = original.access_denied_response(service, action, principal, request_id, **about)
    targeted = "x-amz-target" in (about.get("headers") or {})
    return (400 if service in NAMING and targeted else status), headers, body


async def dispatch(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], request_id: str
) -> Response:
    """Keeps what the request says for `enforce`, which ministack asks without it."""
    _request.set(_json(body) if app.AUTH else {})
    _refused.set("")
    answer: Response = await dispatcher._dispatch_service_request(method, path, headers, body, query, request_id)
    return answer


def _json(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}
