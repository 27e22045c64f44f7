"""The life of a crawl, as GetCrawler and its like tell it."""

import uuid
from typing import Any

import pytest

from local.aws.tests.support import Local, at_once, crawler_arn, error_code, eventually

pytestmark = pytest.mark.aws(
    "Crawler API",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html",
    validated="never",
)


def state(local: Local, name: str) -> str:
    return local.get_crawler(name)["State"]


def test_a_crawler_that_never_ran_has_no_last_crawl(local: Local) -> None:
    """Protects the NONE verdict: absent, not null."""
    crawler = local.get_crawler(local.crawler())
    assert crawler["State"] == "READY"
    assert crawler["CrawlElapsedTime"] == 0
    assert "LastCrawl" not in crawler


def test_a_crawl_is_running_then_stopping_then_ready(local: Local) -> None:
    """Protects the poll loop: STOPPING is seen, and the elapsed time grows until READY."""
    long = local.crawler(tags={"local:seconds": "60"})
    local.glue.start_crawler(Name=long)
    running = local.get_crawler(long)
    assert running["State"] == "RUNNING"
    assert "LastCrawl" not in running
    eventually(lambda: local.get_crawler(long)["CrawlElapsedTime"] > running["CrawlElapsedTime"] >= 0)
    name = local.crawler(tags={"local:seconds": "0.3", "local:stopping-seconds": "60"})
    local.glue.start_crawler(Name=name)
    stopping = eventually(lambda: (c := local.get_crawler(name))["State"] == "STOPPING" and c)
    assert stopping["CrawlElapsedTime"] >= 300
    assert "LastCrawl" not in stopping
    name = local.crawler()
    local.crawl(name)
    ready = local.get_crawler(name)
    assert ready["CrawlElapsedTime"] == 0
    assert ready["LastCrawl"].keys() == {"Status", "LogGroup", "LogStream", "MessagePrefix", "StartTime"}
    assert ready["LastCrawl"]["Status"] == "SUCCEEDED"
    assert ready["LastCrawl"]["LogGroup"] == "/aws-glue/crawlers"
    assert ready["LastCrawl"]["LogStream"] == name


@pytest.mark.aws(
    "Crawler API",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html",
    validated=(
        "GetCrawler's answer in "
        "https://aws-solutions-library-samples.github.io/advertising-marketing/connecting-data-from-adobe-experience-platform.html"
    ),
)
def test_while_a_crawl_runs_last_crawl_is_the_previous_one(local: Local) -> None:
    """Protects freshness: an old LastCrawl is not mistaken for the running crawl."""
    name = local.crawler()
    local.crawl(name)
    old = local.get_crawler(name)["LastCrawl"]
    local.glue.tag_resource(ResourceArn=crawler_arn(name), TagsToAdd={"local:seconds": "60"})
    local.glue.start_crawler(Name=name)
    assert local.get_crawler(name)["LastCrawl"] == old
    local.glue.stop_crawler(Name=name)
    new = local.ready(name)["LastCrawl"]
    assert new["StartTime"] > old["StartTime"]
    assert uuid.UUID(new["MessagePrefix"]) != uuid.UUID(old["MessagePrefix"])


@pytest.mark.aws(
    "Crawler API",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html",
    validated=(
        "the whole seconds, not ListCrawls' fractions: GetCrawler's answer in "
        "https://aws-solutions-library-samples.github.io/advertising-marketing/connecting-data-from-adobe-experience-platform.html"
    ),
)
def test_starts_are_told_apart_by_whole_seconds(local: Local) -> None:
    """Protects the identity of a crawl: GetCrawler leaves out the fractions of its start."""
    name = local.crawler()
    told = []
    for _ in range(3):
        local.crawl(name)
        told.append(local.get_crawler(name)["LastCrawl"]["StartTime"])
    starts = [crawl["StartTime"] for crawl in reversed(local.glue.list_crawls(CrawlerName=name)["Crawls"])]
    assert told == [start.replace(microsecond=0) for start in starts]
    assert len(set(told)) == 3
    # One start in a thousand has no fraction, nor have those that wait for the next second.
    eventually(lambda: local.crawl(local.crawler())["StartTime"].microsecond)


def test_of_fifty_concurrent_starts_one_wins(local: Local) -> None:
    """Protects the group commit: the race that start-crawler resolves is a real one."""
    name = local.crawler(tags={"local:seconds": "60"})

    def start() -> str:
        try:
            local.glue.start_crawler(Name=name)
        except local.glue.exceptions.CrawlerRunningException:
            return "running"
        return "started"

    assert sorted(at_once(*[start] * 50)) == ["running"] * 49 + ["started"]
    assert len(local.glue.list_crawls(CrawlerName=name)["Crawls"]) == 1


