"""A stack with parked events, and `crawler-sync redrive` on it."""

import json
import re
from typing import Any

from tests.support.command import Command
from tests.support.events import sample
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually
from tests.support.triggers import Rule, copy_of_trigger

DONE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
PIPELINE = {"name": "redriven", "stages": [{"steps": [{"job": "nobody"}]}]}


class Parked:
    """A stack of its own, as far as a redrive can see: a queue, a trigger, a rule and a pipeline."""

    def __init__(self, stack: Stack, name: str, haste: float) -> None:
        self.stack, self.name = stack, name
        self.command = Command(stack.aws, name)
        self.queue = stack.queue(f"{name}-dead-letters")
        self.pipeline = stack.states.create_state_machine(
            name=f"{name}-pipeline", definition=json.dumps(DONE), roleArn=ROLE, publish=True
        )["stateMachineArn"]
        version = {"stateMachineVersionArn": f"{self.pipeline}:1", "weight": 100}
        stack.states.create_state_machine_alias(name="live", routingConfiguration=[version])
        replaced = {
            stack.outputs["PipelineStateMachineArn"]: self.pipeline,
            stack.outputs["DeadLetterQueueUrl"]: self.queue,
        }
        self.trigger = copy_of_trigger(stack, f"{name}-trigger", replaced, haste)
        self.rule = Rule(stack, name, f"{name}/", PIPELINE, self.trigger, self.queue)

    def park_nowhere(self) -> None:
        """From now on, trigger finds no queue to park in."""
        definition = self.stack.states.describe_state_machine(stateMachineArn=self.trigger)["definition"]
        lost = definition.replace(json.dumps(self.queue), json.dumps("http://gone"))
        self.stack.states.update_state_machine(stateMachineArn=self.trigger, definition=lost)

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

    def redrive(self, *options: str) -> tuple[int, list[str], str]:
        """Exit code, outcome of each event, and what was printed."""
        ended = self.command("redrive", *options)
        return ended.code, outcomes(ended.text), ended.text + ended.error


def outcomes(text: str) -> list[str]:
    return sorted(re.findall(r"^([A-Z]+(?: AGAIN)?) +(?:s3://|message |schedule )", text, re.MULTILINE))
