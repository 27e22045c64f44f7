"""Announcements that are lost, late or too many, and what wakes those who wait for them, broken."""

from collections.abc import Mapping
from typing import Any

from tests.support.faults.scenario import (
    LATER,
    SILENCE,
    Before,
    Meanwhile,
    Scenario,
    Waking,
    crawling,
    fault,
)

# Over after the first look, however slow it is, and before the second.
CRAWL = crawling(10)
NO_TAGS: Mapping[str, str] = {}
FOREVER = "forever ThrottlingException"


def woken(name: str, tags: Mapping[str, str] = NO_TAGS, **more: Any) -> Scenario:
    """Ends when the crawl ends."""
    usual: dict[str, Any] = {"ends": "STARTED", "waking": Waking(), "within": LATER, "woken": True}
    return Scenario(name, tags={**CRAWL, **tags}, **(usual | more))


def unwoken(name: str, tags: Mapping[str, str] = NO_TAGS, **more: Any) -> Scenario:
    """Ends with the next look."""
    return woken(name, tags, **({"woken": False} | more))


WAKING = [
    woken("The announcement comes"),
    woken(
        "The crawl fails, and its end is announced",
        {"local:outcome": "failed", "local:error": "no access to s3://x"},
        ends="CrawlFailed",
        says=("no access to s3://x",),
    ),
    woken("The announcement comes twice", {"local:announcements": "twice"}),
    woken("The announcement comes before the beginning's", {"local:announcements": "swapped"}),
    # Two crawls before the deadline.
    woken("An older crawl is under way, and its end is announced", crawling(7), before=Before.RUNNING),
    # start-crawler has started it, and waits for an estimate.
    woken(
        "The crawl ends before anybody waits for it",
        crawling(1) | fault("GetCrawlerMetrics", "1 hang"),
        woken=False,
        within=LATER + SILENCE,
    ),
    woken(
        "The crawl ends while a look at it hangs",
        crawling(4),
        meanwhile=Meanwhile.TAGS,
        later=fault("GetCrawler", "1 hang"),
        within=LATER + SILENCE,
        woken=None,
    ),
    unwoken("The announcement is lost", {"local:announcements": "lost"}),
    # On the stack's own table and wake, which hear of all the other rows' crawls.
    Scenario(
        "The announcement is of other crawlers",
        "STARTED",
        tags={"local:announcements": "lost"},
        woken=False,
    ),
    unwoken("The announcement comes a minute late", {"local:announcement-delay-seconds": "60"}),
    unwoken(
        "The announcement comes after the deadline",
        crawling(9),
        ends="CrawlTimedOut",
        given={"timeoutSeconds": 3},
        within=0,
    ),
    woken(
        "The look after the announcement fails",
        meanwhile=Meanwhile.TAGS,
        later=fault("GetCrawler", "6 ThrottlingException"),
        woken=None,
    ),
    woken("wake is throttled for a while", waking=Waking(wake=fault("StartExecution", "2 ThrottlingException"))),
    unwoken("wake is throttled", waking=Waking(wake=fault("StartExecution", FOREVER))),
    unwoken("wake may not be started", waking=Waking(wake=fault("StartExecution", "forever AccessDeniedException"))),
    unwoken("wake is gone", waking=Waking(wake=fault("StartExecution", "forever StateMachineDoesNotExist"))),
    woken(
        "wake is refused for a while",
        waking=Waking(crawl=fault("SendTaskSuccess", "2 ThrottlingException")),
    ),
    unwoken("wake is refused", waking=Waking(crawl=fault("SendTaskSuccess", "forever AccessDeniedException"))),
    woken("wake gets no answer", waking=Waking(crawl=fault("SendTaskSuccess", "1 lost-response"))),
    unwoken("The table cannot be read", waking=Waking(table=fault("Query", FOREVER))),
    unwoken("The table may not be read", waking=Waking(table=fault("Query", "forever AccessDeniedException"))),
    unwoken("The table cannot be written", waking=Waking(table=fault("PutItem", FOREVER))),
    unwoken("The table may not be written", waking=Waking(table=fault("PutItem", "forever AccessDeniedException"))),
    # It is looked at as if nobody announced anything, and woken once the table can be written.
    woken("The table cannot be written once", waking=Waking(table=fault("PutItem", "1 http-500")), woken=None),
]
