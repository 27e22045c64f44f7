"""What all operations of Glue share: their dispatch, faults, names and tags.

Follows "NameString" under "Common data types" and "TagResource" in the AWS Glue Web API Reference.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache

import ministack.services.glue as glue
from botocore.session import get_session

from local.aws import faults, patching
from local.aws.answers import ApiError, Handler, Operation, Request, Response, handler
from local.aws.behaviour import check_tags
from local.aws.iam.roles import arn, may_assume

original = patching.names(glue, "_handle_request_sync", "handle_request", "reset")
ministack = patching.names(glue, "_arn", "_tags")

NAME = re.compile("[\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff\t]*")
MAX_NAME = 255
# Where a request names the crawlers or jobs that it is about.
SUBJECTS = {"Name", "CrawlerName", "CrawlerNames", "CrawlerNameList", "JobName", "JobNames"}
SERVICE = "glue.amazonaws.com"

_added: dict[str, Handler] = {}
_resets: list[Callable[[], None]] = [faults.forget]


def install() -> None:
    patching.replace(glue, handle_request=handle_request, _handle_request_sync=dispatch, reset=reset)


def add_operations(**operations: Operation) -> None:
    """Adds operations that ministack does not know at all."""
    _added.update({name: handler(operation) for name, operation in operations.items()})


def on_reset(callback: Callable[[], None]) -> None:
    """Has `callback` run whenever ministack forgets its state."""
    _resets.append(callback)


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, str]
) -> Response:
    """The operation, struck by the faults that the tags of its crawlers and jobs tell."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    what = faults.next_fault(operation, *_subjects(operation, body))
    if what in (None, "lost-response"):
        answer: Response = await original.handle_request(method, path, headers, body, query)
    return answer if what is None else faults.response(what, "glue", operation)


def dispatch(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, str]) -> Response:
    added = _added.get(headers.get("x-amz-target", "").rpartition(".")[2])
    if added:
        return added(json.loads(body or b"{}"))
    answer: Response = original._handle_request_sync(method, path, headers, body, query)
    return answer


def reset() -> None:
    original.reset()
    for callback in _resets:
        callback()


def check_name(request: Request) -> str:
    """The request's Name, within the length and the characters that Glue allows (type NameString)."""
    name = request.get("Name")
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        limit = "less than or equal to 255" if name else "greater than or equal to 1"
        constraint = f"Member must have length {limit}"
    elif not NAME.fullmatch(name):
        constraint = r"Member must satisfy regular expression pattern: [\u0020-\uD7FF\uE000-\uFFFD\t]*"
    else:
        return name
    raise ApiError(
        "ValidationException",
        f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: {constraint}",
    )


def check_role(kind: str, name: str, request: Request) -> None:
    if not may_assume(SERVICE, arn(request.get("Role", "")), ministack._arn(kind, name)):
        text = "Service is unable to assume provided role. Please verify role's TrustPolicy"
        raise ApiError("InvalidInputException", text)


def tags(kind: str, name: str) -> dict[str, str]:
    """A copy: other threads may set or remove tags meanwhile."""
    return dict(ministack._tags.get(ministack._arn(kind, name), {}))


def set_tags(kind: str, name: str, new: dict[str, str]) -> None:
    ministack._tags[ministack._arn(kind, name)] = dict(new)


def forget_tags(kind: str, name: str) -> None:
    ministack._tags.pop(ministack._arn(kind, name), None)


def check_request_tags(kind: str, new: dict[str, str]) -> None:
    try:
        check_tags(kind, struck(kind), new)
    except ValueError as error:
        raise ApiError("InvalidInputException", str(error)) from error


@cache
def struck(kind: str) -> frozenset[str]:
    """The operations that faults can strike: those whose requests name their crawlers or jobs."""
    model = get_session().get_service_model("glue")
    members = {name: model.operation_model(name).input_shape.members.keys() for name in model.operation_names}
    return frozenset(name for name, given in members.items() if kind == _kind(name) and given & SUBJECTS)


def _kind(operation: str) -> str | None:
    return "crawler" if "Crawl" in operation else "job" if "Job" in operation else None


def _subjects(operation: str, body: bytes) -> list[tuple[str, Mapping[str, str]]]:
    """The crawlers and jobs that a request names, with their tags."""
    kind = _kind(operation)
    if kind is None:
        return []
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return []
    named = [name for member in SUBJECTS if member in request for name in _listed(request[member])]
    return [(name, tags(kind, name)) for name in named if isinstance(name, str)]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
