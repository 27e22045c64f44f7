"""Tasks that wait for their token to come back: `.waitForTaskToken`, and SendTaskSuccess, -Failure and -Heartbeat.

Follows "Wait for a Callback with Task Token" in the AWS Step Functions Developer Guide, and "SendTaskSuccess" in the
API Reference. HeartbeatSeconds does nothing.
"""

import json
import threading
from typing import Any

import ministack.services.stepfunctions as sfn
from ministack.core.responses import error_response_json, new_uuid

from local.aws import faults, patching
from local.aws.answers import Handler, Request, Response
from local.aws.stepfunctions import aborts, history, state_machines, states

original = patching.names(sfn, "_send_task_failure", "_send_task_heartbeat", "_send_task_success")
ministack = patching.names(sfn, "_ExecutionError", "_task_tokens")

SUFFIX = ".waitForTaskToken"
# What is waited for if nobody says.
LONGEST = 99_999_999

# Tokens that have been given out, and are no longer waited for.
_over: set[str] = set()


def install() -> None:
    patching.replace(
        sfn,
        _invoke_with_callback=invoke_with_callback,
        _send_task_success=send_task_success,
        _send_task_failure=send_task_failure,
        _send_task_heartbeat=send_task_heartbeat,
    )


def invoke_with_callback(resource: str, arguments: Any, token: str, state: dict[str, Any]) -> Any:
    """The call, and then the wait for the token, which an abort ends."""
    task, scope, back = states.task(), aborts.current.get(), threading.Event()
    waiting: dict[str, Any] = {"event": back, "result": None, "error": None, "heartbeat": None}
    waiting["machine"] = task.execution["stateMachineArn"]
    ministack._task_tokens[token] = waiting
    try:
        # Around the call too: it may hand the token to somebody who sends it back after the abort.
        with scope.on_abort(back.set):
            answer = states.invoke_resource(resource.removesuffix(SUFFIX), arguments)
            history.submitted(task.execution, resource, answer)
            if not back.wait(state.get("TimeoutSeconds", LONGEST)):
                raise ministack._ExecutionError("States.Timeout", "")
        scope.check()
    finally:
        _over.add(token)
        ministack._task_tokens.pop(token, None)
        # The next attempt has a token of its own.
        task.context["Task"] = {"Token": new_uuid()}
    if error := waiting["error"]:
        raise ministack._ExecutionError(error["Error"], error["Cause"])
    return json.loads(waiting["result"])


def send_task_success(request: Request) -> Response:
    try:
        json.loads(request.get("output", ""))
    except ValueError:
        return error_response_json("InvalidOutput", "Invalid Output: 'The output is not valid JSON'")
    return _sent("SendTaskSuccess", original._send_task_success, request)


def send_task_failure(request: Request) -> Response:
    return _sent("SendTaskFailure", original._send_task_failure, request)


def send_task_heartbeat(request: Request) -> Response:
    return _sent("SendTaskHeartbeat", original._send_task_heartbeat, request)


def _sent(operation: str, handler: Handler, request: Request) -> Response:
    """The handler's answer, unless the token is waited for no more, or the machine that waits has a fault for it."""
    token = request.get("taskToken", "")
    waiting = ministack._task_tokens.get(token)
    if waiting is None or (waiting["event"].is_set() and operation != "SendTaskHeartbeat"):
        if waiting is None and token not in _over:
            return error_response_json("InvalidToken", "Invalid Token: 'Invalid token'")
        return error_response_json("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    if machine := waiting.get("machine"):
        subject = (machine.rpartition(":")[2], state_machines.tags_of(machine))
        if what := faults.next_fault(operation, subject):
            if what == "lost-response":
                handler(request)
            return faults.response(what, "states", operation)
    return handler(request)
