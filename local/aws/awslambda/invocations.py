"""Invocations by Step Functions: faults chosen by the function's tags, and counters of calls.

Follows "Invoke" in the AWS Lambda API Reference.
"""

import json
from collections.abc import Mapping
from typing import Any

import ministack.services.lambda_svc as lambda_svc
import ministack.services.stepfunctions as sfn
from ministack.core.responses import error_response_json

from local.aws import faults, patching
from local.aws.answers import Response
from local.aws.behaviour import FAULT_PREFIX, check_resource_tags
from local.aws.stepfunctions import integrations

original = patching.names(sfn, "_call_lambda")
original_tags = patching.names(lambda_svc, "_tag_resource")
ministack = patching.names(lambda_svc, "_functions", "_get_func_record_for_ref")

STRUCK = ("Invoke",)


def install() -> None:
    patching.replace(sfn, _call_lambda=invoke)
    patching.replace(lambda_svc, _tag_resource=tag_resource)


def invoke(function: str, event: Any) -> Any:
    name = ministack._get_func_record_for_ref(function)[2]
    own: Mapping[str, str] = ministack._functions.get(name, {}).get("tags", {})
    what = faults.next_fault("Invoke", (name, own))
    if what in (None, "lost-response"):
        answer = original._call_lambda(function, event)
    if what is None:
        return answer
    told = json.loads(faults.response(what, "lambda", "Invoke")[2])
    raise integrations.refusal("lambda", "Invoke", told["__type"], told["message"])


def tag_resource(arn: str, request: dict[str, Any]) -> Response:
    if refused := problem(request):
        return error_response_json("InvalidParameterValueException", refused)
    response: Response = original_tags._tag_resource(arn, request)
    return response


def problem(request: Mapping[str, Any]) -> str | None:
    """Why the tags of a request are refused, if they are."""
    tags = request.get("Tags") or {}
    try:
        check_resource_tags("function", STRUCK, tags)
    except ValueError as error:
        return str(error)
    if "garbage" in " ".join(tags.get(f"{FAULT_PREFIX}{operation}", "") for operation in STRUCK):
        return "garbage does not come from Step Functions"
    return None
