"""The life of an execution: idempotent starts, time-outs, aborts.

Follows "StartExecution" and "StopExecution" in the AWS Step Functions API Reference.
"""

import contextvars
import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any

import ministack.services.stepfunctions as sfn
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
    now_iso,
)

from local.aws import faults, patching
from local.aws.answers import Handler, Request, Response
from local.aws.iam import callers
from local.aws.stepfunctions import aborts, history, state_machines

original = patching.names(
    sfn,
    "_describe_execution",
    "_fail_execution",
    "_get_execution_history",
    "_list_executions",
    "_run_execution",
    "_start_execution",
    "_start_sync_execution",
    "_stop_execution",
    "reset",
)
ministack = patching.names(
    sfn,
    "_add_event",
    "_emit_execution_status_event",
    "_execution_version_arn",
    "_executions",
    "_resolve_state_machine_arn",
    "_state_machine_aliases",
    "_state_machines",
)

# Type Name of the API; the last class are the control characters.
NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")


@dataclass
class Running:
    """What the threads around one execution share."""

    scope: aborts.Scope = field(default_factory=aborts.Scope)
    ended: threading.Event = field(default_factory=threading.Event)


_running: dict[str, Running] = {}
# The version and the alias of an execution.
_qualified: dict[str, dict[str, str]] = {}
# To look for a name and to take it must be one step, for concurrent callers.
_starting = threading.Lock()


def install() -> None:
    patching.replace(
        sfn,
        _start_execution=start_execution,
        _start_sync_execution=start_sync_execution,
        _describe_execution=describe_execution,
        _get_execution_history=get_execution_history,
        _list_executions=list_executions,
        _stop_execution=stop_execution,
        _run_execution=run_execution,
        _fail_execution=fail_execution,
        reset=reset,
    )


def running_of(arn: str) -> Running:
    """One for all threads: setdefault looks and stores in one step."""
    return _running.setdefault(arn, Running())


def start_execution(request: Request) -> Response:
    return _unless_struck("StartExecution", _start_execution, request)


def start_sync_execution(request: Request) -> Response:
    """Runs an EXPRESS execution to its end."""
    return _unless_struck("StartSyncExecution", _start_sync_execution, request)


def describe_execution(request: Request) -> Response:
    return _unless_struck("DescribeExecution", described, request)


def get_execution_history(request: Request) -> Response:
    return _unless_struck("GetExecutionHistory", original._get_execution_history, request)


def list_executions(request: Request) -> Response:
    return _unless_struck("ListExecutions", _list_executions, request)


def _unless_struck(operation: str, handler: Handler, request: Request) -> Response:
    """The handler's answer, or the fault that the machine's tags tell of this call."""
    named = ministack._executions.get(request.get("executionArn"), request).get("stateMachineArn", "")
    arn = ministack._resolve_state_machine_arn(named)
    if arn is None:
        return handler(request)
    what = faults.next_fault(operation, (arn.rpartition(":")[2], state_machines.tags_of(arn)))
    if what in (None, "lost-response"):
        answer = handler(request)
    return answer if what is None else faults.response(what, "states", operation)


def _start_sync_execution(request: Request) -> Response:
    machine = _machine(request)
    if machine and machine.get("type") != "EXPRESS":
        message = "This operation is not supported by this type of state machine"
        return error_response_json("StateMachineTypeNotSupported", message)
    return original._start_sync_execution(request)


def _start_execution(request: Request) -> Response:
    """STANDARD: the same name and input, while running, is a success with the first answer."""
    name = request.get("name")
    if name is not None and not NAME.fullmatch(name):
        return error_response_json("InvalidName", f"Invalid Name: '{name}'")
    request = {**request, "name": name or new_uuid()}
    with _starting:
        if machine := _machine(request):
            arn = f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{machine['name']}:{request['name']}"
            namesake = ministack._executions.get(arn)
            if namesake and _is_same(namesake, machine, request):
                return json_response({"executionArn": arn, "startDate": namesake["startDate"]})
            if not namesake:
                # Before anybody can see the execution.
                _qualified[arn] = _qualifiers(request["stateMachineArn"])
        response: Response = original._start_execution(request)
        return response


