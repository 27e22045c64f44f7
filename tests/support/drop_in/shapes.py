"""What Lambdas around crawlers look like in the machines that people published, and each in a machine of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.aws.awslambda.package import package
from tests.support.drop_in import guide
from tests.support.drop_in.migrations import Migration
from tests.support.drop_in.runs import WAITED_FOR
from tests.support.roles import ROLE
from tests.support.stack import Stack

START, STATE = "ARN of your start Lambda", "ARN of your state Lambda"
READY = {"Variable": "$.state", "StringEquals": "READY"}
SAME = "the name under another spelling"
HANDLER = """import os
import time

import boto3


def lambda_handler(event, context):
    glue = boto3.client("glue")
    name = {name}
    {body}
"""
STARTS = "return glue.start_crawler(Name=name) and {'started': name}"
LOOKS = """state = glue.get_crawler(Name=name)["Crawler"]["State"]
    return {answer}"""
WAITS = """glue.start_crawler(Name=name)
    while glue.get_crawler(Name=name)["Crawler"]["State"] != "READY":
        time.sleep(0.5)"""


@dataclass(frozen=True)
class Shape:
    """Two Lambdas in Python, and what their machine makes of them."""

    name: str
    row: str  # of the guide's table
    reads: str = 'event["crawlername"]'  # where they find the crawler's name
    answers: str = '{"state": state}'  # what the second one returns
    payload: Mapping[str, Any] = field(default_factory=lambda: {"Payload": {"crawlername": "orders"}})
    output: Mapping[str, Any] = field(default_factory=lambda: {"OutputPath": "$.Payload"})
    ready: Mapping[str, Any] = field(default_factory=lambda: READY)
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def crawler(self) -> str:
        return f"migration-{self.name}"

    def functions(self, stack: Stack) -> dict[str, str]:
        """The Lambdas' ARNs by the guide's placeholders."""
        bodies = {START: STARTS, STATE: LOOKS.format(answer=self.answers)}
        return {
            placeholder: deploy(
                stack, f"{self.name}-{number}", HANDLER.format(name=self.reads, body=body), self.crawler
            )
            for number, (placeholder, body) in enumerate(bodies.items())
        }

    def machine(self) -> str:
        """Start, look, wait and look again; the ARNs are the guide's placeholders."""

        def call(function: str, output: Mapping[str, Any], then: str) -> dict[str, Any]:
            parameters = {"FunctionName": f"<{function}>", **self.payload}
            resource = "arn:aws:states:::lambda:invoke"
            return {"Type": "Task", "Resource": resource, "Parameters": parameters, **output, "Next": then}

        states = {
            "Start crawler": call(START, {"ResultPath": None}, "Get crawler state"),
            "Get crawler state": call(STATE, self.output, "Is it ready?"),
            "Is it ready?": {"Type": "Choice", "Choices": [{**self.ready, "Next": "Go on"}], "Default": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 5, "Next": "Get crawler state"},
            "Go on": {"Type": "Pass", "End": True},
        }
        return json.dumps({"StartAt": "Start crawler", "States": states})


def named(key: str) -> Mapping[str, Any]:
    return {"Payload": {key: "orders"}}


SHAPES = [
    Shape("underscore", SAME, 'event["Crawler_Name"]', payload=named("Crawler_Name")),
    Shape("capitals", SAME, 'event["CRAWLER_NAME"]', payload=named("CRAWLER_NAME")),
    Shape("short", SAME, 'event["crawler"]', payload=named("crawler")),
    Shape(
        "nested",
        "the name deeper in the input",
        'event["Payload"]["crawlername"]',
        payload={"Payload.$": "$"},
        output={"ResultSelector": {"state.$": "$.Payload.state"}, "ResultPath": "$.look"},
        ready={"Variable": "$.look.state", "StringEquals": "READY"},
        given={"Payload": {"crawlername": "orders"}},
    ),
    Shape(
        "environment",
        "the name in the Lambda's environment or code",
        'os.environ["CRAWLER"]',
        payload={"Payload.$": "$"},
    ),
    Shape(
        "field",
        "the state in another field",
        answers='{"CrawlerState": state}',
        ready={"Variable": "$.CrawlerState", "StringEquals": "READY"},
    ),
    Shape(
        "whole-answer",
        "the state in another field, and the whole answer kept",
        answers='{"statusCode": 200, "Status": state}',
        output={},
        ready={"Variable": "$.Payload.Status", "StringEquals": "READY"},
    ),
    Shape(
        "boolean-field",
        "true or false in a field",
        answers='{"isReady": state == "READY"}',
        ready={"Variable": "$.isReady", "BooleanEquals": True},
    ),
    Shape(
        "boolean",
        "true or false, bare",
        answers='state == "READY"',
        output={},
        ready={"Variable": "$.Payload", "BooleanEquals": True},
    ),
    Shape(
        "text",
        "the state, bare",
        answers="state",
        output={},
        ready={"Variable": "$.Payload", "StringEquals": "READY"},
    ),
    Shape(
        "hands-on",
        "the state beside what the Lambda was given, which it hands on",
        answers='event | {"state": state}',
        payload={"Payload.$": "$"},
        given={"crawlername": "orders", "date": "2026-01-31"},
    ),
]

WAITING = "waits"


def deploy(stack: Stack, name: str, source: str, crawler: str) -> str:
    """A Lambda that may find the crawler's name in its environment."""
    return stack.functions.create_function(
        FunctionName=f"shape-{name}",
        Runtime="python3.12",
        Handler="function.lambda_handler",
        Code={"ZipFile": package("function.py", source)},
        Role=ROLE,
        Timeout=60,
        Environment={"Variables": {"CRAWLER": crawler}},
    )["FunctionArn"]


def edited(definition: str, row: str) -> str:
    """The definition with the edits of a row of the guide's table, each of which has something to edit."""
    for before, after in guide.edits(row):
        assert before in definition, f"{row}: {before}"
        definition = definition.replace(before, after)
    return definition


def migrations(stack: Stack, ours: Mapping[str, str], nested: Mapping[str, str]) -> dict[str, Migration]:
    """Each machine before and after; the last one's Lambda starts and waits, and its loop is **crawl**'s."""
    found = {
        shape.name: Migration(
            guide.fill(shape.machine(), shape.functions(stack)),
            guide.fill(edited(shape.machine(), shape.row), ours),
            WAITED_FOR,
            shape.given,
        )
        for shape in SHAPES
    }
    waits = deploy(stack, WAITING, HANDLER.format(name='event["crawlername"]', body=WAITS), "")
    alone = guide.blocks(guide.WAITS)[0]
    before, swapped = (guide.fill(alone, {"ARN of your Lambda": arn}) for arn in (waits, ours[START]))
    after = guide.fill(guide.blocks(guide.LOOPS)[1], nested)
    return found | {
        WAITING: Migration(before, after, WAITED_FOR),
        f"{WAITING}-swapped": Migration(before, swapped, WAITED_FOR),
    }
