"""The loop of aws-sdk:glue calls and the crawl machine, side by side."""

from collections.abc import Mapping

from tests.support import documents
from tests.support.drop_in import guide
from tests.support.drop_in.runs import CRAWLER, Ran, Request, Situation, crawling, fault

LOOKS = 3
FAILING = {"local:outcome": "failed", "local:error": f"No access to s3://{CRAWLER}"}
ENDLESS = Situation("The crawl never ends; **crawl** has `timeoutSeconds` 5", crawling(600))
SITUATIONS = [
    Situation("The crawl succeeds"),
    Situation("The crawl fails", crawling(1) | FAILING),
    Situation("The crawl is cancelled", crawling(1) | {"local:outcome": "cancelled"}),
    Situation("Somebody's older crawl is under way", crawling(10), crawling=True),
    Situation("The crawl is STOPPING for 8 s", crawling(2, stopping=8)),
    Situation("There is no such crawler", exists=False),
    Situation("StartCrawler is throttled once", fault("StartCrawler", "1 ThrottlingException")),
    Situation("GetCrawler is throttled once", fault("GetCrawler", "1 ThrottlingException")),
    ENDLESS,
]
COLUMNS = ["what happens", "the loop says", "**crawl** says"]


def requests(crawl: str) -> dict[str, Request]:
    """`crawl` is the definition of the machine, as it was deployed."""
    loop, made = guide.machine(guide.LOOP), {}
    for each in SITUATIONS:
        made[f"loop: {each.name}"] = Request(loop, each, looks=LOOKS if each is ENDLESS else 0)
        made[f"crawl: {each.name}"] = Request(crawl, each, given={"timeoutSeconds": 5 if each is ENDLESS else 60})
    return made


def table(results: Mapping[str, Ran]) -> str:
    rows = [COLUMNS, ["---"] * len(COLUMNS)]
    for each in SITUATIONS:
        rows.append([each.name, _loop(results[f"loop: {each.name}"]), _crawl(results[f"crawl: {each.name}"])])
    return documents.table(rows)


def _loop(ran: Ran) -> str:
    if ran.status == "RUNNING":
        return f"nothing: it goes on after {LOOKS} looks"
    if ran.error:
        return f"`{ran.error}`"
    crawler = ran.output["Crawler"]
    last = f", its last crawl `{crawler['LastCrawl']['Status']}`" if "LastCrawl" in crawler else ""
    return f"`{ran.status}`; the crawler is `{crawler['State']}`{last}"


def _crawl(ran: Ran) -> str:
    return f"`{ran.error}`: {ran.cause}" if ran.error else f"`{ran.status}`, outcome `{ran.output['outcome']}`"
