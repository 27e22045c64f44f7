"""Exports of stacks: one name, one stack; and what others import stays as it is.

Follows "Get exported outputs from a deployed CloudFormation stack" in the AWS CloudFormation User Guide, and "How do I
resolve the 'Export cannot be updated as it is in use' error" in the AWS Knowledge Center; the texts are those of events
that people published. An import that finds nothing fails its resource; on AWS it fails the stack before any resource.
"""

import re
from collections.abc import Awaitable
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, stacks

from local.aws import patching
from local.aws.answers import Response

original = patching.names(stacks, "_resolve_refs", "_resolve_stack_outputs", "_roll_back_operation")
ministack = patching.names(
    handlers, "_ACTION_HANDLERS", "_delete_stack", "_imported_export_names", "_p", "_resolve_stack", "_xml"
)
stored = patching.names(cloudformation, "_exports", "_stacks")
events = patching.names(stacks, "_add_event")

# Stacks that import nothing, whatever their template says.
GONE = ("DELETE_COMPLETE", "ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS")
STACK = "AWS::CloudFormation::Stack"

# Stack id -> why its exports roll the stack back.
_problems: dict[str, str] = {}


def install() -> None:
    patching.replace(
        stacks,
        _resolve_refs=resolve,
        _resolve_stack_outputs=resolve_outputs,
        _roll_back_operation=roll_back,
    )
    ministack._ACTION_HANDLERS["DeleteStack"] = delete_stack


def resolve(*arguments: Any) -> Any:
    try:
        return original._resolve_refs(*arguments)
    except ValueError as error:
        if missing := re.fullmatch(r"Export '(.*)' not found", str(error)):
            raise ValueError(f"No export named {missing[1]} found.") from error
        raise


def resolve_outputs(*arguments: Any) -> tuple[list[Any], dict[str, Any]]:
    """The outputs, if the exports among them are allowed; the stack then has no other exports."""
    outputs, new = original._resolve_stack_outputs(*arguments)
    stack_id = arguments[-1]
    own = {name: export for name, export in stored._exports.items() if export["StackId"] == stack_id}
    if problem := _problem(own, new):
        _problems[stack_id] = problem
        raise ValueError(problem)
    for name in own.keys() - new.keys():
        stored._exports.pop(name)
    return outputs, new


def _problem(own: dict[str, Any], new: dict[str, Any]) -> str | None:
    for name in new.keys() - own.keys():
        if other := stored._exports.get(name):
            return f"Export with name {name} is already exported by stack {_name(other)}."
    for name, export in own.items():
        if name in new and new[name]["Value"] == export["Value"]:
            continue
        if users := importers(name):
            return f"Export {name} cannot be {'updated' if name in new else 'deleted'} as it is in use by {users}"
    return None


def roll_back(
    stack_name: str, stack_id: str, stack: dict[str, Any], operation: dict[str, Any], reason: str = ""
) -> Awaitable[None]:
    reason = reason or _problems.pop(stack_id, "")
    rolled: Awaitable[None] = original._roll_back_operation(stack_name, stack_id, stack, operation, reason)
    return rolled


def delete_stack(parameters: dict[str, Any]) -> Response:
    """The call is accepted; a stack whose exports are in use stays, with the status that it had."""
    stack = ministack._resolve_stack(ministack._p(parameters, "StackName"))
    if stack and stack["StackStatus"] != "DELETE_COMPLETE" and not stack.get("EnableTerminationProtection"):
        for name, export in stored._exports.items():
            if export["StackId"] == stack["StackId"] and (users := importers(name)):
                text = f"Delete canceled. Cannot delete export {name} as it is in use by {users}."
                stack_id, stack_name = stack["StackId"], stack["StackName"]
                events._add_event(stack_id, stack_name, stack_name, STACK, stack["StackStatus"], text, stack_id)
                answer: Response = ministack._xml(200, "DeleteStackResponse", "")
                return answer
    deleted: Response = ministack._delete_stack(parameters)
    return deleted


def importers(export: str) -> str:
    """The stacks that import it, as AWS lists them; nothing if none does."""
    found = sorted(
        name
        for name, stack in stored._stacks.items()
        if stack.get("StackStatus") not in GONE and export in ministack._imported_export_names(stack, name)
    )
    *others, last = found or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _name(export: dict[str, Any]) -> str:
    return str(export["StackId"]).split("/")[1]
