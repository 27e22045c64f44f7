"""State machines: their tags, and what Step Functions asks of their roles when it creates or updates them.

Follows "CreateStateMachine", "UpdateStateMachine" and "TagResource" in the AWS Step Functions API Reference.
"""

import ministack.services.stepfunctions as sfn
from ministack.core.responses import error_response_json

from local.aws import patching
from local.aws.answers import Request, Response
from local.aws.behaviour import check_machine_tags
from local.aws.stepfunctions import permissions

original = patching.names(sfn, "_create_state_machine", "_tag_resource", "_update_state_machine")
ministack = patching.names(sfn, "_state_machines", "_tags")


def install() -> None:
    patching.replace(
        sfn,
        _create_state_machine=create_state_machine,
        _update_state_machine=update_state_machine,
        _tag_resource=tag_resource,
    )


def create_state_machine(request: Request) -> Response:
    response: Response = _refused_tags(request) or _refused_role(request) or original._create_state_machine(request)
    return response


def update_state_machine(request: Request) -> Response:
    """Its role is looked at again, though only the definition may have changed."""
    machine = ministack._state_machines.get(request.get("stateMachineArn"), {})
    response: Response = _refused_role(machine | request) or original._update_state_machine(request)
    return response


def tag_resource(request: Request) -> Response:
    response: Response = _refused_tags(request) or original._tag_resource(request)
    return response


def tags_of(arn: str) -> dict[str, str]:
    return _plain(ministack._tags.get(arn, []))


def _refused_tags(request: Request) -> Response | None:
    try:
        check_machine_tags(_plain(request.get("tags", [])))
    except ValueError as error:
        return error_response_json("ValidationException", str(error))
    return None


def _refused_role(machine: Request) -> Response | None:
    definition, role, logging = (machine.get(name) for name in ("definition", "roleArn", "loggingConfiguration"))
    if (
        definition
        and role
        and (problem := permissions.problem(machine.get("name", ""), definition, role, logging or {}))
    ):
        return error_response_json("AccessDeniedException", problem)
    return None


def _plain(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in tags}
