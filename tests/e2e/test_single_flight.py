"""Runs of one pipeline follow each other, and those that wait become one: a backlog cannot grow."""

import json
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.support.events import sample
from tests.support.roles import ROLE
from tests.support.stack import BUCKET, Stack, eventually

HASH = "0123456789abcdef0123456789abcdef"


def create_job(stack: Stack, name: str, **tags: str) -> None:
    stack.glue.create_job(Name=name, Role=ROLE, Command={}, Tags={f"local:{tag}": value for tag, value in tags.items()})


def start(stack: Stack, pipeline: str, job: str, window_end: float, **fields: Any) -> str:
    """Starts a run as the trigger does: named for pipeline and window, which need not be over."""
    queue, end = f"{pipeline}-{HASH}-", datetime.fromtimestamp(int(window_end), UTC)
    window = {"queue": queue, "start": "2026-01-01T00:00:00Z", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    given = {"name": pipeline, "stages": [{"steps": [{"job": job}]}], "window": window} | fields
    return stack.states.start_execution(
        stateMachineArn=stack.outputs["PipelineStateMachineArn"],
        name=f"{queue}{int(window_end)}",
        input=json.dumps(given),
    )["executionArn"]


def reached(stack: Stack, arn: str, state: str) -> Any:
    """The moment at which the execution first entered the state."""
    return eventually(lambda: next((at for name, at in stack.entered(arn) if name == state), None))


def output(stack: Stack, arn: str) -> dict[str, Any]:
    execution = stack.finish(arn)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return json.loads(execution["output"])


def test_five_windows_of_a_job_that_takes_three(stack: Stack) -> None:
    """Each window's run crawls after the window, no run fails, and of those that had to wait only the last one runs."""
    create_job(stack, "three-windows", seconds="6")
    pipeline = {"name": "long", "stages": [{"steps": [{"job": "three-windows"}]}]}
    event = sample("native-object-created-putobject", "landing/long.csv")
    runs: dict[str, str] = {}
    while len(runs) < 5:
        execution = stack.run("Trigger", {"event": event, "pipeline": pipeline, "coalesceSeconds": 2})
        started = json.loads(execution["output"])
        if started["outcome"] == "STARTED":
            runs[started["executionName"]] = started["executionArn"]
    outputs = {name: output(stack, arn) for name, arn in runs.items()}

    *_, last = sorted(runs)
    ran = sorted(name for name, told in outputs.items() if "absorbedBy" not in told)
    assert last in ran
    assert len(ran) < 5
    for name, told in outputs.items():
        assert told.get("absorbedBy", last) > name if name != last else "absorbedBy" not in told
        assert told.get("absorbedBy", last) in runs
    history = stack.glue.get_job_runs(JobName="three-windows")["JobRuns"]
    assert [run["JobRunState"] for run in history] == ["SUCCEEDED"] * len(ran)
    for later, earlier in pairwise(history):
        assert later["StartedOn"] >= earlier["CompletedOn"]
    # What the last window needs: a run that began after it.
    closed = int(last.rsplit("-", 1)[1])
    assert history[0]["StartedOn"].timestamp() > closed


def test_a_run_that_waits_goes_on_when_the_one_before_fails(stack: Stack) -> None:
    """The mark that a run is under way is the run itself: a crashed one leaves nothing that could stick."""
    create_job(stack, "crashing", seconds="60")
    create_job(stack, "after-the-crash", seconds="0")
    now = time.time()
    first = start(stack, "crash", "crashing", now - 20)
    reached(stack, first, "Run job")
    second = start(stack, "crash", "after-the-crash", now - 10)
    reached(stack, second, "Wait for the run before")
    stack.states.stop_execution(executionArn=first, error="Killed")
    assert output(stack, second)["stages"]


def test_a_window_that_is_open_absorbs_nothing(stack: Stack) -> None:
    """Under a steady stream of objects there always is a newer window: who waited for it waited for ever."""
    create_job(stack, "steady", seconds="2")
    now = time.time()
    first = start(stack, "steady", "steady", now - 20)
    reached(stack, first, "Run job")
    later = f"{datetime.fromtimestamp(now + 600, UTC):%FT%TZ}"
    open_ = start(stack, "steady", "steady", now + 600, startAfter=later)
    reached(stack, open_, "Wait for the window to close")
    second = start(stack, "steady", "steady", now - 10)
    assert "absorbedBy" not in output(stack, second)
    stack.states.stop_execution(executionArn=open_)


@pytest.mark.parametrize("name", ["by hand", "other pipeline", "edited pipeline"])
def test_other_runs_are_none_of_its_business(stack: Stack, name: str) -> None:
    """Two pipelines, and a pipeline before and after an edit, may run side by side; so may a run started by hand."""
    slug = name.replace(" ", "-")
    create_job(stack, f"long-{slug}", seconds="60")
    create_job(stack, f"short-{slug}", seconds="0")
    now = int(time.time())
    names = {
        "by hand": f"{slug}-{now}",
        "other pipeline": f"not-{slug}-{HASH}-{now - 20}",
        "edited pipeline": f"{slug}-{HASH[::-1]}-{now - 20}",
    }
    stages = [{"steps": [{"job": f"long-{slug}"}]}]
    other = stack.states.start_execution(
        stateMachineArn=stack.outputs["PipelineStateMachineArn"],
        name=names[name],
        input=json.dumps({"name": slug, "stages": stages}),
    )["executionArn"]
    reached(stack, other, "Run job")
    own = start(stack, slug, f"short-{slug}", now - 10)
    assert output(stack, own)["stages"]
    assert "Wait for the run before" not in [state for state, _ in stack.entered(own)]
    stack.states.stop_execution(executionArn=other)


def test_runs_beyond_the_jobs_limit_wait_their_turn(stack: Stack) -> None:
    """Runs that are not of windows share nothing but the job: its limit makes them wait, and none fails."""
    create_job(stack, "one-at-a-time", seconds="1")
    pipeline = {"name": "each", "stages": [{"steps": [{"job": "one-at-a-time"}]}]}
    runs = []
    for number in range(3):
        event = sample("native-object-created-putobject", f"landing/each/{number}.csv")
        execution = stack.run("Trigger", {"event": event, "pipeline": pipeline, "coalesceSeconds": 0})
        runs.append(json.loads(execution["output"]))
    assert [run["bucket"] for run in runs] == [BUCKET] * 3
    for run in runs:
        assert output(stack, run["executionArn"])["stages"]
