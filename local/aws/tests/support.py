"""The local AWS as the contract tests use it, and the few helpers that they share."""

import itertools
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from local.aws import ACCOUNT, REGION, LocalAws
from local.aws.awslambda.package import package
from local.aws.policies import policy

T = TypeVar("T")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/local"
PASS = {"Type": "Pass", "End": True}
FAIL = {"Type": "Fail", "Error": "Boom", "Cause": "because"}
WAIT = {"Type": "Wait", "Seconds": 60, "End": True}
SLEEP = "import os, time; print(os.getpid()); time.sleep(600)"
_numbers = itertools.count()


def eventually(look: Callable[[], T | Literal[False] | None], timeout: float = 60.0) -> T:
    """The first true answer of `look`; fails when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() > deadline
        if answer := look():
            return answer
        assert not late, f"not within {timeout} s"
        time.sleep(0.02)


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


def allow(actions: str | list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def expression(output: str) -> dict[str, Any]:
    return {"Type": "Pass", "Output": f"{{% {output} %}}", "End": True}


def nested(machine: str, how: str = ".sync:2", **arguments: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::states:startExecution{how}",
        "Arguments": {"StateMachineArn": machine, **arguments},
        "End": True,
    }


def before_a_wait(task: dict[str, Any]) -> dict[str, Any]:
    """States of an execution that can still be stopped when its task is over."""
    return {"Task": {name: value for name, value in task.items() if name != "End"} | {"Next": "Wait"}, "Wait": WAIT}


def crawler_arn(name: str) -> str:
    return f"arn:aws:glue:{REGION}:{ACCOUNT}:crawler/{name}"


class Local:
    """The local AWS as the tests use it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.glue, self.s3 = aws.client("glue"), aws.client("s3")
        self.states, self.sqs = aws.client("stepfunctions"), aws.client("sqs")
        self.create_role()

    def create_role(self) -> None:
        """The role of everything here that needs one: it may do all."""
        self.role("local", allow("*", "*"))

    def role(self, name: str, *statements: dict[str, Any], trusted: list[str] | None = None, path: str = "/") -> str:
        """A new role, which by default every service may assume."""
        services = [f"{each}.amazonaws.com" for each in ("events", "glue", "lambda", "scheduler", "states")]
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": trusted or services}}
        iam = self.aws.client("iam")
        arn: str = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=policy(*statements))
        return arn

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
            DatabaseName=database or self.database(),
            Targets={"S3Targets": [{"Path": path} for path in paths]},
            Tags=quick | (tags or {}),
            **{"Role": ROLE, **more},
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
        self.glue.create_job(Name=name, **{"Role": ROLE, "Command": command, "Tags": tags or {}, **more})
        return name

    def function(self, file: str, source: str, **more: Any) -> str:
        """A new Lambda of one file, with more time than Lambda's three seconds."""
        name, code = unique("function"), {"ZipFile": package(file, source)}
        self.aws.client("lambda").create_function(FunctionName=name, Role=ROLE, Code=code, **{"Timeout": 60, **more})
        return name

    def job_run(self, name: str, run_id: str) -> dict[str, Any]:
        return self.glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]

    def run_job(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Runs a job to its end."""
        run_id = self.glue.start_job_run(JobName=name, **arguments)["JobRunId"]
        return eventually(lambda: "CompletedOn" in (run := self.job_run(name, run_id)) and run)

    def machine(self, *, timeout: int | None = None, role: str = ROLE, **states: Any) -> str:
        """A new JSONata machine of these states, the first one first."""
        definition: dict[str, Any] = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        if timeout:
            definition["TimeoutSeconds"] = timeout
        return self.states.create_state_machine(
            name=unique("machine"), definition=json.dumps(definition), roleArn=role
        )["stateMachineArn"]

    def start(self, machine: str, given: Any = None, **arguments: Any) -> str:
        given = json.dumps({} if given is None else given)
        return self.states.start_execution(stateMachineArn=machine, input=given, **arguments)["executionArn"]

    def execution(self, arn: str) -> dict[str, Any]:
        return self.states.describe_execution(executionArn=arn)

    def ended(self, arn: str) -> dict[str, Any]:
        """The execution, when all of its end is told: stopDate comes last."""
        return eventually(lambda: "stopDate" in (e := self.execution(arn)) and e)

    def run(self, given: Any = None, **machine: Any) -> dict[str, Any]:
        """Runs a new machine to its end."""
        return self.ended(self.start(self.machine(**machine), given))

    def output(self, given: Any = None, **states: Any) -> Any:
        execution = self.run(given, **states)
        assert execution["status"] == "SUCCEEDED", execution
        return json.loads(execution["output"])

    def failure(self, given: Any = None, **states: Any) -> tuple[str, str]:
        """Error and cause of a machine that must fail."""
        execution = self.run(given, **states)
        assert execution["status"] == "FAILED", execution
        return execution["error"], execution["cause"]

    def queue(self, service: str = "events") -> tuple[str, str]:
        """URL and ARN of a new queue that EventBridge, or another service, may send to."""
        name = unique("queue")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        principal = {"Service": f"{service}.amazonaws.com"}
        may_send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn, "Principal": principal}
        return self.sqs.create_queue(QueueName=name, Attributes={"Policy": policy(may_send)})["QueueUrl"], arn

    def queue_for(self, pattern: dict[str, Any]) -> str:
        """A queue that gets the events of the default bus that match `pattern`."""
        url, arn = self.queue()
        events, name = self.aws.client("events"), unique("rule")
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
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


def table(local: Local, crawler: str, name: str) -> dict[str, Any]:
    database = local.get_crawler(crawler)["DatabaseName"]
    return local.glue.get_table(DatabaseName=database, Name=name)["Table"]


def columns(table: dict[str, Any]) -> dict[str, str]:
    return {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}


def changes(crawl: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The counts of a crawl's Summary."""
    summary = json.loads(crawl["Summary"])
    return {
        kind: {change: json.loads(leaf)["Count"] for change, leaf in by_change.items()}
        for kind, by_change in summary.items()
    }


def acting(local: Local, role: str, service: str) -> BaseClient:
    """A client that acts as the role."""
    keys = local.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION)
    return session.client(service, endpoint_url=local.aws.endpoint)


def denied(call: Callable[..., Any], **arguments: Any) -> str:
    code, message = error_code(call, **arguments)
    assert code == "AccessDeniedException", message
    return message
