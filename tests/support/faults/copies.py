"""Copies of the crawl machine and its functions, to be played with without harm to the stack's own."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from local.aws.awslambda.package import package
from local.demo.deploy import BOOTSTRAPS
from tests.support.faults.scenario import Frail
from tests.support.roles import ROLE
from tests.support.stack import Stack

PROGRAMS = {"StartCrawler": "start-crawler", "GetCrawlerState": "get-crawler-state"}
KEPT = ("Runtime", "Handler", "Role", "Environment", "LoggingConfig")


def copy_of_crawl(stack: Stack, name: str, functions: Mapping[str, str]) -> str:
    """The machine as it was deployed, some of its functions replaced."""
    crawl = stack.states.describe_state_machine(stateMachineArn=stack.outputs["CrawlStateMachineArn"])
    definition = crawl["definition"]
    for original, copy in functions.items():
        assert original in definition
        definition = definition.replace(original, copy)
    machine = stack.states.create_state_machine(name=name, definition=definition, roleArn=ROLE)
    return machine["stateMachineArn"]


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
