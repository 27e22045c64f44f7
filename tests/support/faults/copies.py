"""Copies of the crawl machine and its functions, to be played with without harm to the stack's own."""

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from local.aws.awslambda.package import package
from local.demo.deploy import BOOTSTRAPS
from tests.support.faults.scenario import LOOKS, Frail, Waking
from tests.support.roles import ROLE
from tests.support.stack import Stack

PROGRAMS = {"StartCrawler": "start-crawler", "GetCrawlerState": "get-crawler-state"}
KEPT = ("Runtime", "Handler", "Role", "Environment", "LoggingConfig")


def copy_of_crawl(stack: Stack, name: str, functions: Mapping[str, str]) -> str:
    """The machine as it was deployed, some of its functions replaced."""
    return copy_of_machine(stack, "Crawl", name, functions)


def copy_of_machine(
    stack: Stack, machine: str, name: str, replaced: Mapping[str, str], tags: Mapping[str, str] | None = None
) -> str:
    original = stack.states.describe_state_machine(stateMachineArn=resource(stack, f"{machine}StateMachine"))
    definition = original["definition"]
    for old, new in replaced.items():
        assert old in definition
        definition = definition.replace(old, new)
    copy = stack.states.create_state_machine(
        name=name,
        definition=definition,
        roleArn=ROLE,
        type=original["type"],
        tags=[{"key": key, "value": value} for key, value in (tags or {}).items()],
    )
    return copy["stateMachineArn"]


class WakingCopy:
    """A crawl machine that looks seldom, with a table, a wake machine and a rule of its own."""

    def __init__(self, stack: Stack, crawler: str, waking: Waking) -> None:
        name = crawler[:60]
        table = resource(stack, "WaitersTable")
        dynamodb, events = stack.aws.client("dynamodb"), stack.aws.client("events")
        schema = dynamodb.describe_table(TableName=table)["Table"]
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=schema["AttributeDefinitions"],
            KeySchema=schema["KeySchema"],
            BillingMode="PAY_PER_REQUEST",
            Tags=[{"Key": key, "Value": value} for key, value in waking.table.items()],
        )
        longest = LOOKS[1] - LOOKS[0]
        self.machine = copy_of_machine(
            stack, "Crawl", name, {table: name, "$number('2')": f"$number('{longest}')"}, waking.crawl
        )
        wake = copy_of_machine(stack, "Wake", f"{name}-wake", {table: name}, waking.wake)
        pattern = json.loads(events.describe_rule(Name=resource(stack, "CrawlEndedRule"))["EventPattern"])
        # Only its own crawler's: two dozen copies would be started by each end of a crawl.
        pattern["detail"]["crawlerName"] = [crawler]
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        retries = {"MaximumRetryAttempts": 2}
        target = {"Id": "wake", "Arn": wake, "RoleArn": ROLE, "RetryPolicy": retries}
        events.put_targets(Rule=name, Targets=[target])


def resource(stack: Stack, logical: str) -> str:
    """The physical name of a resource of the stack."""
    detail = stack.aws.client("cloudformation").describe_stack_resource(StackName=stack.NAME, LogicalResourceId=logical)
    return detail["StackResourceDetail"]["PhysicalResourceId"]


class FrailFunction:
    """A function whose bootstrap notes its process id, and a crawl machine of its own that uses it."""

    def __init__(self, stack: Stack, name: str, frail: Frail, directory: Path) -> None:
        self._pid = directory / name
        program = BOOTSTRAPS / PROGRAMS[frail.function]
        alias = stack.outputs[f"{frail.function}FunctionArn"]
        original = stack.functions.get_function_configuration(FunctionName=alias)
        called = f"{alias.rpartition(':')[0]}:{original['Version']}"
        copy = stack.functions.create_function(
            FunctionName=name,
            Code={"ZipFile": package("bootstrap", f"#!/bin/sh\necho $$ > '{self._pid}'\nexec '{program}'\n")},
            Timeout=frail.timeout,
            **{key: original[key] for key in KEPT},
        )
        if frail.reserved is not None:
            stack.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=frail.reserved)
        self.machine = copy_of_crawl(stack, name, {called: copy["FunctionArn"]})

    def send(self, number: signal.Signals) -> None:
        os.kill(int(self._pid.read_text()), number)
