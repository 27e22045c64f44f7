"""Bursts of events against AWS's quota of StartExecution, played in a moment instead of minutes.

Follows "Quotas related to API action throttling" in the AWS Step Functions Developer Guide: a bucket of tokens, of
which each accepted call takes one. How long EventBridge takes, and how many of its events come twice, is assumed.
"""

import heapq
import random
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.definitions import Machine, machine
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


@pytest.mark.parametrize(
    ("bucket", "events", "seconds"),
    [
        *((bucket, *burst) for bucket in (LARGE_REGIONS, OTHER_REGIONS) for burst in [(10_000, 1), (20_000, 60)]),
        (LARGE_REGIONS, 30_000, 60),
        (OTHER_REGIONS, 20_000, 30),
    ],
)
def test_a_burst_is_waited_out(bucket: Bucket, events: int, seconds: float) -> None:
    """Nobody wants to redrive events because many files came at once: docs/operations.md promises as much."""
    assert parked(TRIGGER, bucket, events, seconds) == 0


@pytest.mark.parametrize(("bucket", "events"), [(LARGE_REGIONS, 60_000), (OTHER_REGIONS, 30_000)])
def test_a_burst_beyond_the_quota_is_parked(bucket: Bucket, events: int) -> None:
    """Who loads more in a minute has to ask for a higher quota: trigger tries for two and a half minutes."""
    assert 145 < sum(pauses(throttled(TRIGGER))) < 155
    assert parked(TRIGGER, bucket, events, 60) > 0


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
