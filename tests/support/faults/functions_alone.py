"""The functions without the machine: what the drop-in replacements of Python Lambdas promise."""

from typing import Any

from tests.support.faults.scenario import SLACK, Before, Scenario, crawling, fault
from tests.support.faults.situations import LONG, MISSING

RUNNING = {"before": Before.RUNNING, "tags": LONG}
LONG_AGO, FAR_AHEAD = {"requestedAt": "2001-01-01T00:00:00Z"}, {"requestedAt": "2101-01-01T00:00:00Z"}
ALREADY = ("Crawler with name {crawler} has already started",)


def start(name: str, ends: str, **rest: Any) -> Scenario:
    return Scenario(f"start-crawler, {name}", ends, call="StartCrawler", within=SLACK, **rest)


def look(name: str, ends: str, **rest: Any) -> Scenario:
    name = f"get-crawler-state, {name}"
    return Scenario(name, ends, call="GetCrawlerState", within=SLACK, starts=0, crawls=0, **rest)


ALONE = [
    start("without requestedAt", "STARTED"),
    start("without requestedAt, in a crawl", "CrawlerRunningException", says=ALREADY, crawls=0, **RUNNING),
    start(
        "without requestedAt, its response lost",
        "CrawlerRunningException",
        says=ALREADY,
        tags=LONG | fault("StartCrawler", "1 lost-response"),
        starts=2,
    ),
    start(
        "without requestedAt, throttled for ever",
        "ThrottlingException",
        says=("Rate exceeded",),
        tags=fault("StartCrawler", "forever ThrottlingException"),
        starts=3,
        crawls=0,
    ),
    start("a crawl is under way that began after requestedAt", "JOINED", given=LONG_AGO, starts=0, crawls=0, **RUNNING),
    start(
        "a crawl is under way that began before requestedAt",
        "BUSY",
        given=FAR_AHEAD,
        starts=0,
        crawls=0,
        **RUNNING,
    ),
    start(
        "a crawl succeeded that began after requestedAt",
        "SATISFIED",
        given=LONG_AGO,
        before=Before.SUCCEEDED,
        starts=0,
        crawls=0,
    ),
    start("a crawl failed that began after requestedAt", "STARTED", given=LONG_AGO, before=Before.FAILED),
    look("of a crawler that never ran", "NONE"),
    look("after a crawl that succeeded", "SUCCEEDED", before=Before.SUCCEEDED),
    look("after a crawl that failed", "FAILED", before=Before.FAILED),
    look("during a crawl", "RUNNING", **RUNNING),
    look("in STOPPING", "RUNNING", before=Before.RUNNING, tags=crawling(0, stopping=600)),
    look("of no crawler", "EntityNotFoundException", says=MISSING, before=Before.MISSING),
]
