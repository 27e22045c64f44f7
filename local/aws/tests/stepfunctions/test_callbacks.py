"""Tasks that wait for their token to come back."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from local.aws.tests.stepfunctions.support import table_of_tokens, token, waiting
from local.aws.tests.support import PASS, Local, error_code

pytestmark = pytest.mark.aws(
    "Wait for a Callback with Task Token",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html",
    validated="never",
)


def kinds(local: Local, arn: str) -> list[str]:
    """The types of the events of a task."""
    events = local.states.get_execution_history(executionArn=arn)["events"]
    return [event["type"] for event in events if event["type"].startswith("Task") and "State" not in event["type"]]


def test_a_token_that_comes_back_ends_the_wait_with_its_output(local: Local) -> None:
    """Protects crawl: what wake sends back is the result of the task."""
    where = table_of_tokens(local)
    arn = local.start(local.machine(Wait=waiting(where)))
    local.states.send_task_success(taskToken=token(local, where), output='{"n": 1}')
    assert json.loads(local.ended(arn)["output"]) == {"n": 1}
    assert kinds(local, arn) == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


def test_a_token_may_bring_a_failure(local: Local) -> None:
    """Protects those who send failures back: error and cause are those that were sent."""
    where = table_of_tokens(local)
    arn = local.start(local.machine(Wait=waiting(where)))
    local.states.send_task_failure(taskToken=token(local, where), error="Boom", cause="because")
    ended = local.ended(arn)
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "Boom", "because")


def test_a_token_that_does_not_come_back_is_a_timeout(local: Local) -> None:
    """Protects safety looks: the timeout may be an expression, is caught as States.Timeout, and has no cause."""
    where = table_of_tokens(local)
    catch = [{"ErrorEquals": ["States.Timeout"], "Output": "{% $states.errorOutput %}", "Next": "Next"}]
    wait = waiting(where, TimeoutSeconds="{% $states.input.seconds %}", Catch=catch)
    arn = local.start(local.machine(Wait=wait, Next=PASS), {"seconds": 1})
    assert json.loads(local.ended(arn)["output"]) == {"Error": "States.Timeout", "Cause": ""}
    assert kinds(local, arn)[-1] == "TaskTimedOut"


@pytest.mark.parametrize("seconds", [0, 0.5, -1])
def test_a_timeout_is_a_positive_whole_number(local: Local, seconds: float) -> None:
    """Protects crawl's pauses: what AWS refuses is refused."""
    wait = waiting(table_of_tokens(local), TimeoutSeconds="{% $states.input.seconds %}")
    execution = local.ended(local.start(local.machine(Wait=wait), {"seconds": seconds}))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_each_attempt_has_a_token_of_its_own(local: Local) -> None:
    """Protects retries: the first attempt's token wakes nobody any more."""
    where = table_of_tokens(local)
    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    arn = local.start(local.machine(Wait=waiting(where, Retry=retry)))
    first = token(local, where)
    local.states.send_task_failure(taskToken=first, error="Again")
    second = token(local, where, other_than=first)
    assert error_code(local.states.send_task_success, taskToken=first, output="{}")[0] == "TaskTimedOut"
    local.states.send_task_success(taskToken=second, output="{}")
    assert local.ended(arn)["status"] == "SUCCEEDED"


@pytest.mark.aws(
    "SendTaskSuccess",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html",
    validated="https://github.com/aws-samples/amazon-mwaa-examples/issues/61: TaskTimedOut",
)
def test_a_token_that_nobody_waits_for_is_refused(local: Local) -> None:
    """Protects wake: what is over, what never was, and what is no JSON have errors of their own."""
    where = table_of_tokens(local)
    arn = local.start(local.machine(Wait=waiting(where)))
    used = token(local, where)
    send: Callable[..., Any] = local.states.send_task_success
    assert error_code(send, taskToken=used, output="no JSON")[0] == "InvalidOutput"
    send(taskToken=used, output="{}")
    local.ended(arn)
    gone = ("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    assert error_code(send, taskToken=used, output="{}") == gone
    assert error_code(send, taskToken="no-token", output="{}") == ("InvalidToken", "Invalid Token: 'Invalid token'")


def test_an_abort_ends_the_wait(local: Local) -> None:
    """Protects those who stop a run: nothing waits on, and the token is worth nothing."""
    where = table_of_tokens(local)
    arn = local.start(local.machine(Wait=waiting(where)))
    held = token(local, where)
    local.states.stop_execution(executionArn=arn)
    assert local.execution(arn)["status"] == "ABORTED"
    assert error_code(local.states.send_task_success, taskToken=held, output="{}")[0] == "TaskTimedOut"


@pytest.mark.aws(
    "Integrating with AWS SDK services",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html",
    validated="names that TestState reported on 2026-09-24, in the tests of a public compiler (sfnx)",
)
@pytest.mark.parametrize(
    ("given", "error"),
    [("over", "Sfn.TaskTimedOutException"), ("no-token", "Sfn.InvalidTokenException")],
)
def test_a_machine_that_sends_a_token_back_in_vain_can_catch_it(local: Local, given: str, error: str) -> None:
    """Protects wake's catchers: the names of the SDK for Java 2.x."""
    if given == "over":
        where = table_of_tokens(local)
        arn = local.start(local.machine(Wait=waiting(where)))
        given = token(local, where)
        local.states.send_task_success(taskToken=given, output="{}")
        local.ended(arn)
    arguments = {"TaskToken": given, "Output": "{}"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess", "Arguments": arguments}
    assert local.failure(Send=task | {"End": True})[0] == error


def test_a_fault_strikes_the_token_of_its_machine(local: Local) -> None:
    """Protects scenarios in which nobody can be woken."""
    where = table_of_tokens(local)
    machine = local.machine(Wait=waiting(where))
    fault = [{"key": "local:fault:SendTaskSuccess", "value": "1 ThrottlingException"}]
    local.states.tag_resource(resourceArn=machine, tags=fault)
    arn = local.start(machine)
    held = token(local, where)
    assert error_code(local.states.send_task_success, taskToken=held, output="{}")[0] == "ThrottlingException"
    local.states.send_task_success(taskToken=held, output="{}")
    assert local.ended(arn)["status"] == "SUCCEEDED"


def test_an_answer_that_is_lost_leaves_the_token_used(local: Local) -> None:
    """Protects wake's second attempt: the first one woke, though nobody heard of it."""
    where = table_of_tokens(local)
    machine = local.machine(Wait=waiting(where))
    fault = [{"key": "local:fault:SendTaskSuccess", "value": "1 lost-response"}]
    local.states.tag_resource(resourceArn=machine, tags=fault)
    arn = local.start(machine)
    held = token(local, where)
    with pytest.raises(ConnectionClosedError):
        local.states.send_task_success(taskToken=held, output="{}")
    assert local.ended(arn)["status"] == "SUCCEEDED"
    assert error_code(local.states.send_task_success, taskToken=held, output="{}")[0] == "TaskTimedOut"


def test_what_cannot_be_called_is_not_waited_for(local: Local) -> None:
    """Protects crawl: without its table it goes on at once."""
    error, _ = local.failure(Wait=waiting("no-table"))
    assert error == "DynamoDb.ResourceNotFoundException"
    denied = table_of_tokens(local, tags={"local:fault:PutItem": "forever AccessDeniedException"})
    assert local.failure(Wait=waiting(denied))[0] == "DynamoDb.DynamoDbException"
