"""When a schedule is due.

Follows "Schedule types in EventBridge Scheduler" in its User Guide: a time that the clocks of a zone skip is skipped,
and one that they show twice counts once.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ministack.services.eventbridge as eventbridge

from local.aws import patching

ministack = patching.names(eventbridge, "_cron_next_fire", "_parse_cron_fields")

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_RATE = re.compile(r"rate\((?P<count>[1-9]\d*) (?P<unit>minute|hour|day)s?\)")


def zone(name: str) -> ZoneInfo:
    """Raises ValueError for a name that is no zone's."""
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError) as error:
        raise ValueError(f"Invalid ScheduleExpressionTimezone {name}") from error


def check(expression: str) -> None:
    """Raises ValueError for what is no expression."""
    try:
        known = _AT.fullmatch(expression) and _moment(expression)
    except ValueError:
        known = None
    if not (known or _RATE.fullmatch(expression) or _fields(expression)):
        raise ValueError(f"Invalid Schedule Expression {expression}.")


def only_once(expression: str) -> bool:
    return bool(_AT.fullmatch(expression))


def after(expression: str, where: ZoneInfo, last: datetime, begun: datetime) -> datetime | None:
    """The first time after `last`, in UTC; `begun` is when a rate began to count."""
    if only_once(expression):
        moment = _utc(_moment(expression), where)
        return moment if moment and moment > last else None
    if rate := _RATE.fullmatch(expression):
        step = timedelta(**{f"{rate['unit']}s": int(rate["count"])})
        return begun + (max((last - begun) // step, 0) + 1) * step
    fields, local = _fields(expression), last.astimezone(where).replace(tzinfo=UTC)
    # ministack counts on in UTC; what it counts are the times that clocks of the zone show.
    while fields and (local := ministack._cron_next_fire(fields, local)):
        moment = _utc(local.replace(tzinfo=None), where)
        if moment and moment > last:
            return moment
    return None


def _moment(expression: str) -> datetime:
    found = _AT.fullmatch(expression)
    assert found
    return datetime.fromisoformat(found[1])


def _utc(shown: datetime, where: ZoneInfo) -> datetime | None:
    """When the clocks show this, for the first time; None if they never do."""
    moment = shown.replace(tzinfo=where).astimezone(UTC)
    return moment if moment.astimezone(where).replace(tzinfo=None) == shown else None


def _fields(expression: str) -> Any:
    fields = ministack._parse_cron_fields(expression)
    # ministack takes what lies outside of a field's range, and days of neither kind.
    allowed = {0: range(60), 1: range(24), 3: range(1, 13)}
    if fields and all(fields[field] <= set(values) for field, values in allowed.items()) and fields[6:] != ("?", "?"):
        return fields
    return None
