"""What other people's linters know of CloudFormation and IAM, asked of the template as CloudFormation gets it.

Each linter runs once, over the template and broken copies of it: starting takes the most time.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.demo import ROOT
from tests.support.mutants import NOTHING, mutant
from tests.support.transformed import Template, of_type, resolved, spliced, transformed

CFN_LINT = ROOT / ".venv/checks/bin/cfn-lint"
PYTHON = ROOT / ".venv/security/bin/python"

Findings = dict[str, set[str]]

MACHINE = ("Resources", "CrawlStateMachine", "Properties")
STATES = (*MACHINE, "Definition", "States")
FUNCTION = ("Resources", "StartCrawlerFunction", "Properties")
STATEMENTS = ("Resources", "StartCrawlerRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
WAKES = ("Resources", "WakeStateMachineRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")


def output_of(*command: str | Path, stdin: Any = None) -> Any:
    """The JSON that a linter prints, whatever it exits with: findings are no failure of it."""
    result = subprocess.run(command, input=json.dumps(stdin), cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        return json.loads(result.stdout)
    except json.JSONDecodeError:
        raise AssertionError(result.stdout + result.stderr) from None


def written(folder: Path, templates: dict[str, Template]) -> list[Path]:
    paths = [folder / f"{name}.json" for name in templates]
    for path, template in zip(paths, templates.values(), strict=True):
        path.write_text(json.dumps(template))
    return paths


# --- cfn-lint: which sees the definitions only where they are part of the template -------------------

INVALID = {
    "a state without an end": ((*STATES, "Start crawler", "Next"), NOTHING, "E3601"),
    "a state of no type": ((*STATES, "Start crawler", "Type"), "Tsk", "E3601"),
    "an attribute that is none": (
        (*MACHINE, "DefinitionSubstitutions", "StartCrawlerFunctionArn"),
        {"Fn::GetAtt": ["StartCrawlerFunction", "Arnn"]},
        "E1010",
    ),
    "a runtime that is none": ((*FUNCTION, "Runtime"), "provided.al2029", "E3030"),
    "a level that is none": ((*MACHINE, "LoggingConfiguration", "Level"), "ERORR", "E3030"),
}


@pytest.fixture(scope="module")
def cfn_lint(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """The findings of cfn-lint in the template, "sound", and in each broken copy."""
    sound = spliced()
    copies = {name: mutant(sound, *way, value=value) for name, (way, value, _) in INVALID.items()}
    paths = written(tmp_path_factory.mktemp("cfn-lint"), {"sound": sound} | copies)
    found: Findings = {path.stem: set() for path in paths}
    for each in output_of(CFN_LINT, "--format", "json", "--", *paths):
        place, message = each["Location"]["Path"] or ["template"], each["Message"]
        # It does not know that a timeout may be an expression.
        if place[-1] != "TimeoutSeconds" or not re.match(r"'\{%.*%}' is not of type", message):
            found[Path(each["Filename"]).stem].add(f"{each['Rule']['Id']} {place} {message}")
    return found


def test_cfn_lint_accepts_template_and_definitions(cfn_lint: Findings) -> None:
    """`sam validate --lint` sees no definition: they are elsewhere, behind SAM."""
    assert cfn_lint["sound"] == set()


@pytest.mark.parametrize("name", INVALID)
def test_cfn_lint_bites(cfn_lint: Findings, name: str) -> None:
    """What else would be found while a stack is deployed, or at night."""
    assert any(found.startswith(INVALID[name][-1]) for found in cfn_lint[name])


# --- parliament: whether actions exist, and take the resources that they are granted on --------------

# It asks for every kind of resource that an action may be about; one is enough.
OTHER_KINDS = {"arn:*:states:*:*:mapRun:*/*:*", "arn:*:states:*:*:express:*:*:*"}
# Whether ListCrawls can be limited to crawlers, AWS has told differently over the years; "*" is right either way.
UNSCOPED = ["glue:ListCrawls"]

OVERGRANTED = {
    "an action that is none": ((*STATEMENTS, 0, "Action"), ["glue:StartCrawlr"], "UNKNOWN_ACTION"),
    "a resource of another kind": (
        (*STATEMENTS, 0, "Resource"),
        {"Fn::Sub": "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:job/${JobNamePattern}"},
        "RESOURCE_MISMATCH",
    ),
    "more resources than needed": ((*STATEMENTS, 0, "Resource"), "*", "RESOURCE_STAR"),
    "a table that is a machine": ((*WAKES, 0, "Resource"), {"Ref": "WakeStateMachine"}, "RESOURCE_MISMATCH"),
    "every table": ((*WAKES, 0, "Resource"), "*", "RESOURCE_STAR"),
    "a resource where there is none": ((*WAKES, 1, "Resource"), {"Ref": "CrawlStateMachine"}, "RESOURCE_MISMATCH"),
}


def policies(template: Template) -> dict[str, Any]:
    """Every policy that grants something, by the resource that it is part of; roles' trust grants no action."""
    found = {
        f"{role}-{policy['PolicyName']}": policy["PolicyDocument"]
        for role, properties in of_type(template, "AWS::IAM::Role")
        for policy in properties.get("Policies", [])
    }
    for name, properties in of_type(template, "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::SQS::QueuePolicy"):
        found[name] = properties["PolicyDocument"]
    return {name: resolved(policy, template) for name, policy in found.items()}


