"""The lists of docs/faults.md: what ends under each heading, from the scenarios that the tests play."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.support.documents import ROOT
from tests.support.faults.functions_alone import ALONE
from tests.support.faults.glue_calls import GET_CRAWLER_FIRST, GET_CRAWLER_LATER, LIST_CRAWLS, METRICS, START_CRAWLER
from tests.support.faults.scenario import SLACK, Scenario
from tests.support.faults.situations import CRAWLS, LAMBDA, OTHERS, TIME
from tests.support.faults.told import TOLD, Telling
from tests.support.faults.waking import WAKING
from tests.support.faults.work import KINDS, WORK, Case

PAGE = ROOT / "docs/faults.md"
ALONE_TITLE, TOLD_TITLE = "The functions alone", "Who is told"
SCENARIOS = [
    *CRAWLS,
    *OTHERS,
    *START_CRAWLER,
    *GET_CRAWLER_FIRST,
    *GET_CRAWLER_LATER,
    *LIST_CRAWLS,
    *METRICS,
    *LAMBDA,
    *TIME,
    *WAKING,
    *ALONE,
]


@dataclass(frozen=True)
class Line:
    """A situation under its ending; those that differ only in `what` become one line."""

    subject: str
    what: str
    notes: tuple[str, ...] = ()


def names(title: str) -> list[str]:
    """The endings that a heading is about."""
    return re.findall(r"`([^`]+)`", title)


def endings() -> set[str]:
    """Every ending that needs a heading."""
    ends = {scenario.ends for scenario in SCENARIOS if not is_answer(scenario)} | {telling.ends for telling in TOLD}
    return ends | {case.failure or case.ends for case in WORK}


def made(title: str) -> str:
    """The list under a heading."""
    if title == ALONE_TITLE:
        answers = [each for each in ALONE if is_answer(each)]
        return listed(Line(f"`{each.ends}`", each.name.partition(", ")[2]) for each in answers)
    if title == TOLD_TITLE:
        return listed(map(of_telling, TOLD))
    under = names(title)
    scenarios = [each for each in SCENARIOS if each.ends in under and not is_answer(each)]
    return listed([*of_crawls(scenarios), *of_work([case for case in WORK if case.ends in under])])


def is_answer(scenario: Scenario) -> bool:
    """Functions answer, machines end."""
    return scenario.call != "Crawl" and not scenario.is_error


def listed(lines: Iterable[Line]) -> str:
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for line in dict.fromkeys(lines):
        # What has no subject stands by itself.
        together.setdefault((line.subject or line.what, line.notes), []).append(line.what)
    return "\n".join(item(*key, whats) for key, whats in together.items())


def item(subject: str, notes: tuple[str, ...], whats: list[str]) -> str:
    inner = "; ".join(re.sub(r"^(An?|The|Somebody) ", lambda found: found[0].lower(), what) for what in whats)
    more = "" if whats == [subject] else f": {inner}"
    text = f"- {subject}{more}" + (f" ({', '.join(notes)})" if notes else "")
    return textwrap.fill(text, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def of_crawls(scenarios: list[Scenario]) -> Iterable[Line]:
    for scenario in scenarios:
        subject, _, what = scenario.name.rpartition(": ")
        if scenario.waking and scenario.woken is not None:
            subject = "woken" if scenario.woken else "found by the next look"
        # Once goes without saying.
        yield Line(subject, re.sub(r"^(?:1 )?((?:\d+ |forever )?[\w-]+)$", r"`\1`", what), tuple(notes(scenario)))


def notes(scenario: Scenario) -> Iterator[str]:
    """What is not as the head of the page says."""
    crawls = f"{scenario.crawls or 'no'} crawl"
    if scenario.or_else:
        yield f"or `{scenario.or_else}`"
        crawls = f"{scenario.crawls} or {scenario.crawls + 1} crawls"
    is_refused = scenario.is_error and scenario.ends not in ("CrawlFailed", "CrawlCancelled", "CrawlTimedOut")
    if crawls != ("no crawl" if is_refused else "1 crawl"):
        yield crawls
    if scenario.left == "STOPPED":
        yield "the crawl is stopped"
    if not scenario.waking and scenario.bound > scenario.deadline + SLACK:
        yield f"deadline + {scenario.bound - scenario.deadline:g} s"


def of_work(cases: list[Case]) -> Iterable[Line]:
    """Each situation once, for all the kinds of work that it is about."""
    together: dict[str, list[Case]] = {}
    for case in cases:
        name = case.name.replace(f"A {case.kind.name}", "{work}", 1)
        together.setdefault(name.replace(f"such {case.kind.thing}", "such work"), []).append(case)
    for name, of in together.items():
        kinds = [case.kind.name for case in of]
        work = "Work" if len(of) == len(KINDS) else "A " + " or ".join(", ".join(kinds).rsplit(", ", 1))
        begun = of[0].begun
        own = ["never begins"] if begun == 0 else [f"begins {begun} times"] if begun and begun > 1 else []
        yield Line("", name.format(work=work), (*own, *(["its error is in the output"] if of[0].failure else [])))


def of_telling(telling: Telling) -> Line:
    counts = [f"{number} to `{topic}`" for topic in ("failed", "succeeded") if (number := getattr(telling, topic))]
    # However the run ended.
    what = re.sub(r"^A run \w+, and its topic", "its topic", telling.name) if not counts else telling.name
    return Line(" and ".join(counts) or "nobody", what)
