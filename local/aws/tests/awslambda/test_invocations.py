"""Invocations by Step Functions that Lambda refuses, or whose answers are lost."""

from pathlib import Path

import pytest

from local.aws.tests.support import Local, error_code

pytestmark = pytest.mark.aws(
    "Invoke",
    url="https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html",
    validated="never",
)

SOURCE = "def handler(event, context):\n    open(event, 'a').write('.')\n"


def function(local: Local, tag: str, value: str) -> str:
    return local.function(
        "source.py", SOURCE, Runtime="python3.12", Handler="source.handler", Tags={f"local:fault:{tag}": value}
    )


@pytest.mark.parametrize(
    ("what", "named", "code", "runs"),
    [
        ("TooManyRequestsException", "TooManyRequestsException", "429; Error Code: TooManyRequestsException", 0),
        ("ThrottlingException", "AWSLambdaException", "400; Error Code: ThrottlingException", 0),
        ("AccessDeniedException", "AWSLambdaException", "403; Error Code: AccessDeniedException", 0),
        ("http-500", "ServiceException", "500; Error Code: ServiceException", 0),
        ("hang", "ServiceException", "500; Error Code: ServiceException", 0),
        ("lost-response", "ServiceException", "500; Error Code: ServiceException", 1),
    ],
)
def test_a_fault_strikes_the_function_that_has_its_tag(
    local: Local, tmp_path: Path, what: str, named: str, code: str, runs: int
) -> None:
    """Protects scenarios of refused and lost invocations: by name, as often as the tag says, and counted."""
    name, noted = function(local, "Invoke", f"1 {what}"), tmp_path / "noted"
    noted.touch()
    arguments = {"FunctionName": name, "Payload": str(noted)}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments, "End": True}
    error, cause = local.failure(Task=task)
    assert (error, f" (Service: AWSLambda; Status Code: {code}; " in cause) == (f"Lambda.{named}", True)
    assert len(noted.read_text()) == runs
    local.output(Task=task)
    assert len(noted.read_text()) == runs + 1
    assert local.aws.calls()[name] == {"Invoke": 2}


@pytest.mark.parametrize(("tag", "value"), [("Invok", "1 hang"), ("Invoke", "once hang"), ("Invoke", "1 garbage")])
def test_a_tag_that_would_be_ignored_is_refused(local: Local, tag: str, value: str) -> None:
    """Protects against a scenario that silently does nothing, when a function is made and later."""
    assert error_code(function, local=local, tag=tag, value=value)[0] == "InvalidParameterValueException"
    name = function(local, "Invoke", "1 hang")
    arn = local.aws.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    tags = {f"local:fault:{tag}": value}
    code = error_code(local.aws.client("lambda").tag_resource, Resource=arn, Tags=tags)[0]
    assert code == "InvalidParameterValueException"
