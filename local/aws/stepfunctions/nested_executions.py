"""`states:startExecution` and `states:startExecution.sync[:2]` as a Task.

Follows "Start workflow executions from a task state in Step Functions" and "Run a Job (.sync)" in the AWS Step
Functions Developer Guide.
"""

import json
from datetime import datetime
from typing import Any

import ministack.services.stepfunctions as sfn

from local.aws import patching
from local.aws.stepfunctions import aborts, executions, history, integrations, permissions, states

ministack = patching.names(sfn, "_ExecutionError", "_nested_start_execution_request")


def install() -> None:
    patching.replace(sfn, _invoke_nested_start_execution=start_as_task, _invoke_nested_start_execution_sync=run_as_task)


def start_as_task(_resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """`states:startExecution`."""
    status, _, body = executions.start_execution(ministack._nested_start_execution_request(arguments))
    answer = json.loads(body)
    if status >= 400:
        raise integrations.refusal("states", "StartExecution", answer["__type"], answer["message"])
    return _as_task_output(answer)


def run_as_task(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """`states:startExecution.sync[:2]`; a child that does not succeed is States.TaskFailed."""
    started = start_as_task(resource, arguments)
    arn = started["ExecutionArn"]
    history.submitted(states.task().execution, resource, started)
    scope = aborts.current.get()
    execution = {"executionArn": arn}
    stop = permissions.if_allowed("states:StopExecution", execution, lambda: executions.stop_execution(execution))
    with scope.on_abort(stop):
        executions.running_of(arn).ended.wait()
    scope.check()
    permissions.check(resource, "states", "DescribeExecution", execution)
    description = json.loads(executions.described(execution)[2])
    if resource.endswith(".sync:2"):
        for name in ("input", "output"):
            if description.get(name) is not None:
                description[name] = json.loads(description[name])
    result = _as_task_output(description)
    if result["Status"] != "SUCCEEDED":
        raise ministack._ExecutionError("States.TaskFailed", json.dumps(result))
    return result


def _as_task_output(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of the API as a task gives it: capital letters, and times in milliseconds."""
    output = {name[0].upper() + name[1:]: value for name, value in answer.items() if value is not None}
    for name in ("StartDate", "StopDate"):
        if name in output:
            output[name] = round(datetime.fromisoformat(output[name]).timestamp() * 1000)
    for name in ("InputDetails", "OutputDetails"):
        if name in output:
            output[name] = {"Included": output[name]["included"]}
    return output
