"""The pipeline find-matches on data: an upload that only CloudTrail tells of, and customers without their doubles."""

import json
from typing import Any

import pytest

from local.demo.workloads import Workload
from tests.support.stack import Stack

FIND_MATCHES = Workload.load("find-matches")


@pytest.fixture(scope="module")
def run(pipelines: Stack) -> dict[str, Any]:
    """The run that the upload sets in motion, ended, and the crawl that nobody awaits too."""
    execution = pipelines.upload(FIND_MATCHES)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return execution


@pytest.fixture(scope="module")
def crawl(pipelines: Stack, run: dict[str, Any]) -> dict[str, Any]:
    """The crawl that the run did not wait for, ended."""
    [step] = json.loads(run["output"])["stages"][0]["steps"]
    return pipelines.finish(step["crawl"]["executionArn"])


def test_the_upload_is_known_from_cloudtrail_alone(pipelines: Stack, run: dict[str, Any]) -> None:
    """Accounts that cannot switch EventBridge on for a bucket have a trail, as in the tutorial."""
    notifications = pipelines.s3.get_bucket_notification_configuration(Bucket=FIND_MATCHES.bucket)
    assert "EventBridgeConfiguration" not in notifications
    given = [
        json.loads(pipelines.states.describe_execution(executionArn=each["executionArn"])["input"])
        for each in pipelines.executions("Trigger")
    ]
    [event] = [each["event"] for each in given if each["pipeline"]["name"] == "find-matches"]
    assert (event["detail-type"], event["detail"]["eventName"]) == ("AWS API Call via CloudTrail", "PutObject")
    assert run["name"].startswith("find-matches-")


def test_nothing_waits_for_the_crawl(pipelines: Stack, run: dict[str, Any], crawl: dict[str, Any]) -> None:
    """The run ends while the crawler is at work; the table comes later."""
    assert crawl["status"] == "SUCCEEDED", crawl.get("cause")
    [found] = pipelines.glue.list_crawls(CrawlerName="ml-final-crawler")["Crawls"]
    [left] = [
        event["timestamp"]
        for event in pipelines.history(run["executionArn"])
        if event.get("stateExitedEventDetails", {}).get("name") == "Start a crawl and go on"
    ]
    assert left < found["EndTime"]


def test_every_person_is_left_once(pipelines: Stack, crawl: dict[str, Any]) -> None:
    """Case, order, spaces, accents, typing errors: doubles. Twins, father and son, one without an address: not."""
    assert pipelines.rows(FIND_MATCHES.database, "ml_final_top_customers") == [
        "1 | Ana | Costa | 1991-04-12 | ana.costa@example.com | +351 21 555 0101 | Lisbon",
        "4 | Benjamin | Weber | 1985-11-30 | ben.weber@example.com | +49 40 555 0102 | Hamburg",
        "6 | Anna | Berg | 2001-06-07 | anna.berg@example.com | +47 22 55 01 03 | Oslo",
        "7 | Hanna | Berg | 2001-06-07 | hanna.berg@example.com | +47 22 55 01 04 | Oslo",
        "8 | Thomas | Fischer | 1957-09-21 | - | +43 1 555 0105 | Vienna",
        "9 | Thomas | Fischer | 1988-02-14 | thomas.fischer@example.com | +43 1 555 0105 | Vienna",
        "10 | Mary Jane | O'Connor | 1979-12-03 | mj.oconnor@example.com | +353 1 555 0106 | Dublin",
        "12 | Søren | Larsen | 1969-05-30 | soren.larsen@example.com | +45 33 55 01 07 | Aarhus",
        "14 | Wei | Li | 1994-08-18 | li.wei@example.com | +86 10 5550 0108 | Beijing",
        "16 | Priya | Nair | 1983-01-25 | priya.nair@example.com | +91 22 5550 0109 | Mumbai",
        "17 | Kofi | Mensah | 1990-10-10 | - | - | Accra",
    ]
    types = pipelines.columns(FIND_MATCHES.database, "ml_final_top_customers")
    assert types["customer_id"] == "bigint"
    assert types["birth_date"] == "date"
    assert types["phone"] == "string"
