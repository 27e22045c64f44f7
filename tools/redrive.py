"""Handles parked events and schedules again: `make redrive STACK=…`.

Each event in the stack's dead-letter queue is handled by an execution of the trigger; what a schedule could not start,
the pipeline machine starts. A message is deleted once that has been done, or the event has been parked anew. Safe to
repeat and to kill: what is handled twice costs one run at most. Ends with 1 if something is left that was not handled.
"""

import argparse
import json
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

WORKERS = 10
# What an express execution may take.
EXECUTION_SECONDS = 300
# Hidden for as long as it may be handled, and as long again after a run that was killed.
HIDDEN_SECONDS = EXECUTION_SECONDS + 60
# Long polls ask all of the queue's servers: an empty answer means an empty queue.
POLL_SECONDS = 1
# As many newer messages in a row mean that the older ones are through, while others still arrive.
ENOUGH = 100
EVENT = "<aws.events.event.json>"
HANDLED = ("STARTED", "JOINED", "IGNORED")


class Unusable(Exception):
    """A message that holds no input for a machine; says why."""


@dataclass(frozen=True)
class Message:
    id: str
    receipt: str
    sent: float
    body: Any
    attributes: dict[str, str]

    @classmethod
    def of(cls, received: dict[str, Any]) -> "Message":
        try:
            body = json.loads(received["Body"])
        except ValueError:
            body = received["Body"]
        told = received.get("MessageAttributes", {})
        attributes = {name: value.get("StringValue", "") for name, value in told.items()}
        sent = int(received["Attributes"]["SentTimestamp"]) / 1000
        return cls(received["MessageId"], received["ReceiptHandle"], sent, body, attributes)

    @property
    def schedule(self) -> str | None:
        """The name of the schedule that could not start a pipeline, if one sent the message."""
        return self.attributes.get("SCHEDULE_ARN", "").rpartition("/")[2] or None

    @property
    def reason(self) -> str:
        """Why it was parked."""
        error = part(self.body, "error") or self.attributes.get("ERROR_CODE")
        return f"{error}: {part(self.body, 'cause') or self.attributes.get('ERROR_MESSAGE')}"

    @property
    def place(self) -> str:
        """The object that the event is about, as far as it says so, or the schedule."""
        if self.schedule:
            return f"schedule {self.schedule}"
        given = part(self.body, "input") or self.body
        detail = part(part(given, "event") or given, "detail")
        bucket = part(detail, "bucket", "name") or part(detail, "requestParameters", "bucketName")
        key = part(detail, "object", "key") or part(detail, "requestParameters", "key")
        return f"s3://{bucket}/{key}" if bucket or key else self.id


