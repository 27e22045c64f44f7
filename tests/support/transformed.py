"""The templates as CloudFormation gets them: transformed offline, with the machines' definitions, values filled in."""

import copy
import functools
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import yaml_parse

from local.demo import ROOT
from local.demo.deploy import TOOL, transform

Template = dict[str, Any]

PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": None,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "crawler-sync",
}
ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:eu-west-1:123456789012:table/{}",
    "AWS::Events::Rule": "events:eu-west-1:123456789012:rule/{}",
    "AWS::IAM::Role": "iam::123456789012:role/{}",
    "AWS::Lambda::Alias": "lambda:eu-west-1:123456789012:function:function:{}",
    "AWS::Lambda::Function": "lambda:eu-west-1:123456789012:function:{}",
    "AWS::Logs::LogGroup": "logs:eu-west-1:123456789012:log-group:{}:*",
    "AWS::SQS::Queue": "sqs:eu-west-1:123456789012:{}",
    "AWS::StepFunctions::StateMachine": "states:eu-west-1:123456789012:stateMachine:{}",
    "AWS::StepFunctions::StateMachineAlias": "states:eu-west-1:123456789012:stateMachine:machine:{}",
}
# Whose Ref is the ARN; that of all others is the name.
BY_ARN = {"AWS::Lambda::Alias", "AWS::StepFunctions::StateMachine", "AWS::StepFunctions::StateMachineAlias"}


@functools.cache
def _transformed() -> Template:
    return transform()


def transformed() -> Template:
    """The template after SAM's transform, the caller's own to change."""
    return copy.deepcopy(_transformed())


# Something of everything that starts a pipeline.
SAMPLE = {
    "name": "orders",
    "trigger": {"prefix": "landing/", "suffixes": [".csv"], "coalesceSeconds": 60},
    "schedule": {"expression": "cron(0 2 * * ? *)", "timezone": "Europe/Berlin"},
    "stages": [{"steps": [{"job": "load", "crawler": "orders"}]}],
}


def generated(*pipelines: dict[str, Any]) -> str:
    """What `crawler-sync template` makes of these pipelines."""
    with tempfile.TemporaryDirectory() as folder:
        for pipeline in pipelines:
            (Path(folder) / f"{pipeline['name']}.json").write_text(json.dumps(pipeline))
        return subprocess.run([TOOL, "template", folder], capture_output=True, text=True, check=True).stdout


def together() -> Template:
    """The machinery and a stack of pipelines as one template: what the latter imports is what the former exports."""
    template = transformed()
    added = _imported(yaml_parse(generated(SAMPLE)), template["Outputs"])
    for section in ("Parameters", "Resources"):
        assert not template[section].keys() & added[section].keys()
        template[section] |= added[section]
    return template


def _imported(value: Any, outputs: dict[str, Any]) -> Any:
    match value:
        case {"Fn::ImportValue": {"Fn::Sub": str(name)}}:
            [found] = [
                output["Value"]
                for output in outputs.values()
                if output.get("Export", {})
                .get("Name", {})
                .get("Fn::Sub", "")
                .replace("AWS::StackName", "MachineryStack")
                == name
            ]
            return found
        case dict():
            return {key: _imported(each, outputs) for key, each in value.items()}
        case list():
            return [_imported(each, outputs) for each in value]
    return value


def spliced() -> Template:
    """The same with each definition in its machine: linters skip those that lie elsewhere."""
    template = transformed()
    for _, machine in of_type(template, "AWS::StepFunctions::StateMachine"):
        text = (ROOT / "statemachine" / machine.pop("DefinitionS3Location")["Key"]).read_text()
        for name, value in resolved(machine["DefinitionSubstitutions"], template).items():
            text = text.replace(f"${{{name}}}", str(value))
        machine["Definition"] = yaml.safe_load(text)
    return template


def of_type(template: Template, *types: str) -> list[tuple[str, dict[str, Any]]]:
    """The logical ids and properties of all resources of the types."""
    return [(name, each["Properties"]) for name, each in template["Resources"].items() if each["Type"] in types]


def resolved(value: Any, template: Template) -> Any:
    """The value with what its intrinsic functions may give in an account."""
    match value:
        case {"Ref": name}:
            return _referred(name, template)
        case {"Fn::GetAtt": [name, attribute]}:
            return _arn(name, template) if attribute == "Arn" else name
        case {"Fn::Sub": [str(text), dict(values)]}:
            for key, each in values.items():
                text = text.replace(f"${{{key}}}", resolved(each, template))
            return resolved({"Fn::Sub": text}, template)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([\w:]+)(\.\w+)?}", lambda found: _substituted(found[1], found[2], template), text)
        case {"Fn::If": [_, value_if_true, _]}:
            return resolved(value_if_true, template)
        case dict():
            return {key: resolved(each, template) for key, each in value.items()}
        case list():
            return [resolved(each, template) for each in value]
    return value


def _substituted(name: str, attribute: str | None, template: Template) -> str:
    intrinsic = {"Fn::GetAtt": [name, attribute[1:]]} if attribute else {"Ref": name}
    return str(resolved(intrinsic, template))


def _referred(name: str, template: Template) -> Any:
    if name in PSEUDO_PARAMETERS:
        return PSEUDO_PARAMETERS[name]
    if name in template["Parameters"]:
        return template["Parameters"][name].get("Default") or "example"
    return _arn(name, template) if template["Resources"][name]["Type"] in BY_ARN else name


def _arn(name: str, template: Template) -> str:
    return "arn:aws:" + ARNS[template["Resources"][name]["Type"]].format(name)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
