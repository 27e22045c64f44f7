"""What runs and waiting cost, ours and the tutorials', counted in real histories: a table of docs/operations.md."""

import json
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
from tests.support import documents, tutorials
from tests.support.events import sample
from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack, eventually

PAGE, TITLE = ROOT / "docs/operations.md", "Money"
# Both pipelines, and whether the tutorial looks by functions.
PIPELINES = {"customers": True, "medallion": False}
OURS, THEIRS = "crawler-sync", "loop of 5 s"
LENGTHS = ("1 min", "10 min", "60 min", "24 h")
A_LOOK = 3  # a wait, a Task and a Choice
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
    run = stack.finish(stack.pipeline_run(json.loads(trigger["output"])["executionName"]))
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
    execution = stack.finish(arn)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    transitions, invocations, looks = counted(stack, [arn], "Get ")
    awaited = [step for stage in pipeline["stages"] for step in stage["steps"] if step.get("await", True)]
    # The first look of each comes at once, and is not counted.
    fixed = transitions - A_LOOK * (looks - len(awaited))
    return Count(len(awaited), fixed, (invocations - looks + len(awaited)) if functions else 0, functions, False)


@dataclass(frozen=True)
class Waiting:
    """What the example `polling` prints of a crawl: how often it is looked at, and the time lost after its end."""

    looks: int
    events: str
    lost: int

    @property
    def endless(self) -> bool:
        """Whether no history holds it."""
        return "more than" in self.events


def waiting() -> dict[tuple[str, str], Waiting]:
    """By the crawl's length and the way of waiting."""
    printed = subprocess.run([ROOT / "target/debug/examples/polling"], capture_output=True, text=True, check=True)
    rows = [line.strip("| ").split(" | ") for line in printed.stdout.splitlines()[2:]]
    return {(crawl, way): Waiting(int(looks), events, int(lost[:-2])) for crawl, way, looks, _, events, lost in rows}


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
def counts(own: Stack) -> dict[tuple[str, str], Count]:
    """By pipeline and by who runs it."""
    found = {}
    for name, functions in PIPELINES.items():
        pipeline = idle(own, Workload.load(name))
        found[name, OURS] = ours(own, pipeline)
        for step in (step for stage in pipeline["stages"] for step in stage["steps"]):
            eventually(partial(is_ready, own, step["crawler"]))
        found[name, THEIRS] = tutorial(own, pipeline, functions=functions)
    return found


def table(counts: dict[tuple[str, str], Count]) -> str:
    heads = ["each crawl takes", "waiting", "looks", "history events", "noticed after"]
    rows = [[*heads, *(head for name in PIPELINES for head in (f"{name}: transitions", "$ for 1,000 runs"))]]
    rows.append(["--:", "---"] + (len(rows[0]) - 2) * ["--:"])
    ways = waiting()
    for length in LENGTHS:
        unwoken = [each.lost for (crawl, way), each in ways.items() if crawl == length and "never woken" in way]
        lost = f" ({min(unwoken)} – {max(unwoken)} s)"
        rows.append([length, OURS, *row(ways[length, "woken"], lost), *costs(counts, OURS, ways[length, "woken"])])
        rows.append([length, THEIRS, *row(ways[length, THEIRS]), *costs(counts, THEIRS, ways[length, THEIRS])])
    return documents.table(rows)


def row(waiting: Waiting, lost: str = "") -> list[str]:
    return [f"{waiting.looks:,}", waiting.events, f"{waiting.lost} s{lost}"]


def costs(counts: dict[tuple[str, str], Count], who: str, waiting: Waiting) -> Iterator[str]:
    for name in PIPELINES:
        transitions, _, dollars = counts[name, who].of(waiting.looks)
        # Its execution ends before the crawl does.
        yield from ["–", "–"] if waiting.endless else [f"{transitions:,}", f"{1_000 * dollars:.2f}"]


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("length", LENGTHS)
def test_every_run_costs_less_than_the_tutorials(
    counts: dict[tuple[str, str], Count], pipeline: str, length: str
) -> None:
    """Who is woken must not pay for it, not even with crawls of a minute."""
    transitions, _, dollars = counts[pipeline, OURS].of(waiting()[length, "woken"].looks)
    more, _, dearer = counts[pipeline, THEIRS].of(waiting()[length, THEIRS].looks)
    assert transitions < more
    assert dollars < dearer


@pytest.mark.generated
def test_the_page_has_what_the_histories_say(counts: dict[tuple[str, str], Count]) -> None:
    """Who plans a budget by it must not be told of last year's machines."""
    documents.holds(PAGE, TITLE, table(counts))
