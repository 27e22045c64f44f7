"""Bursts of events against AWS's quota of StartExecution, played in a moment instead of minutes.

Follows "Quotas related to API action throttling" in the AWS Step Functions Developer Guide: a bucket of tokens, of
which each accepted call takes one. How long EventBridge takes, and how many of its events come twice, is assumed.
"""

import heapq
import random
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.definitions import ROOT, Machine, machine
from tests.support.mutants import mutant

DELIVERY = 2.0  # seconds at most
CALL = 0.05  # seconds from an attempt to its refusal
TWICE = 0.01  # of the events


@dataclass(frozen=True)
class Bucket:
    """The quota of StartExecution for standard machines."""

    size: int
    refill: int  # a second


LARGE_REGIONS, OTHER_REGIONS = Bucket(1300, 300), Bucket(800, 150)
TRIGGER = machine("trigger")
WAY = ("States", "Start pipeline", "Retry")


def throttled(trigger: Machine) -> dict[str, Any]:
    """What the machine does when StartExecution is throttled: its first retrier that fits."""
    name = "StepFunctions.AWSStepFunctionsException"
    retriers = trigger["States"]["Start pipeline"]["Retry"]
    return next(each for each in retriers if {name, "States.ALL"} & set(each["ErrorEquals"]))


def pauses(retrier: dict[str, Any]) -> list[float]:
    """The longest that its pauses can be."""
    first, growth, most = (retrier[field] for field in ("IntervalSeconds", "BackoffRate", "MaxDelaySeconds"))
    return [min(first * growth**number, most) for number in range(retrier["MaxAttempts"])]


def parked(trigger: Machine, bucket: Bucket, events: int, seconds: float) -> int:
    """How many events end in the dead-letter queue of `events` that come within `seconds`."""
    chance, retrier = random.Random(0), throttled(trigger)
    times = [chance.uniform(0, seconds) + chance.uniform(0, DELIVERY) for _ in range(int(events * (1 + TWICE)))]
    attempts = [(time, event, 0) for event, time in enumerate(times)]
    heapq.heapify(attempts)
    tokens, before, refused = float(bucket.size), 0.0, 0
    while attempts:
        now, event, retries = heapq.heappop(attempts)
        tokens, before = min(bucket.size, tokens + (now - before) * bucket.refill), now
        if tokens >= 1:
            tokens -= 1
        elif retries < retrier["MaxAttempts"]:
            pause = pauses(retrier)[retries]
            pause = chance.uniform(0, pause) if retrier["JitterStrategy"] == "FULL" else pause
            heapq.heappush(attempts, (now + CALL + pause, event, retries + 1))
        else:
            refused += 1
    return refused


@pytest.mark.parametrize("bucket", [LARGE_REGIONS, OTHER_REGIONS], ids=["large Regions", "other Regions"])
@pytest.mark.parametrize(("events", "seconds"), [(10_000, 1), (10_000, 10), (20_000, 60)])
def test_a_burst_is_waited_out(bucket: Bucket, events: int, seconds: float) -> None:
    """Nobody wants to redrive events because many files came at once."""
    assert parked(TRIGGER, bucket, events, seconds) == 0


def test_the_page_says_what_is_not_waited_out() -> None:
    """Who loads more than docs/runbook.md names has to ask for a higher quota, and reads there how long events wait."""
    page = " ".join((ROOT / "docs/runbook.md").read_text().split())
    assert "30,000 events in a minute in the three Regions, and for 20,000 in half a minute elsewhere" in page
    assert "tries again for two and a half minutes" in page
    assert 145 < sum(pauses(throttled(TRIGGER))) < 155
    assert parked(TRIGGER, LARGE_REGIONS, 30_000, 60) == 0
    assert parked(TRIGGER, OTHER_REGIONS, 20_000, 30) == 0
    assert parked(TRIGGER, OTHER_REGIONS, 30_000, 60) > 0
    assert parked(TRIGGER, LARGE_REGIONS, 60_000, 60) > 0


@pytest.mark.parametrize(
    "broken",
    [
        mutant(TRIGGER, *WAY, 1, "JitterStrategy", value="FULL"),
        mutant(TRIGGER, *WAY, 1, "MaxAttempts", value=9),
        mutant(TRIGGER, *WAY, 1, "ErrorEquals", value=["StepFunctions.ThrottlingException"]),
    ],
    ids=["jitter", "fewer attempts", "another name"],
)
def test_less_patience_is_not_enough(broken: Machine) -> None:
    """The simulation bites."""
    assert parked(broken, OTHER_REGIONS, 20_000, 60) > 0
