"""Python functions: what Step Functions is told of their errors, as AWS's own runtime tells it."""

import json
from typing import Any

import pytest

from local.aws.tests.support import Local

pytestmark = pytest.mark.aws(
    "Handle errors in Python Lambda functions",
    url="https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html",
    validated="never",
)

SOURCE = """
import boto3

class Odd(Exception):
    pass

def handler(event, context):
    match event:
        case {"name": name}:
            boto3.client("glue").start_crawler(Name=name)
        case {"odd": message}:
            raise Odd(message)
    return event["answer"]
"""


@pytest.fixture(scope="module")
def function(local: Local) -> str:
    return local.function("source.py", SOURCE, Runtime="python3.12", Handler="source.handler", Timeout=30)


@pytest.mark.aws(
    "Handle errors in Python Lambda functions",
    url="https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html",
    validated="LocalStack snapshot test_raise_custom_exception, 2024-11-28",
)
@pytest.mark.parametrize(
    ("event", "error_type", "message"),
    [
        ({"name": "nobody"}, "EntityNotFoundException", "Crawler with name nobody does not exist"),
        ({"name": 7}, "ParamValidationError", "Parameter validation failed:\nInvalid type for parameter Name"),
        ({}, "KeyError", "'answer'"),
        ({"odd": "in two. lines:\nSome: thing\n"}, "Odd", "in two. lines:\nSome: thing\n"),
        ({"odd": ""}, "Odd", ""),
    ],
)
def test_an_error_is_named_after_its_class(
    local: Local, function: str, event: dict[str, Any], error_type: str, message: str
) -> None:
    """Protects the comparison with Python Lambdas: the errorType is the exception's class, without its module."""
    answer = json.load(local.aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))["Payload"])
    assert answer["errorType"] == error_type
    assert message in answer["errorMessage"]


@pytest.mark.aws(
    "Handling errors in Step Functions workflows",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
    validated="LocalStack snapshot test_raise_custom_exception, 2024-11-28",
)
def test_the_error_is_the_tasks_own(local: Local, function: str) -> None:
    """Protects Retry and Catch by boto3's names."""
    arguments = {"FunctionName": function, "Payload": {"name": "nobody"}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments, "End": True}
    assert local.run(Task=task)["error"] == "EntityNotFoundException"


@pytest.mark.aws(
    "Define Lambda function handler in Python",
    url="https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html",
    validated="never",
)
def test_an_answer_is_passed_on(local: Local, function: str) -> None:
    """Protects functions that do not fail."""
    answer = local.aws.client("lambda").invoke(FunctionName=function, Payload=b'{"answer": {"a": null}}')
    assert json.load(answer["Payload"]) == {"a": None}
