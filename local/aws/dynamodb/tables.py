"""Tables: faults chosen by `local:fault:<Operation>` tags, and when items expire.

Follows "Common Errors" and "UpdateTimeToLive" in the Amazon DynamoDB API Reference.
"""

import json
from functools import cache
from typing import Any

import ministack.services.dynamodb as dynamodb
from botocore.session import get_session
from ministack.core.responses import error_response_json, get_account_id, get_region

from local.aws import faults, patching
from local.aws.answers import Response, call
from local.aws.behaviour import check_resource_tags

original = patching.names(dynamodb, "handle_request")
ministack = patching.names(dynamodb, "_tags", "_update_ttl")


def install() -> None:
    patching.replace(dynamodb, handle_request=handle_request)


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, str]
) -> Response:
    operation, table = headers.get("x-amz-target", "").rpartition(".")[2], _table(body)
    if refused := _refused_tags(operation, body):
        return refused
    what = faults.next_fault(operation, (table, _tags(table))) if table else None
    if what in (None, "lost-response"):
        answer: Response = await original.handle_request(method, path, headers, body, query)
    return answer if what is None else faults.response(what, "dynamodb", operation)


def expire(table: str, expiry: dict[str, Any]) -> None:
    """When the table's items expire, as a template says it."""
    enabled = str(expiry["Enabled"]).lower() == "true"
    specification = {"AttributeName": expiry["AttributeName"], "Enabled": enabled}
    call(ministack._update_ttl, {"TableName": table, "TimeToLiveSpecification": specification})


@cache
def _operations() -> frozenset[str]:
    """The operations that faults can strike: those whose requests name one table."""
    model = get_session().get_service_model("dynamodb")
    return frozenset(
        name for name in model.operation_names if "TableName" in model.operation_model(name).input_shape.members
    )


def _refused_tags(operation: str, body: bytes) -> Response | None:
    if operation not in ("CreateTable", "TagResource"):
        return None
    try:
        check_resource_tags(
            "table", _operations(), {tag["Key"]: tag["Value"] for tag in json.loads(body).get("Tags", [])}
        )
    except ValueError as error:
        return error_response_json("ValidationException", str(error))
    return None


def _table(body: bytes) -> str | None:
    """The name of the table that a request is about."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return None
    name = request.get("TableName") if isinstance(request, dict) else None
    return name.rpartition("/")[2] if isinstance(name, str) else None


def _tags(table: str) -> dict[str, str]:
    arn = f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{table}"
    return {tag["Key"]: tag["Value"] for tag in ministack._tags.get(arn, [])}
