"""Starts of executions that fail, and what EventBridge makes of them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from local.aws.tests.support import ROLE, Local, error_code, eventually, unique

pytestmark = pytest.mark.aws(
    "StartExecution",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html",
    validated="never",
)

DONE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


def machine(local: Local, kind: str = "STANDARD", **faults: str) -> str:
    """A new machine that ends at once; `faults` are operation=value."""
    return local.states.create_state_machine(
        name=unique("machine"),
        definition=json.dumps(DONE),
        roleArn=ROLE,
        type=kind,
        tags=[{"key": f"local:fault:{operation}", "value": value} for operation, value in faults.items()],
    )["stateMachineArn"]


def starting(target: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Arguments": {"StateMachineArn": target, "Name": "named"},
        "End": True,
    }


@pytest.mark.aws(
    "Start workflow executions from a task state in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html",
    validated="never",
)
@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("ThrottlingException", "AWSStepFunctionsException"),
        ("AccessDeniedException", "AWSStepFunctionsException"),
        ("ExecutionLimitExceeded", "ExecutionLimitExceededException"),
    ],
)
def test_a_start_fails_as_often_as_the_tag_says(local: Local, code: str, named: str) -> None:
    """Protects retries by name: the API's error, the task's, which is the base class's if none is modelled, and then
    success."""
    target = machine(local, StartExecution=f"2 {code}")
    assert error_code(local.states.start_execution, stateMachineArn=target)[0] == code
    failed = local.run(Task=starting(target))
    assert failed["error"] == f"StepFunctions.{named}"
    assert f" (Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; Request ID: " in failed["cause"]
    assert local.output(Task=starting(target))["ExecutionArn"].endswith(":named")
    assert local.aws.calls()[target.rpartition(":")[2]] == {"StartExecution": 3}


@pytest.mark.aws(
    "TagResource",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_TagResource.html",
    validated="never",
)
def test_tags_of_a_machine_may_change(local: Local) -> None:
    """Protects scenarios in which a fault is mended."""
    target = machine(local)
    fault = [{"key": "local:fault:StartExecution", "value": "forever ThrottlingException"}]
    local.states.tag_resource(resourceArn=target, tags=fault)
    assert error_code(local.states.start_execution, stateMachineArn=target)[0] == "ThrottlingException"
    local.states.untag_resource(resourceArn=target, tagKeys=["local:fault:StartExecution"])
    assert local.start(target)


@pytest.mark.aws(
    "TagResource",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_TagResource.html",
    validated="never",
)
@pytest.mark.parametrize(
    "tag", [{"local:seconds": "1"}, {"local:fault:GetCrawler": "1 hang"}, {"local:fault:StartExecution": "1 garbage"}]
)
def test_a_tag_that_would_be_ignored_is_refused(local: Local, tag: dict[str, str]) -> None:
    """Protects scenarios from typos."""
    tags = [{"key": key, "value": value} for key, value in tag.items()]
    code, message = error_code(local.states.tag_resource, resourceArn=machine(local), tags=tags)
    assert code == "ValidationException"
    assert next(iter(tag)) in message


def test_a_start_whose_answer_is_lost_took_effect(local: Local) -> None:
    """Protects the trigger's idempotency: the run is there, and nobody was told."""
    target = machine(local, StartExecution="2 lost-response")
    with pytest.raises(ConnectionClosedError):
        local.states.start_execution(stateMachineArn=target)
    assert local.run(Task=starting(target))["error"] == "StepFunctions.AWSStepFunctionsException"
    assert len(local.states.list_executions(stateMachineArn=target)["executions"]) == 2


@pytest.mark.aws(
    "StartSyncExecution",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html",
    validated=("LocalStack snapshots test_start_sync_execution of EXPRESS, 2024-06-26, and of STANDARD, 2024-07-03"),
)
def test_a_start_that_waits_for_the_end(local: Local) -> None:
    """Protects redrives: StartSyncExecution tells the outcome, for EXPRESS machines only, and has faults of its own."""
    target = machine(local, "EXPRESS", StartSyncExecution="1 ThrottlingException")
    assert error_code(local.states.start_sync_execution, stateMachineArn=target)[0] == "ThrottlingException"
    ended = local.states.start_sync_execution(stateMachineArn=target, input='{"a": 1}')
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"a": 1})
    code, _ = error_code(local.states.start_sync_execution, stateMachineArn=machine(local))
    assert code == "StateMachineTypeNotSupported"


def rule(local: Local, target: str, **retries: int) -> tuple[str, str, str]:
    """A rule that starts `target` with a transformed event: the event's source, its ARN, its dead-letter queue."""
    name = unique("rule")
    queue, queue_arn = local.queue()
    events = local.aws.client("events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    event_target = {
        "Id": "machine",
        "Arn": target,
        "RoleArn": ROLE,
        "DeadLetterConfig": {"Arn": queue_arn},
        "InputTransformer": {"InputTemplate": '{"event": <aws.events.event.json>}'},
        "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400} | retries,
    }
    events.put_targets(Rule=name, Targets=[event_target])
    return name, arn, queue


def send(local: Local, source: str) -> None:
    entry = {"Source": source, "DetailType": "test", "Detail": '{"n": 1}'}
    local.aws.client("events").put_events(Entries=[entry])


def dead_letter(local: Local, queue: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The event and the attributes of the message in the queue."""
    received = eventually(
        lambda: local.sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages")
    )
    [message] = received
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    return json.loads(message["Body"]), attributes


@pytest.mark.aws(
    "Using dead-letter queues to process undelivered events in EventBridge",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
    validated="never",
)
@pytest.mark.parametrize(
    ("fault", "code", "more"),
    [
        ("forever AccessDeniedException", "NO_PERMISSIONS", {"RETRY_ATTEMPTS": "0"}),
        (None, "NO_RESOURCE", {"RETRY_ATTEMPTS": "0"}),
        (
            "forever ThrottlingException",
            "THROTTLING",
            {"RETRY_ATTEMPTS": "2", "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts"},
        ),
    ],
)
def test_an_event_that_cannot_be_delivered_is_parked(
    local: Local, fault: str | None, code: str, more: dict[str, str]
) -> None:
    """Protects redrives: EventBridge's own messages hold the event as it was, and tell rule and reason."""
    target = machine(local, **({"StartExecution": fault} if fault else {}))
    if fault is None:
        local.states.delete_state_machine(stateMachineArn=target)
    source, arn, queue = rule(local, target, MaximumRetryAttempts=2)
    send(local, source)
    event, attributes = dead_letter(local, queue)
    assert (event["source"], event["detail"]) == (source, {"n": 1})
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {"RULE_ARN": arn, "TARGET_ARN": target, "ERROR_CODE": code} | more


@pytest.mark.aws(
    "How EventBridge retries delivering events",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html",
    validated="never",
)
def test_a_delivery_is_tried_again(local: Local) -> None:
    """Protects bursts: throttling delays an event, and drops nothing."""
    target = machine(local, StartExecution="3 ThrottlingException")
    source, _, queue = rule(local, target)
    send(local, source)
    [execution] = eventually(lambda: local.states.list_executions(stateMachineArn=target)["executions"])
    given = json.loads(local.execution(execution["executionArn"])["input"])
    assert given["event"]["detail"] == {"n": 1}
    assert local.received(queue) == []
