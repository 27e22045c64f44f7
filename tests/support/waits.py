"""The waits of an execution of crawl, and how each ended."""

from dataclasses import dataclass
from datetime import datetime

from tests.support.stack import Stack

CRAWL, OLDER, UNWOKEN = "Wait for the crawl to end", "Wait for the older crawl to end", "Wait without being woken"


@dataclass(frozen=True)
class Wait:
    """One wait: whether it was woken, since when it could be, and when it was over."""

    state: str
    woken: bool
    since: datetime
    over: datetime


def waits_of(stack: Stack, arn: str) -> list[Wait]:
    found, state = [], ""
    since = datetime.min
    for event in stack.history(arn):
        state, moment = event.get("stateEnteredEventDetails", {}).get("name", state), event["timestamp"]
        # A token can be found once the table has it.
        if event["type"].endswith("StateEntered") or event["type"] == "TaskSubmitted":
            since = moment
        elif event["type"] == "WaitStateExited" and state == UNWOKEN:
            found.append(Wait(state, False, since, moment))
        elif state in (CRAWL, OLDER) and event["type"] in ("TaskSucceeded", "TaskTimedOut"):
            found.append(Wait(state, event["type"] == "TaskSucceeded", since, moment))
    return found
