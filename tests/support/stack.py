"""The deployed stack as the tests use it: through boto3, and nothing but."""

import json
import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from duckdb import DuckDBPyRelation

from local.aws import ACCOUNT, REGION, LocalAws
from local.aws.policies import policy
from local.demo.deploy import unqualified
from local.demo.workloads import Workload, tables
from tests.support.roles import create_role

T = TypeVar("T")
CUSTOMERS = Workload.load("customers")
BUCKET = CUSTOMERS.bucket
# Seconds. It ends a test that hangs, and says nothing of how soon a thing has to come.
PATIENCE = 300.0


def eventually(look: Callable[[], T | Literal[False] | None], timeout: float = PATIENCE) -> T:
    """The first true answer of `look`; fails when there is none in time."""
    deadline = time.monotonic() + timeout
    while not (answer := look()):
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.1)
    return answer


def lines(rows: DuckDBPyRelation) -> list[str]:
    """The rows as one writes them down: `1 | Tea | -`."""
    return [" | ".join("-" if cell is None else str(cell) for cell in row) for row in rows.fetchall()]


class Stack:
    NAME = "crawler-sync"

    def __init__(self, aws: LocalAws, outputs: dict[str, str]) -> None:
        self.aws, self.outputs = aws, outputs
        self.s3, self.glue, self.sqs = aws.client("s3"), aws.client("glue"), aws.client("sqs")
        self.states, self.functions, self.logs = aws.client("stepfunctions"), aws.client("lambda"), aws.client("logs")
        create_role(aws)

    def invoke(self, function: str, payload: Any) -> dict[str, Any]:
        """The function's answer, or its error: {errorType, errorMessage}."""
        arn = (
            self.outputs.get(f"{function}FunctionArn")
            or self.aws.client("cloudformation").describe_stack_resource(
                StackName=self.NAME, LogicalResourceId=f"{function}Function"
            )["StackResourceDetail"]["PhysicalResourceId"]
        )
        return json.load(self.functions.invoke(FunctionName=arn, Payload=json.dumps(payload))["Payload"])

    def run(self, machine: str, given: Any) -> dict[str, Any]:
        """Starts an execution and describes it when it has ended."""
        arn = self.states.start_execution(
            stateMachineArn=self.outputs[f"{machine}StateMachineArn"], input=json.dumps(given)
        )["executionArn"]
        return self.finish(arn)

    def finish(self, arn: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            execution = self.states.describe_execution(executionArn=arn)
            # Its status is there a moment before.
            return execution if "stopDate" in execution else None

        return eventually(ended)

    def machine(self, name: str) -> str:
        """The ARN of the machine, which all of its executions are listed by, whatever alias or version started them."""
        return unqualified(self.outputs[f"{name}StateMachineArn"])

    def pipeline_run(self, name: str) -> str:
        """The ARN of the pipeline's execution of this name."""
        return self.machine("Pipeline").replace(":stateMachine:", ":execution:") + f":{name}"

    def executions(self, machine: str) -> list[dict[str, Any]]:
        """The machine's executions, the oldest first."""
        executions = self.states.list_executions(stateMachineArn=self.machine(machine))
        return sorted(executions["executions"], key=lambda execution: execution["startDate"])

    def history(self, arn: str) -> list[dict[str, Any]]:
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def entered(self, arn: str) -> list[tuple[str, Any]]:
        """The states that the execution entered, in order, with the moment."""
        return [
            (event["stateEnteredEventDetails"]["name"], event["timestamp"])
            for event in self.history(arn)
            if event["type"].endswith("StateEntered")
        ]

    def upload(self, workload: Workload) -> dict[str, Any]:
        """Uploads the samples, and describes the run that they set in motion when it has ended; of two the later."""
        samples = {workload.prefix + file.name: file for file in workload.files}
        for key, file in samples.items():
            self.s3.upload_file(str(file), workload.bucket, key)

        def runs() -> set[str] | None:
            outputs = [
                json.loads(self.states.describe_execution(executionArn=each["executionArn"]).get("output") or "{}")
                for each in self.executions("Trigger")
            ]
            handled = {
                output["key"]: output["executionName"]
                for output in outputs
                if output.get("bucket") == workload.bucket and output["key"] in samples
            }
            return set(handled.values()) if handled.keys() == samples.keys() else None

        names = eventually(runs)
        arns = [each["executionArn"] for each in self.executions("Pipeline") if each["name"] in names]
        return [self.finish(arn) for arn in arns][-1]

    def columns(self, database: str, table: str) -> dict[str, str]:
        """The columns of a catalogued table, with their types."""
        descriptor = self.glue.get_table(DatabaseName=database, Name=table)["Table"]["StorageDescriptor"]
        return {column["Name"]: column["Type"] for column in descriptor["Columns"]}

    def rows(self, database: str, table: str) -> list[str]:
        """What lies where the catalog says, in the catalog's types: a line a row."""
        return lines(tables.read(database, table, self.aws.client))

    def queue(self, name: str) -> str:
        """The URL of a new queue that EventBridge, S3 and SNS may send to."""
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        senders = {"Service": [f"{service}.amazonaws.com" for service in ("events", "s3", "sns")]}
        may_send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn, "Principal": senders}
        url: str = self.sqs.create_queue(QueueName=name, Attributes={"Policy": policy(may_send)})["QueueUrl"]
        return url

    def parked(self) -> list[dict[str, Any]]:
        """Takes what lies in the dead-letter queue."""
        queue = self.outputs["DeadLetterQueueUrl"]
        messages = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def log_lines(self, function: str) -> list[dict[str, Any]]:
        """What a function has logged, line by line."""
        group = f"/crawler-sync/{self.NAME}/{function}"
        events = self.logs.filter_log_events(logGroupName=group)["events"]
        return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