@pytest.mark.parametrize(("during", "tag"), [("RUNNING", "local:seconds"), ("STOPPING", "local:stopping-seconds")])
def test_a_crawler_that_is_not_ready_cannot_be_started_changed_or_deleted(local: Local, during: str, tag: str) -> None:
    """Protects the retry on CrawlerRunningException, which STOPPING gives too."""
    name = local.crawler(tags={tag: "60"})
    local.glue.start_crawler(Name=name)
    eventually(lambda: state(local, name) == during)
    for call in (local.glue.start_crawler, local.glue.update_crawler, local.glue.delete_crawler):
        code, message = error_code(call, Name=name)
        assert (code, message) == ("CrawlerRunningException", f"Crawler with name {name} has already started")


def test_a_stopped_crawl_is_cancelled(local: Local) -> None:
    """Protects the CANCELLED verdict, and the errors of StopCrawler."""
    stopping = local.crawler(tags={"local:seconds": "60", "local:stopping-seconds": "60"})
    local.glue.start_crawler(Name=stopping)
    local.glue.stop_crawler(Name=stopping)
    assert error_code(local.glue.stop_crawler, Name=stopping)[0] == "CrawlerStoppingException"
    eventually(lambda: state(local, stopping) == "STOPPING")
    assert error_code(local.glue.stop_crawler, Name=stopping)[0] == "CrawlerStoppingException"
    name = local.crawler(tags={"local:seconds": "60"})
    assert error_code(local.glue.stop_crawler, Name=name)[0] == "CrawlerNotRunningException"
    local.glue.start_crawler(Name=name)
    local.glue.stop_crawler(Name=name)
    assert local.ready(name)["LastCrawl"]["Status"] == "CANCELLED"
    [crawl] = local.glue.list_crawls(CrawlerName=name)["Crawls"]
    assert crawl["State"] == "STOPPED"
    assert error_code(local.glue.stop_crawler, Name=name)[0] == "CrawlerNotRunningException"


@pytest.mark.parametrize(
    ("outcome", "status", "state", "message"),
    [("failed", "FAILED", "FAILED", "no access to s3"), ("cancelled", "CANCELLED", "STOPPED", None)],
)
def test_a_crawl_ends_as_its_tags_say(local: Local, outcome: str, status: str, state: str, message: str | None) -> None:
    """Protects scenarios: a failed crawl carries its message everywhere, and writes no tables."""
    bucket = local.bucket(**{"data/a.csv": "id\n1\n"})
    tags = {"local:outcome": outcome} | ({"local:error": message} if message else {})
    name = local.crawler(f"s3://{bucket}/data/", tags=tags)
    crawl = local.crawl(name)
    last = local.get_crawler(name)["LastCrawl"]
    assert (last["Status"], last.get("ErrorMessage")) == (status, message)
    assert (crawl["State"], crawl.get("ErrorMessage")) == (state, message)
    assert local.glue.get_tables(DatabaseName=local.get_crawler(name)["DatabaseName"])["TableList"] == []


def test_a_start_can_stay_invisible_for_a_while(local: Local) -> None:
    """Protects the PENDING verdict: READY with the old LastCrawl, after an accepted StartCrawler."""
    name = local.crawler(tags={"local:pending-seconds": "60", "local:seconds": "60"})
    local.glue.start_crawler(Name=name)
    pending = local.get_crawler(name)
    assert pending["State"] == "READY"
    assert "LastCrawl" not in pending
    assert error_code(local.glue.start_crawler, Name=name)[0] == "CrawlerRunningException"
    name = local.crawler(tags={"local:pending-seconds": "0.3", "local:seconds": "60"})
    local.glue.start_crawler(Name=name)
    visible = eventually(lambda: (c := local.get_crawler(name))["State"] == "RUNNING" and c)
    assert visible["CrawlElapsedTime"] >= 300


def test_metrics_are_measured(local: Local) -> None:
    """Protects expectedSeconds: median and last run time are real, and so is what is left."""
    long, name = (local.crawler(tags={"local:seconds": seconds}) for seconds in ("60", "0.4"))

    def metrics(name: str) -> dict[str, Any]:
        return local.glue.get_crawler_metrics(CrawlerNameList=[name])["CrawlerMetricsList"][0]

    def elapsed() -> float:
        return local.get_crawler(name)["CrawlElapsedTime"] / 1000

    assert metrics(long)["MedianRuntimeSeconds"] == 0
    local.glue.start_crawler(Name=long)
    assert metrics(long)["StillEstimating"] is True
    local.crawl(name)
    after = metrics(name)
    assert 0.4 <= after["LastRuntimeSeconds"] == after["MedianRuntimeSeconds"]
    assert after["TimeLeftSeconds"] == 0
    local.glue.tag_resource(ResourceArn=crawler_arn(name), TagsToAdd={"local:seconds": "60"})
    local.glue.start_crawler(Name=name)
    before, running, millisecond = elapsed(), metrics(name), 0.001
    latest, earliest = (max(0, after["MedianRuntimeSeconds"] - e) for e in (before, elapsed() + millisecond))
    assert earliest <= running["TimeLeftSeconds"] <= latest
    assert running["StillEstimating"] is False
