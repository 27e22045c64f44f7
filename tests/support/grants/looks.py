"""What checks look at; a look fails as soon as something of the stack is denied."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from tests.support.stack import Stack, eventually

T = TypeVar("T")


def under_way(stack: Stack, machine: str) -> list[str]:
    executions = stack.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    return [each["executionArn"] for each in executions]


def granted(stack: Stack, look: Callable[[], T | Literal[False] | None]) -> T:
    """The first true answer of `look`; fails as soon as something of the stack is denied, for it would only retry."""

    def undenied() -> T | Literal[False] | None:
        answer = look()
        denied = stack.aws.denied()
        assert not denied, denied
        return answer

    return eventually(undenied)


def ready(stack: Stack, crawler: str) -> None:
    """Awaits the end of its crawl, and the moment from which the next one may begin at once."""

    def over() -> bool:
        found = stack.glue.get_crawler(Name=crawler)["Crawler"]
        began = found.get("LastCrawl", {}).get("StartTime")
        return found["State"] == "READY" and (not began or (datetime.now(UTC) - began).total_seconds() > 1)

    granted(stack, over)


def moment() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def started(stack: Stack, machine: str, before: set[str]) -> list[str]:
    """The executions that were not there before; fails when an event is parked instead."""
    assert not stack.parked()
    return [each["executionArn"] for each in stack.executions(machine) if each["executionArn"] not in before]


def run(stack: Stack, machine: str, given: Any) -> dict[str, Any]:
    """Starts an execution and describes it when it has ended."""
    arn = stack.states.start_execution(
        stateMachineArn=stack.outputs[f"{machine}StateMachineArn"], input=json.dumps(given)
    )["executionArn"]
    return finished(stack, arn)


def finished(stack: Stack, arn: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        execution: dict[str, Any] = stack.states.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    return granted(stack, ended)


def running(stack: Stack, job: str) -> str | None:
    """The run of the job that is under way."""
    runs = stack.glue.get_job_runs(JobName=job)["JobRuns"]
    return next((run["Id"] for run in runs if run["JobRunState"] == "RUNNING"), None)


def succeeded(stack: Stack, arn: str) -> Any:
    """The output of the execution."""
    execution = finished(stack, arn)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return json.loads(execution["output"])


def resources(stack: Stack, kind: str) -> list[str]:
    """The physical names of the stack's resources of the type."""
    found = stack.aws.client("cloudformation").describe_stack_resources(StackName=stack.NAME)["StackResources"]
    return [each["PhysicalResourceId"] for each in found if each["ResourceType"] == kind]


def machines(stack: Stack) -> list[str]:
    return resources(stack, "AWS::StepFunctions::StateMachine")


def functions(stack: Stack) -> Iterator[dict[str, Any]]:
    for name in resources(stack, "AWS::Lambda::Function"):
        yield stack.functions.get_function_configuration(FunctionName=name)


def may(stack: Stack, role: str, resource: str, *actions: str) -> None:
    results = stack.aws.client("iam").simulate_principal_policy(
        PolicySourceArn=role, ActionNames=list(actions), ResourceArns=[resource]
    )["EvaluationResults"]
    assert {each["EvalDecision"] for each in results} == {"allowed"}, (role, results)
