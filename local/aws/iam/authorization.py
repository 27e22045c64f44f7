"""Whether a role allows a call.

Follows "Policy evaluation logic" and "Troubleshoot access denied error messages" in the IAM User Guide. ministack
evaluates the policies. `LocalAws(permissions=False)` lets everything pass.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ministack.services.iam as iam
from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region

from local.aws import patching

ministack = patching.names(iam_evaluator, "_gather_role_policies", "_permissions_boundary")
roles = patching.names(iam, "_roles")


class Denied(Exception):
    """AccessDeniedException; its text is AWS's."""


@dataclass(frozen=True)
class Principal:
    """A role that a service has taken on, in a session of this name."""

    role: str  # its ARN
    session: str

    @property
    def name(self) -> str:
        return self.role.rpartition("/")[2]

    @property
    def arn(self) -> str:
        return f"arn:aws:sts::{get_account_id()}:assumed-role/{self.name}/{self.session}"


def authorize(principal: Principal, action: str, resource: str, **conditions: str) -> None:
    """Raises Denied unless the role's policies, or the resource's own, allow the call."""
    if not app.AUTH:
        return
    context = _context(principal.arn, action, resource, conditions)
    account, role = get_account_id(), principal.name
    policies = ministack._gather_role_policies(role, account)
    limits = ministack._permissions_boundary(roles._roles, role, account)
    result = iam_evaluator.evaluate(context, policies, *limits)
    if found := iam_evaluator._resource_policy(action.partition(":")[0], resource):
        result = iam_evaluator.combine_resource_policy(result, context, *found, limits=limits)
    if result.decision != "Allow":
        explicit = result.decision == "Deny"
        note(role, action, granted=False)
        raise Denied(iam_actions.identity_denial_message(action, principal.arn, resource, explicit))
    note(role, action, granted=True)


def _context(principal: str, action: str, resource: str, conditions: Mapping[str, str]) -> Any:
    return iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,  # AWS's services call each other by TLS
        service_context={key.lower(): value for key, value in conditions.items()},
    )


# What was allowed and what was denied, for the proof that each grant is needed: (role, action).
_allowed: set[tuple[str, str]] = set()
_denied: set[tuple[str, str]] = set()
_lock = threading.Lock()


def note(role: str, action: str, *, granted: bool) -> None:
    """The role is its name; it is empty where a service asks for itself and a resource's own policy decides."""
    with _lock:
        (_allowed if granted else _denied).add((role, action))


def allowed() -> list[tuple[str, str]]:
    with _lock:
        return sorted(_allowed)


def denied() -> list[tuple[str, str]]:
    with _lock:
        return sorted(_denied)


def forget_allowed() -> None:
    with _lock:
        _allowed.clear()


def forget_denied() -> None:
    with _lock:
        _denied.clear()
