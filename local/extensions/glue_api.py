"""Glue operations as plain functions: the request as a dict in, the answer as a dict out."""

import functools
import json
import re
from collections.abc import Callable
from typing import Any

import ministack.services.glue as glue
from ministack.core.responses import error_response_json, json_response

from local.extensions import contract
from local.extensions.scenario import check_tags

Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[Request], Response]

ministack = contract.names(glue, "_arn", "_tags", "_handle_request_sync", "reset")

NAME = re.compile("[\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff\t]*")
MAX_NAME = 255

_added: dict[str, Handler] = {}
_resets: list[Callable[[], None]] = []


class GlueError(Exception):
    """An error of the API: its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def operation(function: Callable[[Request], dict[str, Any]]) -> Handler:
    """`function` in the form of ministack's own handlers."""

    @functools.wraps(function)
    def handler(request: Request) -> Response:
        try:
            return json_response(function(request))
        except GlueError as error:
            return error_response_json(error.code, error.message)

    return handler


def call(handler: Handler, request: Request) -> dict[str, Any]:
    """Calls one of ministack's own handlers; its error answer becomes a GlueError."""
    status, _, body = handler(request)
    answer = json.loads(body)
    if status >= 400:
        raise GlueError(answer["__type"], answer["message"])
    return answer


def install() -> None:
    contract.replace(glue, _handle_request_sync=_handle_request_sync, reset=_reset)


def add_operations(added: dict[str, Callable[[Request], dict[str, Any]]]) -> None:
    """Adds operations that ministack does not know at all."""
    _added.update({name: operation(function) for name, function in added.items()})


def on_reset(callback: Callable[[], None]) -> None:
    """Has `callback` run whenever ministack forgets its state."""
    _resets.append(callback)


def _handle_request_sync(method: str, path: str, headers: dict, body: bytes, query: dict) -> Response:
    handler = _added.get(headers.get("x-amz-target", "").rpartition(".")[2])
    if handler is None:
        return ministack._handle_request_sync(method, path, headers, body, query)
    return handler(json.loads(body))


def _reset() -> None:
    ministack.reset()
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
    raise GlueError(
        "ValidationException",
        f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: {constraint}",
    )


def tags(kind: str, name: str) -> dict[str, str]:
    return ministack._tags.get(ministack._arn(kind, name), {})


def set_tags(kind: str, name: str, new: dict[str, str]) -> None:
    ministack._tags[ministack._arn(kind, name)] = dict(new)


def forget_tags(kind: str, name: str) -> None:
    ministack._tags.pop(ministack._arn(kind, name), None)


def check_request_tags(new: dict[str, str]) -> None:
    try:
        check_tags(new)
    except ValueError as error:
        raise GlueError("InvalidInputException", str(error)) from error
