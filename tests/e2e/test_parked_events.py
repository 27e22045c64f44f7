"""What the trigger cannot handle after all its retries lies in the dead-letter queue, whole; what passes is handled."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import yaml

from local.demo import ROOT
from tests.support.events import sample
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually
from tests.support.triggers import HASTE, PAUSES, Rule, copy_of_filter, copy_of_trigger, filter_arn, hurried

TIMES = (*PAUSES, "TimeoutSeconds")
TRIGGER = yaml.safe_load((ROOT / "statemachine/trigger.asl.yaml").read_text())
PIPELINE = {"name": "parking", "stages": [{"steps": [{"job": "nobody"}]}]}
DONE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
# A bootstrap that takes an invocation, and then does something else than answer.
TAKE = f"""#!{sys.executable}
import os, signal, time, urllib.request
urllib.request.urlopen("http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/next")
"""


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong between an event and the run of its pipeline, and how the trigger names it."""

    name: str
    error: str = ""
    cause: str = ""
    # The faults of starts of the pipeline; None: there is no such machine.
    starts: str | None = ""
    # The script in place of the filter's program.
    bootstrap: str = ""
    timeout: int = 9
    # What is wrong with the object in the event.
    bad: tuple[tuple[str, Any], ...] = ()

    @property
    def state(self) -> str:
        return "Filter event" if self.bootstrap or self.bad else "Start pipeline"


LASTING = [
    Trouble(
        "throttled",
        "StepFunctions.AWSStepFunctionsException",
        "Rate exceeded (Service: AWSStepFunctions; Status Code: 400; Error Code: ThrottlingException;",
        "forever ThrottlingException",
    ),
    Trouble(
        "denied",
        "StepFunctions.AWSStepFunctionsException",
        "Error Code: AccessDeniedException",
        "forever AccessDeniedException",
    ),
    Trouble("missing", "StepFunctions.StateMachineDoesNotExistException", "not found", None),
    Trouble("unreadable", "InvalidEvent", "detail.object.size", bad=(("size", "large"),)),
    Trouble("exits", "Runtime.ExitError", "exit", bootstrap=f"{TAKE}raise SystemExit(1)\n"),
    Trouble("killed", "Runtime.ExitError", "", bootstrap=f"{TAKE}os.kill(os.getpid(), signal.SIGKILL)\n"),
    Trouble("hangs", "Sandbox.Timedout", "timed out", bootstrap=f"{TAKE}time.sleep(60)\n", timeout=1),
]
PASSING = [
    Trouble("throttled-a-while", starts="3 ThrottlingException, 2 ExecutionLimitExceeded"),
    Trouble("breaks-down", starts="1 http-500, 1 hang"),
    Trouble("answer-lost", starts="2 lost-response"),
]
each_lasting = pytest.mark.parametrize("trouble", LASTING, ids=lambda trouble: trouble.name)
each_passing = pytest.mark.parametrize("trouble", PASSING, ids=lambda trouble: trouble.name)


class Play:
    """A trigger of its own, in its trouble, and an event on the way to it."""

    def __init__(self, stack: Stack, trouble: Trouble, queue: str) -> None:
        self.stack, self.trouble = stack, trouble
        name = f"parking-{trouble.name}"
        self.pipeline = stack.states.create_state_machine(
            name=f"{name}-pipeline",
            definition=json.dumps(DONE),
            roleArn=ROLE,
            tags=[{"key": "local:fault:StartExecution", "value": trouble.starts}] if trouble.starts else [],
        )["stateMachineArn"]
        if trouble.starts is None:
            stack.states.delete_state_machine(stateMachineArn=self.pipeline)
        own = filter_arn(stack)
        replaced = {
            stack.outputs["PipelineStateMachineArn"]: self.pipeline,
            stack.outputs["DeadLetterQueueUrl"]: queue,
            own: copy_of_filter(stack, name, trouble.bootstrap, trouble.timeout) if trouble.bootstrap else own,
        }
        self.trigger = copy_of_trigger(stack, name, replaced, HASTE)
        self.rule = Rule(stack, name, f"{name}/", PIPELINE, self.trigger, queue)
        self.event = sample("native-object-created-putobject", f"{name}/a b+c=d.csv")
        self.event["detail"]["object"] |= dict(trouble.bad)

    def ended(self) -> dict[str, Any] | None:
        """The trigger's execution, once it has ended."""
        arns = [each["executionArn"] for each in self.executions(self.trigger) if each["status"] != "RUNNING"]
        return self.stack.states.describe_execution(executionArn=arns[0]) if arns else None

    def executions(self, machine: str) -> list[dict[str, Any]]:
        return self.stack.states.list_executions(stateMachineArn=machine)["executions"]


