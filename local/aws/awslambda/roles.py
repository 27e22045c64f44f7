"""The role of a function, which Lambda must be able to take on.

Follows "CreateFunction" and "UpdateFunctionConfiguration" in the AWS Lambda API Reference, and the AWS Knowledge Center
for the text.
"""

import ministack.services.lambda_svc as lambda_svc
from ministack.core.responses import error_response_json

from local.aws import patching
from local.aws.answers import Request, Response
from local.aws.awslambda import invocations
from local.aws.iam.roles import may_assume

original = patching.names(lambda_svc, "_create_function", "_update_config")
ministack = patching.names(lambda_svc, "_func_arn")

SERVICE = "lambda.amazonaws.com"
CANNOT = "The role defined for the function cannot be assumed by Lambda."


def install() -> None:
    patching.replace(lambda_svc, _create_function=create_function, _update_config=update_configuration)


def problem(function: str, role: str) -> str | None:
    """Why Lambda refuses the role for the function of this name, if it does."""
    return None if may_assume(SERVICE, role, ministack._func_arn(function)) else CANNOT


def create_function(request: Request) -> Response:
    if wrong := invocations.problem(request):
        return error_response_json("InvalidParameterValueException", wrong)
    if refused := problem(request.get("FunctionName", ""), request.get("Role", "")):
        return error_response_json("InvalidParameterValueException", refused)
    response: Response = original._create_function(request)
    return response


def update_configuration(name: str, request: Request) -> Response:
    """Of the API, and of an update by CloudFormation."""
    if "Role" in request and (refused := problem(name, request["Role"])):
        return error_response_json("InvalidParameterValueException", refused)
    response: Response = original._update_config(name, request)
    return response
