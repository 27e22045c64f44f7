"""The local AWS as the contract tests use it, and the few helpers that they share."""

import itertools
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

import pytest
from botocore.exceptions import ClientError

from local.aws import ACCOUNT, REGION, LocalAws
from local.aws.awslambda.package import package

T = TypeVar("T")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/local"
PASS = {"Type": "Pass", "End": True}
FAIL = {"Type": "Fail", "Error": "Boom", "Cause": "because"}
_numbers = itertools.count()


def eventually(look: Callable[[], T | Literal[False] | None], timeout: float = 10.0) -> T:
    """The first true answer of `look`; fails when there is none in time."""
    deadline = time.monotonic() + timeout
    while not (answer := look()):
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.02)
    return answer


def unique(prefix: str) -> str:
    return f"{prefix}-{next(_numbers)}"


def error_code(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """Code and message of the error that `call` must raise."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def at_once(*calls: Callable[[], T]) -> list[T]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


def expression(output: str) -> dict[str, Any]:
    return {"Type": "Pass", "Output": f"{{% {output} %}}", "End": True}


class Local:
    """The local AWS as the tests use it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.glue, self.s3 = aws.client("glue"), aws.client("s3")
        self.states, self.sqs = aws.client("stepfunctions"), aws.client("sqs")

    def bucket(self, **objects: Any) -> str:
        """A new bucket; `objects` are key=body."""
        name = unique("bucket")
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        for key, body in objects.items():
            self.s3.put_object(Bucket=name, Key=key, Body=body)
        return name

    def crawler(self, *paths: str, tags: dict[str, str] | None = None, database: str | None = None, **more: Any) -> str:
        """A new, quick crawler."""
        name = unique("crawler")
        quick = {"local:seconds": "0", "local:stopping-seconds": "0"}
        self.glue.create_crawler(
            Name=name,
            Role=ROLE,
            DatabaseName=database or self.database(),
            Targets={"S3Targets": [{"Path": path} for path in paths]},
            Tags=quick | (tags or {}),
            **more,
        )
        return name

    def database(self) -> str:
        name = unique("database")
        self.glue.create_database(DatabaseInput={"Name": name})
        return name

    def get_crawler(self, name: str) -> dict[str, Any]:
        return self.glue.get_crawler(Name=name)["Crawler"]

    def ready(self, name: str) -> dict[str, Any]:
        """The crawler, when it is READY."""
        return eventually(lambda: (c := self.get_crawler(name))["State"] == "READY" and c)

    def crawl(self, name: str) -> dict[str, Any]:
        """Runs a crawl to its end and gives its entry in the history."""
        self.glue.start_crawler(Name=name)
        self.ready(name)
        return self.glue.list_crawls(CrawlerName=name)["Crawls"][0]

    def job(self, script: str | None = None, tags: dict[str, str] | None = None, **more: Any) -> str:
        """A new job, with its script in S3."""
        name, command = unique("job"), {"Name": "pythonshell"}
        if script is not None:
            bucket = self.bucket(**{"job.py": script})
            command["ScriptLocation"] = f"s3://{bucket}/job.py"
        self.glue.create_job(Name=name, Role=ROLE, **{"Command": command, "Tags": tags or {}, **more})
        return name

    def function(self, file: str, source: str, **more: Any) -> str:
        """A new Lambda of one file."""
        name = unique("function")
        self.aws.client("lambda").create_function(
            FunctionName=name, Role=ROLE, Code={"ZipFile": package(file, source)}, **more
        )
        return name

    def job_run(self, name: str, run_id: str) -> dict[str, Any]:
        return self.glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]

    def run_job(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Runs a job to its end."""
        run_id = self.glue.start_job_run(JobName=name, **arguments)["JobRunId"]
        return eventually(lambda: "CompletedOn" in (run := self.job_run(name, run_id)) and run)

    def machine(self, *, timeout: int | None = None, **states: Any) -> str:
        """A new JSONata machine of these states, the first one first."""
        definition: dict[str, Any] = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        if timeout:
            definition["TimeoutSeconds"] = timeout
        return self.states.create_state_machine(
            name=unique("machine"), definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]

    def start(self, machine: str, given: Any = None, **arguments: Any) -> str:
        given = json.dumps({} if given is None else given)
        return self.states.start_execution(stateMachineArn=machine, input=given, **arguments)["executionArn"]

    def execution(self, arn: str) -> dict[str, Any]:
        return self.states.describe_execution(executionArn=arn)

    def ended(self, arn: str, timeout: float = 10.0) -> dict[str, Any]:
        return eventually(lambda: (e := self.execution(arn))["status"] != "RUNNING" and e, timeout)

    def run(self, given: Any = None, timeout: int | None = None, **states: Any) -> dict[str, Any]:
        """Runs a new machine to its end."""
        return self.ended(self.start(self.machine(timeout=timeout, **states), given))

    def output(self, given: Any = None, **states: Any) -> Any:
        execution = self.run(given, **states)
        assert execution["status"] == "SUCCEEDED", execution
        return json.loads(execution["output"])

    def failure(self, given: Any = None, **states: Any) -> tuple[str, str]:
        """Error and cause of a machine that must fail."""
        execution = self.run(given, **states)
        assert execution["status"] == "FAILED", execution
        return execution["error"], execution["cause"]

    def queue_for(self, pattern: dict[str, Any]) -> str:
        """A queue that gets the events of the default bus that match `pattern`."""
        name = unique("queue")
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        events = self.aws.client("events")
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def received(self, url: str) -> list[dict[str, Any]]:
        messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]


def arrived(local: Local, queue: str, count: int) -> list[dict[str, Any]]:
    """The first `count` events, or a few more, in a queue."""
    events: list[dict[str, Any]] = []

    def enough() -> bool:
        events.extend(local.received(queue))
        return len(events) >= count

    eventually(enough)
    return events
