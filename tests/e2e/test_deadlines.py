"""A run has a deadline: whatever it waits for, it ends soon after, and says what that was."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack

# Time enough to begin what is waited for.
SECONDS = 12
# What the end of a run may come after its deadline.
GRACE = 30


@dataclass(frozen=True)
class Wait:
    """A step that would never end, and what the cause says of it."""

    name: str
    step: dict[str, Any]
    says: str
    job: dict[str, str] | None = None
    crawler: dict[str, str] | None = None
    busy: bool = False  # with a run or a crawl of somebody else

    def run(self, **fields: Any) -> dict[str, Any]:
        return {"name": self.name, "stages": [{"name": "only", "steps": [self.step]}]} | fields


ENDLESS = {"local:seconds": "600"}
WAITS = [
    Wait("job", {"job": "endless"}, "job endless: {limit}: it is still running", job=ENDLESS),
    Wait(
        "turn",
        {"job": "taken"},
        "job taken: {limit}: Glue.ConcurrentRunsExceededException: Concurrent runs exceeded for taken",
        job=ENDLESS,
        busy=True,
    ),
    Wait(
        "crawl",
        {"crawler": "endless"},
        "crawler endless: {limit}: CrawlTimedOut: crawler endless: no crawl that began at or after ",
        crawler=ENDLESS,
    ),
    Wait(
        "older-crawl",
        {"crawler": "taken"},
        "crawler taken: {limit}: CrawlTimedOut: crawler taken: no crawl that began at or after ",
        crawler=ENDLESS,
        busy=True,
    ),
    Wait(
        "both",
        {"job": "short", "crawler": "endless-after"},
        "crawler endless-after: {limit}: CrawlTimedOut: ",
        job={"local:seconds": "0"},
        crawler=ENDLESS,
    ),
]
LIMITS = {
    "PipelineTimedOut": "not done within the {seconds} s of the run",
    "StepTimedOut": "not done within the {seconds} s of the step",
}


# The executions that have ended, by the wait and the error.
Executions = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def ended(stack: Stack) -> Executions:
    """All of them at once: their time is waiting."""
    started: dict[tuple[str, str], str] = {}
    for wait in WAITS:
        job, crawler = wait.step.get("job"), wait.step.get("crawler")
        if job:
            stack.glue.create_job(
                Name=job, Role=ROLE, Command={}, Tags=wait.job or {}, ExecutionProperty={"MaxConcurrentRuns": 9}
            )
            if wait.busy:
                stack.glue.update_job(JobName=job, JobUpdate={"ExecutionProperty": {"MaxConcurrentRuns": 1}})
                stack.glue.start_job_run(JobName=job)
        if crawler:
            stack.glue.create_crawler(
                Name=crawler,
                Role=ROLE,
                DatabaseName=CUSTOMERS.database,
                Targets={"S3Targets": []},
                Tags=wait.crawler or {},
            )
            if wait.busy:
                stack.glue.start_crawler(Name=crawler)
        for error, given in {
            "PipelineTimedOut": wait.run(timeoutSeconds=SECONDS),
            "StepTimedOut": wait.run(stages=[{"name": "only", "steps": [wait.step | {"timeoutSeconds": SECONDS}]}]),
        }.items():
            arn = stack.outputs["PipelineStateMachineArn"]
            run = stack.states.start_execution(stateMachineArn=arn, input=json.dumps(given))
            started[wait.name, error] = run["executionArn"]
    return {key: stack.finish(arn) for key, arn in started.items()}


@pytest.mark.parametrize("error", LIMITS)
@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.name)
def test_a_run_ends_soon_after_its_deadline_and_says_what_it_waited_for(
    ended: Executions, wait: Wait, error: str
) -> None:
    """The next night's run must not find last night's still waiting; and the person on call has to know for what."""
    execution = ended[wait.name, error]
    assert (execution["status"], execution["error"]) == ("FAILED", error), execution.get("cause")
    says = wait.says.format(limit=LIMITS[error].format(seconds=SECONDS))
    assert execution["cause"].startswith(f"pipeline {wait.name}, stage 1 (only), step 1, {says}")
    took = (execution["stopDate"] - execution["startDate"]).total_seconds()
    assert SECONDS <= took < SECONDS + GRACE


def test_no_stage_begins_after_the_deadline(stack: Stack) -> None:
    """A crawl may be told done some seconds late. A job that was started then would run on with nobody waiting."""
    stack.glue.create_crawler(
        Name="told-late",
        Role=ROLE,
        DatabaseName=CUSTOMERS.database,
        Targets={"S3Targets": []},
        # An attempt without an answer takes 5 s.
        Tags={"local:seconds": "0", "local:stopping-seconds": "0", "local:fault:GetCrawler": "1 hang"},
    )
    stack.glue.create_job(Name="never", Role=ROLE, Command={}, Tags=ENDLESS)
    stages = [{"steps": [{"crawler": "told-late"}]}, {"steps": [{"job": "never", "crawler": "told-late"}]}]
    execution = stack.run("Pipeline", {"name": "late", "timeoutSeconds": 4, "stages": stages})
    says = (
        f"pipeline late, stage 2, step 1, job never: {LIMITS['PipelineTimedOut'].format(seconds=4)}: it was not started"
    )
    assert (execution["error"], execution["cause"]) == ("PipelineTimedOut", says)
    assert stack.glue.get_job_runs(JobName="never")["JobRuns"] == []


def test_the_deadline_begins_with_the_stages(stack: Stack) -> None:
    """A run that waited for its window has all of its time left."""
    stack.glue.create_job(Name="quick", Role=ROLE, Command={}, Tags={"local:seconds": "0"})
    given = {"name": "late", "timeoutSeconds": 8, "stages": [{"steps": [{"job": "quick"}]}]}
    moment = datetime.now(UTC) + timedelta(seconds=15)
    execution = stack.run("Pipeline", given | {"startAfter": f"{moment:%Y-%m-%dT%H:%M:%SZ}"})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert (execution["stopDate"] - execution["startDate"]).total_seconds() > 8