def part(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


class Redrive:
    """One run: it takes what was parked before it began, each message once."""

    def __init__(self, queue: str, trigger: str, pipeline: str, *, dry: bool) -> None:
        self.queue, self.trigger, self.pipeline, self.dry = queue, trigger, pipeline, dry
        # Whether StartSyncExecution takes an alias, AWS does not say.
        self.machine = ":".join(trigger.split(":")[:7])
        self.counts: Counter[str] = Counter()
        self.stopping = threading.Event()
        patient = Config(read_timeout=EXECUTION_SECONDS + 10, max_pool_connections=WORKERS)
        self.sqs, self.states = boto3.client("sqs"), boto3.client("stepfunctions", config=patient)
        self.events = boto3.client("events")
        self._lock = threading.Lock()
        self._held: dict[str, Message] = {}
        self._failed: dict[str, tuple[Message, str]] = {}
        self._parked_anew: set[str | None] = set()

    def run(self) -> int:
        hidden = self._begin()
        with ThreadPoolExecutor(WORKERS) as pool:
            working = [pool.submit(self._work) for _ in range(WORKERS)]
            try:
                for each in working:
                    each.result()
            except KeyboardInterrupt:
                self.stopping.set()
                print("stopping, after the events under way", file=sys.stderr)
        # What failed is deleted only when its copy has been seen.
        if self._failed.keys() - self._parked_anew:
            self._work()
        for execution, (message, failure) in self._failed.items():
            if execution in self._parked_anew:
                self._delete(message)
                self._report("parked again", message, failure)
            else:
                self._report("kept", message, failure)
        self._release()
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.counts.items()))
        print(f"{self.counts.total()} events{': ' if told else ''}{told}")
        if hidden:
            print(
                f"{hidden} more are hidden: another run has them, or one that was killed had them. "
                f"They come back within {HIDDEN_SECONDS // 60} minutes"
            )
        # To list is all that a dry run is for.
        left = self.counts.keys() - set(HANDLED) - ({"parked"} if self.dry else set())
        return 1 if hidden or self.stopping.is_set() or left else 0

    def _begin(self) -> int:
        """Notes the moment, by the queue's clock, before which a message was sent that this run takes."""
        name = "ApproximateNumberOfMessagesNotVisible"
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=[name])
        # The header tells whole seconds: the next one has begun when the first message is taken.
        self._began = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp() + 1
        time.sleep(1)
        return int(answer["Attributes"][name])

    def _work(self) -> None:
        newer = 0
        while newer < ENOUGH and (message := self._take()):
            with self._lock:
                known, self._held[message.id] = message.id in self._held, message
            if known or message.sent >= self._began:
                newer += 1
                self._parked_anew.add(part(message.body, "executionArn"))
            else:
                newer = 0
                self._handle(message)

    def _take(self) -> Message | None:
        if self.stopping.is_set():
            return None
        received = self.sqs.receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=1,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=POLL_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages")
        return Message.of(received[0]) if received else None

    def _handle(self, message: Message) -> None:
        try:
            given = self._input(message)
            if self.dry:
                self._report("parked", message, message.reason)
                return
            if message.schedule:
                self._report(*self._start(message, given))
                return
            execution = self.states.start_sync_execution(stateMachineArn=self.machine, input=json.dumps(given))
            if execution["status"] == "SUCCEEDED":
                self._delete(message)
                output = json.loads(execution["output"])
                self._report(output["outcome"], message, output.get("executionName") or output.get("reason"))
            else:
                failure = f"{execution.get('error', execution['status'])}: {execution.get('cause', '')}"
                self._failed[execution["executionArn"]] = message, failure
        except (Unusable, ClientError, BotoCoreError) as error:
            self._report("kept", message, str(error))

    def _start(self, message: Message, given: Any) -> tuple[str, Message, str]:
        """Starts the pipeline that the schedule could not; under one name, so that no message starts two runs."""
        name, outcome = f"redriven-{message.id}", "STARTED"
        try:
            self.states.start_execution(stateMachineArn=self.pipeline, name=name, input=json.dumps(given))
        except self.states.exceptions.ExecutionAlreadyExists:
            outcome = "JOINED"
        self._delete(message)
        return outcome, message, name

    def _input(self, message: Message) -> Any:
        """What the trigger or, by a schedule, the pipeline machine was given, or would have been."""
        if message.schedule:
            self._must_be_for(self.pipeline, message)
        match message.body:
            case dict() as given if message.schedule:
                return given
            case {"executionArn": str(), "input": given}:
                return given
            case {"detail": dict(), "detail-type": str()} if "RULE_ARN" in message.attributes:
                self._must_be_for(self.trigger, message)
                return self._transformed(message.body, message.attributes["RULE_ARN"])
            case {"event": dict()}:
                return message.body
        raise Unusable("neither the trigger's message nor a rule's nor a schedule's")

    def _must_be_for(self, machine: str, message: Message) -> None:
        if (target := message.attributes.get("TARGET_ARN")) != machine:
            raise Unusable(f"it was meant for {target}")

    def _transformed(self, event: dict[str, Any], arn: str) -> Any:
        """What the rule makes of the event today: it may have been mended since."""
        *bus, rule = arn.partition(":rule/")[2].split("/")
        listed = self.events.list_targets_by_rule(Rule=rule, **({"EventBusName": bus[0]} if bus else {}))["Targets"]
        templates = [
            target.get("InputTransformer", {}).get("InputTemplate", EVENT)
            for target in listed
            if target["Arn"] == self.trigger
        ]
        if len(templates) != 1:
            raise Unusable(f"rule {rule} has {len(templates)} targets that are the trigger")
        try:
            return json.loads(templates[0].replace(EVENT, json.dumps(event)))
        except ValueError as error:
            raise Unusable(f"rule {rule}: the template takes more than {EVENT}") from error

    def _delete(self, message: Message) -> None:
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message.receipt)
        with self._lock:
            self._held.pop(message.id, None)

    def _release(self) -> None:
        """Whatever is left may be taken at once by the next run."""
        left = list(self._held.values())
        for start in range(0, len(left), 10):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                for number, message in enumerate(left[start : start + 10])
            ]
            self.sqs.change_message_visibility_batch(QueueUrl=self.queue, Entries=entries)

    def _report(self, outcome: str, message: Message, detail: str | None) -> None:
        line = f"{outcome:<13}{message.place}  {detail or ''}".rstrip()
        with self._lock:
            self.counts[outcome] += 1
            # Whoever may upload chooses keys freely; a terminal obeys some characters.
            print("".join(each if each.isprintable() else ascii(each)[1:-1] for each in line), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", required=True, help="the name of the CloudFormation stack")
    parser.add_argument("--dry-run", action="store_true", help="only list what is parked")
    arguments = parser.parse_args()
    try:
        [stack] = boto3.client("cloudformation").describe_stacks(StackName=arguments.stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        needed = ("DeadLetterQueueUrl", "TriggerStateMachineArn", "PipelineStateMachineArn")
        if missing := set(needed) - outputs.keys():
            sys.exit(f"stack {arguments.stack} has no output {', '.join(sorted(missing))}")
        return Redrive(*(outputs[name] for name in needed), dry=arguments.dry_run).run()
    except (ClientError, BotoCoreError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main())
