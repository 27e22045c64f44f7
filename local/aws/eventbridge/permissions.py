"""Whether a rule or a schedule may reach its target and its dead-letter queue.

Follows "Using resource-based policies for Amazon EventBridge" and "Using IAM roles for Amazon EventBridge" in its User
Guide: queues, topics and functions let rules in by their own policies, the rest is called under the target's role. And
"Set up the execution role" in the EventBridge Scheduler User Guide: a schedule does everything under its role, its dead
letters included.
"""

from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region

from local.aws import patching
from local.aws.iam import resources
from local.aws.iam.authorization import Denied, Principal, authorize, note
from local.aws.iam.roles import may_assume

ministack = patching.names(iam_evaluator, "_resource_policy")

START, SEND = "states:StartExecution", "sqs:SendMessage"
ACTIONS = {"states": START, "sqs": SEND, "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
# Whose own policy lets a rule in.
OPEN = ("sqs", "sns", "lambda")


def is_schedule(rule: dict[str, Any]) -> bool:
    """Whether it is a schedule of EventBridge Scheduler; ministack delivers for it as for a rule."""
    return str(rule.get("Arn", "")).startswith("arn:aws:scheduler:")


def source(rule: dict[str, Any]) -> str:
    """The condition `aws:SourceArn` of the role's trust policy: the rule, or the group of the schedule."""
    arn = str(rule.get("Arn", ""))
    return arn.rpartition("/")[0].replace(":schedule/", ":schedule-group/") if is_schedule(rule) else arn


def refusal(target: dict[str, Any], rule: dict[str, Any]) -> str | None:
    """Why the target may not be called, if it may not."""
    return _refusal(target.get("Arn", ""), target.get("RoleArn", ""), rule)


def may_park(target: dict[str, Any], rule: dict[str, Any]) -> bool:
    """Whether the dead-letter queue takes what the target did not get."""
    return _refusal(target["DeadLetterConfig"]["Arn"], target.get("RoleArn", ""), rule) is None


def _refusal(arn: str, role: str, rule: dict[str, Any]) -> str | None:
    service = arn.split(":")[2] if arn.count(":") > 4 else ""
    if (action := _action(service, arn)) is None or not app.AUTH:
        return None
    if service in OPEN and not is_schedule(rule):
        return _refusal_of_resource(action, arn, rule.get("Arn", ""))
    name, principal, session = (
        ("EventBridge Scheduler", "scheduler.amazonaws.com", "Scheduler")
        if is_schedule(rule)
        else ("EventBridge", "events.amazonaws.com", "EventBridge")
    )
    if not may_assume(principal, role, source(rule)):
        return f"{name} cannot assume the role {role}"
    try:
        # Policies are about the machine, not about its alias or version.
        about = resources.of(action, {"stateMachineArn": arn}) if service == "states" else arn
        authorize(Principal(role, session), action, about, **resources.qualifier({"Arn": arn}))
    except Denied as denied:
        return str(denied)
    return None


def _action(service: str, arn: str) -> str | None:
    if service == "events":
        return "events:InvokeApiDestination" if ":api-destination/" in arn else "events:PutEvents"
    return ACTIONS.get(service)


def _refusal_of_resource(action: str, arn: str, rule: str) -> str | None:
    found = ministack._resource_policy(action.partition(":")[0], arn)
    if found is None:
        return None  # there is no such resource, and nothing to deliver to
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=arn,
        region=get_region(),
        secure_transport=True,
        service_context={"aws:sourcearn": rule, "aws:sourceaccount": get_account_id()},
    )
    verdict = iam_evaluator.evaluate_resource_policy(found[0], context, service="events.amazonaws.com")
    granted = verdict.decision == "Allow"
    note("", action, granted=granted)
    return (
        None if granted else f"The policy of {arn} does not allow events.amazonaws.com to perform {action} for {rule}"
    )
