"""The role of a function, which Lambda must be able to take on.

Follows "CreateFunction" and "UpdateFunctionConfiguration" in the AWS Lambda API Reference, and the AWS Knowledge Center
for the text.
"""

import ministack.services.lambda_svc as lambda_svc
from ministack.core.responses import error_response_json

from local.aws import patching
from local.aws.answers import Request, Response
from local.aws.iam.roles import may_assume

original = patching.names(lambda_svc, "_create_function", "_update_config")

SERVICE = "lambda.amazonaws.com"
CANNOT = "The role defined for the function cannot be assumed by Lambda."


def install() -> None:
    patching.replace(lambda_svc, _create_function=create_function, _update_config=update_configuration)


def problem(role: str) -> str | None:
    return None if may_assume(SERVICE, role) else CANNOT


def create_function(request: Request) -> Response:
    if refused := problem(request.get("Role", "")):
        return error_response_json("InvalidParameterValueException", refused)
    response: Response = original._create_function(request)
    return response


def update_configuration(name: str, request: Request) -> Response:
    """Of the API, and of an update by CloudFormation."""
    if "Role" in request and (refused := problem(request["Role"])):
        return error_response_json("InvalidParameterValueException", refused)
    response: Response = original._update_config(name, request)
    return response
