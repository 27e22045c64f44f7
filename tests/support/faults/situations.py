"""What goes wrong beside Glue's API: crawls, other people, Lambda, time."""

from functools import partial

from tests.support.faults.glue_calls import LOOK, SOON, TRY
from tests.support.faults.scenario import IN_DOUBT, SLACK, Before, Frail, Meanwhile, Scenario, crawling, fault

LONG = crawling(600)
MISSING = ("Crawler entry with name {crawler} does not exist",)
OLDER = ("crawler {crawler}: no crawl that began at or after", "an older one is still under way")

CRAWLS = [
    Scenario("The crawl succeeds", "STARTED"),
    Scenario(
        "The crawl fails",
        "CrawlFailed",
        says=("No access to s3://orders", "log /aws-glue/crawlers, stream {crawler}"),
        tags={"local:outcome": "failed", "local:error": "No access to s3://orders"},
    ),
    Scenario("The crawl is cancelled", "CrawlCancelled", tags={"local:outcome": "cancelled"}, left="STOPPED"),
    Scenario("Somebody stops the crawl", "CrawlCancelled", tags=LONG, meanwhile=Meanwhile.STOPS, left="STOPPED"),
    Scenario("The crawl is STOPPING for a long time", "STARTED", tags=crawling(1, stopping=6)),
    Scenario(
        "The crawl stays STOPPING",
        "CrawlTimedOut",
        tags=crawling(1, stopping=600),
        given=SOON,
        left="RUNNING",
    ),
    *(
        Scenario(
            f"GetCrawler still shows READY and the crawl before: it {crawl.name.lower()}",
            "STARTED",
            before=crawl,
            tags=crawling(5) | {"local:pending-seconds": "3"},
        )
        for crawl in (Before.SUCCEEDED, Before.FAILED)
    ),
    Scenario(
        "GetCrawler keeps showing READY and the crawl before",
        "CrawlTimedOut",
        before=Before.SUCCEEDED,
        tags=LONG | {"local:pending-seconds": "600"},
        given=SOON,
        left="RUNNING",
    ),
    Scenario(
        "There is no such crawler",
        "EntityNotFoundException",
        says=MISSING,
        before=Before.MISSING,
        starts=0,
        crawls=0,
        within=SLACK,
    ),
    Scenario(
        "The crawler is deleted before its crawl is seen to have ended",
        "EntityNotFoundException",
        says=MISSING,
        # Long enough for the looks to be broken before one sees the end.
        tags=crawling(10),
        meanwhile=Meanwhile.DELETES,
        later=fault("GetCrawler", "forever ThrottlingException"),
    ),
]

OTHERS = [
    Scenario("An older crawl is under way", "STARTED", before=Before.RUNNING, tags=crawling(4)),
    Scenario("An older crawl is STOPPING", "STARTED", before=Before.RUNNING, tags=crawling(0, stopping=4)),
    *(
        Scenario(
            f"An older crawl does not end{with_}",
            "CrawlTimedOut",
            says=OLDER,
            before=Before.RUNNING,
            tags=LONG,
            given=SOON | given,
            starts=0,
            crawls=0,
            left="RUNNING",
        )
        for with_, given in {"": {}, ", with stopOnTimeout": {"stopOnTimeout": True}}.items()
    ),
    Scenario(
        "An older crawl is under way, and GetCrawler shows READY at first",
        "STARTED",
        before=Before.RUNNING,
        tags=crawling(6) | {"local:pending-seconds": "4"},
        starts=None,
    ),
    Scenario(
        "Somebody starts the crawler: between our look and our start",
        "JOINED",
        tags=crawling(20) | fault("StartCrawler", "1 hang"),
        meanwhile=Meanwhile.STARTS,
        when="StartCrawler",
        starts=2,
        crawls=0,
    ),
    Scenario(
        "Somebody starts the crawler: between the request and our look",
        "JOINED",
        tags=crawling(20) | fault("GetCrawler", "1 hang"),
        meanwhile=Meanwhile.STARTS,
        when="GetCrawler",
        starts=0,
        crawls=0,
    ),
    Scenario(
        "Between the request and our look, somebody's crawl begins and succeeds",
        "SATISFIED",
        or_else=IN_DOUBT,
        tags=crawling(0, stopping=0) | fault("GetCrawler", "1 hang"),
        meanwhile=Meanwhile.STARTS,
        when="GetCrawler",
        starts=0,
        crawls=0,
    ),
    Scenario(
        "Between the request and our look, somebody's crawl begins and fails",
        "STARTED",
        tags=crawling(0, stopping=0) | fault("GetCrawler", "1 hang"),
        meanwhile=Meanwhile.STARTS_BADLY,
        when="GetCrawler",
    ),
]

