"""The lists of docs/faults.md: what ends under each heading, from the scenarios that the tests play."""

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from tests.support.documents import ROOT
from tests.support.faults.functions_alone import ALONE
from tests.support.faults.glue_calls import GET_CRAWLER_FIRST, GET_CRAWLER_LATER, LIST_CRAWLS, METRICS, START_CRAWLER
from tests.support.faults.scenario import Scenario
from tests.support.faults.situations import CRAWLS, LAMBDA, OTHERS, TIME
from tests.support.faults.told import TOLD
from tests.support.faults.waking import WAKING
from tests.support.faults.work import KINDS, WORK, Case

PAGE = ROOT / "docs/faults.md"
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
# What a situation is about, where its name has no colon.
SUBJECT = re.compile(
    r"((?:The|An older) crawl|The announcement|The table|wake|start-crawler|get-crawler-state"
    r"|\{work\}(?: with retries| that is optional)?) (.+)"
)


@dataclass(frozen=True)
class Line:
    """A situation under its ending; those of one subject become one line."""

    subject: str
    what: str = ""
    note: str = ""


def names(title: str) -> list[str]:
    """The endings that a heading is about."""
    return re.findall(r"`([^`]+)`", title)


def endings() -> set[str]:
    """Every ending that needs a heading: functions answer, machines end."""
    ends = {scenario.ends for scenario in SCENARIOS if scenario.call == "Crawl" or scenario.is_error}
    return ends | {telling.ends for telling in TOLD} | {case.failure or case.ends for case in WORK}


def made(title: str) -> str:
    """The list under a heading, of executions that ended so."""
    under = names(title)
    scenarios = [each for each in SCENARIOS if each.ends in under and each.call == "Crawl"]
    return listed([*map(of_crawl, scenarios), *of_work([case for case in WORK if case.ends in under])])


def listed(lines: Iterable[Line]) -> str:
    together: dict[tuple[str, str], list[str]] = {}
    for line in dict.fromkeys(lines):
        together.setdefault((line.subject, line.note), []).append(line.what)
    alike: dict[tuple[str, str], list[str]] = {}
    for (subject, note), whats in together.items():
        # What has no subject stands by itself.
        alike.setdefault((inner(whats) or subject, note), []).append(subject)
    return "\n".join(item(subjects, what, note) for (what, note), subjects in alike.items())


def inner(whats: list[str]) -> str:
    """What lasts stands last, and covers what passes."""
    lasting = [what.removeprefix("forever ") for what in whats if what.startswith("forever ")]
    passing = [what for what in whats if what not in lasting and not what.startswith("forever ")]
    return "; ".join([*passing, *([f"forever {', '.join(lasting)}"] if lasting else [])])


def item(subjects: list[str], what: str, note: str) -> str:
    colon = ":" if len(subjects) > 1 or subjects[0].endswith(":") or "; " in what else ""
    subject = ", ".join(each.removesuffix(":") for each in subjects)
    text = "- " + (subject if subject == what else f"{subject}{colon} {what}") + (f" ({note})" if note else "")
    return textwrap.fill(text, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def of_crawl(scenario: Scenario) -> Line:
    # How often goes without saying, unless it is for ever.
    subject, _, what = re.sub(r"(?<=: )\d+ | for a while$| once$", "", scenario.name).rpartition(": ")
    note = f"or `{scenario.or_else}`" if scenario.or_else else ""
    if scenario.left == "STOPPED" and scenario.stops:
        note = "the crawl is stopped"
    if subject:
        return Line(f"{subject}:", re.sub(r"^(forever )?([\w-]+)$", r"\1`\2`", what), note)
    return Line(*parts(what), note)


def of_work(cases: list[Case]) -> Iterable[Line]:
    """Each situation once, for all the kinds of work that it is about."""
    together: dict[str, list[str]] = {}
    for case in cases:
        name = case.name.replace(f"A {case.kind.name}", "{work}", 1)
        together.setdefault(name.replace(f"such {case.kind.thing}", "such work"), []).append(case.kind.name)
    for name, kinds in together.items():
        work = "Work" if len(kinds) == len(KINDS) else "A " + " or ".join(", ".join(kinds).rsplit(", ", 1))
        yield Line(*(part.format(work=work) for part in parts(name)))


def parts(name: str) -> tuple[str, str]:
    """The subject of a situation, and what becomes of it."""
    found = SUBJECT.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")
