"""How a Task names what an AWS service refuses, and what its cause says.

Optimized integrations call services by the AWS SDK for Java 1.x: an error that the operation models has the name of its
class, any other one that of the service's base class. `aws-sdk:` integrations use the SDK 2.x, where a class counts if
any operation of the service models it. Sources: AWS Knowledge Center, "Why does my AWS Glue job fail with a throttling
rate exceeded error"; for the form of the causes, messages of AWS that people published; the rest are conclusions.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import botocore.session
import ministack.services.stepfunctions as sfn
from botocore.exceptions import UnknownServiceError
from botocore.model import ServiceModel
from ministack.core.responses import new_uuid

from local.aws import patching

original = patching.names(sfn, "_prefix_sdk_error")
ministack = patching.names(
    sfn, "_AWS_SDK_ERROR_PREFIX", "_ExecutionError", "_SERVICE_DISPATCH", "_invoke_sqs_send_message"
)

DENIED = "AccessDeniedException"
SEND_MESSAGE = "arn:aws:states:::sqs:sendMessage"
# What botocore calls a service that Step Functions calls otherwise.
MODELS = {
    "sfn": "stepfunctions",
    "states": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "rdsdata": "rds-data",
}
# The prefix of an optimized integration's errors, and its service in the SDK 1.x.
OPTIMIZED = {
    "athena": ("Athena", "AmazonAthena"),
    "dynamodb": ("DynamoDB", "AmazonDynamoDB"),
    "ecs": ("ECS", "AmazonECS"),
    "events": ("EventBridge", "AmazonEventBridge"),
    "glue": ("Glue", "AWSGlue"),
    "lambda": ("Lambda", "AWSLambda"),
    "sns": ("SNS", "AmazonSNS"),
    "sqs": ("SQS", "AmazonSQS"),
    "states": ("StepFunctions", "AWSStepFunctions"),
}
# What causes call a service, where the SDK's classes call it otherwise.
TOLD = {"dynamodb": "AmazonDynamoDBv2"}
# What a service calls a denial, where it has its own word.
DENIALS = {"sns": "AuthorizationError"}
# The HTTP status of an error where it is not 400.
STATUSES = {
    ("lambda", DENIED): 403,
    ("lambda", "ServiceException"): 500,
    ("lambda", "TooManyRequestsException"): 429,
    ("sns", "AuthorizationError"): 403,
    ("sns", "NotFound"): 404,
    ("sns", "InternalError"): 500,
}

# Whether errors are to keep the service's own codes, for an optimized integration to name them.
_raw: ContextVar[bool] = ContextVar("raw", default=False)


def install() -> None:
    patching.replace(sfn, _prefix_sdk_error=sdk_name)
    ministack._SERVICE_DISPATCH[SEND_MESSAGE] = send_message


def sdk_name(service: str, code: str) -> str:
    """The name of an `aws-sdk:` integration's error."""
    if _raw.get() or code.startswith("States."):
        return code
    prefix = ministack._AWS_SDK_ERROR_PREFIX.get(service, service.capitalize())
    model = model_of(service)
    if model is None:
        return original._prefix_sdk_error(service, code)
    modelled = {name for operation in model.operation_names for name in _errors(model, operation)}
    return f"{prefix}.{_class(code) if _class(code) in modelled else f'{prefix}Exception'}"


@contextmanager
def optimized(service: str, operation: str) -> Iterator[None]:
    """An optimized integration that calls the operation as an `aws-sdk:` one would."""
    token = _raw.set(True)
    try:
        yield
    except ministack._ExecutionError as error:
        raise refusal(service, operation, error.error, error.cause) from error
    finally:
        _raw.reset(token)


def denied(resource: str, service: str, operation: str, message: str) -> Any:
    """The error of a task that the machine's role does not allow."""
    code = DENIALS.get(service, DENIED)
    if "aws-sdk:" in resource:
        name = sdk_name(service, code)
        status = STATUSES.get((service, code), 400)
        text = f"{message} (Service: {name.partition('.')[0]}, Status Code: {status}, Request ID: {new_uuid()})"
        return ministack._ExecutionError(name, text)
    return refusal(service, operation, code, message)


def refusal(service: str, operation: str, code: str, message: str) -> Any:
    """The error of an optimized integration."""
    if code.startswith("States."):
        return ministack._ExecutionError(code, message)
    prefix, name = OPTIMIZED[service]
    model = model_of(service)
    assert model
    known = _class(code) in _errors(model, operation)
    status = STATUSES.get((service, code), 400)
    answer = f"Status Code: {status}; Error Code: {code}; Request ID: {new_uuid()}; Proxy: null"
    cause = f"{message} (Service: {TOLD.get(service, name)}; {answer})"
    return ministack._ExecutionError(f"{prefix}.{_class(code) if known else f'{name}Exception'}", cause)


def send_message(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return ministack._invoke_sqs_send_message(resource, arguments)
    except ministack._ExecutionError as error:
        code = error.error.removeprefix("SQS.").rpartition(".")[2]
        raise refusal("sqs", "SendMessage", code, error.cause) from error


def _class(code: str) -> str:
    """The SDK's class for the code: StateMachineDoesNotExist is StateMachineDoesNotExistException."""
    return code if code.endswith("Exception") else f"{code}Exception"


@functools.cache
def model_of(service: str) -> ServiceModel | None:
    try:
        return botocore.session.get_session().get_service_model(MODELS.get(service, service))
    except UnknownServiceError:
        return None


@functools.cache
def _errors(model: ServiceModel, operation: str) -> frozenset[str]:
    return frozenset(_class(shape.name) for shape in model.operation_model(operation).error_shapes)
