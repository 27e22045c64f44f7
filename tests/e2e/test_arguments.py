"""What a job is told: its own arguments, those of the run, the date, and what started the run."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.events import sample
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually

KEY = "landing/größe +1 %2B=x/big file.csv"


@pytest.fixture
def job(stack: Stack, request: pytest.FixtureRequest) -> str:
    """A job that only notes its arguments, named for the test."""
    name = f"told-{request.node.name}"
    stack.glue.create_job(Name=name, Role=ROLE, Command={}, Tags={"local:seconds": "0"})
    return name


def pipeline(job: str, own: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    return {"name": "told", "stages": [{"steps": [{"job": job, "arguments": own}]}]} | fields


def told(stack: Stack, job: str) -> dict[str, str]:
    """The arguments of the job's only run, once it has started."""
    [run] = eventually(lambda: stack.glue.get_job_runs(JobName=job)["JobRuns"])
    return run["Arguments"]


def trigger(stack: Stack, pipeline: dict[str, Any], coalesce_seconds: int) -> dict[str, Any]:
    """Sends an event through the trigger, and returns the input of the run that it starts."""
    event = sample("native-object-created-putobject", KEY)
    execution = stack.run("Trigger", {"event": event, "pipeline": pipeline, "coalesceSeconds": coalesce_seconds})
    started = json.loads(execution["output"])
    run = stack.finish(stack.pipeline_run(started["executionName"]))
    assert run["status"] == "SUCCEEDED", run.get("cause")
    return json.loads(run["input"])


def test_a_jobs_own_arguments_win_over_those_of_the_run(stack: Stack, job: str) -> None:
    """One date for all jobs, and a job that needs another gets it."""
    own = {"--layout": "wide", "--region": "north"}
    given = pipeline(job, own, arguments={"--date": "2026-01-31", "--region": "south"})
    assert stack.run("Pipeline", given)["status"] == "SUCCEEDED"
    assert told(stack, job) == {"--date": "2026-01-31", "--layout": "wide", "--region": "north"}


def test_the_date_is_the_day_of_the_start_unless_given(stack: Stack, job: str) -> None:
    """Jobs that load a day need not be told which on an ordinary night."""
    execution = stack.run("Pipeline", pipeline(job))
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    started = stack.history(execution["executionArn"])[0]["timestamp"]
    assert told(stack, job) == {"--date": f"{started.astimezone(UTC):%Y-%m-%d}"}


def test_a_run_of_a_window_is_told_the_window(stack: Stack, job: str) -> None:
    """What a job writes can be told apart by the window that its run stands for."""
    given = trigger(stack, pipeline(job, arguments={"--layout": "wide"}), coalesce_seconds=1)
    start, end = (datetime.fromisoformat(given["window"][name]) for name in ("start", "end"))
    assert (end - start).total_seconds() == 1
    assert end < datetime.fromisoformat(given["startAfter"])
    window = {"--window_start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "--window_end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    assert told(stack, job) == {"--date": f"{start:%Y-%m-%d}", "--layout": "wide"} | window


def test_a_run_of_one_object_is_told_the_object(stack: Stack, job: str) -> None:
    """The key arrives as it is, whatever is in it: the job has to find the object."""
    given = trigger(stack, pipeline(job), coalesce_seconds=0)
    assert given["object"] == {"bucket": "etl-pipeline", "key": KEY}
    object_ = {"--trigger_bucket": "etl-pipeline", "--trigger_key": KEY}
    assert told(stack, job) == {"--date": given["startAfter"][:10]} | object_


def test_what_the_rule_says_wins_over_the_trigger(stack: Stack, job: str) -> None:
    """A pipeline that pins its date, to load a day again, must not have it moved."""
    given = trigger(stack, pipeline(job, arguments={"--date": "2026-01-31"}), coalesce_seconds=0)
    assert given["arguments"]["--date"] == told(stack, job)["--date"] == "2026-01-31"


def test_arguments_that_are_none_are_refused_by_the_run(stack: Stack) -> None:
    """The trigger passes on what it cannot add to: the pipeline's check names it, nothing is dropped in silence."""
    event = sample("native-object-created-putobject", KEY)
    broken = pipeline("nobody", arguments=["--date"])
    execution = stack.run("Trigger", {"event": event, "pipeline": broken, "coalesceSeconds": 0})
    run = stack.finish(stack.pipeline_run(json.loads(execution["output"])["executionName"]))
    assert (run["error"], run["cause"]) == ("InvalidPipeline", "pipeline told: arguments: must be an object")


def test_the_same_input_again_is_the_same_day(stack: Stack, job: str) -> None:
    """A run that failed at night and is started again in the morning must load the night's data."""
    given = trigger(stack, pipeline(job), coalesce_seconds=0)
    execution = stack.run("Pipeline", given | {"startAfter": "2026-01-31T23:59:59Z"})
    assert execution["status"] == "SUCCEEDED"
    execution = stack.run("Pipeline", given | {"startAfter": "2026-01-31T23:59:59Z"})
    assert execution["status"] == "SUCCEEDED"
    first, second, _ = (run["Arguments"] for run in stack.glue.get_job_runs(JobName=job)["JobRuns"])
    assert first == second
    assert first["--date"] == "2026-01-31"
