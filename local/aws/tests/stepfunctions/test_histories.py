"""What a history tells beside the states: what led to an event, and what a task waits for."""

import json
from typing import Any

import pytest

from local.aws import ACCOUNT, REGION
from local.aws.tests.support import PASS, WAIT, Local, error_code, eventually, unique

EVENT = pytest.mark.aws(
    "HistoryEvent",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html",
    validated="never",
)


def events(local: Local, arn: str) -> list[dict[str, Any]]:
    return local.states.get_execution_history(executionArn=arn, maxResults=1000)["events"]


@EVENT
def test_events_follow_those_of_their_own_iteration(local: Local) -> None:
    """Protects who reads a history: of steps side by side, only that tells which an event is of."""
    states = {"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Last"}, "Last": PASS}
    each = {"StartAt": "Wait", "States": states}
    many = {"Type": "Map", "Items": "{% ['a', 'b', 'c'] %}", "ItemProcessor": each, "Next": "After"}
    arn = local.start(local.machine(Many=many, After=PASS))
    local.ended(arn)
    told = {event["id"]: event for event in events(local, arn)}

    def first_input(event: dict[str, Any]) -> str:
        """What the state that the chain of events began with got."""
        previous = told[event["previousEventId"]]
        if previous["type"] == "MapStateEntered":
            return str(json.loads(event["stateEnteredEventDetails"]["input"]))
        return first_input(previous)

    last = [event for event in told.values() if event.get("stateExitedEventDetails", {}).get("name") == "Last"]
    assert sorted(map(first_input, last)) == ["a", "b", "c"]
    [left] = [event for event in told.values() if event["type"] == "MapStateExited"]
    [after] = [event for event in told.values() if event.get("stateEnteredEventDetails", {}).get("name") == "After"]
    assert told[left["previousEventId"]]["type"] == "MapStateEntered"
    assert after["previousEventId"] == left["id"]


@EVENT
def test_what_a_task_waits_for_is_told_as_soon_as_it_is_there(local: Local) -> None:
    """Protects who follows a run: the job's run and the nested execution are to be found while they work."""
    name = local.job(tags={"local:seconds": "0"})
    job = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Arguments": {"JobName": name}}
    child = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True}
    waiting = {"Arguments": {"StateMachineArn": local.machine(Wait=WAIT), "Input": {}}}
    arn = local.start(local.machine(Job=job | {"Next": "Child"}, Child=child | waiting))

    def both() -> list[dict[str, Any]]:
        told = [event for event in events(local, arn) if event["type"] == "TaskSubmitted"]
        return told if len(told) == 2 else []

    job_run, nested = (json.loads(event["taskSubmittedEventDetails"]["output"]) for event in eventually(both))
    assert local.execution(nested["ExecutionArn"])["status"] == "RUNNING"
    assert local.job_run(name, job_run["JobRunId"])["JobRunState"] == "SUCCEEDED"
    local.states.stop_execution(executionArn=arn)


@pytest.mark.aws(
    "ListExecutions",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html",
    validated="never",
)
def test_a_machine_that_is_not_there_has_no_list_of_executions(local: Local) -> None:
    """Protects who misspells a stack: an empty list would say that nothing ran."""
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{unique('none')}"
    code, message = error_code(local.states.list_executions, stateMachineArn=arn)
    assert (code, message) == ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
