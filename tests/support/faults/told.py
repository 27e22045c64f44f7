"""Who is told how a run ended, and what happens when nobody can be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.faults.scenario import fault
from tests.support.faults.work import WORDS, Somebody

FINE, BROKEN, UNREADABLE, ENDLESS = "fine", "broken", "unreadable", "endless"
Steps = tuple[Mapping[str, Any], ...]
WORKS: Steps = ({"machine": FINE},)
FAILS: Steps = ({"machine": BROKEN},)
LASTS: Steps = ({"machine": ENDLESS},)
MAY_FAIL: Steps = ({"name": "mail", "machine": BROKEN, "optional": True}, {"machine": FINE})
SUCCEEDED, BUT = "succeeded", "succeeded, but for optional steps"
ELSEWHERE = "arn:aws:sns:us-east-1:000000000000:on-call"
LONG = "Rückläufer " + "x" * 69


@dataclass(frozen=True)
class Telling:
    """One row: a run, how it ends, and how many messages each topic gets of it."""

    name: str
    ends: str
    steps: Steps
    says: tuple[str, ...] = ()  # what the message to notify.failed holds, beside what every message does
    failed: int = 0
    succeeded: int = 0
    run: Mapping[str, Any] = field(default_factory=dict)
    topics: tuple[str, ...] = ("failed", "succeeded")  # which notify names
    tags: Mapping[str, str] = field(default_factory=dict)  # of both topics
    calls: int | None = None  # of Publish, to both; None: as many as there are messages
    missing: bool = False  # whether the topics are
    allowed: bool = True  # whether the stack has a pattern for their names
    absorbed: bool = False  # whether a newer run takes over
    untold: str = ""  # why the run says that a topic was not told
    meanwhile: Somebody | None = None

    @property
    def ended(self) -> dict[str, str]:
        """What the subject says, by topic."""
        return {"failed": BUT if self.ends == "SUCCEEDED" else "failed", "succeeded": SUCCEEDED}


def unheard(name: str, **more: Any) -> list[Telling]:
    """Nobody can be told, of one run and of the other."""
    return [
        Telling(f"A run fails, and {name}", "MachineFailed", FAILS, **more),
        Telling(f"A run succeeds, and {name}", "SUCCEEDED", WORKS, **more),
    ]


FAILED = f"MachineFailed: pipeline {{pipeline}}, stage 1, step 1, machine broken: Own: {WORDS}"
TOLD = [
    Telling("A run succeeds", "SUCCEEDED", WORKS, succeeded=1),
    Telling(
        "A run succeeds, but for an optional step",
        "SUCCEEDED",
        MAY_FAIL,
        (f"MachineFailed: stage 1, step 1 (mail), machine broken: Own: {WORDS}",),
        failed=1,
        succeeded=1,
    ),
    Telling(
        "A run succeeds, but for two optional steps",
        "SUCCEEDED",
        (*MAY_FAIL, {"crawler": UNREADABLE, "optional": True}),
        ("MachineFailed: stage 1, step 1 (mail), ", "\nCrawlFailed: stage 1, step 3, crawler unreadable: "),
        failed=1,
        succeeded=1,
    ),
    Telling("A run fails", "MachineFailed", FAILS, (FAILED,), failed=1),
    Telling(
        "A crawl fails",
        "CrawlFailed",
        ({"crawler": UNREADABLE},),
        ("CrawlFailed: pipeline {pipeline}, stage 1, step 1, crawler unreadable: CrawlFailed: ",),
        failed=1,
    ),
    Telling(
        "A run is refused",
        "InvalidPipeline",
        ({"machine": FINE, "job": "another"},),
        ("InvalidPipeline: pipeline {pipeline}: stage 1, step 1: has a job and a machine",),
        failed=1,
    ),
    Telling(
        "A step takes too long",
        "StepTimedOut",
        ({"machine": ENDLESS, "timeoutSeconds": 10},),
        ("StepTimedOut: ", "machine endless: not done within the 10 s of the step: it is still running"),
        failed=1,
    ),
    Telling(
        "A run takes too long",
        "PipelineTimedOut",
        LASTS,
        ("PipelineTimedOut: ", "machine endless: not done within the 10 s of the run: it is still running"),
        failed=1,
        run={"timeoutSeconds": 10},
    ),
    Telling("A run is absorbed by a newer one", "SUCCEEDED", WORKS, absorbed=True),
    Telling("Somebody stops a run", "ABORTED", LASTS, meanwhile=Somebody.STOPS_THE_RUN),
    Telling("A run fails, and notify names only succeeded", "MachineFailed", FAILS, topics=("succeeded",)),
    Telling("A run succeeds, and notify names only failed", "SUCCEEDED", WORKS, topics=("failed",)),
    Telling("A run fails, and notify names nobody", "MachineFailed", FAILS, topics=()),
    Telling(
        "A run fails whose name is long and not in ASCII",
        "MachineFailed",
        FAILS,
        (FAILED,),
        failed=1,
        run={"name": LONG},
    ),
    *unheard("its topic is missing", missing=True, calls=0, untold="SNS.NotFoundException"),
    *unheard("its topic may not be told", allowed=False, calls=0, untold="SNS.AuthorizationErrorException"),
    *unheard(
        "the key of its topic may not be used",
        tags=fault("Publish", "forever KMSAccessDenied"),
        calls=1,
        untold="SNS.KMSAccessDeniedException",
    ),
    *unheard(
        "its topic is throttled for ever",
        tags=fault("Publish", "forever Throttled"),
        calls=6,
        untold="SNS.AmazonSNSException",
    ),
    Telling(
        "A run succeeds, but for an optional step, and its topics are missing",
        "SUCCEEDED",
        MAY_FAIL,
        missing=True,
        calls=0,
        untold="SNS.NotFoundException",
    ),
    Telling(
        "A run is to tell a topic of another Region, and is refused",
        "InvalidPipeline",
        WORKS,
        run={"notify": {"failed": ELSEWHERE}},
        untold="SNS.AuthorizationErrorException",
    ),
    Telling(
        "A run fails, and its topic is throttled for a while",
        "MachineFailed",
        FAILS,
        (FAILED,),
        failed=1,
        tags=fault("Publish", "2 Throttled"),
        calls=3,
    ),
    Telling(
        "A run fails, and the answer of its topic is lost",
        "MachineFailed",
        FAILS,
        (FAILED,),
        failed=2,
        tags=fault("Publish", "1 lost-response"),
    ),
]
