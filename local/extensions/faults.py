"""Faults chosen by `local:fault:<Operation>` tags, of the Glue API and of starts of executions, and counters of calls.

The errors have the form of the AWS JSON protocols and the codes of "Common errors" in the AWS
Glue Web API Reference and of "Common Errors" in the AWS Step Functions API Reference. The other
faults are what a network or a proxy does.
"""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping

import ministack.services.glue as glue
from ministack.core.responses import error_response_json

from local.extensions import contract
from local.extensions.glue_api import Response, on_reset, tags
from local.extensions.scenario import FAULT_PREFIX, Fault, faults

ministack = contract.names(glue, "handle_request")

# Tells the HTTP layer (module control) to withhold the answer. A caller inside the
# process, Step Functions, sees the answer beneath it: an internal error.
WITHHOLD = "x-local-withhold"
# Tells it that the answer is not AWS's, and so has none of the headers that ministack adds to every answer.
FOREIGN = "x-local-foreign"
HTML = b"<html><body><h1>It works!</h1></body></html>"
# What each service calls a breakdown of its own.
INTERNAL = {"glue": "InternalServiceException", "states": "InternalFailure"}
MESSAGES = {
    "ThrottlingException": "Rate exceeded",
    "OperationTimeoutException": "The operation timed out",
}

_lock = threading.Lock()
_calls: defaultdict[str, Counter[str]] = defaultdict(Counter)
# (name, operation) -> the tag's value, and the faults that it still holds.
_pending: dict[tuple[str, str], tuple[str, list[Fault]]] = {}


def install() -> None:
    contract.replace(glue, handle_request=handle_request)
    on_reset(_forget)


def calls() -> dict[str, dict[str, int]]:
    with _lock:
        return {name: dict(operations) for name, operations in _calls.items()}


def forget_calls() -> None:
    with _lock:
        _calls.clear()


async def handle_request(method: str, path: str, headers: dict, body: bytes, query: dict) -> Response:
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    what = next_fault(operation, *_subjects(operation, body))
    if what in (None, "lost-response"):
        answer = await ministack.handle_request(method, path, headers, body, query)
    return answer if what is None else response(what, "glue", operation)


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


def _subjects(operation: str, body: bytes) -> list[tuple[str, Mapping[str, str]]]:
    """The crawlers and jobs that a request names, with their tags."""
    kind = "crawler" if "Crawl" in operation else "job" if "Job" in operation else None
    if kind is None:
        return []
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return []
    names = [request.get("Name"), request.get("CrawlerName"), request.get("JobName")]
    names += request.get("CrawlerNameList") or request.get("CrawlerNames") or []
    return [(name, tags(kind, name)) for name in names if isinstance(name, str)]


def _next(name: str, operation: str, value: str | None) -> str | None:
    if value is None:
        return None
    key = (name, operation)
    if key not in _pending or _pending[key][0] != value:
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


def _forget() -> None:
    with _lock:
        _calls.clear()
        _pending.clear()
