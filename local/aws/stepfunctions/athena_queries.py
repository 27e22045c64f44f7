"""`athena:startQueryExecution`, also `.sync`, and the other integrations of Athena as a Task.

Follows "Run Athena queries with Step Functions" and "Run a Job (.sync)" in the AWS Step Functions Developer Guide. What
Step Functions waits for, it learns here without calls of Athena.
"""

import json
from typing import Any

import ministack.services.stepfunctions as sfn

from local.aws import patching
from local.aws.athena import queries
from local.aws.stepfunctions import aborts, history, integrations, permissions, states

ministack = patching.names(sfn, "_ExecutionError", "_SERVICE_DISPATCH", "_invoke_aws_sdk_integration")

PREFIX = "arn:aws:states:::athena:"
SDK = "arn:aws:states:::aws-sdk:athena:"
OPERATIONS = ("startQueryExecution", "stopQueryExecution", "getQueryExecution", "getQueryResults")
WAITING = f"{PREFIX}startQueryExecution.sync"
TIMES = ("SubmissionDateTime", "CompletionDateTime")


def install() -> None:
    for operation in OPERATIONS:
        ministack._SERVICE_DISPATCH[PREFIX + operation] = invoke


def invoke(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    operation = resource.removeprefix(PREFIX)
    if operation not in OPERATIONS and resource != WAITING:
        raise ministack._ExecutionError("States.Runtime", f"The resource '{resource}' is not supported")
    operation = operation.removesuffix(".sync")
    with integrations.optimized("athena", f"{operation[0].upper()}{operation[1:]}"):
        answer: dict[str, Any] = ministack._invoke_aws_sdk_integration(SDK + operation, arguments)
    if resource == WAITING:
        history.submitted(states.task().execution, resource, answer)
        permissions.check(resource, "athena", "GetQueryExecution", answer)
        return _ended(answer["QueryExecutionId"])
    return _told(arguments["QueryExecutionId"]) if operation == "getQueryExecution" else answer


def _ended(query_id: str) -> dict[str, Any]:
    """The query, when it is over; one that does not succeed is States.TaskFailed."""
    request = {"QueryExecutionId": query_id}
    stop = permissions.if_allowed("athena:StopQueryExecution", request, lambda: queries.stop_query_execution(request))
    scope = aborts.current.get()
    with scope.on_abort(stop):
        queries.ended(query_id).wait()
    scope.check()
    result = _told(query_id)
    if result["QueryExecution"]["Status"]["State"] != "SUCCEEDED":
        raise ministack._ExecutionError("States.TaskFailed", json.dumps(result))
    return result


def _told(query_id: str) -> dict[str, Any]:
    """GetQueryExecution's answer with its times in milliseconds, as a task gives it."""
    query = queries.described(queries.execution_of(query_id))
    status = {name: round(value * 1000) if name in TIMES else value for name, value in query["Status"].items()}
    return {"QueryExecution": query | {"Status": status}}
