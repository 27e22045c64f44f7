"""Jobs of Glue as steps of a machine."""

import functools
import json
import re

import pytest

from local.aws.tests.stepfunctions.support import Neighbour
from local.aws.tests.support import SLEEP, Local, eventually

pytestmark = pytest.mark.aws(
    "Start an AWS Glue job with Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html",
    validated="never",
)


RUN_JOB = "arn:aws:states:::glue:startJobRun"


def sync(job: str, **more: object) -> dict[str, object]:
    return {"Type": "Task", "Resource": f"{RUN_JOB}.sync", "Arguments": {"JobName": job}, "End": True} | more


def running(local: Local, job: str) -> str:
    """The id of the job's run, when it is RUNNING."""
    runs = functools.partial(local.glue.get_job_runs, JobName=job)
    return eventually(lambda: next((run["Id"] for run in runs()["JobRuns"] if run["JobRunState"] == "RUNNING"), None))


def test_sync_gives_the_job_run(local: Local) -> None:
    """Protects the pipeline machine: the output is the JobRun, times in milliseconds."""
    job = local.job("pass")
    run = local.output(Job=sync(job))
    assert (run["JobName"], run["JobRunState"]) == (job, "SUCCEEDED")
    assert run["CompletedOn"] >= run["StartedOn"] > 1_000_000_000_000
    assert local.job_run(job, run["Id"])["JobRunState"] == "SUCCEEDED"


def test_without_sync_a_run_is_only_started(local: Local) -> None:
    """Protects the request-response integration."""
    job = local.job("pass")
    started = local.output(Job=sync(job, Resource=RUN_JOB))
    assert started.keys() == {"JobName", "JobRunId"}


@pytest.mark.aws(
    "Run a Job (.sync)",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync",
    validated="never",
)
def test_a_failed_run_fails_the_task(local: Local) -> None:
    """Protects JobFailed: States.TaskFailed, whose cause is the JobRun with Glue's message."""
    execution = local.run(Job=sync(local.job("raise ValueError('no data')")))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(execution["cause"])["ErrorMessage"] == "ValueError: no data"


@pytest.mark.aws(
    "Run a Job (.sync)",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync",
    validated="never",
)
def test_a_timed_out_run_fails_the_task_and_a_stopped_one_does_not(local: Local) -> None:
    """Protects the verdict on a run's end: only FAILED, TIMEOUT and ERROR are failures."""
    execution = local.run(Job=sync(local.job(SLEEP, tags={"local:timeout-seconds": "0.2"})))
    assert json.loads(execution["cause"])["JobRunState"] == "TIMEOUT"
    assert local.output(Job=sync(local.job(tags={"local:outcome": "cancelled"})))["JobRunState"] == "STOPPED"


@pytest.mark.aws(
    "Why does my AWS Glue job fail with a throttling rate exceeded error",
    url="https://repost.aws/knowledge-center/glue-throttling-rate-exceeded",
    validated="the messages on that page: of a throttled start",
)
def test_errors_of_start_job_run_are_named_as_aws_does(local: Local) -> None:
    """Protects Retry and Catch by name: what StartJobRun does not model is AWSGlueException, and its cause tells."""
    missing = local.run(Job=sync("nobody"))
    assert missing["error"] == "Glue.EntityNotFoundException"
    assert re.fullmatch(
        r"Failed to start job run due to missing metadata\. \(Service: AWSGlue; Status Code: 400; "
        r"Error Code: EntityNotFoundException; Request ID: [0-9a-f-]{36}; Proxy: null\)",
        missing["cause"],
    )
    job = local.job(tags={"local:seconds": "60"})
    local.glue.start_job_run(JobName=job)
    assert local.run(Job=sync(job))["error"] == "Glue.ConcurrentRunsExceededException"
    throttled = local.job("pass", tags={"local:fault:StartJobRun": "1 ThrottlingException"})
    retry = [{"ErrorEquals": ["Glue.AWSGlueException"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    assert local.output(Job=sync(throttled, Retry=retry))["JobRunState"] == "SUCCEEDED"
    assert local.aws.calls()[throttled]["StartJobRun"] == 2
    denied = local.run(Job=sync(local.job("pass", tags={"local:fault:StartJobRun": "1 AccessDeniedException"})))
    assert denied["error"] == "Glue.AWSGlueException"
    assert "; Error Code: AccessDeniedException; " in denied["cause"]


@pytest.mark.aws(
    "Run a Job (.sync)",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync",
    validated="never",
)
def test_stopping_an_execution_stops_its_job(local: Local) -> None:
    """Protects money: an aborted pipeline leaves no job running."""
    job = local.job(SLEEP)
    arn = local.start(local.machine(Job=sync(job)))
    run_id = running(local, job)
    local.states.stop_execution(executionArn=arn)
    eventually(lambda: local.job_run(job, run_id)["JobRunState"] == "STOPPED")
    assert local.execution(arn)["status"] == "ABORTED"


@pytest.mark.aws(
    "Run a Job (.sync)",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync",
    validated="never",
)
@pytest.mark.parametrize("kind", ["Parallel", "Map"])
def test_failing_fast_stops_the_jobs_beside(local: Local, kind: str) -> None:
    """Protects money: when one step of a stage fails, its neighbours end too."""
    job, neighbour = local.job(SLEEP), Neighbour(local)
    arn = local.start(local.machine(Stage=neighbour.of(sync(job), kind)))
    run_id = running(local, job)
    neighbour.fail()
    execution = local.ended(arn)
    assert (execution["error"], execution["cause"]) == ("Boom", "because")
    eventually(lambda: local.job_run(job, run_id)["JobRunState"] == "STOPPED")
