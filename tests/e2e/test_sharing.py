"""Many requests for one crawler at once: few crawls, all fresh."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from stack import CUSTOMERS, Stack, eventually

from local.workloads import ROLE

REQUESTS = int(os.environ.get("REQUESTS", "50"))


def crawler(stack: Stack, name: str) -> str:
    """A crawler without data, whose crawls take 3 s."""
    stack.glue.create_crawler(
        Name=name,
        Role=ROLE,
        DatabaseName=CUSTOMERS.database,
        Targets={"S3Targets": [{"Path": "s3://etl-pipeline/nothing/"}]},
        Tags={"local:seconds": "3"},
    )
    return name


def request_all(stack: Stack, name: str) -> list[dict[str, Any]]:
    """Executions of crawl started as close together as can be, described when they have ended."""
    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(lambda _: stack.run("Crawl", {"crawlername": name}, timeout=150), range(REQUESTS)))


@pytest.mark.parametrize(("older", "most"), [(False, 2), (True, 3)], ids=["idle", "already-crawling"])
def test_concurrent_requests_share_their_crawls(stack: Stack, older, most):
    """Shared and Fresh: each of the requests is served by a crawl that began after it, and all of them by two."""
    name = crawler(stack, f"shared-{most}")
    if older:
        stack.glue.start_crawler(Name=name)
    executions = request_all(stack, name)
    assert [execution.get("cause") for execution in executions if execution["status"] != "SUCCEEDED"] == []
    crawls = stack.glue.list_crawls(CrawlerName=name)["Crawls"]
    assert 1 <= len(crawls) <= most
    for execution in executions:
        assert any(
            execution["startDate"] <= crawl["StartTime"] and crawl["EndTime"] <= execution["stopDate"]
            for crawl in crawls
        ), execution["output"]


def test_a_request_after_the_crawl_began_gets_another(stack: Stack):
    """A crawl that began a moment too early may have missed what the request is about."""
    name = crawler(stack, "too-early")
    stack.glue.start_crawler(Name=name)
    assert eventually(lambda: stack.glue.get_crawler(Name=name)["Crawler"]["State"] == "RUNNING")
    asked = datetime.now(UTC)
    execution = stack.run("Crawl", {"crawlername": name})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    crawls = stack.glue.list_crawls(CrawlerName=name)["Crawls"]
    assert len(crawls) == 2
    assert max(crawl["StartTime"] for crawl in crawls) >= asked


def test_a_crawler_in_demand_starves_nobody(stack: Stack):
    """Somebody restarts the crawler whenever it is READY: a look may never see that our crawl is over."""
    name = crawler(stack, "in-demand")
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
        execution = stack.run("Crawl", {"crawlername": name, "timeoutSeconds": 30})
    finally:
        enough.set()
        restarting.join()
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
