"""What other people's linters know of CloudFormation and IAM, asked of the template as CloudFormation gets it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.demo import ROOT
from tests.support.transformed import Template, of_type, resolved, spliced, transformed

CFN_LINT = ROOT / ".venv/checks/bin/cfn-lint"
PYTHON = ROOT / ".venv/security/bin/python"


def output_of(*command: str | Path, stdin: Any = None) -> Any:
    """The JSON that a linter prints, whatever it exits with: findings are no failure of it."""
    result = subprocess.run(command, input=json.dumps(stdin), cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        return json.loads(result.stdout)
    except json.JSONDecodeError:
        raise AssertionError(result.stdout + result.stderr) from None


def written(folder: Path, template: Template) -> Path:
    path = folder / "template.json"
    path.write_text(json.dumps(template))
    return path


# --- cfn-lint: which sees the definitions only where they are part of the template -------------------


def test_cfn_lint_accepts_template_and_definitions(tmp_path: Path) -> None:
    """`sam validate --lint` sees no definition: they are elsewhere, behind SAM."""
    found = [
        f"{each['Rule']['Id']} {each['Location']['Path']} {each['Message']}"
        for each in output_of(CFN_LINT, "--format", "json", "--", written(tmp_path, spliced()))
        # It does not know that a timeout may be an expression.
        if not re.match(r"'\{%.*%}' is not of type", each["Message"])
        or (each["Location"]["Path"] or ["template"])[-1] != "TimeoutSeconds"
    ]
    assert found == []


# --- parliament: whether actions exist, and take the resources that they are granted on --------------

# It asks for every kind of resource that an action may be about; one is enough.
OTHER_KINDS = {"arn:*:states:*:*:mapRun:*/*:*", "arn:*:states:*:*:express:*:*:*"}
# Whether ListCrawls can be limited to crawlers, AWS has told differently over the years; "*" is right either way.
UNSCOPED = ["glue:ListCrawls"]


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


def test_policies_grant_what_exists_on_what_it_takes() -> None:
    """IAM accepts any word as an action, and grants nothing by it."""
    given = policies(transformed())
    assert given
    found = []
    for name, issues in output_of(PYTHON, "-c", AUDIT, stdin=given).items():
        for issue, detail in issues:
            kinds = {each["required_format"] for each in detail} if issue == "RESOURCE_MISMATCH" else set()
            if not (kinds and kinds <= OTHER_KINDS) and (issue, detail) != ("RESOURCE_STAR", UNSCOPED):
                found.append(f"{issue} {name} {detail}")
    assert found == []


# --- checkov: what a careful reviewer asks of each resource -------------------------------------------

CONFIGURATION = ROOT / "tools/checkov.yaml"
# All rules: what the configuration skips is compared below.
CHECKOV: list[str | Path] = [
    ROOT / ".venv/security/bin/checkov",
    "--config-file",
    CONFIGURATION,
    "--skip-check",
    "CKV_NOTHING",
]


def test_the_template_breaks_the_rules_that_are_skipped_and_no_others(tmp_path: Path) -> None:
    """What is skipped has its reason beside it; a skip that nothing needs hides the next resource that needs none."""
    written(tmp_path, transformed())
    result = output_of(*CHECKOV, "--output", "json", "--compact", "--quiet", "--directory", tmp_path)
    assert result["summary"]["parsing_errors"] == 0
    broken = {each["check_id"] for each in result["results"]["failed_checks"]}
    assert broken == set(yaml_parse(CONFIGURATION.read_text())["skip-check"])