def _qualifiers(arn: str) -> dict[str, str]:
    """The version, and the alias, that an execution is associated with when it is started by this ARN."""
    version = ministack._execution_version_arn(arn)
    alias = {"stateMachineAliasArn": arn} if arn in ministack._state_machine_aliases else {}
    return ({"stateMachineVersionArn": version} if version else {}) | alias


def described(request: Request) -> Response:
    response = original._describe_execution(request)
    if response[0] != 200:
        return response
    return json_response(json.loads(response[2]) | _associated(request["executionArn"]))


def _list_executions(request: Request) -> Response:
    """Of a version or an alias, the executions that were started by it."""
    qualified = request.get("stateMachineArn", "")
    machine = ministack._resolve_state_machine_arn(qualified)
    if qualified and machine not in ministack._state_machines:
        return error_response_json("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{qualified}'")
    if machine in (None, qualified):
        return original._list_executions(request)
    response = original._list_executions({**request, "stateMachineArn": machine})
    if response[0] != 200:
        return response
    page = json.loads(response[2])
    own = [each for each in page["executions"] if qualified in _associated(each["executionArn"]).values()]
    return json_response({**page, "executions": own})


def _associated(arn: str) -> dict[str, str]:
    return _qualified.get(arn, {})


def _machine(request: Request) -> dict[str, Any] | None:
    arn = ministack._resolve_state_machine_arn(request.get("stateMachineArn", ""))
    machine: dict[str, Any] | None = ministack._state_machines.get(arn)
    return machine


def _is_same(namesake: dict[str, Any], machine: dict[str, Any], request: Request) -> bool:
    """Whether the request is for this STANDARD execution, which is under way."""
    is_running = namesake["status"] == "RUNNING" and machine.get("type") != "EXPRESS"
    return is_running and namesake["input"] == request.get("input", "{}")


def run_execution(arn: str) -> None:
    """Runs an execution in a scope of its own, and within its machine's TimeoutSeconds."""
    running, execution = running_of(arn), ministack._executions[arn]
    timer = None
    if seconds := _timeout(execution):
        context = contextvars.copy_context()
        timer = threading.Timer(seconds, context.run, (_time_out, execution))
        timer.daemon = True
        timer.start()
    try:
        role = ministack._state_machines[execution["stateMachineArn"]]["roleArn"]
        with aborts.entered(running.scope), callers.acting(role, execution["name"]), history.branch(execution):
            original._run_execution(arn)
    except aborts.Aborted:
        pass  # the abort has written its status
    finally:
        if timer:
            timer.cancel()
        running.ended.set()


def _timeout(execution: dict[str, Any]) -> float | None:
    machine = ministack._state_machines.get(execution["stateMachineArn"]) or {}
    try:
        return json.loads(machine.get("definition", "{}")).get("TimeoutSeconds")
    except ValueError:
        return None  # ministack fails the execution, and says why


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] == "RUNNING":
        execution["status"] = "TIMED_OUT"
        execution["stopDate"] = now_iso()
        ministack._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        ministack._emit_execution_status_event(execution)
        running_of(execution["executionArn"]).scope.abort()


def stop_execution(request: Request) -> Response:
    response = original._stop_execution(request)
    if response[0] == 200:
        running_of(request["executionArn"]).scope.abort()
    return response


def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
    """An execution that was stopped, or timed out, stays so whatever its states do then."""
    if execution["status"] == "RUNNING":
        original._fail_execution(execution, error, cause)


def reset() -> None:
    for running in list(_running.values()):
        running.scope.abort()
    original.reset()
    _running.clear()
    _qualified.clear()
