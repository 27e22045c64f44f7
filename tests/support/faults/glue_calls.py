"""The faults of each Glue operation that the functions call."""

from typing import Any

from tests.support.faults.scenario import IN_DOUBT, SILENCE, SLACK, Before, Meanwhile, Scenario, crawling, fault

SOON = {"timeoutSeconds": 5}
STARTED: dict[str, Any] = {"ends": "STARTED"}
NO_ANSWER, NOT_GLUES = "no answer from Glue", "without an answer of Glue's"
DENIED = "User is not authorized to perform: glue:"
THROTTLED, BROKEN = "crawler {crawler}: Rate exceeded", "crawler {crawler}: Internal service error"
TRY, LOOK = "the last try to start one failed: ", "the last look failed: "
KINDS = ["ThrottlingException", "AccessDeniedException", "http-500", "hang", "garbage"]
FOR_EVER = [f"forever {kind}" for kind in KINDS]


def strikes(operation: str, rows: dict[str, dict[str, Any]], **common: Any) -> list[Scenario]:
    """A row for each fault of an operation."""
    return [
        Scenario(name=f"{operation}: {what}", **{"tags": fault(operation, what)} | common | expected)
        for what, expected in rows.items()
    ]


def refused(ends: str, *says: str, within: int = SLACK, **more: Any) -> dict[str, Any]:
    """The execution fails long before its deadline, and nothing was started."""
    return {"ends": ends, "says": says, "crawls": 0, "within": within} | more


def silenced(**more: Any) -> dict[str, Any]:
    """The deadline passes in the first try, so there is no other."""
    within = SOON["timeoutSeconds"] + SILENCE + SLACK
    return refused("GlueUnreachable", NO_ANSWER, within=within, given=SOON, **more)


def times_out(*says: str, **more: Any) -> dict[str, Any]:
    return {"given": SOON, "ends": "CrawlTimedOut", "says": says} | more


START_CRAWLER = strikes(
    "StartCrawler",
    {
        "2 ThrottlingException": STARTED | {"starts": 3},
        "forever ThrottlingException": times_out(f"{TRY}ThrottlingException: {THROTTLED}", starts=None, crawls=0),
        "1 AccessDeniedException": refused("AccessDeniedException", f"{DENIED}StartCrawler"),
        "1 OperationTimeoutException": STARTED | {"starts": 2},
        "forever OperationTimeoutException": refused("OperationTimeoutException", "The operation timed out", starts=3),
        "1 SomethingNewException": refused("SomethingNewException", "StartCrawler failed"),
        "1 http-500": STARTED | {"starts": 2},
        "forever http-500": refused("InternalServiceException", BROKEN, starts=9),
        "1 hang": STARTED | {"starts": 2},
        "forever hang": silenced(starts=3),
        "1 garbage": STARTED | {"starts": 2},
        "forever garbage": refused("GlueUnreachable", f"HTTP status 200 {NOT_GLUES}", starts=3),
        "1 garbage-503": STARTED | {"starts": 2},
        "forever garbage-503": refused("GlueUnreachable", f"HTTP status 503 {NOT_GLUES}", starts=9),
        "1 lost-response": {
            "tags": crawling(15) | fault("StartCrawler", "1 lost-response"),
            "ends": "JOINED",
            "starts": 2,
        },
    },
)

GET_CRAWLER_FIRST = strikes(
    "GetCrawler",
    {
        "2 ThrottlingException": STARTED,
        "forever ThrottlingException": times_out(f"{TRY}ThrottlingException: {THROTTLED}", starts=0, crawls=0),
        "1 AccessDeniedException": refused("AccessDeniedException", f"{DENIED}GetCrawler", starts=0),
        "1 http-500": STARTED,
        "forever http-500": refused("InternalServiceException", BROKEN, starts=0),
        "1 hang": STARTED,
        "forever hang": silenced(starts=0),
        "1 garbage": STARTED,
        "forever garbage": refused("GlueUnreachable", f"HTTP status 200 {NOT_GLUES}", starts=0),
        "1 garbage-503": STARTED,
    },
)

# Faults that begin once the crawl runs, so that only get-crawler-state meets them.
LOST_SIGHT: dict[str, Any] = {"tags": crawling(600), "left": "RUNNING"}
GET_CRAWLER_LATER = [
    Scenario(
        f"GetCrawler during the crawl: {what}",
        meanwhile=Meanwhile.TAGS,
        later=fault("GetCrawler", what),
        **{"tags": crawling(4)} | expected,
    )
    for what, expected in {
        "2 ThrottlingException": STARTED,
        "4 ThrottlingException": STARTED,
        "forever ThrottlingException": times_out(f"{LOOK}ThrottlingException: {THROTTLED}", **LOST_SIGHT),
        "1 AccessDeniedException": {
            "ends": "AccessDeniedException",
            "says": (f"{DENIED}GetCrawler",),
            "within": SLACK,
        },
        "1 OperationTimeoutException": STARTED,
        "1 InternalFailure": STARTED,
        "1 ServiceUnavailable": STARTED,
        "1 SomethingNewException": {
            "ends": "SomethingNewException",
            "says": ("GetCrawler failed",),
            "within": SLACK,
        },
        "4 http-500": STARTED,
        "forever http-500": times_out(f"{LOOK}InternalServiceException: {BROKEN}", **LOST_SIGHT),
        "1 hang": STARTED,
        "forever hang": times_out(
            f"{LOOK}GlueUnreachable: ", NO_ANSWER, **LOST_SIGHT, within=SOON["timeoutSeconds"] + SILENCE + SLACK
        ),
        "1 garbage": STARTED,
        "forever garbage": times_out(f"{LOOK}GlueUnreachable: ", NOT_GLUES, **LOST_SIGHT),
    }.items()
]

UNPROVEN = {
    "forever AccessDeniedException": fault("ListCrawls", "forever AccessDeniedException"),
    "forever hang": fault("ListCrawls", "forever hang"),
    "the crawl is missing": {"local:list-crawls-lag-seconds": "600"},
}
LIST_CRAWLS = [
    *strikes("ListCrawls", {"1 ThrottlingException": STARTED, "1 http-500": STARTED}),
    *strikes("ListCrawls", dict.fromkeys(FOR_EVER, STARTED), details=False),
    *(
        Scenario(
            f"ListCrawls during an older crawl: {what}",
            "STARTED",
            before=Before.RUNNING,
            tags=crawling(4) | tags,
            details=False,
        )
        for what, tags in UNPROVEN.items()
    ),
    *(
        Scenario(
            f"ListCrawls after StartCrawler's lost response: {what}",
            "SATISFIED",
            or_else=IN_DOUBT,
            tags=crawling(12) | fault("StartCrawler", "1 lost-response") | tags,
            starts=2,
            details=False,
        )
        for what, tags in UNPROVEN.items()
    ),
]

METRICS = strikes("GetCrawlerMetrics", dict.fromkeys(["1 ThrottlingException", *FOR_EVER], STARTED))
