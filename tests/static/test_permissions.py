"""Each role grants what its machine or function calls, no less and no more.

The local AWS enforces no permissions: nothing else would notice before the first run in an account.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.support.definitions import TEMPLATE, each_machine, integration, load, machine_of, states
from tests.support.transformed import listed

RESOURCES = TEMPLATE["Resources"]

# What each integration calls on behalf of a machine:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html
CALLS = {
    "lambda:invoke": {"lambda:InvokeFunction"},
    "glue:startJobRun.sync": {"glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"},
    "states:startExecution": {"states:StartExecution"},
    "states:startExecution.sync:2": {
        "states:StartExecution",
        "states:DescribeExecution",
        "states:StopExecution",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    },
    "sqs:sendMessage": {"sqs:SendMessage"},
    "aws-sdk:glue:stopCrawler": {"glue:StopCrawler"},
    "aws-sdk:sfn:listExecutions": {"states:ListExecutions"},
}
TRACING = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}
FUNCTIONS: dict[str, set[str]] = {
    "StartCrawlerRole": {"glue:StartCrawler", "glue:GetCrawler", "glue:ListCrawls", "glue:GetCrawlerMetrics"},
    "GetCrawlerStateRole": {"glue:GetCrawler", "glue:ListCrawls"},
    "S3EventFilterRole": set(),
    "PlanPipelineRole": set(),
}
# The only call of ours that AWS cannot limit to a resource.
UNSCOPED = {"glue:GetCrawlerMetrics"}


def granted(statements: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Every action, with the resources that it is granted on; log delivery, which is the same for all, left out."""
    grants: dict[str, list[Any]] = {}
    for statement in statements:
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            grants.setdefault(action, []).extend(listed(statement["Resource"]))
    return {action: on for action, on in grants.items() if not action.startswith("logs:") or action in LOGGING}


def statements_of(path: Path) -> list[dict[str, Any]]:
    """What the machine's role is granted."""
    _, properties = machine_of(path)
    [policy] = properties["Policies"]
    return policy["Statement"]


def needed(machine: dict[str, Any]) -> set[str]:
    return set().union(*(CALLS[integration(state)] for _, state in states(machine) if state["Type"] == "Task"))


@each_machine
def test_machines_may_do_what_they_do(path: Path) -> None:
    """A missing action fails at night; one too many is there for an intruder."""
    assert set(granted(statements_of(path))) == needed(load(path))


@each_machine
def test_machines_invoke_their_own_functions_only(path: Path) -> None:
    """The functions that a machine's role may invoke are those that its tasks name, in all versions."""
    _, properties = machine_of(path)
    on = granted(statements_of(path)).get("lambda:InvokeFunction", [])
    used = {
        properties["DefinitionSubstitutions"][state["Arguments"]["FunctionName"][2:-1]]["Ref"].removesuffix(".Version")
        for _, state in states(load(path))
        if state.get("Resource", "").endswith("lambda:invoke")
    }
    assert {resource["Fn::Sub"] for resource in on} == {f"${{{function}.Arn}}:*" for function in used}


def test_starts_are_granted_on_machines_and_not_on_their_aliases() -> None:
    """Step Functions asks for the machine's own ARN, whatever is started; one with a version or alias permits nothing.

    https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html
    """
    machines = {name for name, each in RESOURCES.items() if each["Type"] == "AWS::Serverless::StateMachine"}
    on = [target for statement in all_statements() for target in granted([statement]).get("states:StartExecution", [])]
    assert len(on) >= 3
    assert {target["Ref"] for target in on} <= machines


@pytest.mark.parametrize(("role", "calls"), FUNCTIONS.items(), ids=FUNCTIONS)
def test_functions_may_do_what_they_do(role: str, calls: set[str]) -> None:
    """One list of actions a function, as the README and the design promise."""
    [policy] = RESOURCES[role]["Properties"]["Policies"]
    assert set(granted(policy["PolicyDocument"]["Statement"])) == calls | TRACING | LOGGING


def all_statements() -> list[dict[str, Any]]:
    """Those of every role and policy in the template."""
    properties = [resource.get("Properties", {}) for resource in RESOURCES.values()]
    policies = [policy for each in properties for policy in each.get("Policies", [])] + [
        resource["Properties"] for resource in RESOURCES.values() if resource["Type"] == "AWS::IAM::Policy"
    ]
    return [statement for policy in policies for statement in policy.get("PolicyDocument", policy)["Statement"]]


def test_nothing_is_granted_on_everything_without_need() -> None:
    """`*` only where AWS knows nothing narrower."""
    statements = all_statements()
    assert len(statements) > 15
    for action, on in granted(statements).items():
        assert "*" not in on or action in UNSCOPED | TRACING, action
