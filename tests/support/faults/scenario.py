"""The words of the fault matrix: how a row is staged, and what is expected of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

DEADLINE = 30
# What an execution may take beyond its deadline: the last pause, an invocation whose attempts Glue refuses (the SDK
# pauses up to 3 s between them), and most of all the overhead of a hundred executions on one machine.
SLACK = 20
# An invocation whose attempts Glue leaves without an answer: three of 5 s, and the pauses.
SILENCE = 18

# When the copies of crawl look that a row may have woken: the crawl of such a row is over between the two.
LOOKS = (1, 21)
# The end of what has to wait for the later look.
LATER = LOOKS[1] + SLACK

# A crawl that began in the second of the request may have begun before it, as far as GetCrawler tells: one more starts.
IN_DOUBT = "STARTED"


class Before(Enum):
    """What the crawler has been through when the request comes."""

    NOTHING = "never ran"
    SUCCEEDED = "a crawl succeeded"
    FAILED = "a crawl failed"
    RUNNING = "a crawl is under way"
    MISSING = "no such crawler"


class Meanwhile(Enum):
    """What happens while the request is served."""

    STARTS = "somebody starts the crawler"
    STARTS_BADLY = "somebody starts a crawl that fails"
    STOPS = "somebody stops the crawl"
    DELETES = "the crawl ends, and somebody deletes the crawler"
    ABORTS = "somebody stops the execution"
    TAGS = "the fault begins"
    KILLS = "the process gets SIGKILL"
    FREEZES = "the process gets SIGSTOP"


@dataclass(frozen=True)
class Frail:
    """A copy of a function, with the same bootstrap, that a row may treat badly."""

    function: str
    timeout: int = 30
    reserved: int | None = None


@dataclass(frozen=True)
class Waking:
    """A copy of crawl that looks seldom, and of what wakes it, each with tags of its own."""

    table: Mapping[str, str] = field(default_factory=dict)
    wake: Mapping[str, str] = field(default_factory=dict)
    crawl: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """One row; a crawl or start of the staging's own is not counted."""

    name: str
    ends: str  # the outcome, a function's verdict, or the name of the error
    or_else: str = ""  # what chance may make of it instead, for one more start and one more crawl
    says: tuple[str, ...] = ()  # what the cause holds, beside the crawler's name
    call: str = "Crawl"  # the machine, or one of its functions alone
    given: Mapping[str, Any] = field(default_factory=dict)  # the input, beside crawlername
    tags: Mapping[str, str] = field(default_factory=dict)
    before: Before = Before.NOTHING
    meanwhile: Meanwhile | None = None
    when: str = "GetCrawlerMetrics"  # the operation whose first call sets it off; this one follows an accepted start
    later: Mapping[str, str] = field(default_factory=dict)  # tags that come meanwhile
    frail: Frail | None = None
    waking: Waking | None = None
    woken: bool | None = None  # whether an announcement ended its last wait; None: whatever ended it
    starts: int | None = 1  # StartCrawler calls of the Lambdas, the SDK's retries included; None: chance decides
    crawls: int = 1  # how many of them took effect
    stops: int | None = 0  # StopCrawler calls of the machine; None: chance decides
    left: str = ""  # what ListCrawls says of the newest crawl in the end
    details: bool = True  # whether a success comes with what only ListCrawls knows
    within: float = 0  # seconds; 0 stands for the deadline and SLACK

    @property
    def is_error(self) -> bool:
        """Outcomes and verdicts are words in capitals."""
        return not self.ends.isupper()

    @property
    def deadline(self) -> int:
        return self.given.get("timeoutSeconds", DEADLINE)

    @property
    def bound(self) -> float:
        return self.within or self.deadline + SLACK


def fault(operation: str, what: str) -> dict[str, str]:
    return {f"local:fault:{operation}": what}


def crawling(seconds: float, stopping: float = 0.2) -> dict[str, str]:
    return {"local:seconds": str(seconds), "local:stopping-seconds": str(stopping)}
