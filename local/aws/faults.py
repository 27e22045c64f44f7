"""Faults chosen by `local:fault:<Operation>` tags, and counters of calls.

The errors have the form of the AWS JSON protocols and the codes of "Common errors" in the AWS
Glue Web API Reference and of "Common Errors" in the AWS Step Functions API Reference. The other
faults are what a network or a proxy does.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping

from ministack.core.responses import error_response_json

from local.aws.answers import Response
from local.aws.behaviour import FAULT_PREFIX, Fault, faults

# Tells the HTTP layer (module endpoints) to withhold the answer. A caller inside the
# process, Step Functions, sees the answer beneath it: an internal error.
WITHHOLD = "x-local-withhold"
# Tells it that the answer is not AWS's, and so has none of the headers that ministack adds to every answer.
FOREIGN = "x-local-foreign"
HTML = b"<html><body><h1>It works!</h1></body></html>"
# What each service calls a breakdown of its own.
INTERNAL = {
    "glue": "InternalServiceException",
    "states": "InternalFailure",
    "dynamodb": "InternalServerError",
    "athena": "InternalServerException",
    "sns": "InternalError",
    "lambda": "ServiceException",
}
MESSAGES = {
    "ThrottlingException": "Rate exceeded",
    "TooManyRequestsException": "Rate Exceeded.",
    "OperationTimeoutException": "The operation timed out",
}

_lock = threading.Lock()
_calls: defaultdict[str, Counter[str]] = defaultdict(Counter)
# (name, operation) -> the tag's value, and the faults that it still holds.
_pending: dict[tuple[str, str], tuple[str, list[Fault]]] = {}


def calls() -> dict[str, dict[str, int]]:
    with _lock:
        return {name: dict(operations) for name, operations in _calls.items()}


def forget_calls() -> None:
    with _lock:
        _calls.clear()


def response(what: str, service: str, operation: str) -> Response:
    """What the caller gets instead of the service's answer."""
    match what:
        case "garbage":
            return 200, {"Content-Type": "text/html", FOREIGN: what}, HTML
        case "garbage-503":
            return 503, {"Content-Type": "text/html", FOREIGN: what}, HTML
        case "http-500":
            return error_response_json(INTERNAL[service], "Internal service error", 500)
        case "lost-response" | "hang":
            status, answered, content = error_response_json(INTERNAL[service], "No answer", 500)
            return status, {**answered, WITHHOLD: what}, content
        case "AccessDeniedException":
            return error_response_json(what, f"User is not authorized to perform: {service}:{operation}")
        case code:
            return error_response_json(code, MESSAGES.get(code, f"{operation} failed"))


def next_fault(operation: str, *subjects: tuple[str, Mapping[str, str]]) -> str | None:
    """Counts the call, and names the fault that strikes it; a subject is a name and its tags."""
    what = None
    with _lock:
        for name, own in subjects:
            _calls[name][operation] += 1
            what = what or _next(name, operation, own.get(FAULT_PREFIX + operation))
    return what


def _next(name: str, operation: str, value: str | None) -> str | None:
    if value is None:
        return None
    key = (name, operation)
    # Not `!=`: to set the same text again is to ask for its faults again.
    if key not in _pending or _pending[key][0] is not value:
        _pending[key] = value, [fault for fault in faults(value) if fault.times != 0]
    remaining = _pending[key][1]
    if not remaining:
        return None
    fault = remaining[0]
    if fault.times is not None:
        remaining[0] = Fault(fault.times - 1, fault.what)
        if remaining[0].times == 0:
            remaining.pop(0)
    return fault.what


def forget() -> None:
    with _lock:
        _calls.clear()
        _pending.clear()
