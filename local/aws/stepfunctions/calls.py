"""What a task calls: the action of its role's policies, and what it is about.

Follows "Integrating services with Step Functions" in the AWS Step Functions Developer Guide. An `aws-sdk:` task is the
request that the SDK would send, so ministack's own reading of requests tells what AWS's data alone does not.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from botocore.model import OperationModel
from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region

from local.aws.iam import resources
from local.aws.stepfunctions import integrations

LOG = logging.getLogger(__name__)
# What a service is called in policies, where an integration calls it otherwise.
PREFIXES = {"sfn": "states", "eventbridge": "events", "cloudwatchlogs": "logs", "rdsdata": "rds-data"}
# What ministack calls a service, where policies call it otherwise.
NAMES = {"cloudwatch": "monitoring"}


@dataclass(frozen=True)
class Call:
    """An operation of a service, as policies know it."""

    service: str
    operation: str
    action: str
    resources: tuple[str, ...]
    request: Mapping[str, Any]


def of_task(resource: str, arguments: Any) -> Call | None:
    """The first call of a task; nothing for an activity, and for what ministack does not serve."""
    parts = resource.split(":")
    if parts[2] == "lambda":
        return _invocation(resource)
    if parts[2] != "states" or parts[4]:
        return None  # an activity
    sdk = parts[5] == "aws-sdk"
    *_, service, action = parts[:8] if sdk else parts[:7]
    operation = action.partition(".")[0]
    operation = f"{operation[:1].upper()}{operation[1:]}"
    request = arguments if isinstance(arguments, dict) else {}
    if (service, operation) == ("lambda", "Invoke"):
        return _invocation(_function(request))
    return of(service, operation, request) if sdk or service in integrations.OPTIMIZED else None


def of(service: str, operation: str, request: Mapping[str, Any]) -> Call | None:
    """The call of an operation; nothing, and a warning, for an action that AWS's data does not know."""
    prefix = PREFIXES.get(service, service)
    action = f"{prefix}:{operation}"
    sent = _sent(service, operation, request)
    name = NAMES.get(prefix, prefix)
    if not resources.known(action) and sent:
        action = iam_actions.extract_iam_action(name, *sent) or action
    if not resources.known(action):
        LOG.warning("AWS's data do not know the action %s: it passes for every role", action)
        return None
    about = [resources.of(action, request)]
    if about == ["*"] and sent and resources.forms(action):
        where = get_region(), get_account_id()
        body = sent[3]
        several = iam_actions.eventbridge_resource_arns if prefix == "events" else iam_actions.dynamodb_resource_arns
        about = several(body, *where) if prefix in ("events", "dynamodb") else []
        about = about or [iam_actions.extract_resource_arn(name, *sent, *where)]
    return Call(service, operation, action, tuple(about), request)


def _invocation(function: str) -> Call:
    return Call("lambda", "Invoke", "lambda:InvokeFunction", (function,), {})


def _function(request: Mapping[str, Any]) -> str:
    """The ARN of the function that a request names in any of Lambda's forms, with the qualifier that it names."""
    name, qualifier = str(request.get("FunctionName", "")), request.get("Qualifier")
    if not name.startswith("arn:"):
        # The name may end in "function" too, with an alias after it.
        account, separator, short = name.rpartition(":function:")
        if not separator:
            account, short = "", name.removeprefix("function:")
        name = f"arn:aws:lambda:{get_region()}:{account or get_account_id()}:function:{short}"
    return f"{name}:{qualifier}" if qualifier and name.count(":") == 6 else name


Sent = tuple[str, str, dict[str, str], bytes, dict[str, list[str]]]


def _sent(service: str, operation: str, request: Mapping[str, Any]) -> Sent | None:
    """Method, path, headers, body and query of the request, as far as they tell what it is about."""
    model = integrations.model_of(service)
    if model is None or operation not in model.operation_names:
        return None
    shape = model.operation_model(operation)
    names = {name.lower(): name for name in (shape.input_shape.members if shape.input_shape else ())}
    given = {names.get(name.lower(), name): value for name, value in request.items()}
    protocol = model.metadata["protocol"]
    if protocol in ("query", "ec2"):
        query = {name: [value] for name, value in given.items() if isinstance(value, str)}
        return "POST", "/", {}, b"", {"Action": [operation], **query}
    body = json.dumps(given, default=str).encode()
    if protocol == "json":
        return "POST", "/", {"x-amz-target": f"{model.metadata['targetPrefix']}.{operation}"}, body, {}
    return _rest(shape, given, body)


def _rest(shape: OperationModel, given: Mapping[str, Any], body: bytes) -> Sent:
    path, _, query = shape.http["requestUri"].partition("?")
    parameters = parse_qs(query, keep_blank_values=True)
    for name, member in (shape.input_shape.members if shape.input_shape else {}).items():
        place, label = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri":
            for form in (f"{{{label}}}", f"{{{label}+}}"):
                path = path.replace(form, str(given.get(name, "")))
        elif place == "querystring" and name in given:
            parameters[label] = [str(given[name])]
    return shape.http["method"], path, {}, body, parameters
