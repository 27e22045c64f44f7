"""Roles, and who may take them on."""

import ministack.services.iam as iam
from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region

from local.aws import patching
from local.aws.iam.authorization import note

ministack = patching.names(iam, "_roles")


def arn(role: str) -> str:
    """The ARN of a role that is told by its ARN, or, as Glue takes it, by its name, with or without its path."""
    if role.startswith("arn:"):
        return role
    record = ministack._roles.get(role.rpartition("/")[2])
    return str(record["Arn"]) if record else f"arn:aws:iam::{get_account_id()}:role/{role}"


def install() -> None:
    patching.replace(iam_evaluator, validate_role_arn=missing)


def missing(role: str) -> str | None:
    """Why there is no such role, if there is none; Glue takes names of roles, too."""
    if not app.AUTH or not role or role.rpartition("/")[2] in ministack._roles:
        return None
    return f"The role with name {role.rpartition('/')[2]} cannot be found."


def may_assume(service: str, role: str, source: str) -> bool:
    """Whether the role's trust policy lets the service take it on for `source`; a role that is not there cannot be."""
    if not app.AUTH:
        return True
    name = role.rpartition("/")[2]
    record = ministack._roles.get(name)
    if record is None:
        return False
    account = get_account_id()
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn="*",
        region=get_region(),
        secure_transport=True,
        service_context={"aws:sourceaccount": account, "aws:sourcearn": source},
    )
    trust = record["AssumeRolePolicyDocument"]
    granted = bool(iam_evaluator.evaluate_resource_policy(trust, context, service=service).decision == "Allow")
    note(name, "sts:AssumeRole", granted=granted)
    return granted
