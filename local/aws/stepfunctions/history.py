"""The history of an execution: the states of branches and iterations too, and every step of a task.

Follows "HistoryEvent" in the AWS Step Functions API Reference. The events MapStateStarted,
MapIteration… and ParallelState… are left out: nothing here reads them.
"""

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import ministack.services.stepfunctions as sfn
from ministack.core.responses import now_iso

from local.aws import patching

original = patching.names(sfn, "_add_event")
ministack = patching.names(sfn, "_ExecutionError")
HANDLERS = patching.names(
    sfn, "_execute_choice", "_execute_map", "_execute_parallel", "_execute_pass", "_execute_task", "_execute_wait"
)

MAX_EVENTS = 25_000
# ministack numbers an event by those before it: concurrent branches must not count the same ones.
_adding = threading.Lock()


@dataclass
class Branch:
    """Events of one execution that follow each other: its own states, or those of an iteration or a branch."""

    execution: dict[str, Any]
    last: int


_branch: ContextVar[Branch | None] = ContextVar("branch", default=None)


def install() -> None:
    patching.replace(sfn, _add_event=add_event)


@contextmanager
def branch(execution: dict[str, Any]) -> Iterator[None]:
    """What this thread adds to the history follows what led here; at first, the start of the execution."""
    before = _branch.get()
    last = before.last if before and before.execution is execution else 1
    token = _branch.set(Branch(execution, last))
    try:
        yield
    finally:
        _branch.reset(token)


def add_event(execution: dict[str, Any], kind: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """A task that was scheduled is started too, and one that waits for a job may fail before that was submitted."""
    with _adding:
        if len(execution["events"]) >= MAX_EVENTS and not kind.startswith("Execution"):
            text = f"The execution reached the maximum number of history events ({MAX_EVENTS})."
            raise ministack._ExecutionError("States.Runtime", text)
        if kind == "TaskFailed" and details:
            told = details["taskFailedEventDetails"]
            if told["error"] == "States.Timeout":
                kind, details = "TaskTimedOut", {"taskTimedOutEventDetails": told}
            elif ".sync" in told["resource"] and _last(execution).get("type") == "TaskStarted":
                kind, details = "TaskSubmitFailed", {"taskSubmitFailedEventDetails": told}
        event = _append(execution, kind, details)
        if kind == "TaskScheduled":
            _append(execution, "TaskStarted", {"taskStartedEventDetails": event["taskScheduledEventDetails"]})
        return event


def submitted(execution: dict[str, Any], resource: str, answer: Any) -> None:
    """What a task waits for has been started."""
    told = {"resourceType": "states", "resource": resource, "output": json.dumps(answer)}
    add_event(execution, "TaskSubmitted", {"taskSubmittedEventDetails": told})


def _append(execution: dict[str, Any], kind: str, details: dict[str, Any] | None) -> dict[str, Any]:
    event: dict[str, Any] = original._add_event(execution, kind, details)
    own = _branch.get()
    if own and own.execution is execution:
        event["previousEventId"], own.last = own.last, event["id"]
    return event


def _last(execution: dict[str, Any]) -> dict[str, Any]:
    """The event that the next one of this thread follows."""
    own = _branch.get()
    return execution["events"][own.last - 1] if own and own.execution is execution else {}


def run_states(states: dict[str, Any], start_at: str, data: Any, execution: dict[str, Any], context: Any) -> Any:
    """The states of a branch or an iteration; ministack's own loop leaves no trace of them."""
    with branch(execution):
        return _run_states(states, start_at, data, execution, context)


def _run_states(states: dict[str, Any], start_at: str, data: Any, execution: dict[str, Any], context: Any) -> Any:
    name: str | None = start_at
    value = copy.deepcopy(data)
    while name:
        if name not in states:
            raise ministack._ExecutionError("States.Runtime", f"State '{name}' not found")
        state, this = states[name], name
        kind = state["Type"]
        context["State"] = {"Name": this, "EnteredTime": now_iso(), "RetryCount": 0}
        entered = {"name": this, "input": json.dumps(value)}
        add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        match kind:
            case "Succeed":
                value, name = sfn._apply_output_path(state, value, context), None
            case "Fail":
                raise ministack._ExecutionError(*sfn._fail_state_error(state, value, context))
            case "Task" | "Parallel" | "Map":
                value, name = _handler(kind)(state, value, execution, context)
            case _:
                value, name = _handler(kind)(state, value, context)
        left = {"name": this, "output": json.dumps(value)}
        add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": left})
    return value


def _handler(kind: str) -> Any:
    """The handler of a type of state as it is now: other extensions replace some."""
    name = f"_execute_{kind.lower()}"
    if not hasattr(HANDLERS, name):
        raise ministack._ExecutionError("States.Runtime", f"Unknown state type: {kind}")
    return getattr(sfn, name)
