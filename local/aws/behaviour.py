"""Behaviour as data: tags named `local:…` on a crawler, a job, a machine, a table and so on choose how it behaves.

AWS has nothing of the kind. The table of tags is in local/aws/README.md.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

PREFIX = "local:"
FAULT_PREFIX = "local:fault:"
# The operations of Step Functions that can be struck, on the machine that they name, whose execution they name or whose
# token they send back.
STRUCK = (
    "StartExecution",
    "StartSyncExecution",
    "SendTaskSuccess",
    "ListExecutions",
    "DescribeExecution",
    "GetExecutionHistory",
)
# The values of the tags that are words.
WORDS = {
    "outcome": ("succeeded", "failed", "cancelled"),
    "list_crawls_precision": ("milliseconds", "seconds"),
    "announcements": ("once", "lost", "twice", "swapped"),
}
# Tags that one kind knows and the other does not.
_OF_CRAWLERS = (
    "stopping-seconds",
    "pending-seconds",
    "list-crawls-lag-seconds",
    "list-crawls-precision",
    "announcements",
    "announcement-delay-seconds",
)
ELSEWHERE = {"crawler": (f"{PREFIX}timeout-seconds",), "job": tuple(PREFIX + name for name in _OF_CRAWLERS)}
_FAULT = re.compile(r"(?P<times>\d+|forever) (?P<what>[A-Za-z0-9-]+)")


@dataclass(frozen=True)
class Behaviour:
    """The behaviour of one crawler or job; a field `a_b` is the tag `local:a-b`."""

    seconds: float | None = None
    stopping_seconds: float = 0.2
    pending_seconds: float = 0.0
    list_crawls_lag_seconds: float = 0.0
    list_crawls_precision: str = "milliseconds"
    announcements: str = "once"
    announcement_delay_seconds: float = 0.0
    timeout_seconds: float | None = None
    outcome: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Self:
        values: dict[str, Any] = {}
        known = {field.name for field in fields(cls)}
        for tag, value in tags.items():
            if not tag.startswith(PREFIX) or tag.startswith(FAULT_PREFIX):
                continue
            name = tag.removeprefix(PREFIX).replace("-", "_")
            if name not in known:
                raise ValueError(f"unknown tag {tag}")
            values[name] = _seconds(tag, value) if name.endswith("seconds") else value
        for name, words in WORDS.items():
            if values.get(name, words[0]) not in words:
                raise ValueError(f"tag local:{name.replace('_', '-')} must be one of {', '.join(words)}")
        return cls(**values)


@dataclass(frozen=True)
class Fault:
    """What the next `times` calls of an operation get; times None is for ever."""

    times: int | None
    what: str


def faults(value: str) -> list[Fault]:
    """The faults of one `local:fault:<Operation>` tag, in the order in which they strike."""
    parsed = []
    for part in value.split(","):
        match = _FAULT.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"a fault reads '<n|forever> <what>', not '{part.strip()}'")
        times = match["times"]
        parsed.append(Fault(None if times == "forever" else int(times), match["what"]))
    return parsed


def check_tags(kind: str, operations: Collection[str], tags: Mapping[str, str]) -> None:
    """Refuses a tag that would be ignored: a typo must not pass as a green scenario."""
    Behaviour.of(tags)
    for tag, value in tags.items():
        name = tag.removeprefix(FAULT_PREFIX)
        if tag in ELSEWHERE[kind] or (name != tag and name not in operations):
            raise ValueError(f"tag {tag} means nothing on a {kind}")
        if name != tag:
            faults(value)


def check_resource_tags(kind: str, operations: Collection[str], tags: Mapping[str, str], *times: str) -> None:
    """The same for what knows faults of these operations, and tags of times, only."""
    for tag, value in tags.items():
        if tag in times:
            _seconds(tag, value)
        elif tag.startswith(PREFIX) and tag.removeprefix(FAULT_PREFIX) not in operations:
            raise ValueError(f"unknown tag {tag} of a {kind}")
        elif tag.startswith(FAULT_PREFIX):
            faults(value)


def check_machine_tags(tags: Mapping[str, str]) -> None:
    for tag, value in tags.items():
        if tag.startswith(PREFIX) and tag.removeprefix(FAULT_PREFIX) not in STRUCK:
            raise ValueError(f"unknown tag {tag} of a state machine")
        if tag.startswith(FAULT_PREFIX) and any(fault.what.startswith("garbage") for fault in faults(value)):
            raise ValueError(f"tag {tag}: garbage comes from Glue only")


def _seconds(tag: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"tag {tag} must be a number of seconds, not '{value}'")
    return seconds
