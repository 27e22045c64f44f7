"""`make redrive`: parked events go through the trigger again; none is lost on the way, however it ends."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from local.demo import ROOT
from tests.support.events import sample
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually
from tests.support.triggers import HASTE, Rule, copy_of_trigger

DONE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
PIPELINE = {"name": "redriven", "stages": [{"steps": [{"job": "nobody"}]}]}
SCRIPT = "tools/redrive.py"
# The same program, but what it hides comes back in seconds.
FORGETFUL = "from tools import redrive; redrive.HIDDEN_SECONDS = 8; raise SystemExit(redrive.main())"


class Parked:
    """A stack of its own, as far as a redrive can see: a queue, a trigger, a rule and a pipeline."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack, self.name = stack, name
        self.queue = stack.queue(name)
        self.pipeline = stack.states.create_state_machine(
            name=f"{name}-pipeline", definition=json.dumps(DONE), roleArn=ROLE
        )["stateMachineArn"]
        replaced = {
            stack.outputs["PipelineStateMachineArn"]: self.pipeline,
            stack.outputs["DeadLetterQueueUrl"]: self.queue,
        }
        self.trigger = copy_of_trigger(stack, name, replaced, HASTE)
        self.rule = Rule(stack, name, f"{name}/", PIPELINE, self.trigger, self.queue)
        outputs = {
            "DeadLetterQueueUrl": self.queue,
            "TriggerStateMachineArn": self.trigger,
            "PipelineStateMachineArn": self.pipeline,
        }
        template = {
            "Resources": {"LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}},
            "Outputs": {output: {"Value": value} for output, value in outputs.items()},
        }
        self._formation = stack.aws.client("cloudformation")
        self._formation.create_stack(StackName=name, TemplateBody=json.dumps(template))
        eventually(lambda: "IN_PROGRESS" not in self._status())
        assert self._status() == "CREATE_COMPLETE"

    def _status(self) -> str:
        return self._formation.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"]

    def break_starts(self, machine: str, fault: str, operation: str = "StartExecution") -> None:
        tags = [{"key": f"local:fault:{operation}", "value": fault}]
        self.stack.states.tag_resource(resourceArn=machine, tags=tags)

    def mend_starts(self, machine: str, operation: str = "StartExecution") -> None:
        self.stack.states.untag_resource(resourceArn=machine, tagKeys=[f"local:fault:{operation}"])

    def event(self, key: str, name: str = "native-object-created-putobject") -> dict[str, Any]:
        return sample(name, f"{self.name}/{key}")

    def arrive(self, *events: dict[str, Any]) -> None:
        """The events come, and are parked."""
        before = sum(self.counted())
        for event in events:
            self.stack.aws.put_event(event)
        eventually(lambda: sum(self.counted()) == before + len(events))

    def put(self, body: Any, **attributes: str) -> None:
        """A message as it might lie there."""
        told = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self.stack.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps(body), MessageAttributes=told)

    def counted(self) -> tuple[int, int]:
        """How many messages are there, and how many are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.stack.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return int(told[names[0]]), int(told[names[1]])

    def bodies(self) -> list[Any]:
        """What lies in the queue, left there."""
        received = self.stack.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in received.get("Messages", [])]

    def runs(self) -> int:
        return len(self.stack.states.list_executions(stateMachineArn=self.pipeline)["executions"])

    def start_redrive(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *(command or [SCRIPT]), "--stack", self.name],
            cwd=ROOT,
            env=self.stack.aws.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def redrive(self, *command: str) -> tuple[int, list[str], str]:
        """Exit code, outcome of each event, and what was printed."""
        process = self.start_redrive(*command)
        text, _ = process.communicate(timeout=90)
        outcomes = re.findall(r"^(\w+(?: again)?) +s3://|^(kept) ", text, re.MULTILINE)
        return process.returncode, sorted(one or other for one, other in outcomes), text


@pytest.fixture
def parked(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Parked]:
    parked = Parked(stack, re.sub(r"\W+", "-", request.node.name.removeprefix("test_").replace("_", "-"))[:40])
    yield parked
    parked.rule.delete()


def test_both_kinds_of_messages_go_through_the_trigger_again(parked: Parked) -> None:
    """What trigger parked and what EventBridge could not even hand to it; a second time there is nothing left."""
    parked.break_starts(parked.pipeline, "forever ThrottlingException")
    parked.arrive(parked.event("throttled.csv"))
    parked.mend_starts(parked.pipeline)
    parked.break_starts(parked.trigger, "forever AccessDeniedException")
    trail = parked.event("b+c=d.csv", "cloudtrail-completemultipartupload")
    parked.arrive(parked.event("denied.csv"), trail, parked.event("_SUCCESS"))
    parked.put(parked.rule.sends(parked.event("transformed.csv")), RULE_ARN=parked.rule.arn, TARGET_ARN=parked.trigger)
    parked.mend_starts(parked.trigger)
    assert parked.runs() == 0

    code, listed, text = parked.redrive(SCRIPT, "--dry-run")
    assert (code, listed, parked.counted(), parked.runs()) == (0, ["parked"] * 5, (5, 0), 0), text
    assert "NO_PERMISSIONS" in text
    assert "StepFunctions.AWSStepFunctionsException: Rate exceeded" in text

    code, outcomes, text = parked.redrive()
    assert code == 0, text
    assert outcomes.count("IGNORED") == 1
    assert len(outcomes) == 5
    assert set(outcomes) <= {"STARTED", "JOINED", "IGNORED"}
    assert parked.runs() == len(set(re.findall(r"redriven-[0-9a-f]{32}-\d+", text)))
    for key in ("throttled.csv", "denied.csv", "b+c=d.csv", "_SUCCESS", "transformed.csv"):
        assert f"/{key}  " in text
    assert parked.counted() == (0, 0)

    assert parked.redrive() == (0, [], "0 events\n")


def test_an_event_that_fails_again_is_parked_again_and_not_twice(parked: Parked) -> None:
    """A poisoned event must neither be lost, nor go round for ever, nor multiply with each run."""
    unreadable = parked.event("unreadable.csv")
    unreadable["detail"]["object"]["size"] = "large"
    parked.arrive(unreadable)
    # Fails by an error that would be fatal elsewhere, and is parked here.
    unnamed = {"event": parked.event("unnamed.csv"), "pipeline": "a name alone"}
    parked.put({"error": "e", "cause": "c", "executionArn": "arn:aws:states:::execution", "input": unnamed})
    for _ in range(2):
        before = {body["executionArn"] for body in parked.bodies()}
        code, outcomes, text = parked.redrive()
        assert (code, outcomes) == (1, ["parked again"] * 2), text
        assert parked.counted() == (2, 0)
        bodies = parked.bodies()
        assert not before & {body["executionArn"] for body in bodies}
        inputs = {body["error"]: body["input"] for body in bodies}
        assert inputs == {"InvalidEvent": parked.rule.sends(unreadable), "CallFailed": unnamed}
    assert parked.runs() == 0


def test_what_cannot_be_sent_stays(parked: Parked) -> None:
    """A message that somebody else put there, or whose rule is gone, is for people to look at."""
    event = parked.event("a.csv")
    gone = parked.rule.arn.replace(parked.name, "gone")
    messages = [
        ({"hello": "world"}, {}),
        (["a"], {}),
        (event, {"RULE_ARN": gone, "TARGET_ARN": parked.trigger}),
        (event, {"RULE_ARN": parked.rule.arn, "TARGET_ARN": parked.pipeline}),
        ({"event": 5, "input": {"event": [], "detail": "x"}}, {}),
        (PIPELINE, {"SCHEDULE_ARN": "arn:aws:scheduler:::schedule/default/s", "TARGET_ARN": parked.trigger}),
        ('{"name": "cut', {"SCHEDULE_ARN": "arn:aws:scheduler:::schedule/default/s", "TARGET_ARN": parked.pipeline}),
    ]
    for body, attributes in messages:
        parked.put(body, **attributes)
    code, outcomes, text = parked.redrive()
    assert (code, outcomes) == (1, ["kept"] * 7), text
    assert "7 events: 7 kept" in text
    assert "rule gone" in text
    assert f"meant for {parked.pipeline}" in text
    assert f"meant for {parked.trigger}" in text
    assert parked.counted() == (7, 0)
    assert sorted(map(json.dumps, parked.bodies())) == sorted(json.dumps(body) for body, _ in messages)


def test_an_event_that_can_be_neither_handled_nor_parked_stays(parked: Parked) -> None:
    """The trigger's last resort leaves the event to its execution: the message must not go then."""
    queue = {parked.stack.outputs["DeadLetterQueueUrl"]: "http://gone"}
    lost = copy_of_trigger(parked.stack, f"{parked.name}-lost", queue, HASTE)
    given = {"event": parked.event("a.csv"), "filter": {"sufixes": []}}
    parked.put({"error": "e", "cause": "c", "executionArn": "arn:aws:states:::execution", "input": given})
    redrive = f"redrive.Redrive({parked.queue!r}, {lost!r}, {parked.pipeline!r}, dry=False)"
    code, outcomes, text = parked.redrive("-c", f"from tools import redrive; raise SystemExit({redrive}.run())")
    assert (code, outcomes) == (1, ["kept"]), text
    assert "EventLost" in text
    assert parked.counted() == (1, 0)