# Its command leaves a log in /tmp, for the next user to fail on.
AUDIT = """
import json, sys
from parliament import analyze_policy_string

policies = json.load(sys.stdin)
findings = {name: analyze_policy_string(json.dumps(policy)).findings for name, policy in policies.items()}
json.dump({name: [(each.issue, each.detail) for each in found] for name, found in findings.items()}, sys.stdout)
"""


def audited(*templates: Template) -> list[set[str]]:
    """The findings of parliament in the policies of each template."""
    given = {f"{i}/{name}": policy for i, each in enumerate(templates) for name, policy in policies(each).items()}
    assert given
    found: list[set[str]] = [set() for _ in templates]
    for place, issues in output_of(PYTHON, "-c", AUDIT, stdin=given).items():
        number, _, name = place.partition("/")
        for issue, detail in issues:
            kinds = {each["required_format"] for each in detail} if issue == "RESOURCE_MISMATCH" else set()
            if not (kinds and kinds <= OTHER_KINDS) and (issue, detail) != ("RESOURCE_STAR", UNSCOPED):
                found[int(number)].add(f"{issue} {name} {detail}")
    return found


def test_policies_grant_what_exists_on_what_it_takes() -> None:
    """IAM accepts any word as an action, and grants nothing by it."""
    assert audited(transformed()) == [set()]


def test_the_audit_bites() -> None:
    """One misspelt action or a resource of the wrong kind, and the call is refused at run time."""
    copies = [mutant(transformed(), *way, value=value) for way, value, _ in OVERGRANTED.values()]
    for found, (_, _, issue) in zip(audited(*copies), OVERGRANTED.values(), strict=True):
        assert any(each.startswith(issue) for each in found), issue


# --- checkov: what a careful reviewer asks of each resource -------------------------------------------

INSECURE = {
    "a log kept for ever": (("Resources", "CrawlLogGroup", "Properties", "RetentionInDays"), NOTHING, "CKV_AWS_66"),
    "a role that may do anything": ((*STATEMENTS, 0, "Action"), "*", "CKV_AWS_63"),
    "a role that anybody may take": (
        ("Resources", "RuleRole", "Properties", "AssumeRolePolicyDocument", "Statement", 0, "Principal"),
        {"AWS": "*"},
        "CKV_AWS_60",
    ),
}
CONFIGURATION = ROOT / "tools/checkov.yaml"
# All rules: what the configuration skips is compared below.
CHECKOV: list[str | Path] = [
    ROOT / ".venv/security/bin/checkov",
    "--config-file",
    CONFIGURATION,
    "--skip-check",
    "CKV_NOTHING",
]


@pytest.fixture(scope="module")
def checkov(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """The rules that the template, "sound", breaks, and those that each insecure copy breaks."""
    sound = transformed()
    copies = {name: mutant(sound, *way, value=value) for name, (way, value, _) in INSECURE.items()}
    folder = tmp_path_factory.mktemp("checkov")
    found: Findings = {path.stem: set() for path in written(folder, {"sound": sound} | copies)}
    result = output_of(*CHECKOV, "--output", "json", "--compact", "--quiet", "--directory", folder)
    assert result["summary"]["parsing_errors"] == 0
    for each in result["results"]["failed_checks"]:
        found[Path(each["file_path"]).stem].add(each["check_id"])
    return found


def test_the_template_breaks_the_rules_that_are_skipped_and_no_others(checkov: Findings) -> None:
    """What is skipped has its reason beside it; a skip that nothing needs hides the next resource that needs none."""
    assert checkov["sound"] == set(yaml_parse(CONFIGURATION.read_text())["skip-check"])


@pytest.mark.parametrize("name", INSECURE)
def test_checkov_bites(checkov: Findings, name: str) -> None:
    """Nobody looks at a log group or a trust policy again once it works."""
    assert INSECURE[name][-1] in checkov[name]
