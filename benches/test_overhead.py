"""What a run takes beside its jobs and crawls, ours and the tutorials'.

With the template's own pauses, and crawls of about 20 s without estimates.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from local.aws import LocalAws
from local.demo.deploy import deploy
from local.demo.workloads import Workload
from tests.support import tutorials
from tests.support.events import sample
from tests.support.roles import ROLE
from tests.support.stack import Stack

DATABASE = "overhead"
JOB_SECONDS = 2
# A run each, spread over a loop of 5 s, so that no length suits it by chance.
LENGTHS = (17.75, 19.0, 20.25, 21.5)
PIPELINES = {"customers": True, "medallion": False}
Span = tuple[datetime, datetime]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with LocalAws() as aws:
        names = {"JobNamePattern": "*", "CrawlerNamePattern": "*"}
        stack = Stack(aws, deploy(aws, Stack.NAME, names))
        stack.glue.create_database(DatabaseInput={"Name": DATABASE})
        yield stack


def steps(pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for stage in pipeline["stages"] for step in stage["steps"]]


def idle(stack: Stack, name: str, who: str, seconds: float) -> dict[str, Any]:
    """The pipeline with jobs and crawlers of its own, that only take their time."""
    who = f"{who}-{100 * seconds:.0f}"
    pipeline = Workload.load(name).pipeline | {"name": f"{name}-{who}"}
    for step in steps(pipeline):
        step["job"], step["crawler"] = f"{step['job']}-{who}", f"{step['crawler']}-{who}"
        stack.glue.create_job(Name=step["job"], Role=ROLE, Command={}, Tags={"local:seconds": str(JOB_SECONDS)})
        stack.glue.create_crawler(
            Name=step["crawler"],
            Role=ROLE,
            DatabaseName=DATABASE,
            Targets={"S3Targets": []},
            Tags={
                "local:seconds": str(seconds),
                "local:stopping-seconds": "0",
                "local:fault:GetCrawlerMetrics": "forever AccessDeniedException",
            },
        )
    return pipeline


def ours(stack: Stack, pipeline: dict[str, Any]) -> float:
    event = sample("native-object-created-putobject", f"landing/{pipeline['name']}.csv")
    trigger = stack.run("Trigger", {"event": event, "pipeline": pipeline, "coalesceSeconds": 1})
    run = stack.finish(stack.pipeline_run(json.loads(trigger["output"])["executionName"]))
    assert run["status"] == "SUCCEEDED", run.get("cause")
    waited = spans_of(stack, run["executionArn"], "Wait for the window to close")
    return overhead(stack, pipeline, (trigger["startDate"], run["stopDate"]), waited)


def spans_of(stack: Stack, arn: str, state: str) -> list[Span]:
    entered = stack.entered(arn)
    return [(began, then) for (name, began), (_, then) in pairwise(entered) if name == state]


def theirs(stack: Stack, pipeline: dict[str, Any], functions: bool) -> float:
    machine = tutorials.create(stack, pipeline, functions=functions)
    arn = stack.states.start_execution(stateMachineArn=machine)["executionArn"]
    run = stack.finish(arn)
    assert run["status"] == "SUCCEEDED", run.get("cause")
    return overhead(stack, pipeline, (run["startDate"], run["stopDate"]), [])


def overhead(stack: Stack, pipeline: dict[str, Any], run: Span, waited: list[Span]) -> float:
    """Seconds of the run in which no job and no awaited crawl was at work, but for its wait for the window."""
    busy = list(waited)
    for step in steps(pipeline):
        [job] = stack.glue.get_job_runs(JobName=step["job"])["JobRuns"]
        busy.append((job["StartedOn"], job["CompletedOn"]))
        if step.get("await", True):
            [crawl] = stack.glue.list_crawls(CrawlerName=step["crawler"])["Crawls"]
            busy.append((crawl["StartTime"], crawl["EndTime"]))
    idle, until = 0.0, run[0]
    for began, ended in sorted(busy):
        idle += max(0.0, (began - until).total_seconds())
        until = max(until, ended)
    return idle + max(0.0, (run[1] - until).total_seconds())


def test_a_run_loses_at_most_half_of_what_the_tutorials_lose(stack: Stack) -> None:
    """Who waits by a loop pays with time; who is woken must not pay with anything else instead."""
    with ThreadPoolExecutor(2 * len(PIPELINES) * len(LENGTHS)) as pool:
        runs = {
            name: (
                [pool.submit(ours, stack, idle(stack, name, "ours", length)) for length in LENGTHS],
                [pool.submit(theirs, stack, idle(stack, name, "theirs", length), functions) for length in LENGTHS],
            )
            for name, functions in PIPELINES.items()
        }
        lost = {name: [mean(run.result() for run in each) for each in both] for name, both in runs.items()}
    table = Table("pipeline", "crawler-sync", "tutorial")
    for name, (own, other) in lost.items():
        table.add_row(name, f"{own:.1f} s", f"{other:.1f} s")
    Console().print(table)
    for name, (own, other) in lost.items():
        assert own <= other / 2, name
