"""Errors of Python functions: ministack names every one of them Runtime.HandlerError.

Follows "Handle errors in Python Lambda functions" in the AWS Lambda Developer Guide: the errorType is the
name of the exception's class. AWS's stackTrace is left out: nothing here reads it.
"""

from typing import Any

import ministack.services.lambda_svc as lambda_svc

from local.aws import patching

original = patching.names(lambda_svc, "_execute_function_warm")

UNNAMED = "Runtime.HandlerError"
TRACEBACK = "Traceback (most recent call last):"


def install() -> None:
    patching.replace(lambda_svc, _execute_function_warm=execute_function_warm)


def execute_function_warm(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
    result = original._execute_function_warm(function, event, request_id)
    if not result.get("error") or result["body"]["errorType"] != UNNAMED or TRACEBACK not in result["log"]:
        return result
    message = result["body"]["errorMessage"]
    body = {"errorMessage": message, "errorType": _class(result["log"], message), "requestId": request_id}
    return result | {"body": body}


def _class(log: str, message: str) -> str:
    """The class that the traceback at the end of the log names: its last line is `module.Class: message`."""
    line = log.removesuffix("\n").removesuffix(message).removesuffix(": ").rpartition("\n")[2]
    return line.rpartition(".")[2]
