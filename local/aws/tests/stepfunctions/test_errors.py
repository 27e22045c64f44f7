"""Errors of states: time-outs, retries, and what no Catch can hold."""

from typing import Any

import pytest

from local.aws.stepfunctions import states
from local.aws.tests.support import PASS, WAIT, Local, eventually, nested

pytestmark = pytest.mark.aws(
    "Handling errors in Step Functions workflows",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
    validated="never",
)


@pytest.mark.aws(
    "Task workflow state",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html",
    validated=(
        "LocalStack snapshots test_base_task[TIMEOUT_SECONDS], 2025-07-22 (an expression), and "
        "test_fixed_timeout_service_lambda, 2024-03-10 (the error)"
    ),
)
def test_a_task_timeout_may_be_an_expression(local: Local) -> None:
    """Protects the deadline of a step."""
    state = nested(local.machine(Wait=WAIT)) | {"TimeoutSeconds": "{% $states.input.s %}"}
    execution = local.run({"s": 1}, Task=state)
    assert execution["error"] == "States.Timeout"
    assert (execution["stopDate"] - execution["startDate"]).total_seconds() < 30


@pytest.mark.aws(
    "State machine structure",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html",
    validated="LocalStack snapshot test_global_timeout, 2024-03-10: TIMED_OUT",
)
def test_a_machine_has_a_timeout(local: Local) -> None:
    """Protects the deadline of an execution: TIMED_OUT, and what it waits for ends too."""
    child = local.machine(Wait=WAIT)

    def timed_out() -> list[dict[str, Any]]:
        assert local.run(timeout=1, Task=nested(child))["status"] == "TIMED_OUT"
        return local.states.list_executions(stateMachineArn=child)["executions"]

    # On a busy machine the time may be over before there is a child.
    for each in eventually(timed_out):
        assert local.ended(each["executionArn"])["status"] == "ABORTED"


@pytest.mark.aws(
    "Handling errors in Step Functions workflows",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
    validated="LocalStack snapshot test_catch_states_runtime, 2023-11-23: even a catcher that names it",
)
def test_a_runtime_error_is_not_caught(local: Local) -> None:
    """Protects against a Catch that works only locally: States.ALL leaves out States.Runtime."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startCrawler.sync", "Catch": catch, "End": True}
    assert local.run(Task=task, Caught=PASS)["error"] == "States.Runtime"


def test_retries_honour_max_delay(local: Local) -> None:
    """Protects patience: MaxDelaySeconds caps the backoff."""
    capped = {"IntervalSeconds": 1, "BackoffRate": 30, "MaxAttempts": 2, "MaxDelaySeconds": 1}
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:glue:getCrawler",
        "Arguments": {"Name": "nobody"},
        "Retry": [{"ErrorEquals": ["Glue.EntityNotFoundException"], **capped}],
        "End": True,
    }
    execution = local.run(Task=state)
    assert execution["error"] == "Glue.EntityNotFoundException"
    assert 2 <= (execution["stopDate"] - execution["startDate"]).total_seconds() < 31


def test_full_jitter_starts_at_zero() -> None:
    """Protects patience: the delays are anything from none to the one without jitter."""
    retrier = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "JitterStrategy": "FULL"}
    found = (states.find_matching_retrier([retrier], "Boom", {})[0] for _ in range(1000))
    delays = sorted(each["IntervalSeconds"] for each in found if each)
    assert 0 <= delays[0] < 0.5
    assert 1.5 < delays[999] <= 2


@pytest.mark.aws(
    "Handling errors in Step Functions workflows",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
    validated="LocalStack snapshot test_invoke_timeout, 2024-11-28: of a function",
)
def test_a_timeout_that_is_caught_has_no_cause(local: Local) -> None:
    """Protects catchers that tell a cause: here there is none, not even null."""
    job = local.job(tags={"local:seconds": "60"})
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Arguments": {"JobName": job},
        "TimeoutSeconds": 1,
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}],
        "End": True,
    }
    assert local.output(Task=task, Caught=PASS) == {"Error": "States.Timeout", "Cause": ""}


@pytest.mark.aws(
    "AWS SDK integrations",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html",
    validated="never",
)
@pytest.mark.parametrize("service", ["glue", "sfn", "s3", "dynamodb"])
def test_an_action_that_is_not_there_is_named(local: Local, service: str) -> None:
    """Protects those who mistype an action from an error about something else."""
    task = {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{service}:crawlEverything", "End": True}
    error, cause = local.failure(Task=task | {"Arguments": {}})
    assert "crawleverything" in (error + cause).lower()