def test_killed_half_way_it_has_lost_nothing(parked: Parked) -> None:
    """What it had taken comes back, and is handled by the next run; until then that says that something is hidden."""
    parked.break_starts(parked.trigger, "forever AccessDeniedException")
    events = [parked.event(f"{number}.csv") for number in range(3)]
    parked.arrive(*events)
    parked.mend_starts(parked.trigger)
    parked.break_starts(parked.trigger, "1 hang", "StartSyncExecution")
    parked.stack.aws.forget_calls()
    process = parked.start_redrive("-c", FORGETFUL)
    # Two have been handled, the third hangs.
    eventually(lambda: parked.counted() == (0, 1))
    process.kill()
    process.communicate()
    code, outcomes, text = parked.redrive()
    assert code == 1, text
    assert "1 more are hidden" in text
    eventually(lambda: parked.counted()[1] == 0)
    code, later, text = parked.redrive()
    assert (code, len(outcomes + later)) == (0, 1), text
    assert parked.counted() == (0, 0)
    assert 1 <= parked.runs() <= 3


def test_a_message_that_comes_back_costs_one_run_at_most(parked: Parked) -> None:
    """SQS delivers at least once, and a run may be killed between handling an event and deleting its message."""
    given = parked.rule.sends(parked.event("twice.csv"))
    for _ in range(2):
        parked.put({"error": "e", "cause": "c", "executionArn": "arn:aws:states:::execution", "input": given})
        code, outcomes, text = parked.redrive()
        assert (code, len(outcomes)) == (0, 1), text
    assert parked.runs() <= 2


def test_a_stack_that_does_not_exist_is_named(stack: Stack) -> None:
    """A typo must not pass as an empty queue."""
    command = [sys.executable, SCRIPT, "--stack", "nobody"]
    ended = subprocess.run(command, cwd=ROOT, env=stack.aws.environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "nobody" in ended.stderr
