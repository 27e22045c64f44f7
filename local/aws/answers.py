"""Operations as plain functions: the request as a dict in, the answer as a dict out, errors raised."""

import functools
import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response

Request = dict[str, Any]
Answer = dict[str, Any]
Operation = Callable[[Request], Answer]
# Status, headers and body, as ministack's own handlers give them.
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[Request], Response]


class ApiError(Exception):
    """An error of the API: its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def handler(operation: Operation) -> Handler:
    """`operation` in the form of ministack's own handlers."""

    @functools.wraps(operation)
    def handle(request: Request) -> Response:
        try:
            return json_response(operation(request))
        except ApiError as error:
            return error_response_json(error.code, error.message)

    return handle


def call(handle: Handler, request: Request) -> Answer:
    """Calls one of ministack's own handlers; its error answer is raised."""
    status, _, body = handle(request)
    answer: Answer = json.loads(body)
    if status >= 400:
        raise ApiError(answer["__type"], answer["message"])
    return answer
