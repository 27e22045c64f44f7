"""A change of the stack is safe: what is under way ends on the versions that it began with, new work takes aliases."""

import json
import re
from typing import Any

import pytest

from tests.support.definitions import started_by
from tests.support.transformed import of_type, together, transformed

TEMPLATE = transformed()
ALIASED = ["CrawlStateMachine", "PipelineStateMachine", "TriggerStateMachine", "WakeStateMachine"]


def substitutions(machine: str) -> dict[str, Any]:
    return TEMPLATE["Resources"][machine]["Properties"]["DefinitionSubstitutions"]


@pytest.mark.parametrize("machine", ALIASED)
def test_an_alias_is_of_its_own_machines_version(machine: str) -> None:
    """SAM writes into the object that it finds: one that two machines shared would send both to the same version."""
    alias = TEMPLATE["Resources"][f"{machine}Aliaslive"]["Properties"]
    version = TEMPLATE["Resources"][f"{machine}Version"]
    assert alias["DeploymentPreference"]["StateMachineVersionArn"] == {"Ref": f"{machine}Version"}
    assert version["Properties"]["StateMachineArn"] == {"Ref": machine}


def test_versions_are_kept() -> None:
    """An execution that waits for days still calls the functions of its version."""
    kinds = {"Lambda::Function": "Lambda::Version", "StepFunctions::StateMachine": "StepFunctions::StateMachineVersion"}
    for kind, version in kinds.items():
        names = [name for name, _ in of_type(TEMPLATE, f"AWS::{version}")]
        assert len(names) == len(of_type(TEMPLATE, f"AWS::{kind}")) > 2
        assert {TEMPLATE["Resources"][name]["DeletionPolicy"] for name in names} == {"Retain"}


def test_machines_call_versions() -> None:
    """Code and definition belong together: a definition must not meet the functions of another deployment."""
    called = {**substitutions("CrawlStateMachine"), **substitutions("PipelineStateMachine")}
    called |= {"S3EventFilterFunctionArn": substitutions("TriggerStateMachine")["S3EventFilterFunctionArn"]}
    targets = [name for name in called if name.endswith("Arn")]
    assert len(targets) == 5
    for name in targets:
        target = TEMPLATE["Resources"][called[name]["Ref"]]
        assert target["Type"] in ("AWS::Lambda::Version", "AWS::StepFunctions::StateMachineVersion"), name


def test_new_work_takes_the_alias() -> None:
    """So that a new version can take over a tenth at a time, and give it back."""
    assert substitutions("TriggerStateMachine")["PipelineStateMachineArn"] == {"Ref": "PipelineStateMachineAliaslive"}
    # Which knows machines by their aliases only.
    assert {started_by(rule) for _, rule in of_type(together(), "AWS::Events::Rule")} == {"trigger", "wake"}
    endings = ("FunctionArn", "MachineArn")
    outputs = {name: output["Value"] for name, output in TEMPLATE["Outputs"].items() if name.endswith(endings)}
    assert len(outputs) == 5
    assert all("Alias" in value["Ref"] for value in outputs.values())


def test_what_is_exported_stays_what_it_is() -> None:
    """AWS refuses a deployment that would change what another stack imports, so a version must not be exported."""
    exported = {name: output["Value"] for name, output in TEMPLATE["Outputs"].items() if "Export" in output}
    assert len(exported) >= 8
    for name, value in exported.items():
        resource = TEMPLATE["Resources"][value.get("Ref") or value["Fn::GetAtt"][0]]
        assert not resource["Type"].endswith("Version"), name


@pytest.mark.parametrize("function", ["StartCrawlerFunction", "GetCrawlerStateFunction", "S3EventFilterFunction"])
def test_no_parameter_stays_behind_in_an_old_version(function: str) -> None:
    """SAM compares functions before parameters are filled in: one in the environment would never reach the machines.

    https://github.com/aws/serverless-application-model/issues/1640
    """
    properties = TEMPLATE["Resources"][function]["Properties"]
    references = set(re.findall(r'"Ref": "(\w+)"', json.dumps(properties))) & TEMPLATE["Parameters"].keys()
    # Another processor is another code.
    assert references == {"Architecture"}
