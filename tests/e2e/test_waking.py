"""Woken by Glue: with the template's own pauses, who waits goes on when the crawl ends, and not at the next look.

REQUESTS is how many wait for one crawler; `pytest -s` shows how soon they went on.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

import pytest
from rich.console import Console

from local.aws import LocalAws
from local.demo.deploy import deploy
from tests.support.roles import ROLE
from tests.support.stack import Stack

REQUESTS = int(os.environ.get("REQUESTS", "50"))
LENGTHS = [1 + 1.5 * number for number in range(20)]
WAITS = ("Wait for the crawl to end", "Wait for the older crawl to end")
DATABASE = "waking"


@dataclass(frozen=True)
class Wait:
    """One wait of an execution of crawl: whether it was woken, and when it was over."""

    state: str
    woken: bool
    over: datetime


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """With the pauses that the template has by itself, and crawlers without estimates."""
    with LocalAws() as aws:
        names = {"SourceBucketName": "nothing-lands-here", "JobNamePattern": "*", "CrawlerNamePattern": "*"}
        stack = Stack(aws, deploy(aws, Stack.NAME, names))
        stack.glue.create_database(DatabaseInput={"Name": DATABASE})
        yield stack


def crawler(stack: Stack, name: str, seconds: float) -> str:
    stack.glue.create_crawler(
        Name=name,
        Role=ROLE,
        DatabaseName=DATABASE,
        Targets={"S3Targets": []},
        Tags={"local:seconds": str(seconds), "local:fault:GetCrawlerMetrics": "forever AccessDeniedException"},
    )
    return name


def crawl(stack: Stack, name: str) -> dict[str, Any]:
    execution = stack.run("Crawl", {"crawlername": name}, timeout=180)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return execution


def waits(stack: Stack, arn: str) -> list[Wait]:
    found, state = [], ""
    for event in stack.history(arn):
        state = event.get("stateEnteredEventDetails", {}).get("name", state)
        if state in WAITS and event["type"] in ("TaskSucceeded", "TaskTimedOut"):
            found.append(Wait(state, event["type"] == "TaskSucceeded", event["timestamp"]))
    return found


def test_crawls_of_any_length_are_told_when_they_end(stack: Stack) -> None:
    """Two looks at most, and the last one because of the announcement: nothing waits for a pause to pass."""
    names = [crawler(stack, f"length-{number}", seconds) for number, seconds in enumerate(LENGTHS)]
    with ThreadPoolExecutor(len(names)) as pool:
        executions = list(pool.map(lambda name: crawl(stack, name), names))
    late = []
    for name, execution in zip(names, executions, strict=True):
        assert json.loads(execution["output"])["polls"] <= 2
        last = waits(stack, execution["executionArn"])[-1]
        assert last.woken, name
        [entry] = stack.glue.list_crawls(CrawlerName=name)["Crawls"]
        late.append((last.over - entry["EndTime"]).total_seconds())
    Console().print(f"after the end of {len(late)} crawls: median {median(late):.2f} s, at most {max(late):.2f} s")
    assert median(late) <= 2


def test_all_who_wait_for_one_crawler_are_woken(stack: Stack) -> None:
    """An older crawl ends, one of them starts the next, and that one wakes all: two crawls, and no look between."""
    name = crawler(stack, "in-demand", 20)
    stack.glue.start_crawler(Name=name)
    with ThreadPoolExecutor(REQUESTS) as pool:
        executions = list(pool.map(lambda _: crawl(stack, name), range(REQUESTS)))
    newer, older = stack.glue.list_crawls(CrawlerName=name)["Crawls"]
    for entry, state in ((older, WAITS[1]), (newer, WAITS[0])):
        late = []
        for execution in executions:
            wait = [each for each in waits(stack, execution["executionArn"]) if each.state == state][-1]
            assert wait.woken, execution["executionArn"]
            late.append((wait.over - entry["EndTime"]).total_seconds())
        told = f"median {median(late):.2f} s, at most {max(late):.2f} s"
        Console().print(f"{len(late)} who waited, after the end of the crawl: {told}")
        assert max(late) <= 5
