"""Resources of CloudFormation that ministack lacks or takes only in part.

Follows "AWS::CloudWatch::Alarm", "AWS::DynamoDB::Table", "AWS::StepFunctions::StateMachine",
"AWS::StepFunctions::StateMachineVersion" and "AWS::StepFunctions::StateMachineAlias" in the AWS CloudFormation Template
Reference. An alarm on an expression over several metrics is described as it was given, and never changes its state:
ministack computes no expressions. An alias goes over to its new version at once, whatever its DeploymentPreference
says. A definition may be YAML.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import ministack.services.stepfunctions as sfn
import yaml
from ministack.services.cloudformation import provisioners

from local.aws import patching
from local.aws.awslambda import roles
from local.aws.dynamodb import tables
from local.aws.stepfunctions import permissions

original = patching.names(provisioners, "_cw_metric_alarm_record", "_sfn_definition")
ministack = patching.names(provisioners, "_RESOURCE_HANDLERS", "_physical_name")
versions = patching.names(
    sfn,
    "_create_state_machine_alias",
    "_delete_state_machine_alias",
    "_delete_state_machine_version",
    "_publish_state_machine_version",
    "_update_state_machine_alias",
)

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]


def install() -> None:
    patching.replace(provisioners, _cw_metric_alarm_record=alarm, _sfn_definition=definition)
    for kind, looks in ROLE_PROBLEMS.items():
        handlers = ministack._RESOURCE_HANDLERS[kind]
        handlers["create"] = partial(create_with_role, handlers["create"], looks)
    handlers = ministack._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    handlers["create"] = partial(create_table, handlers["create"])
    ministack._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachineVersion"] = {
        "create": lambda _id, properties, _stack: publish(properties),
        "update": lambda _id, _old, properties, _stack: publish(properties),
        "delete": lambda arn, _properties: versions._delete_state_machine_version({"stateMachineVersionArn": arn}),
    }
    ministack._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachineAlias"] = {
        "create": lambda _id, properties, _stack: create_alias(properties),
        "update": lambda arn, _old, properties, _stack: update_alias(arn, properties),
        "delete": lambda arn, _properties: versions._delete_state_machine_alias({"stateMachineAliasArn": arn}),
    }


def alarm(name: str, properties: Properties) -> dict[str, Any]:
    if not (metrics := properties.get("Metrics")):
        return original._cw_metric_alarm_record(name, properties)
    single = {key: value for key, value in properties.items() if key != "Metrics"}
    record = original._cw_metric_alarm_record(name, single | {"MetricName": "-", "Namespace": "-"})
    return {key: value for key, value in record.items() if key not in ("Statistic", "Period")} | {
        "MetricName": None,
        "Namespace": None,
        "Metrics": metrics,
    }


def definition(properties: Properties) -> str:
    """The definition as JSON. As on AWS, values are put into the text before it is read as YAML."""
    text = original._sfn_definition(properties)
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(yaml.safe_load(text))
    return text


def machine_problem(name: str, properties: Properties) -> str | None:
    logging = properties.get("LoggingConfiguration") or {}
    return permissions.problem(name, definition(properties), properties.get("RoleArn", ""), logging)


def function_problem(name: str, properties: Properties) -> str | None:
    return roles.problem(name, properties.get("Role", ""))


Problem = Callable[[str, Properties], str | None]
# What ministack creates past its API, which looks at the role: the property with its name, the longest name that
# CloudFormation makes up, and why the role is refused.
ROLE_PROBLEMS: dict[str, tuple[str, int, Problem]] = {
    "AWS::StepFunctions::StateMachine": ("StateMachineName", 80, machine_problem),
    "AWS::Lambda::Function": ("FunctionName", 64, function_problem),
}


def create_with_role(
    create: Callable[..., Made],
    looks: tuple[str, int, Problem],
    logical: str,
    properties: Properties,
    stack: str,
) -> Made:
    named_by, longest, problem = looks
    name = properties.get(named_by) or ministack._physical_name(stack, logical, max_len=longest)
    if text := problem(name, properties):
        raise ValueError(f'Resource handler returned message: "{text}" (HandlerErrorCode: AccessDenied)')
    return create(logical, properties, stack)


def create_table(create: Callable[..., Made], name: str, properties: Properties, stack: str) -> Made:
    """With what ministack leaves aside: when items expire."""
    table, attributes = create(name, properties, stack)
    if expiry := properties.get("TimeToLiveSpecification"):
        tables.expire(table, expiry)
    return table, attributes


def publish(properties: Properties) -> Made:
    """A version of a changed machine replaces the one before, which stays if the template says so."""
    request = {
        "stateMachineArn": properties["StateMachineArn"],
        "revisionId": properties["StateMachineRevisionId"],
        "description": properties.get("Description", ""),
    }
    arn = _checked(versions._publish_state_machine_version(request))["stateMachineVersionArn"]
    return arn, {"Arn": arn}


def create_alias(properties: Properties) -> Made:
    request = {"name": properties["Name"], "routingConfiguration": _routing(properties)}
    arn = _checked(versions._create_state_machine_alias(request))["stateMachineAliasArn"]
    return arn, {"Arn": arn}


def update_alias(arn: str, properties: Properties) -> Made:
    _checked(
        versions._update_state_machine_alias(
            {"stateMachineAliasArn": arn, "routingConfiguration": _routing(properties)}
        )
    )
    return arn, {"Arn": arn}


def _routing(properties: Properties) -> list[dict[str, Any]]:
    if preference := properties.get("DeploymentPreference"):
        return [{"stateMachineVersionArn": preference["StateMachineVersionArn"], "weight": 100}]
    return [
        {"stateMachineVersionArn": each["StateMachineVersionArn"], "weight": int(each["Weight"])}
        for each in properties["RoutingConfiguration"]
    ]


def _checked(response: tuple[int, Any, bytes]) -> dict[str, Any]:
    status, _, body = response
    answer = json.loads(body)
    if status >= 400:
        raise ValueError(answer["message"])
    return answer
