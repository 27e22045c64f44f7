"""The history of an execution: the states of branches and iterations too, and every step of a task.

Follows "HistoryEvent" in the AWS Step Functions API Reference. The events MapStateStarted,
MapIteration… and ParallelState… are left out: nothing here reads them.
"""

import copy
import json
import threading
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
# What ends a task whose job, or execution, was started.
SUBMITTED = ("States.TaskFailed", "States.Timeout")
# ministack numbers an event by those before it: concurrent branches must not count the same ones.
_adding = threading.Lock()


def install() -> None:
    patching.replace(sfn, _add_event=add_event)


def add_event(execution: dict[str, Any], kind: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """A task that was scheduled is started too, and one that waits for a job was submitted, or could not be."""
    with _adding:
        if len(execution["events"]) >= MAX_EVENTS and not kind.startswith("Execution"):
            text = f"The execution reached the maximum number of history events ({MAX_EVENTS})."
            raise ministack._ExecutionError("States.Runtime", text)
        if kind in ("TaskSucceeded", "TaskFailed") and details and ".sync" in _told(details)["resource"]:
            if _told(details).get("error", SUBMITTED[0]) in SUBMITTED:
                original._add_event(execution, "TaskSubmitted")
            else:
                kind, details = "TaskSubmitFailed", {"taskSubmitFailedEventDetails": _told(details)}
        if kind == "TaskFailed" and details and _told(details)["error"] == "States.Timeout":
            kind, details = "TaskTimedOut", {"taskTimedOutEventDetails": _told(details)}
        event = original._add_event(execution, kind, details)
        if kind == "TaskScheduled":
            details = {"taskStartedEventDetails": event["taskScheduledEventDetails"]}
            original._add_event(execution, "TaskStarted", details)
        return event


def _told(details: dict[str, Any]) -> dict[str, Any]:
    [told] = details.values()
    return told


def run_states(states: dict[str, Any], start_at: str, data: Any, execution: dict[str, Any], context: Any) -> Any:
    """The states of a branch or an iteration; ministack's own loop leaves no trace of them."""
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
