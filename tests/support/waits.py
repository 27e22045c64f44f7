"""The waits of an execution of crawl, and how each ended."""

from dataclasses import dataclass
from datetime import datetime

from tests.support.stack import Stack

CRAWL, OLDER, UNWOKEN = "Wait for the crawl to end", "Wait for the older crawl to end", "Wait without being woken"


@dataclass(frozen=True)
class Wait:
    """One wait: whether it was woken, and when it was over."""

    state: str
    woken: bool
    over: datetime


def waits_of(stack: Stack, arn: str) -> list[Wait]:
    found, state = [], ""
    for event in stack.history(arn):
        state = event.get("stateEnteredEventDetails", {}).get("name", state)
        if event["type"] == "WaitStateExited" and state == UNWOKEN:
            found.append(Wait(state, False, event["timestamp"]))
        elif state in (CRAWL, OLDER) and event["type"] in ("TaskSucceeded", "TaskTimedOut"):
            found.append(Wait(state, event["type"] == "TaskSucceeded", event["timestamp"]))
    return found
