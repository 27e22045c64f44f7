"""The history of a crawler, as ListCrawls tells it."""

import functools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.aws.tests.support import Local, crawler_arn, error_code, eventually

pytestmark = pytest.mark.aws(
    "Crawler API",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html",
    validated="never",
)


def test_the_history_may_leave_out_fractions_too(local: Local) -> None:
    """Protects against code that relies on what nobody has documented."""
    name = local.crawler(tags={"local:list-crawls-precision": "seconds"})
    assert not any(local.crawl(name)["StartTime"].microsecond for _ in range(3))


def test_the_history_can_lag_behind(local: Local) -> None:
    """Protects callers of ListCrawls: a crawl may be missing from it."""
    hidden, late = (local.crawler(tags={"local:list-crawls-lag-seconds": seconds}) for seconds in ("60", "0.4"))
    for name in (hidden, late):
        local.glue.start_crawler(Name=name)
    assert local.glue.list_crawls(CrawlerName=hidden)["Crawls"] == []
    [crawl] = eventually(lambda: local.glue.list_crawls(CrawlerName=late)["Crawls"])
    assert datetime.now(UTC) - crawl["StartTime"] >= timedelta(seconds=0.4)


@pytest.mark.aws(
    "CrawlerHistory", url="https://docs.aws.amazon.com/glue/latest/webapi/API_CrawlerHistory.html", validated="never"
)
def test_the_history_tells_a_running_crawl_from_an_ended_one(local: Local) -> None:
    """Protects JOINED and SATISFIED: state, times and identity of each crawl."""
    name = local.crawler(tags={"local:seconds": "60"})
    local.glue.start_crawler(Name=name)
    [running] = eventually(lambda: (c := local.glue.list_crawls(CrawlerName=name)["Crawls"])[0]["DPUHour"] > 0 and c)
    assert running["State"] == "RUNNING"
    assert "EndTime" not in running
    local.glue.stop_crawler(Name=name)
    last = local.ready(name)["LastCrawl"]
    [ended] = local.glue.list_crawls(CrawlerName=name)["Crawls"]
    assert ended["State"] == "STOPPED"
    assert ended["CrawlId"] == running["CrawlId"] == ended["MessagePrefix"] == last["MessagePrefix"]
    assert ended["StartTime"] == running["StartTime"] < ended["EndTime"]
    assert ended["StartTime"].replace(microsecond=0) == last["StartTime"]
    assert ended["DPUHour"] > 0
    completed = local.crawl(local.crawler())
    assert (completed["State"], "EndTime" in completed) == ("COMPLETED", True)


@pytest.fixture(scope="module")
def history(local: Local) -> tuple[str, list[dict[str, Any]]]:
    """A crawler with four ended crawls, the second of them failed, newest first."""
    name = local.crawler()
    for outcome in ("succeeded", "failed", "succeeded", "succeeded"):
        local.glue.tag_resource(ResourceArn=crawler_arn(name), TagsToAdd={"local:outcome": outcome})
        local.crawl(name)
    return name, local.glue.list_crawls(CrawlerName=name)["Crawls"]


def filtered(local: Local, name: str, field: str, operator: str, value: object) -> list[str]:
    condition = {"FieldName": field, "FilterOperator": operator, "FieldValue": str(value)}
    crawls = local.glue.list_crawls(CrawlerName=name, Filters=[condition])["Crawls"]
    return [crawl["CrawlId"] for crawl in crawls]


@pytest.mark.parametrize(
    ("operator", "matching"),
    [("GT", [0, 1]), ("GE", [0, 1, 2]), ("LT", [3]), ("LE", [2, 3]), ("EQ", [2]), ("NE", [0, 1, 3])],
)
@pytest.mark.parametrize("field", ["START_TIME", "END_TIME"])
def test_the_history_can_be_filtered_by_time(
    local: Local, history: Any, field: str, operator: str, matching: list[int]
) -> None:
    """Protects the START_TIME filter of start-crawler: epoch milliseconds, all operators."""
    name, crawls = history
    moment = crawls[2]["StartTime" if field == "START_TIME" else "EndTime"]
    milliseconds = round(moment.timestamp() * 1000)
    assert filtered(local, name, field, operator, milliseconds) == [crawls[i]["CrawlId"] for i in matching]


def test_the_history_can_be_filtered_by_state_id_and_cost(local: Local, history: Any) -> None:
    """Protects the other filters, and their combination."""
    name, crawls = history
    ids = [crawl["CrawlId"] for crawl in crawls]
    assert filtered(local, name, "STATE", "EQ", "FAILED") == [ids[2]]
    assert filtered(local, name, "STATE", "NE", "FAILED") == [ids[0], ids[1], ids[3]]
    assert filtered(local, name, "CRAWL_ID", "EQ", ids[1]) == [ids[1]]
    assert filtered(local, name, "DPU_HOUR", "GE", 0) == ids
    assert filtered(local, name, "DPU_HOUR", "GT", 1) == []
    both = [
        {"FieldName": "STATE", "FilterOperator": "EQ", "FieldValue": "COMPLETED"},
        {"FieldName": "CRAWL_ID", "FilterOperator": "NE", "FieldValue": ids[0]},
    ]
    found = local.glue.list_crawls(CrawlerName=name, Filters=both)["Crawls"]
    assert [crawl["CrawlId"] for crawl in found] == [ids[1], ids[3]]


def test_the_history_comes_in_pages(local: Local, history: Any) -> None:
    """Protects callers that follow NextToken."""
    name, crawls = history
    first = local.glue.list_crawls(CrawlerName=name, MaxResults=3)
    rest = local.glue.list_crawls(CrawlerName=name, MaxResults=3, NextToken=first["NextToken"])
    assert "NextToken" not in rest
    assert first["Crawls"] + rest["Crawls"] == crawls


def test_a_bad_question_about_the_history_is_refused(local: Local, history: Any) -> None:
    """Protects against a filter that silently matches everything, or nothing."""
    name, _ = history
    listing = functools.partial(error_code, local.glue.list_crawls, CrawlerName=name)
    condition = {"FieldName": "START_TIME", "FilterOperator": "GE", "FieldValue": "yesterday"}
    assert listing(Filters=[condition])[0] == "InvalidInputException"
    assert listing(NextToken="nonsense")[0] == "InvalidInputException"


@pytest.mark.aws(
    "CrawlerHistory", url="https://docs.aws.amazon.com/glue/latest/webapi/API_CrawlerHistory.html", validated="never"
)
def test_the_summary_is_json_in_json(local: Local) -> None:
    """Protects the counts: the shape of a public sample, and absent what did not change."""
    bucket = local.bucket(**{"orders/dt=1/a.csv": "id\n1\n", "orders/dt=2/a.csv": "id\n1\n"})
    name = local.crawler(f"s3://{bucket}/orders/")
    summary = json.loads(local.crawl(name)["Summary"])
    assert summary.keys() == {"TABLE", "PARTITION"}
    assert json.loads(summary["TABLE"]["ADD"]) == {"Details": {"names": ["orders"]}, "Count": 1}
    assert json.loads(summary["PARTITION"]["ADD"]) == {"Details": {"orders": ["dt=1", "dt=2"]}, "Count": 2}
    assert json.loads(local.crawl(name)["Summary"]) == {}
