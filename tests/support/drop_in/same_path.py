"""People's machines in all that may happen to them, with Python Lambdas and with crawler-sync's functions."""

from collections.abc import Mapping
from pathlib import Path

from tests.support.drop_in import guide
from tests.support.drop_in.python_lambdas import Functions
from tests.support.drop_in.runs import WAITED_FOR, Request, Situation, fault

SITUATIONS = [
    Situation("the crawl succeeds", WAITED_FOR),
    Situation("the crawl fails", WAITED_FOR | {"local:outcome": "failed"}),
    Situation("no such crawler", exists=False),
    Situation("somebody's crawl is under way", WAITED_FOR, crawling=True),
    Situation("throttled once", WAITED_FOR | fault("StartCrawler", "1 ThrottlingException")),
    Situation("throttled once at a look", WAITED_FOR | fault("GetCrawler", "1 ThrottlingException")),
    Situation("throttled for ever", fault("StartCrawler", "forever ThrottlingException")),
    Situation("a time-out once", WAITED_FOR | fault("StartCrawler", "1 OperationTimeoutException")),
    Situation("may not start", fault("StartCrawler", "forever AccessDeniedException")),
    Situation("may not look", fault("GetCrawler", "forever AccessDeniedException")),
    Situation("invalid input", fault("StartCrawler", "forever InvalidInputException")),
]
MACHINES = {
    "console": guide.machine(guide.TWO_LAMBDAS),
    "catching": (Path(__file__).parent / "catching.asl.json").read_text(),
}


def requests(sides: Mapping[str, Functions]) -> dict[str, Request]:
    return {
        key(machine, side, situation.name): Request(guide.fill(definition, functions), situation)
        for situation in SITUATIONS
        for machine, definition in MACHINES.items()
        for side, functions in sides.items()
    }


def key(machine: str, side: str, situation: str) -> str:
    return f"{machine}, {side}: {situation}"
