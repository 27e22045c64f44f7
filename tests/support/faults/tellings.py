"""Plays who is told, a few at once, each with topics of its own, and collects what the topics were told."""

import json
import re
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.aws import ACCOUNT, REGION
from local.aws.policies import policy
from local.demo.deploy import deploy
from tests.support.faults.runs import AT_ONCE, BARE, ended
from tests.support.faults.told import BROKEN, ENDLESS, FINE, LASTS, UNREADABLE, Telling
from tests.support.faults.work import Does
from tests.support.faults.workers import DATABASE, Workers
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually

TOPICS = ("failed", "succeeded")
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"


@dataclass
class Told:
    """How a run ended, and the messages of it by topic: subject and text."""

    pipeline: str
    execution: dict[str, Any]
    messages: dict[str, list[tuple[str, str]]]
    calls: int

    @property
    def ends(self) -> str:
        return self.execution.get("error") or self.execution["status"]


def topic_arn(name: str, topic: str) -> str:
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}-{topic}"


def play(workers: Workers, tellings: Iterable[Telling]) -> dict[str, Told]:
    stack = workers.stack
    for name, does in {FINE: Does.SUCCEEDS, BROKEN: Does.FAILS, ENDLESS: Does.LASTS}.items():
        workers.create("machine", name, does, {})
    tags = {"local:seconds": "0", "local:outcome": "failed"}
    stack.glue.create_crawler(Name=UNREADABLE, Role=ROLE, DatabaseName=DATABASE, Targets={"S3Targets": []}, Tags=tags)
    may_send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE}
    attributes = {"Policy": policy(may_send | {"Principal": {"Service": "sns.amazonaws.com"}})}
    queue = stack.sqs.create_queue(QueueName="told", Attributes=attributes)["QueueUrl"]
    bare = deploy(stack.aws, BARE, {"CrawlerNamePattern": "*", "MachineNamePattern": "*"})["PipelineStateMachineArn"]
    usual = stack.outputs["PipelineStateMachineArn"]
    given = list(tellings)
    names = [re.sub(r"[^a-z0-9]+", "-", each.name.lower()) for each in given]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        executions = list(
            pool.map(lambda name, each: play_one(stack, name, each, usual if each.allowed else bare), names, given)
        )
    heard, calls = messages(stack, queue), stack.aws.calls()
    return {
        telling.name: Told(
            telling.run.get("name", name),
            execution,
            {topic: [each[1:] for each in heard if each[0] == topic_arn(name, topic)] for topic in TOPICS},
            sum(calls.get(f"{name}-{topic}", {}).get("Publish", 0) for topic in TOPICS),
        )
        for telling, name, execution in zip(given, names, executions, strict=True)
    }


def play_one(stack: Stack, name: str, telling: Telling, machine: str) -> dict[str, Any]:
    sns = stack.aws.client("sns")
    for topic in TOPICS if not telling.missing else ():
        tags = [{"Key": key, "Value": value} for key, value in telling.tags.items()]
        arn = sns.create_topic(Name=f"{name}-{topic}", Tags=tags)["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=QUEUE)
    notify = {topic: topic_arn(name, topic) for topic in telling.topics}
    pipeline = {"name": name, "notify": notify, "stages": [{"steps": [*telling.steps]}], **telling.run}
    if telling.absorbed:
        return absorbed(stack, machine, pipeline)
    run = stack.states.start_execution(stateMachineArn=machine, input=json.dumps(pipeline))["executionArn"]
    if telling.meanwhile:
        eventually(lambda: works(stack, run))
        stack.states.stop_execution(executionArn=run)
    return ended(stack, run)


def absorbed(stack: Stack, machine: str, pipeline: dict[str, Any]) -> dict[str, Any]:
    """The second of three runs of windows, of which the first one works until it is stopped."""
    queue, now = f"{pipeline['name']}-{'0' * 32}-", int(time.time())
    endless = pipeline | {"notify": None, "stages": [{"steps": [*LASTS]}]}

    def start(given: dict[str, Any], end: int) -> str:
        window = {"queue": queue, "start": "2026-01-01T00:00:00Z", "end": f"{datetime.fromtimestamp(end, UTC):%FT%TZ}"}
        run = stack.states.start_execution(
            stateMachineArn=machine, name=f"{queue}{end}", input=json.dumps(given | {"window": window})
        )
        arn: str = run["executionArn"]
        return arn

    first = start(endless, now - 300)
    eventually(lambda: works(stack, first))
    second, third = start(pipeline, now - 200), start(endless, now - 100)
    execution = stack.finish(second)
    assert "absorbedBy" in json.loads(execution["output"])
    for run in (third, first):
        stack.states.stop_execution(executionArn=run)
    return execution


def works(stack: Stack, run: str) -> bool:
    return "Run machine" in [state for state, _ in stack.entered(run)]


def messages(stack: Stack, queue: str) -> list[tuple[str, str, str]]:
    """All that was told: topic, subject and text."""
    heard = []
    while received := stack.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
        "Messages"
    ):
        for message in received:
            body = json.loads(message["Body"])
            heard.append((body["TopicArn"], body["Subject"], body["Message"]))
            stack.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return heard
