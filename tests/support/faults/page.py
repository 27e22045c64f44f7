"""docs/faults.md, from the scenarios: `make faults` writes it."""

from collections.abc import Iterable
from pathlib import Path

from tests.support.faults.functions_alone import ALONE
from tests.support.faults.glue_calls import GET_CRAWLER_FIRST, GET_CRAWLER_LATER, LIST_CRAWLS, METRICS, START_CRAWLER
from tests.support.faults.scenario import SILENCE, SLACK, Scenario
from tests.support.faults.situations import CRAWLS, LAMBDA, OTHERS, TIME
from tests.support.faults.told import TOLD, Telling
from tests.support.faults.waking import WAKING
from tests.support.faults.work import SECONDS, WORK, Case

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"
SECTIONS = {
    "Crawls": CRAWLS,
    "Crawls of others": OTHERS,
    "StartCrawler": START_CRAWLER,
    "GetCrawler, before the start": GET_CRAWLER_FIRST,
    "GetCrawler, during the crawl": GET_CRAWLER_LATER,
    "ListCrawls": LIST_CRAWLS,
    "GetCrawlerMetrics": METRICS,
    "The Lambda platform": LAMBDA,
    "Waking": WAKING,
    "Time": TIME,
    "The functions alone": ALONE,
}
SCENARIOS = [scenario for section in SECTIONS.values() for scenario in section]
HEAD = f"""# Faults

What the machines and their functions do when things go wrong: **crawl** first, **pipeline** in the last two sections.
Every row is a test, played by `make e2e` on the local AWS with the real bootstraps; `make faults` writes this page from
the same data.

- *What happens*: `1 hang` is one call without an answer, `forever garbage` a proxy's page instead of each answer;
  [local/aws/README.md](../local/aws/README.md#tags) has all such words.
- *Ends as*: the outcome of an execution that succeeds (`STARTED`, `JOINED`, `SATISFIED`), a function's verdict, or the
  name of an error. The cause of an error names the crawler and holds the words of the third column.
- *Calls*: of StartCrawler by our functions, the SDK's retries included; *crawls*: how many crawls come of them.
- *Within*: {SLACK} s are for the last pause, an invocation whose attempts Glue refuses, and the tests' own overhead; an
  invocation whose attempts Glue leaves without an answer takes {SILENCE} s more.

Each invocation leaves one line of JSON with `level`, `crawlername`, `outcome` and, of an error, `reason`: what the
caller gets. What callers try again by themselves is of level WARN, and so is a detail that Glue does not give. A
process that is killed or outlives its timeout leaves no line of its own: Lambda's report of the invocation stands in
the log, and `Runtime.ExitError` or `Sandbox.Timedout` in the execution's history.
"""
COLUMNS = ["what happens", "ends as", "the cause says", "calls", "crawls", "then", "within"]
THEN = {"RUNNING": "the crawl goes on", "STOPPED": "the crawl is stopped"}


WORK_HEAD = f"""
What the **pipeline** machine does about a step's work, of each kind: rows of `tests/e2e/test_kinds_of_work.py`. The
cause begins with pipeline, place and what the work is about. Of an optional step, error and cause are in the run's
output. Deadlines are of {SECONDS} s, where the row says nothing else. *Begins*: how many times the work begins.
"""
WORK_COLUMNS = ["what happens", "the run ends as", "the cause says", "begins", "then"]
TOLD_HEAD = """
What the topics of a pipeline's `notify` hear of a run: rows of `tests/e2e/test_notifications.py`. A message has the
pipeline's name, what ended it and how, the run's name and a link to it. Numbers are messages.
"""
TOLD_COLUMNS = ["what happens", "the run ends as", "notify.failed", "notify.succeeded", "the message says"]


def page() -> str:
    parts = [HEAD]
    for title, scenarios in SECTIONS.items():
        parts += [f"## {title}\n", *table(COLUMNS, map(row, scenarios))]
    parts += [f"## Other kinds of work\n{WORK_HEAD}", *table(WORK_COLUMNS, map(row_of_work, WORK))]
    parts += [f"## Who is told\n{TOLD_HEAD}", *table(TOLD_COLUMNS, map(row_of_telling, TOLD))]
    return "\n".join(parts)


def table(columns: list[str], rows: Iterable[list[str]]) -> list[str]:
    cells = [columns, ["---"] * len(columns), *rows]
    return [*(f"| {' | '.join(each)} |" for each in cells), ""]


def row(scenario: Scenario) -> list[str]:
    def number(least: int) -> str:
        return f"{least} or {least + 1}" if scenario.or_else else str(least)

    over = scenario.bound - scenario.deadline
    return [
        scenario.name,
        " or ".join(f"`{ends}`" for ends in (scenario.ends, scenario.or_else) if ends),
        "<br>".join(scenario.says).format(crawler="*crawler*"),
        "several" if scenario.starts is None else number(scenario.starts),
        number(scenario.crawls),
        THEN.get(scenario.left, ""),
        f"deadline + {over:g} s" if over > 0 else f"{scenario.bound:g} s",
    ]


def row_of_work(case: Case) -> list[str]:
    return [
        case.name,
        f"`{case.ends}`" + (f", with `{case.failure}` in its output" if case.failure else ""),
        said(case.says, table="*table*"),
        "several" if case.begun is None else str(case.begun),
        case.then,
    ]


def said(words: Iterable[str], **names: str) -> str:
    return "<br>".join(each.strip(" :\n") for each in words).format(**names)


def row_of_telling(telling: Telling) -> list[str]:
    return [
        telling.name,
        f"`{telling.ends}`",
        str(telling.failed),
        str(telling.succeeded),
        said(telling.says, pipeline="*pipeline*"),
    ]


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
