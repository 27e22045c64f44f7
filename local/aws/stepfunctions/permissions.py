"""The role of a state machine: what its tasks call, and what is checked when it is created.

Follows "Creating granular permissions for IAM roles"/"How Step Functions generates IAM policies for integrated
services" and "Logging using CloudWatch Logs" in the AWS Step Functions Developer Guide.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.aws.iam import passing, resources
from local.aws.iam.authorization import Denied, Principal, authorize
from local.aws.iam.callers import current
from local.aws.iam.roles import may_assume
from local.aws.stepfunctions import calls, integrations

SERVICE = "states.amazonaws.com"
# The events that tell Step Functions of the end of a nested execution come by a rule of its own.
MANAGED_RULE = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
MANAGE_RULE = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
DELIVER_LOGS = tuple(
    f"logs:{action}"
    for action in (
        "CreateLogDelivery",
        "GetLogDelivery",
        "UpdateLogDelivery",
        "DeleteLogDelivery",
        "ListLogDeliveries",
        "PutResourcePolicy",
        "DescribeResourcePolicies",
        "DescribeLogGroups",
    )
)


def check(resource: str, service: str, operation: str, request: dict[str, Any]) -> None:
    """Raises the error of the task, unless the execution's role allows the operation on what the request is about."""
    if current():
        _check(resource, calls.of(service, operation, request))


def check_task(resource: str, arguments: Any) -> None:
    """Raises the error of a task whose first call the role does not allow."""
    if current():
        _check(resource, calls.of_task(resource, arguments))


def _check(resource: str, call: calls.Call | None) -> None:
    if call is None or not (principal := current()):
        return
    try:
        for about in call.resources:
            authorize(principal, call.action, about, **resources.qualifier(call.request))
        passing.check(principal, call.action, call.request)
    except Denied as denied:
        raise integrations.denied(resource, call.service, call.operation, str(denied)) from denied


def problem(name: str, definition: str, role: str, logging: Mapping[str, Any]) -> str | None:
    """Why Step Functions refuses to create or update the machine of this name with this role, if it does."""
    machine = f"arn:aws:states:{get_region()}:{get_account_id()}:stateMachine:{name}"
    if not may_assume(SERVICE, role, machine):
        return (
            f"Neither the global service principal {SERVICE}, nor the regional one is authorized to assume "
            f"the provided role."
        )
    principal = Principal(role, "StepFunctions")
    if (logging.get("level") or logging.get("Level") or "OFF") != "OFF" and not may(principal, DELIVER_LOGS, "*"):
        return "The state machine IAM Role is not authorized to access the Log Destination"
    rule = f"arn:aws:events:{get_region()}:{get_account_id()}:{MANAGED_RULE}"
    if _nests(definition) and not may(principal, MANAGE_RULE, rule):
        return f"'{role}' is not authorized to create managed-rule."
    return None


def if_allowed(action: str, request: Mapping[str, Any], then: Callable[[], object]) -> Callable[[], None]:
    """`then`, for any thread, but nothing if this execution's role does not allow the action."""
    principal, arn = current(), resources.of(action, request)

    def attempt() -> None:
        if principal is None or may(principal, [action], arn):
            then()

    return attempt


def may(principal: Principal, actions: Iterable[str], resource: str) -> bool:
    try:
        for action in actions:
            authorize(principal, action, resource)
    except Denied:
        return False
    return True


def _nests(definition: str) -> bool:
    """Whether a state waits for an execution that it starts."""
    return "arn:aws:states:::states:startExecution.sync" in json.dumps(json.loads(definition))
