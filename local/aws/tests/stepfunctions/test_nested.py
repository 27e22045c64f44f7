"""Executions that a machine starts and waits for."""

import json
from collections.abc import Callable

import pytest

from local.aws.tests.stepfunctions.support import Neighbour
from local.aws.tests.support import FAIL, PASS, WAIT, Local, eventually, expression, nested

pytestmark = pytest.mark.aws(
    "Start workflow executions from a task state in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html",
    validated="never",
)


@pytest.mark.aws(
    "Start workflow executions from a task state in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html",
    validated=(
        "LocalStack snapshots test_start_execution_sync, 2023-06-30, and test_start_execution_sync2, 2023-08-12"
    ),
)
def test_a_nested_execution_gives_its_output(local: Local) -> None:
    """Protects pipeline and crawl: sync:2 parses the output, and the child has a history."""
    child = local.machine(Pass=expression("{'doubled': $states.input.n * 2}"))
    result = local.output(Task=nested(child, Name="child", Input={"n": 2}))
    assert result["Output"] == {"doubled": 4}
    assert (result["Status"], result["Name"], result["StateMachineArn"]) == ("SUCCEEDED", "child", child)
    assert isinstance(result["StopDate"], int)
    [listed] = local.states.list_executions(stateMachineArn=child)["executions"]
    assert listed["executionArn"] == result["ExecutionArn"]
    assert local.output(Task=nested(child, ".sync", Input={"n": 2}))["Output"] == '{"doubled": 4}'
    assert local.output(Task=nested(child, "", Input={"n": 2})).keys() == {"ExecutionArn", "StartDate"}


@pytest.mark.aws(
    "Start workflow executions from a task state in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html",
    validated="LocalStack snapshot test_start_execution_sync_delegate_failure, 2023-07-05: of .sync",
)
def test_a_failed_child_is_a_failed_task_that_describes_it(local: Local) -> None:
    """Protects CrawlFailed inside a pipeline: the child's own error is in the cause."""
    execution = local.run(Task=nested(local.machine(Fail=FAIL), Input={"n": 1}))
    assert execution["error"] == "States.TaskFailed"
    cause = json.loads(execution["cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "Boom", "because")
    assert cause["Input"] == {"n": 1}
    assert cause["ExecutionArn"].endswith(cause["Name"])


@pytest.mark.aws(
    "Start workflow executions from a task state in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html",
    validated="LocalStack snapshot test_global_timeout, 2024-03-10: the child's description",
)
def test_a_child_that_timed_out_tells_no_error(local: Local) -> None:
    """Protects readers of causes: neither Error nor Cause is there, not even null."""
    execution = local.run(Task=nested(local.machine(timeout=1, Wait=WAIT)))
    assert execution["error"] == "States.TaskFailed"
    cause = json.loads(execution["cause"])
    assert cause["Status"] == "TIMED_OUT"
    assert cause.keys().isdisjoint({"Error", "Cause"})


@pytest.mark.aws(
    "Start workflow executions from a task state in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html",
    validated=("LocalStack snapshot test_start_execution_no_such_arn, 2023-06-30: StateMachineDoesNotExistException"),
)
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"Name": "not a name"}, "StepFunctions.InvalidNameException"),
        (
            {"StateMachineArn": "arn:aws:states:eu-west-1:000000000000:stateMachine:none"},
            "StepFunctions.StateMachineDoesNotExistException",
        ),
        ({"Name": "taken"}, "StepFunctions.ExecutionAlreadyExistsException"),
    ],
)
@pytest.mark.parametrize("how", ["", ".sync:2"])
def test_errors_of_nested_starts_are_named_as_aws_does(
    local: Local, arguments: dict[str, str], error: str, how: str
) -> None:
    """Protects the trigger: ExecutionAlreadyExistsException means joined."""
    child = local.machine(Pass=PASS)
    local.ended(local.start(child, name="taken"))
    assert local.run(Task=nested(child, how) | {"Arguments": {"StateMachineArn": child, **arguments}})["error"] == error


def stopped_by_stop(local: Local, machine: str) -> None:
    parent = local.start(local.machine(Task=nested(machine, Name="child")))
    eventually(lambda: local.states.list_executions(stateMachineArn=machine)["executions"])
    local.states.stop_execution(executionArn=parent, error="Why", cause="because")
    execution = local.execution(parent)
    assert (execution["status"], execution["error"]) == ("ABORTED", "Why")


def stopped_by_a_neighbour(local: Local, machine: str) -> None:
    neighbour = Neighbour(local)
    parent = local.start(local.machine(Both=neighbour.of(nested(machine, Name="child"))))
    eventually(lambda: local.states.list_executions(stateMachineArn=machine)["executions"])
    neighbour.fail()
    assert local.ended(parent)["error"] == "Boom"


@pytest.mark.aws(
    "Run a Job (.sync)",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync",
    validated="never",
)
@pytest.mark.parametrize("stop", [stopped_by_stop, stopped_by_a_neighbour])
def test_a_child_is_stopped_with_its_parent(local: Local, stop: Callable[[Local, str], None]) -> None:
    """Protects money: no crawl is waited for by nobody."""
    child = local.machine(Wait=WAIT)
    stop(local, child)
    assert local.ended(child.replace("stateMachine", "execution") + ":child")["status"] == "ABORTED"
