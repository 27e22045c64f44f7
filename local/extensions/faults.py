"""Faults of the Glue API, chosen by `local:fault:<Operation>` tags, and counters of its calls.

The errors have the form of the AWS JSON 1.1 protocol and the codes of "Common errors" in
the AWS Glue Web API Reference. The other faults are what a network or a proxy does.
"""

import json
import threading
from collections import Counter, defaultdict

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
MESSAGES = {
    "ThrottlingException": "Rate exceeded",
    "OperationTimeoutException": "The operation timed out",
}

_lock = threading.Lock()
_calls: defaultdict[str, Counter[str]] = defaultdict(Counter)
# (kind, name, operation) -> the tag's value, and the faults that it still holds.
_pending: dict[tuple[str, str, str], tuple[str, list[Fault]]] = {}


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
    what = _fault(operation, body)
    if what is None:
        return await ministack.handle_request(method, path, headers, body, query)
    match what:
        case "garbage":
            return 200, {"Content-Type": "text/html", FOREIGN: what}, HTML
        case "garbage-503":
            return 503, {"Content-Type": "text/html", FOREIGN: what}, HTML
        case "http-500":
            return error_response_json("InternalServiceException", "Internal service error", 500)
        case "lost-response" | "hang":
            if what == "lost-response":
                await ministack.handle_request(method, path, headers, body, query)
            status, answered, content = error_response_json("InternalServiceException", "No answer", 500)
            return status, {**answered, WITHHOLD: what}, content
        case "AccessDeniedException":
            message = f"User is not authorized to perform: glue:{operation}"
            return error_response_json(what, message)
        case code:
            return error_response_json(code, MESSAGES.get(code, f"{operation} failed"))


def _fault(operation: str, body: bytes) -> str | None:
    """Counts the call, and names the fault that strikes it."""
    what = None
    with _lock:
        for kind, name in _subjects(operation, body):
            _calls[name][operation] += 1
            what = what or _next(kind, name, operation)
    return what


def _subjects(operation: str, body: bytes) -> list[tuple[str, str]]:
    """The crawlers and jobs that a request names, with their kind."""
    kind = "crawler" if "Crawl" in operation else "job" if "Job" in operation else None
    if kind is None:
        return []
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return []
    names = [request.get("Name"), request.get("CrawlerName"), request.get("JobName")]
    names += request.get("CrawlerNameList") or request.get("CrawlerNames") or []
    return [(kind, name) for name in names if isinstance(name, str)]


def _next(kind: str, name: str, operation: str) -> str | None:
    value = tags(kind, name).get(FAULT_PREFIX + operation)
    if value is None:
        return None
    key = (kind, name, operation)
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
