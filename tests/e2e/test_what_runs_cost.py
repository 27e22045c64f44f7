"""docs/costs.md: what runs cost, ours and the tutorials', counted in real histories. `make costs` writes its table."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from local.aws import LocalAws
from local.demo import ROOT
from local.demo.deploy import deploy
from local.demo.workloads import Workload, set_up
from tests.support import tutorials
from tests.support.events import sample
from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack, eventually

PAGE = ROOT / "docs/costs.md"
TABLE = re.compile(r"\| pipeline \|.*?(?=\n\n)", re.DOTALL)
A_LOOK = 3  # a wait, a Task and a Choice: docs/polling.md
# us-east-1, in dollars. A function is billed 128 MB of arm64 for a tenth of a second, an EXPRESS execution 64 MB for a
# second. Each wait of ours writes to the table once, and each wake reads it.
TRANSITION = 0.025 / 1_000
INVOCATION = 0.20 / 1_000_000 + 0.1 * 0.125 * 0.0000133334
EXPRESS = 1.00 / 1_000_000 + 1.0 * 0.0625 * 0.00001667
WRITE, READ = 0.625 / 1_000_000, 0.125 / 1_000_000


@dataclass(frozen=True)
class Count:
    """What a run did beside waiting for crawls, and how many crawls it looked after."""

    crawls: int
    transitions: int
    invocations: int
    lambda_looks: bool
    woken: bool

    def of(self, looks: int) -> tuple[int, int, float]:
        """Transitions, invocations and dollars, if each crawl takes so many looks."""
        transitions = self.transitions + A_LOOK * self.crawls * looks
        invocations = self.invocations + (self.crawls * looks if self.lambda_looks else 0)
        waking = self.crawls * (EXPRESS + READ + looks * WRITE) + EXPRESS if self.woken else 0.0
        return transitions, invocations, transitions * TRANSITION + invocations * INVOCATION + waking


def idle(stack: Stack, workload: Workload) -> dict[str, Any]:
    """The pipeline with jobs and crawlers that only take their time."""
    pipeline = workload.pipeline
    for step in (step for stage in pipeline["stages"] for step in stage["steps"]):
        for kind in ("job", "crawler"):
            step[kind] += "-costs"
        stack.glue.create_job(Name=step["job"], Role=ROLE, Command={}, Tags={"local:seconds": "0"})
        stack.glue.create_crawler(
            Name=step["crawler"],
            Role=ROLE,
            DatabaseName=CUSTOMERS.database,
            Targets={"S3Targets": []},
            Tags={"local:seconds": "0.5"},
        )
    return pipeline


def counted(stack: Stack, executions: list[str], look: str) -> tuple[int, int, int]:
    """Transitions, invocations and looks at crawlers."""
    entered = [name for arn in executions for name, _ in stack.entered(arn)]
    invoked = [
        event
        for arn in executions
        for event in stack.history(arn)
        if event["type"] == "TaskScheduled" and "lambda" in event["taskScheduledEventDetails"]["resourceType"]
    ]
    return len(entered), len(invoked), sum(name.startswith(look) for name in entered)


def ours(stack: Stack, pipeline: dict[str, Any]) -> Count:
    """From an event on: trigger, which is not billed by transitions, pipeline, and its crawls."""
    event = sample("native-object-created-putobject", f"landing/{pipeline['name']}.csv")
    trigger = stack.run("Trigger", {"event": event, "pipeline": pipeline, "coalesceSeconds": 1})
    run = stack.finish(json.loads(trigger["output"])["executionArn"])
    assert run["status"] == "SUCCEEDED", run.get("cause")
    steps = [step for stage in json.loads(run["output"])["stages"] for step in stage["steps"]]
    crawls = [
        each["executionArn"]
        for each in stack.executions("Crawl")
        if run["executionArn"] in stack.finish(each["executionArn"])["input"]
    ]
    assert len(crawls) == len(steps)
    transitions, invocations, looks = counted(stack, [run["executionArn"], *crawls], "Get crawler state")
    # Its own looks, and the invocation of s3-event-filter.
    return Count(len(crawls), transitions - A_LOOK * looks, invocations - looks + 1, True, True)


def tutorial(stack: Stack, pipeline: dict[str, Any], *, functions: bool) -> Count:
    """The pipeline as the tutorials have it: a machine of its own, with a loop of 5 s around each awaited crawler."""
    machine = tutorials.create(stack, pipeline, functions=functions)
    arn = stack.states.start_execution(stateMachineArn=machine)["executionArn"]
    execution = stack.finish(arn, timeout=90)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    transitions, invocations, looks = counted(stack, [arn], "Get ")
    awaited = [step for stage in pipeline["stages"] for step in stage["steps"] if step.get("await", True)]
    # The first look of each comes at once, and is none of those that are counted.
    fixed = transitions - A_LOOK * (looks - len(awaited))
    return Count(len(awaited), fixed, (invocations - looks + len(awaited)) if functions else 0, functions, False)


def looks() -> dict[tuple[str, str], int]:
    """How many looks a crawl takes: docs/polling.md, by its length and the way of waiting."""
    printed = subprocess.run([ROOT / "target/debug/examples/polling"], capture_output=True, text=True, check=True)
    rows = [line.strip("| ").split(" | ") for line in printed.stdout.splitlines()[2:]]
    return {(crawl, waiting): int(count) for crawl, waiting, count, *_ in rows}


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    """Other tests look for the one run of customers on theirs."""
    parameters = {"JobNamePattern": "*", "CrawlerNamePattern": "*"}
    with LocalAws() as aws:
        outputs = deploy(aws, Stack.NAME, parameters | {"PollMinSeconds": 1, "PollMaxSeconds": 2})
        set_up(aws, CUSTOMERS)
        yield Stack(aws, outputs)


def is_ready(stack: Stack, crawler: str) -> bool:
    return stack.glue.get_crawler(Name=crawler)["Crawler"]["State"] == "READY"


@pytest.fixture(scope="module")
def table(own: Stack) -> str:
    def rows() -> Iterator[str]:
        yield "| pipeline | each crawl takes | | state transitions | Lambda invocations | $ for 1,000 runs |"
        yield "|---|--:|---|--:|--:|--:|"
        for name, functions in {"customers": True, "medallion": False}.items():
            pipeline = idle(own, Workload.load(name))
            counts = {"crawler-sync": ours(own, pipeline)}
            for step in (step for stage in pipeline["stages"] for step in stage["steps"]):
                eventually(partial(is_ready, own, step["crawler"]))
            counts["tutorial"] = tutorial(own, pipeline, functions=functions)
            for length in ("1 min", "10 min", "60 min"):
                for who, waiting in {"crawler-sync": "woken", "tutorial": "loop of 5 s"}.items():
                    transitions, invocations, dollars = counts[who].of(looks()[length, waiting])
                    yield f"| {name} | {length} | {who} | {transitions:,} | {invocations:,} | {1_000 * dollars:.2f} |"

    return "\n".join(rows())


def test_every_row_costs_less_than_the_tutorials(table: str) -> None:
    """Who is woken must not pay for it, not even with crawls of a minute."""
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    for own, other in zip(rows[::2], rows[1::2], strict=True):
        assert (own[:2], own[2], other[2]) == (other[:2], "crawler-sync", "tutorial")
        assert int(own[3].replace(",", "")) < int(other[3].replace(",", ""))
        assert float(own[5]) < float(other[5])


def test_the_page_has_what_the_histories_say(table: str) -> None:
    """Who plans a budget by it must not be told of last year's machines."""
    if os.environ.get("WRITE_TABLES"):
        PAGE.write_text(TABLE.sub(table, PAGE.read_text()))
    assert TABLE.findall(PAGE.read_text()) == [table]
