"""Workgroups: faults and times chosen by their tags, and counters of calls.

Follows "Common Errors" and "CreateWorkGroup" in the Amazon Athena API Reference.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import ministack.services.athena as athena
from botocore.session import get_session
from ministack.core.responses import error_response_json

from local.aws import faults, patching
from local.aws.answers import Response
from local.aws.athena import permissions
from local.aws.behaviour import check_resource_tags
from local.aws.iam import callers

original = patching.names(athena, "handle_request")
ministack = patching.names(athena, "_arn_workgroup", "_executions", "_tags")

PRIMARY = "primary"
# How long a query takes at least, in seconds.
SECONDS = "local:seconds"
# The members by which a request names a workgroup, or a query of one.
SUBJECTS = {"WorkGroup", "QueryExecutionId"}


def install() -> None:
    patching.replace(athena, handle_request=handle_request)


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, str]
) -> Response:
    """The operation, struck by the faults that its workgroup's tags tell."""
    operation, request = headers.get("x-amz-target", "").rpartition(".")[2], _request(body)
    if refused := _refused_tags(operation, request):
        return refused
    workgroup = _workgroup(operation, request)
    permissions.caller.set(callers.of_request(headers, query))
    what = faults.next_fault(operation, (workgroup, tags(workgroup))) if workgroup else None
    if what in (None, "lost-response"):
        answer: Response = await original.handle_request(method, path, headers, body, query)
    return answer if what is None else faults.response(what, "athena", operation)


def tags(workgroup: str) -> Mapping[str, str]:
    found: Mapping[str, str] = ministack._tags.get(ministack._arn_workgroup(workgroup), {})
    return found


def seconds(workgroup: str) -> float:
    """How long the workgroup's queries take at least."""
    return float(tags(workgroup).get(SECONDS, 0))


@cache
def struck() -> frozenset[str]:
    """The operations that faults can strike: those whose requests name a workgroup, or a query of one."""
    model = get_session().get_service_model("athena")
    members = {name: model.operation_model(name).input_shape.members.keys() for name in model.operation_names}
    return frozenset(name for name, given in members.items() if given & SUBJECTS)


def _workgroup(operation: str, request: Mapping[str, Any]) -> str | None:
    """The name of the workgroup that a request is about."""
    if operation not in struck():
        return None
    if query := request.get("QueryExecutionId"):
        return (ministack._executions.get(query) or {}).get("WorkGroup")
    return request.get("WorkGroup") or PRIMARY


def _refused_tags(operation: str, request: Mapping[str, Any]) -> Response | None:
    arn = request.get("ResourceARN", "")
    if operation == "CreateWorkGroup" or (operation == "TagResource" and ":workgroup/" in arn):
        try:
            new = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
            check_resource_tags("workgroup", struck(), new, SECONDS)
        except ValueError as error:
            return error_response_json("InvalidRequestException", str(error))
    return None


def _request(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}
