"""Where a step of a pipeline fails, the pipeline ends.

Jobs and crawlers only take their time here; on data they run in the tests that are named for their pipelines.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from local.aws import ACCOUNT, REGION
from local.demo.workloads import Workload
from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack, eventually

NAMES = ["medallion", "find-matches", "extract-transform-load"]

Failure = tuple[str, int, int, str]
Failed = dict[Failure, tuple[dict[str, Any], str]]


def create(stack: Stack, pipeline: dict[str, Any]) -> None:
    for step in (step for stage in pipeline["stages"] for step in stage["steps"]):
        if "job" in step:
            stack.glue.create_job(Name=step["job"], Role=ROLE, Command={}, Tags={"local:seconds": "2"})
        if "crawler" in step:
            stack.glue.create_crawler(
                Name=step["crawler"],
                Role=ROLE,
                DatabaseName=CUSTOMERS.database,
                Targets={"S3Targets": []},
                # A crawl that nobody awaits outlasts the pipeline by far.
                Tags={"local:seconds": "1" if step.get("await", True) else "60"},
            )


def failures() -> Iterator[Failure]:
    """Every job and every awaited crawler: pipeline, stage, step, and which of the two fails."""
    for name in NAMES:
        for number, stage in enumerate(Workload.load(name).pipeline["stages"]):
            for place, step in enumerate(stage["steps"]):
                yield name, number, place, "job"
                if "crawler" in step and step.get("await", True):
                    yield name, number, place, "crawler"


@pytest.fixture(scope="module")
def failed(stack: Stack) -> Failed:
    """Each failure in a copy of its pipeline: the copy, and its execution, all of them under way together."""
    started = {}
    for count, (name, number, place, part) in enumerate(failures()):
        pipeline = Workload.load(name).pipeline
        for step in (step for stage in pipeline["stages"] for step in stage["steps"]):
            step.update({each: f"{step[each]}-{count}" for each in ("job", "crawler") if each in step})
        create(stack, pipeline)
        for sibling in range(len(pipeline["stages"][number]["steps"])) if part == "job" else ():
            tag(stack, pipeline, number, sibling, "job", {"local:seconds": "600"})
        failure = {"local:outcome": "failed", "local:error": "No such column: day", "local:seconds": "5"}
        tag(stack, pipeline, number, place, part, failure)
        arn = stack.states.start_execution(
            stateMachineArn=stack.outputs["PipelineStateMachineArn"], input=json.dumps(pipeline)
        )["executionArn"]
        started[name, number, place, part] = (pipeline, arn)
    return started


def tag(stack: Stack, pipeline: dict[str, Any], number: int, place: int, part: str, tags: dict[str, str]) -> None:
    name = pipeline["stages"][number]["steps"][place][part]
    arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:{part}/{name}"
    stack.glue.tag_resource(ResourceArn=arn, TagsToAdd=tags)


@pytest.mark.parametrize("failure", list(failures()), ids=lambda failure: "-".join(map(str, failure)))
def test_a_failing_step_ends_its_pipeline(stack: Stack, failed: Failed, failure: Failure) -> None:
    """Nothing may be built on a stage that is not whole; the cause says where to look, in Glue's words."""
    name, number, place, part = failure
    pipeline, arn = failed[failure]
    execution = stack.finish(arn)
    stage = pipeline["stages"][number]
    assert (execution["status"], execution["error"]) == ("FAILED", {"job": "JobFailed", "crawler": "CrawlFailed"}[part])
    culprit = stage["steps"][place][part]
    where = f"pipeline {name}, stage {number + 1} ({stage['name']}), step {place + 1}, {part} {culprit}: "
    assert execution["cause"].startswith(where)
    assert "No such column: day" in execution["cause"]
    for later in pipeline["stages"][number + 1 :]:
        assert [stack.glue.get_job_runs(JobName=step["job"])["JobRuns"] for step in later["steps"]] == [
            [] for _ in later["steps"]
        ]
    for sibling in stage["steps"] if part == "job" else ():
        if sibling is not stage["steps"][place]:
            assert eventually(partial(is_stopped, stack, sibling["job"]))


def is_stopped(stack: Stack, job: str) -> bool:
    """If it had begun: it may have been its turn only when the other had failed."""
    return all(run["JobRunState"] == "STOPPED" for run in stack.glue.get_job_runs(JobName=job)["JobRuns"])


def test_a_run_succeeds_once_the_cause_is_mended(stack: Stack, failed: Failed) -> None:
    """The way back after a bad night: mend, and start the same input again."""
    failure = ("medallion", 1, 0, "crawler")
    pipeline, arn = failed[failure]
    stack.finish(arn)
    tag(stack, pipeline, *failure[1:], {"local:outcome": "succeeded"})
    execution = stack.run("Pipeline", pipeline)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
