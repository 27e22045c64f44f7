"""Many requests for one crawler at once: few crawls, all fresh."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack

REQUESTS = int(os.environ.get("REQUESTS", "50"))


def crawler(stack: Stack, name: str, tags: dict[str, str] | None = None) -> str:
    """A crawler without data, whose crawls take 3 s."""
    stack.glue.create_crawler(
        Name=name,
        Role=ROLE,
        DatabaseName=CUSTOMERS.database,
        Targets={"S3Targets": [{"Path": "s3://etl-pipeline/nothing/"}]},
        Tags={"local:seconds": "3", "local:stopping-seconds": "0"} | (tags or {}),
    )
    return name


def request_all(stack: Stack, name: str) -> list[dict[str, Any]]:
    """Executions of crawl started as close together as can be, described when they have ended."""
    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(lambda _: stack.run("Crawl", {"crawlername": name}), range(REQUESTS)))


@pytest.mark.parametrize("older", [False, True], ids=["idle", "already-crawling"])
def test_concurrent_requests_share_their_crawls(stack: Stack, older: bool) -> None:
    """Shared and Fresh: each is served by a crawl that began after it, and no crawl begins that nobody needs."""
    name = crawler(stack, f"shared-{older}")
    if older:
        stack.glue.start_crawler(Name=name)
    executions = request_all(stack, name)
    assert [execution.get("cause") for execution in executions if execution["status"] != "SUCCEEDED"] == []
    crawls = stack.glue.list_crawls(CrawlerName=name)["Crawls"]
    requests = [execution["startDate"] for execution in executions]
    # Two, of requests that come at once: those that came after the first one's beginning need another.
    for before in crawls[1:]:
        assert max(requests) >= before["StartTime"].replace(microsecond=0)
    for execution in executions:
        assert any(
            execution["startDate"] <= crawl["StartTime"] and crawl["EndTime"] <= execution["stopDate"]
            for crawl in crawls
        ), execution["output"]


def test_a_request_after_the_crawl_began_gets_another(stack: Stack) -> None:
    """A crawl that began a moment too early may have missed what the request is about."""
    name = crawler(stack, "too-early")
    stack.glue.start_crawler(Name=name)
    asked = datetime.now(UTC)
    execution = stack.run("Crawl", {"crawlername": name})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    crawls = stack.glue.list_crawls(CrawlerName=name)["Crawls"]
    assert len(crawls) == 2
    assert max(crawl["StartTime"] for crawl in crawls) >= asked


@contextmanager
def in_demand(stack: Stack, name: str) -> Iterator[None]:
    """Somebody restarts the crawler whenever it is READY: a look may never see it so."""
    enough = threading.Event()

    def restart_for_ever() -> None:
        while not enough.wait(0.02):
            try:
                stack.glue.start_crawler(Name=name)
            except ClientError as error:
                assert error.response["Error"]["Code"] == "CrawlerRunningException"

    restarting = threading.Thread(target=restart_for_ever)
    restarting.start()
    try:
        yield
    finally:
        enough.set()
        restarting.join()


def test_a_crawler_in_demand_starves_nobody(stack: Stack) -> None:
    """Our crawl is over, and the next one is under way already."""
    name = crawler(stack, "in-demand")
    with in_demand(stack, name):
        execution = stack.run("Crawl", {"crawlername": name, "timeoutSeconds": 120})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")


def test_a_crawler_in_demand_tells_of_its_failures(stack: Stack) -> None:
    """A crawl that fails is told as soon as one that succeeds: at the first look after it, with Glue's message."""
    name = crawler(stack, "failing-in-demand", {"local:outcome": "failed", "local:error": "no access to s3"})
    with in_demand(stack, name):
        execution = stack.run("Crawl", {"crawlername": name, "timeoutSeconds": 120})
    assert execution["error"] == "CrawlFailed", execution
    assert "no access to s3" in execution["cause"]
    crawls = stack.glue.list_crawls(CrawlerName=name)["Crawls"]
    joined, looks = (
        [
            event["timestamp"]
            for event in stack.history(execution["executionArn"])
            if event.get("stateExitedEventDetails", {}).get("name") == state
        ]
        for state in ("Start crawler", "Get crawler state")
    )
    awaited = min(crawl["EndTime"] for crawl in crawls if "EndTime" in crawl and crawl["EndTime"] > joined[-1])
    # One look may have been under way when the crawl ended.
    assert 1 <= sum(look > awaited for look in looks) <= 2
