"""Handing a role to a service takes `iam:PassRole` for it, besides the permission for the action itself.

Follows "Grant a user permissions to pass a role to an AWS service" in the IAM User Guide.
"""

from collections.abc import Mapping
from typing import Any

from local.aws.iam import roles
from local.aws.iam.authorization import Principal, authorize

# The actions that hand a role to a service, and where a request has the role.
PASSING = {
    "lambda:CreateFunction": ("lambda.amazonaws.com", ("Role",)),
    "lambda:UpdateFunctionConfiguration": ("lambda.amazonaws.com", ("Role",)),
    "states:CreateStateMachine": ("states.amazonaws.com", ("RoleArn",)),
    "states:UpdateStateMachine": ("states.amazonaws.com", ("RoleArn",)),
    "events:PutTargets": ("events.amazonaws.com", ("Targets", "RoleArn")),
    "glue:CreateCrawler": ("glue.amazonaws.com", ("Role",)),
    "glue:UpdateCrawler": ("glue.amazonaws.com", ("Role",)),
    "glue:CreateJob": ("glue.amazonaws.com", ("Role",)),
    "glue:UpdateJob": ("glue.amazonaws.com", ("JobUpdate", "Role")),
    "scheduler:CreateSchedule": ("scheduler.amazonaws.com", ("Target", "RoleArn")),
    "scheduler:UpdateSchedule": ("scheduler.amazonaws.com", ("Target", "RoleArn")),
}


def check(principal: Principal, action: str, request: Mapping[str, Any]) -> None:
    """Raises Denied if the request hands on a role that the principal may not pass to that service."""
    if action in PASSING:
        service, place = PASSING[action]
        for role in _found(request, place):
            authorize(principal, "iam:PassRole", roles.arn(role), **{"iam:PassedToService": service})


def _found(request: Mapping[str, Any], place: tuple[str, ...]) -> list[str]:
    """The names or ARNs at this place. A request of Step Functions has members that begin small, a task's do not."""
    found: list[Any] = [request]
    for name in place:
        found = [
            inner
            for each in found
            if isinstance(each, dict)
            for inner in _listed(each.get(name) or each.get(name[0].lower() + name[1:]))
        ]
    return [role for role in found if isinstance(role, str)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
