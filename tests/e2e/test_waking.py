"""Woken by Glue: with the template's own pauses, who waits goes on when the crawl ends, and not at the next look.

REQUESTS is how many wait for one crawler; `pytest -s` shows how soon they went on.
"""

import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from statistics import median
from typing import Any

import pytest
from rich.console import Console

from local.aws import LocalAws
from local.demo.deploy import deploy
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually
from tests.support.waits import CRAWL, OLDER, Wait, waits_of

REQUESTS = int(os.environ.get("REQUESTS", "60"))
# None but the first ends before the first look: after 5 s, and twice that where twenty functions start at once.
LENGTHS = [3, *(14 + number / 2 for number in range(19))]
DATABASE = "waking"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """With the pauses that the template has by itself, and crawlers without estimates."""
    with LocalAws() as aws:
        names = {"JobNamePattern": "*", "CrawlerNamePattern": "*"}
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


def crawls(stack: Stack, names: list[str]) -> list[dict[str, Any]]:
    """Executions of crawl, started at once, when all have ended."""
    machine = stack.outputs["CrawlStateMachineArn"]

    def start(name: str) -> str:
        given = json.dumps({"crawlername": name})
        arn: str = stack.states.start_execution(stateMachineArn=machine, input=given)["executionArn"]
        return arn

    def all_over() -> bool:
        running = stack.states.list_executions(stateMachineArn=stack.machine("Crawl"), statusFilter="RUNNING")
        return not running["executions"]

    with ThreadPoolExecutor(16) as pool:
        arns = list(pool.map(start, names))
    eventually(all_over)
    ended = [stack.states.describe_execution(executionArn=arn) for arn in arns]
    assert [execution.get("cause") for execution in ended if execution["status"] != "SUCCEEDED"] == []
    return ended


def told(waits: Iterable[tuple[Wait, datetime]], requests: int) -> list[float]:
    """How late, in seconds, those who waited went on when the crawl had ended, which nearly all were told."""
    # Some had not begun to wait, or looked just then: how many depends on the machine's speed.
    waited = [(wait, end) for wait, end in waits if wait.since <= end <= wait.over]
    assert len(waited) >= requests / 2
    late = [(wait.over - end).total_seconds() for wait, end in waited if wait.woken]
    assert len(late) >= 0.9 * len(waited)
    Console().print(f"after the end, {len(late)} times: median {median(late):.2f} s, at most {max(late):.2f} s")
    return late


def test_crawls_of_any_length_are_told_when_they_end(stack: Stack) -> None:
    """Two looks at most, the last one because of the announcement: nothing waits for a pause to pass."""
    names = [crawler(stack, f"length-{number}", seconds) for number, seconds in enumerate(LENGTHS)]
    executions = crawls(stack, names)
    assert max(json.loads(execution["output"])["polls"] for execution in executions) <= 2
    waits = []
    for name, execution in zip(names, executions, strict=True):
        [entry] = stack.glue.list_crawls(CrawlerName=name)["Crawls"]
        waits += [(wait, entry["EndTime"]) for wait in waits_of(stack, execution["executionArn"])]
    assert median(told(waits, len(names))) <= 2


def test_all_who_wait_for_one_crawler_are_woken(stack: Stack) -> None:
    """An older crawl ends, one of them starts the next, and that one wakes all: two crawls, and no look between."""
    # Their looks come 20 and 40 s after their requests, which take some seconds to be made.
    name = crawler(stack, "in-demand", 34)
    stack.glue.start_crawler(Name=name)
    arns = [execution["executionArn"] for execution in crawls(stack, [name] * REQUESTS)]
    newer, older = stack.glue.list_crawls(CrawlerName=name)["Crawls"]
    waits = [wait for arn in arns for wait in waits_of(stack, arn)]
    for entry, state in ((older, OLDER), (newer, CRAWL)):
        told([(wait, entry["EndTime"]) for wait in waits if wait.state == state], REQUESTS)