LAMBDA = [
    Scenario(
        "start-crawler is killed while Glue does not answer",
        "STARTED",
        frail=Frail("StartCrawler"),
        tags=fault("StartCrawler", "1 hang"),
        meanwhile=Meanwhile.KILLS,
        when="StartCrawler",
        starts=2,
    ),
    Scenario(
        "start-crawler is killed after the crawl began",
        "JOINED",
        frail=Frail("StartCrawler"),
        tags=crawling(12) | fault("GetCrawlerMetrics", "1 hang"),
        meanwhile=Meanwhile.KILLS,
    ),
    Scenario(
        "start-crawler freezes until its timeout",
        "STARTED",
        frail=Frail("StartCrawler", timeout=4),
        tags=fault("StartCrawler", "1 hang"),
        meanwhile=Meanwhile.FREEZES,
        when="StartCrawler",
        starts=2,
    ),
    Scenario(
        "start-crawler's timeout is shorter than Glue's silence",
        "GlueUnreachable",
        says=("Glue answered too slowly for the function's timeout",),
        frail=Frail("StartCrawler", timeout=3),
        tags=fault("StartCrawler", "forever hang"),
        starts=3,
        crawls=0,
        within=SLACK,
    ),
    Scenario(
        "start-crawler without concurrency",
        "CrawlTimedOut",
        says=(TRY, "Rate Exceeded"),
        frail=Frail("StartCrawler", reserved=0),
        given=SOON,
        starts=0,
        crawls=0,
    ),
    Scenario(
        "get-crawler-state is killed in a look",
        "STARTED",
        frail=Frail("GetCrawlerState"),
        tags=fault("ListCrawls", "1 hang"),
        meanwhile=Meanwhile.KILLS,
        when="ListCrawls",
    ),
    Scenario(
        "get-crawler-state freezes until its timeout",
        "STARTED",
        frail=Frail("GetCrawlerState", timeout=4),
        tags=fault("ListCrawls", "1 hang"),
        meanwhile=Meanwhile.FREEZES,
        when="ListCrawls",
    ),
    Scenario(
        "get-crawler-state without concurrency",
        "CrawlTimedOut",
        says=(LOOK, "Rate Exceeded"),
        frail=Frail("GetCrawlerState", reserved=0),
        given=SOON,
    ),
]

stop_on_timeout = partial(Scenario, ends="CrawlTimedOut", given=SOON | {"stopOnTimeout": True})
TIME = [
    Scenario("The crawl does not end", "CrawlTimedOut", tags=LONG, given=SOON, left="RUNNING"),
    stop_on_timeout("With stopOnTimeout: the crawl does not end", tags=LONG, stops=1, left="STOPPED"),
    stop_on_timeout(
        "With stopOnTimeout: the crawl stays STOPPING",
        tags=crawling(1, stopping=600),
        stops=1,
        left="RUNNING",
    ),
    *(
        stop_on_timeout(
            f"StopCrawler: {what}",
            tags=LONG | fault("StopCrawler", what),
            stops=stops,
            left=left,
        )
        for what, stops, left in [
            ("1 AccessDeniedException", 1, "RUNNING"),
            ("1 ThrottlingException", 2, "STOPPED"),
            ("1 lost-response", 1, "STOPPED"),
            ("forever ThrottlingException", None, "RUNNING"),
        ]
    ),
    stop_on_timeout(
        "With stopOnTimeout: every look fails",
        says=(f"{LOOK}InternalServiceException: ",),
        tags=LONG,
        meanwhile=Meanwhile.TAGS,
        later=fault("GetCrawler", "forever http-500"),
        stops=1,
        left="STOPPED",
    ),
    stop_on_timeout(
        "With stopOnTimeout: nothing proves that the crawl under way is ours",
        says=OLDER,
        tags=LONG | fault("StartCrawler", "1 lost-response") | fault("ListCrawls", "forever AccessDeniedException"),
        starts=2,
        left="RUNNING",
    ),
    stop_on_timeout(
        "With stopOnTimeout: the crawl was joined after StartCrawler's lost response",
        tags=LONG | fault("StartCrawler", "1 lost-response"),
        starts=2,
        stops=1,
        left="STOPPED",
    ),
    Scenario(
        "The execution is stopped: while it waits for an older crawl",
        "ABORTED",
        before=Before.RUNNING,
        tags=LONG,
        meanwhile=Meanwhile.ABORTS,
        when="GetCrawler",
        starts=0,
        crawls=0,
        left="RUNNING",
    ),
    Scenario(
        "The execution is stopped: while the crawl runs",
        "ABORTED",
        tags=LONG,
        meanwhile=Meanwhile.ABORTS,
        left="RUNNING",
    ),
]
