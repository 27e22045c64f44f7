"""Schedules: what is refused, when they fire, and what their targets get.

Follows "CreateSchedule" in the EventBridge Scheduler API Reference, and "Adding context attributes" and "Configuring a
schedule's dead-letter queue" in its User Guide. That shows the request by which a schedule sends to a queue, and says
that each TARGET_ARN is an API action; what is parked of a start of a machine follows from these. Schedules are looked
at every ten seconds; flexible time windows do nothing.
"""

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import ministack.services.eventbridge as eventbridge
import ministack.services.scheduler as scheduler
from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region

from local.aws import patching
from local.aws.answers import Response
from local.aws.eventbridge import deliveries
from local.aws.iam.roles import may_assume
from local.aws.scheduler import expressions

original = patching.names(scheduler, "_create_schedule", "_update_schedule", "_tick_schedules", "reset")
events = patching.names(eventbridge, "_pattern_event_view")
ministack = patching.names(scheduler, "_error", "_group_arn", "_schedules", "_to_epoch")

logger = logging.getLogger("scheduler")

SERVICE = "scheduler.amazonaws.com"
UNIVERSAL = "arn:aws:scheduler:::"
UNASSUMABLE = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."

TIME = "%Y-%m-%dT%H:%M:%SZ"
NEVER, INSTANT = datetime.fromtimestamp(0, UTC), timedelta(microseconds=1)

# (account, region, group/name) -> when the schedule was created, and for when it fired last.
_fired: dict[tuple[str, str, str], tuple[datetime, datetime]] = {}


class NotFiredError(Exception):
    """The schedule is not there, or never fires."""


def install() -> None:
    patching.replace(
        scheduler,
        _create_schedule=create_schedule,
        _update_schedule=update_schedule,
        _tick_schedules=tick,
        reset=reset,
    )


def create_schedule(name: str, request: dict[str, Any]) -> Response:
    return _refused(request) or original._create_schedule(name, request)


def update_schedule(name: str, request: dict[str, Any]) -> Response:
    return _refused(request) or original._update_schedule(name, request)


def _refused(request: dict[str, Any]) -> Response | None:
    target = request.get("Target") or {}
    try:
        if expression := request.get("ScheduleExpression"):
            expressions.check(expression)
        expressions.zone(request.get("ScheduleExpressionTimezone") or "UTC")
        if target.get("Arn", "").startswith(UNIVERSAL):
            raise ValueError(f"The local AWS knows no universal targets: {target['Arn']}")
        group = ministack._group_arn(request.get("GroupName") or "default")
        if target.get("RoleArn") and not may_assume(SERVICE, target["RoleArn"], group):
            raise ValueError(UNASSUMABLE)
    except ValueError as error:
        refused: Response = ministack._error(400, "ValidationException", str(error))
        return refused
    return None


@dataclass(frozen=True)
class Delivery(deliveries.Delivery):
    """One run of a schedule on its way to its target."""

    at: datetime
    # The id of each attempt, by its number.
    ids: dict[int, str] = field(default_factory=dict)

    def payload(self, text: str, attempt: int) -> str:
        values = {
            "schedule-arn": self.rule["Arn"],
            "scheduled-time": self.at.strftime(TIME),
            "execution-id": self.ids.setdefault(attempt, uuid.uuid4().hex[:16]),
            "attempt-number": str(attempt),
        }
        for name, value in values.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text

    def parked(self, failure: deliveries.Failure, retries: int) -> tuple[str, dict[str, str]]:
        last = retries + 1
        action, request = self._request(self.payload(self.target.get("Input") or json.dumps(self.event), last))
        return json.dumps(request), {
            "TARGET_ARN": f"{UNIVERSAL}aws-sdk:{action}",
            "SCHEDULE_ARN": self.rule["Arn"],
            "SCHEDULED_TIME": self.at.strftime(TIME),
            "EXECUTION_ID": self.ids[last],
            "ERROR_CODE": failure.code,
            "RETRY_ATTEMPTS": str(retries),
            "IS_PAYLOAD_TRUNCATED": "false",
        }

    def _request(self, payload: str) -> tuple[str, dict[str, str]]:
        """The API action by which the target is called, and what it is given."""
        arn = self.target["Arn"]
        service, region, account, name = arn.split(":", 5)[2:]
        match service:
            case "states":
                return "sfn:startExecution", {"Input": payload, "StateMachineArn": arn}
            case "sqs":
                url = f"https://sqs.{region}.amazonaws.com/{account}/{name}"
                return "sqs:sendMessage", {"MessageBody": payload, "QueueUrl": url}
        raise ValueError(f"The local AWS parks nothing that was for {arn}")


def fire(group: str, name: str, at: datetime | None = None) -> None:
    """Delivers a schedule now, as if it were due at this time."""
    schedule = ministack._schedules.get(f"{group}/{name}")
    if schedule is None:
        raise NotFiredError(f"Schedule {name} does not exist in group {group}.")
    if schedule["State"] != "ENABLED":
        raise NotFiredError(f"Schedule {name} is {schedule['State']}.")
    _deliver(schedule, at or datetime.now(UTC))


def _deliver(schedule: dict[str, Any], at: datetime) -> None:
    event = {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": at.timestamp(),
        "Resources": [schedule["Arn"]],
        "Account": get_account_id(),
        "Region": get_region(),
    }
    view = events._pattern_event_view(event)
    deliveries.deliver(Delivery(schedule["Target"], schedule, view.event_with_detail(), at), event, view)


def tick() -> None:
    """Delivers what is due; a schedule that will never fire again is deleted if it says so."""
    for key, schedule in ministack._schedules.all_items():
        with _scope(*key[:2]):
            try:
                if schedule["State"] == "ENABLED":
                    _look(key, schedule)
            except Exception:
                logger.exception("schedule %s", key)


def _look(key: tuple[str, str, str], schedule: dict[str, Any]) -> None:
    now, expression = datetime.now(UTC), schedule["ScheduleExpression"]
    once, where = expressions.only_once(expression), expressions.zone(schedule["ScheduleExpressionTimezone"])
    begin, end = (_moment(schedule.get(name)) for name in ("StartDate", "EndDate"))
    created, changed = (_moment(schedule[name]) or now for name in ("CreationDate", "LastModificationDate"))
    known, last = _fired.get(key, (created, NEVER))
    last = last if known == created else NEVER
    if not once:
        # Neither what was due before a change, nor what was due before the schedule begins.
        last = max(last, changed, (begin or NEVER + INSTANT) - INSTANT)
    due = expressions.after(expression, where, last, begin or created)
    while due and (following := expressions.after(expression, where, due, begin or created)) and following <= now:
        due = following  # what a sleeping machine missed is not caught up
    over = due is None or bool(end and due > end)
    if due and not over and due <= now:
        _fired[key] = (created, due)
        _deliver(schedule, due)
        over = once
    if schedule.get("ActionAfterCompletion") == "DELETE" and over:
        ministack._schedules.pop_scoped(*key)
        _fired.pop(key, None)


def _moment(value: Any) -> datetime | None:
    epoch = ministack._to_epoch(value)
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)


@contextmanager
def _scope(account: str, region: str) -> Iterator[None]:
    before = get_account_id(), get_region()
    set_request_account_id(account)
    set_request_region(region)
    try:
        yield
    finally:
        set_request_account_id(before[0])
        set_request_region(before[1])


def reset() -> None:
    original.reset()
    _fired.clear()