@dataclass(frozen=True)
class Parking:
    plays: dict[str, Play]
    executions: dict[str, dict[str, Any]]
    messages: list[dict[str, Any]]

    def of(self, play: Play) -> list[dict[str, Any]]:
        """What was parked of the play's event."""
        key = play.event["detail"]["object"]["key"]
        return [message for message in self.messages if message["input"]["event"]["detail"]["object"]["key"] == key]


@pytest.fixture(scope="module")
def parking(stack: Stack) -> Iterator[Parking]:
    """All troubles at once, over."""
    queue = stack.queue("parking")
    plays = {trouble.name: Play(stack, trouble, queue) for trouble in (*LASTING, *PASSING)}
    for play in plays.values():
        stack.aws.put_event(play.event)
    executions = {name: eventually(play.ended) for name, play in plays.items()}
    messages: list[dict[str, Any]] = []
    while received := stack.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        messages += [json.loads(message["Body"]) for message in received]
    yield Parking(plays, executions, messages)
    for play in plays.values():
        play.rule.delete()


@each_lasting
def test_an_event_that_cannot_be_handled_is_parked_whole(parking: Parking, trouble: Trouble) -> None:
    """Nothing is lost: the message has what the rule sent, and names the failure and the execution that saw it."""
    play, execution = parking.plays[trouble.name], parking.executions[trouble.name]
    assert (execution["status"], execution["error"]) == ("FAILED", trouble.error)
    [parked] = parking.of(play)
    assert parked == {
        "error": trouble.error,
        "cause": execution["cause"],
        "executionArn": execution["executionArn"],
        "input": play.rule.sends(play.event),
    }
    assert trouble.cause in parked["cause"]


@each_lasting
def test_it_is_parked_after_all_retries(parking: Parking, trouble: Trouble) -> None:
    """What could pass is waited for as long as the machine says; what cannot is not waited for at all."""
    play, execution = parking.plays[trouble.name], parking.executions[trouble.name]
    failures = [event for event in play.stack.history(execution["executionArn"]) if event["type"] == "TaskFailed"]
    retriers = TRIGGER["States"][trouble.state]["Retry"]
    retrier = next(each for each in retriers if {trouble.error, "States.ALL"} & set(each["ErrorEquals"]))
    attempts = retrier["MaxAttempts"]
    assert len(failures) == 1 + attempts
    assert attempts >= 3 or trouble.bad


@each_passing
def test_an_event_in_trouble_that_passes_is_handled(parking: Parking, trouble: Trouble) -> None:
    """Throttling delays; it neither parks an event nor starts its run twice."""
    play, execution = parking.plays[trouble.name], parking.executions[trouble.name]
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    output = json.loads(execution["output"])
    assert output["outcome"] in ("STARTED", "JOINED")
    [run] = play.executions(play.pipeline)
    assert run["name"] == output["executionName"]
    assert parking.of(play) == []


def test_a_refused_message_keeps_the_event_in_the_failed_execution(stack: Stack) -> None:
    """The last resort: no queue to park in, but a cause that holds the event, for express executions keep no input."""
    queue = stack.outputs["DeadLetterQueueUrl"]
    trigger = copy_of_trigger(stack, "parking-nowhere", {queue: f"{queue}-gone"}, HASTE)
    event = sample("native-object-created-putobject", "parking-nowhere/a.csv")
    given = {"event": event, "filter": {"sufixes": []}}
    started = stack.states.start_execution(stateMachineArn=trigger, input=json.dumps(given))
    execution = stack.finish(started["executionArn"])
    assert (execution["status"], execution["error"]) == ("FAILED", "EventLost")
    assert json.loads(execution["cause"].partition("; the input: ")[2]) == given
    assert "InvalidFilter" in execution["cause"]
    assert "QueueDoesNotExist" in execution["cause"]


def test_the_hurried_trigger_differs_in_its_times_only() -> None:
    """What was tested above is the machine that ships."""
    hurry = partial(hurried, haste=HASTE)
    assert hurry(TRIGGER) != TRIGGER
    assert without_times(hurry(TRIGGER)) == without_times(TRIGGER)


def without_times(value: Any) -> Any:
    match value:
        case dict():
            return {name: without_times(each) for name, each in value.items() if name not in TIMES}
        case list():
            return [without_times(each) for each in value]
    return value
