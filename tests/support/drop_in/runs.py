"""Executions of people's machines, each on a crawler of its own, all at once: most of it is waiting."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack, eventually

CRAWLER = "orders"  # what machines and results call it, whatever its name is
COLD = 8  # executions that have not reached Glue yet: processes that start compete for the processors


@dataclass(frozen=True)
class Situation:
    """What a crawler is, and what happens to a request for it."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    exists: bool = True
    crawling: bool = False  # somebody has started it before
    given: dict[str, Any] | None = None  # an input in place of the crawler's name


@dataclass(frozen=True)
class Request:
    """An execution to come; one that has a number of looks is stopped after as many."""

    definition: str
    situation: Situation
    given: dict[str, Any] = field(default_factory=dict)
    looks: int = 0


@dataclass(frozen=True)
class Ran:
    """What came of it; `path` are the states entered and the errors of tasks, in order."""

    status: str
    error: str | None
    cause: str
    output: Any
    path: list[str]
    calls: Mapping[str, int]

    @property
    def once_round(self) -> list[str]:
        """The path with one round of its loop: how many there are depends on how fast this machine is just then."""
        return re.sub(r"(\|[^|]+\|[^|]+)(\|Wait\1)+", r"\1", "|".join(self.path)).split("|")


def crawling(seconds: float, stopping: float = 0.1) -> dict[str, str]:
    return {"local:seconds": str(seconds), "local:stopping-seconds": str(stopping)}


# The loops look at once, and then every 5 s: they wait for such a crawl even where functions take long to start.
WAITED_FOR = crawling(19.5)


def fault(operation: str, what: str) -> dict[str, str]:
    return {f"local:fault:{operation}": what}


def create_crawler(stack: Stack, name: str, tags: Mapping[str, str]) -> None:
    stack.glue.create_crawler(
        Name=name, Role=ROLE, DatabaseName=CUSTOMERS.database, Targets={"S3Targets": []}, Tags=crawling(1) | dict(tags)
    )


def create_machine(stack: Stack, name: str, definition: str) -> str:
    machine = stack.states.create_state_machine(name=name, definition=definition, roleArn=ROLE)
    return machine["stateMachineArn"]


def play(stack: Stack, requests: Mapping[str, Request]) -> dict[str, Ran]:
    """What came of each request."""
    crawlers = {key: re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-") for key in requests}
    for key, request in requests.items():
        if request.situation.exists:
            create_crawler(stack, crawlers[key], request.situation.tags)
    stack.aws.forget_calls()
    executions: dict[str, str] = {}
    cold: set[str] = set()

    def may_start() -> bool:
        calls = stack.aws.calls()
        for key in list(cold):
            own = {"StartCrawler": 1} if requests[key].situation.crawling else {}
            if calls.get(crawlers[key], {}) != own or _status(stack, executions[key]) != "RUNNING":
                cold.remove(key)
        return len(cold) < COLD

    for key, request in requests.items():
        eventually(may_start)
        executions[key] = _start(stack, crawlers[key], request)
        cold.add(key)
    return {key: _finish(stack, crawlers[key], executions[key], request) for key, request in requests.items()}


def describe(stack: Stack, crawler: str, arn: str) -> Ran:
    """What came of an execution so far, in words that are the same for every crawler and moment."""
    execution = stack.states.describe_execution(executionArn=arn)
    output = json.loads(execution.get("output", "null").replace(f'"{crawler}"', f'"{CRAWLER}"'))
    cause = execution.get("cause", "").replace(crawler, f"*{CRAWLER}*")
    cause = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "*time*", cause)
    cause = re.sub(r"AWS request [0-9a-f-]{36}", "AWS request *id*", cause)
    calls = stack.aws.calls().get(crawler, {})
    return Ran(execution["status"], execution.get("error"), cause, output, _path(stack, arn), calls)


def _start(stack: Stack, crawler: str, request: Request) -> str:
    if request.situation.crawling:
        stack.glue.start_crawler(Name=crawler)
        # Glue and Step Functions tell milliseconds: the request has to come in a later one than the crawl.
        began = time.time()
        eventually(lambda: time.time() > began + 0.002)
    machine = create_machine(stack, crawler, request.definition.replace(f'"{CRAWLER}"', f'"{crawler}"'))
    given = {"crawlername": crawler} if request.situation.given is None else request.situation.given
    execution = stack.states.start_execution(stateMachineArn=machine, input=json.dumps(given | request.given))
    return execution["executionArn"]


def _finish(stack: Stack, crawler: str, arn: str, request: Request) -> Ran:
    if not request.looks:
        stack.finish(arn)
        return describe(stack, crawler, arn)
    eventually(lambda: stack.aws.calls().get(crawler, {}).get("GetCrawler", 0) >= request.looks)
    ran = describe(stack, crawler, arn)
    stack.states.stop_execution(executionArn=arn)
    return ran


def _status(stack: Stack, arn: str) -> str:
    return stack.states.describe_execution(executionArn=arn)["status"]


def _path(stack: Stack, arn: str) -> list[str]:
    path = []
    for event in stack.history(arn):
        if event["type"].endswith("StateEntered"):
            path.append(event["stateEnteredEventDetails"]["name"])
        elif event["type"] == "TaskFailed":
            path.append(f"failed: {event['taskFailedEventDetails']['error']}")
    return path
