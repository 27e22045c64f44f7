"""Deliveries of EventBridge that fail: retries to state machines, and the target's dead-letter queue.

Follows "How EventBridge retries delivering events" and "Using dead-letter queues to process undelivered events" in the
Amazon EventBridge User Guide: a target that is missing or forbidden is not tried again; the message is the event as it
was before its transformation. How long the pauses are is not documented; here they are short.
"""

import contextvars
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

import ministack.services.eventbridge as eventbridge
import ministack.services.sqs as sqs
import ministack.services.stepfunctions as sfn

from local.aws import patching
from local.aws.eventbridge import permissions

original = patching.names(eventbridge, "_invoke_target")
ministack = patching.names(eventbridge, "_pattern_event_view")
queues = patching.names(sqs, "_act_send_message", "_queue_by_arn")

DENIED = "AccessDeniedException"
# The ERROR_CODE of what a start answered; of these, only throttling passes.
CODES = {
    "StateMachineDoesNotExist": "NO_RESOURCE",
    "StateMachineDeleting": "NO_RESOURCE",
    DENIED: "NO_PERMISSIONS",
    "ThrottlingException": "THROTTLING",
    "ExecutionLimitExceeded": "THROTTLING",
}
FINAL = ("NO_RESOURCE", "NO_PERMISSIONS")
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


@dataclass(frozen=True)
class Failure:
    code: str  # the target's own
    message: str

    @property
    def kind(self) -> str:
        return CODES.get(self.code, "INTERNAL_ERROR")


@dataclass(frozen=True)
class Delivery:
    """One event on its way from a rule to one target."""

    target: dict[str, Any]
    rule: dict[str, Any]
    event: dict[str, Any]

    def payload(self, text: str, _attempt: int) -> str:
        """What the attempt of this number hands to the target."""
        return text

    def parked(self, failure: Failure, retries: int) -> tuple[str, dict[str, str]]:
        """The message for the dead-letter queue, and its attributes."""
        told = {"RULE_ARN": self.rule.get("Arn", ""), "ERROR_CODE": failure.kind, "RETRY_ATTEMPTS": str(retries)}
        return json.dumps(self.event), told


_current: contextvars.ContextVar[Delivery] = contextvars.ContextVar("delivery")


def install() -> None:
    patching.replace(eventbridge, _invoke_target=invoke_target, _dispatch_to_stepfunctions=start)


def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
    view = view or ministack._pattern_event_view(event)
    deliver(Delivery(target, rule, view.event_with_detail()), event, view)


def deliver(delivery: Delivery, event: dict[str, Any], view: Any) -> None:
    if refused := permissions.refusal(delivery.target, delivery.rule):
        _park(delivery, Failure(DENIED, refused), 0, {})
        return
    target = dict(delivery.target)
    # A machine gets its input with each attempt.
    if target.get("Input") and not target["Arn"].startswith("arn:aws:states:"):
        target["Input"] = delivery.payload(target["Input"], 1)
    token = _current.set(delivery)
    try:
        original._invoke_target(target, event, delivery.rule, view)
    finally:
        _current.reset(token)


def start(arn: str, payload: str) -> None:
    """The first attempt; whatever has to follow it must not hold up the bus."""
    if failure := _attempt(arn, payload, 1):
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(_follow_up, arn, payload, failure), daemon=True).start()


def _attempt(arn: str, payload: str, number: int) -> Failure | None:
    delivery = _current.get()
    if refused := permissions.refusal(delivery.target, delivery.rule):  # the role may have changed between attempts
        return Failure(DENIED, refused)
    status, _, body = sfn._start_execution({"stateMachineArn": arn, "input": delivery.payload(payload, number)})
    if status < 400:
        return None
    answer = json.loads(body)
    return Failure(answer["__type"], answer["message"])


def _follow_up(arn: str, payload: str, failure: Failure | None) -> None:
    """Tries again as long as that may help and the target's policy allows it, and then parks the event."""
    delivery = _current.get()
    policy = delivery.target.get("RetryPolicy") or {}
    attempts, seconds = policy.get("MaximumRetryAttempts", 185), policy.get("MaximumEventAgeInSeconds", 86400)
    deadline, retries = time.monotonic() + float(seconds), 0
    exhausted: dict[str, str] = {}
    while failure and failure.kind not in FINAL and not exhausted:
        if retries >= int(attempts):
            exhausted = {"EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts"}
        elif time.monotonic() > deadline:
            exhausted = {"EXHAUSTED_RETRY_CONDITION": "MaximumEventAgeInSeconds"}
        else:
            time.sleep(min(FIRST_PAUSE * 2**retries, LONGEST_PAUSE))
            retries += 1
            failure = _attempt(arn, payload, retries + 1)
    if failure:
        _park(delivery, failure, retries, exhausted)


def _park(delivery: Delivery, failure: Failure, retries: int, exhausted: dict[str, str]) -> None:
    arn = (delivery.target.get("DeadLetterConfig") or {}).get("Arn", "")
    queue = queues._queue_by_arn(arn)
    if queue is None or not permissions.may_park(delivery.target, delivery.rule):
        return  # dropped, as on AWS
    body, told = delivery.parked(failure, retries)
    told = {"TARGET_ARN": delivery.target["Arn"], "ERROR_MESSAGE": failure.message} | told | exhausted
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items()}
    queues._act_send_message({"MessageBody": body, "MessageAttributes": attributes}, queue["url"])
