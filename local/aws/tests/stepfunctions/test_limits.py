"""How much Step Functions lets a machine do, where the machines of this project come near."""

import re
import time
from typing import Any

import jsonata
import pytest

from local.aws.stepfunctions.expressions import Timebox
from local.aws.tests.support import FAIL, PASS, Local, expression

pytestmark = pytest.mark.aws(
    "Transforming data with JSONata in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
    validated="never",
)


@pytest.mark.aws(
    "Step Functions service quotas",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html",
    validated="error and cause in https://github.com/loads/ardere/issues/86",
)
def test_a_history_ends_after_25000_events(local: Local) -> None:
    """Protects machines that loop, or map: what iterations do is in the history of their execution."""
    iteration = {"StartAt": "One", "States": {"One": {"Type": "Pass", "Next": "Two"}, "Two": PASS}}
    many = {"Type": "Map", "Items": "{% [1..6300] %}", "ItemProcessor": iteration, "Output": 1, "End": True}
    execution = local.run(Many=many)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime"), execution
    assert "maximum number of history events (25000)" in execution["cause"]


@pytest.mark.aws(
    "HistoryEvent",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html",
    validated="never",
)
@pytest.mark.parametrize(
    ("tags", "kinds"),
    [
        ({}, ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]),
        ({"local:outcome": "failed"}, ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskFailed"]),
        (
            {"local:fault:StartJobRun": "forever ThrottlingException"},
            ["TaskScheduled", "TaskStarted", "TaskSubmitFailed"],
        ),
    ],
    ids=["run", "failed run", "refused start"],
)
def test_a_refused_start_leaves_three_events(local: Local, tags: dict[str, str], kinds: list[str]) -> None:
    """Protects the count of what fits into a history."""
    task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "End": True}
    task |= {"Arguments": {"JobName": local.job(tags={"local:seconds": "0"} | tags)}}
    arn = local.start(local.machine(Task=task))
    local.ended(arn)
    events = local.states.get_execution_history(executionArn=arn)["events"]
    assert [event["type"] for event in events if re.match("Task(?!State)", event["type"])] == kinds


@pytest.mark.aws(
    "Passing data between states with variables",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html",
    validated="never",
)
def test_one_assign_has_a_limit_for_all_its_variables(local: Local) -> None:
    """Protects machines from copies of large inputs, which AWS refuses: 256 KiB in all."""

    def assigning(*names: str) -> dict[str, Any]:
        return {"Type": "Pass", "Assign": dict.fromkeys(names, "{% $states.input %}"), "Output": 1, "End": True}

    half = "x" * 131_000
    assert local.output(half, Pass=assigning("one")) == 1
    error, cause = local.failure(half, Pass=assigning("one", "other", "third"))
    assert error == "States.DataLimitExceeded"
    assert "variables" in cause


@pytest.mark.aws(
    "Handling errors in Step Functions workflows",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
    validated="LocalStack: tests/aws/services/stepfunctions/v2/error_handling/test_states_errors.snapshot.json",
)
@pytest.mark.parametrize("names", [["States.DataLimitExceeded"], ["States.ALL"]], ids=lambda names: names[0])
def test_an_answer_has_a_limit_and_can_be_caught(local: Local, names: list[str]) -> None:
    """Protects machines from answers of others: 256 KiB, and States.ALL catches them against its documentation."""
    source = "def handler(event, context):\n    return 'x' * event\n"
    function = local.function("index.py", source, Runtime="python3.11", Handler="index.handler")
    catch = [{"ErrorEquals": names, "Next": "Caught"}]

    def invoking(length: int) -> dict[str, Any]:
        task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Output": "fits", "End": True}
        return task | {"Arguments": {"FunctionName": function, "Payload": length}, "Catch": catch}

    assert local.output(Task=invoking(200_000), Caught=PASS) == "fits"
    assert local.output(Task=invoking(300_000), Caught=PASS) == {
        "Error": "States.DataLimitExceeded",
        "Cause": "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service "
        "limit.",
    }


@pytest.mark.aws(
    "Handling errors in Step Functions workflows",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
    validated="LocalStack: tests/aws/services/stepfunctions/v2/error_handling/test_states_errors.snapshot.json: a Pass",
)
def test_the_output_of_a_state_has_a_limit(local: Local) -> None:
    """Protects machines from outputs that grow: of a Pass that ends the execution, a Map can catch its own."""
    large = expression("$pad('', 300000, 'x')")
    too_large = "returned a result with a size exceeding the maximum number of bytes service limit."
    assert local.failure(Pass=large) == ("States.DataLimitExceeded", f"The state/task 'Pass' {too_large}")
    each = {"StartAt": "Each", "States": {"Each": expression("$pad('', 100000, 'x')")}}
    catch = [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught"}]
    many = {"Type": "Map", "Items": "{% [1..3] %}", "ItemProcessor": each, "Catch": catch, "End": True}
    told = local.output(Many=many, Caught=PASS)
    assert told == {"Error": "States.DataLimitExceeded", "Cause": f"The state/task 'Many' {too_large}"}


@pytest.mark.aws(
    "ExecutionFailedEventDetails",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionFailedEventDetails.html",
    validated="never",
)
@pytest.mark.parametrize(("field", "limit"), [("Error", 256), ("Cause", 32_768)])
def test_what_a_fail_state_says_has_a_limit(local: Local, field: str, limit: int) -> None:
    """Protects causes that are put together: AWS ends the execution without them, also in a branch."""

    def failing(length: int) -> dict[str, Any]:
        return {**FAIL, field: f"{{% $pad('', {length}, 'x') %}}"}

    assert len(local.failure(Fail=failing(limit))[field == "Cause"]) == limit
    branch = {"StartAt": "Fail", "States": {"Fail": failing(limit + 1)}}
    for too_long in (failing(limit + 1), {"Type": "Parallel", "Branches": [branch], "End": True}):
        error, cause = local.failure(State=too_long)
        assert error == "States.Runtime"
        assert field in cause


@pytest.mark.aws(
    "Transforming data with JSONata in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
    validated="TestState's answer in https://github.com/floci-io/floci/issues/2737: 200 terms",
)
@pytest.mark.parametrize("depth", [20, 400])
def test_an_expression_may_not_go_too_deep(local: Local, depth: int) -> None:
    """Protects against expressions that AWS refuses only when their input is large."""
    state = expression("+".join(["1"] * depth))
    if depth == 20:
        assert local.output(Pass=state) == depth
    else:
        error, cause = local.failure(Pass=state)
        assert error == "States.QueryEvaluationError"
        assert "Stack overflow" in cause


def test_an_expression_may_not_compute_for_ever(local: Local) -> None:
    """Protects the local AWS itself, and those who would wait a second too long on AWS."""
    error, cause = local.failure(Pass=expression("($loop := function() { $loop() }; $loop())"))
    assert error == "States.QueryEvaluationError"
    assert "D1012" in cause


def test_waiting_for_a_processor_is_no_computing() -> None:
    """Protects runs in a burst: threads take turns, and an expression of a millisecond may wait a second."""

    def wait() -> str:
        time.sleep(1)
        return "done"

    compiled = jsonata.Jsonata("$wait()")
    compiled.register_lambda("wait", wait)
    frame = compiled.create_frame()
    Timebox(frame, timeout=500)
    assert compiled.evaluate(None, frame) == "done"
