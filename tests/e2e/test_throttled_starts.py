"""Starts of jobs and crawls that AWS refuses: what passes is waited out, and nothing is started twice."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack


@pytest.fixture
def job(stack: Stack, request: pytest.FixtureRequest) -> str:
    """A job whose starts fail as the test's parameter says."""
    name = f"refused-{abs(hash(request.node.name))}"
    tags = {"local:seconds": "0"} | getattr(request, "param", {})
    stack.glue.create_job(Name=name, Role=ROLE, Command={}, Tags=tags)
    return name


def fault(what: str) -> dict[str, str]:
    return {"local:fault:StartJobRun": what}


def run(stack: Stack, step: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return stack.run("Pipeline", {"name": "refused", "stages": [{"steps": [step]}]} | fields)


@pytest.mark.parametrize("job", [fault("3 ThrottlingException")], indirect=True)
def test_a_throttled_start_of_a_job_is_waited_out(stack: Stack, job: str) -> None:
    """A hundred pipelines that begin at midnight exceed the rate of StartJobRun: each run has to come about."""
    execution = run(stack, {"job": job})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert len(stack.glue.get_job_runs(JobName=job)["JobRuns"]) == 1
    names = [name for name, _ in stack.entered(execution["executionArn"])]
    assert names.count("Wait for a turn") == 3


@pytest.mark.parametrize("job", [fault("forever ThrottlingException")], indirect=True)
def test_a_throttled_start_is_not_waited_out_beyond_the_deadline(stack: Stack, job: str) -> None:
    """The cause says what stood in the way."""
    execution = run(stack, {"job": job}, timeoutSeconds=10)
    assert execution["error"] == "PipelineTimedOut"
    assert "Glue.AWSGlueException: Rate exceeded (Service: AWSGlue;" in execution["cause"]


@pytest.mark.parametrize(
    ("job", "says", "runs"),
    [
        (fault("1 AccessDeniedException"), "Error Code: AccessDeniedException", 0),
        (fault("1 SomethingNewException"), "Error Code: SomethingNewException", 0),
        (fault("1 http-500"), "Glue.InternalServiceException", 0),
        (fault("1 OperationTimeoutException"), "Glue.OperationTimeoutException", 0),
        (fault("1 lost-response"), "Glue.InternalServiceException", 1),
    ],
    indirect=["job"],
    ids=["denied", "unknown", "breakdown", "timeout", "lost response"],
)
def test_a_start_that_may_have_happened_is_not_repeated(stack: Stack, job: str, says: str, runs: int) -> None:
    """A job that runs twice may load twice: only a cause that proves that nothing was started is tried again."""
    execution = run(stack, {"job": job})
    assert execution["error"] == "JobFailed"
    assert says in execution["cause"]
    assert stack.aws.calls()[job]["StartJobRun"] == 1
    assert len(stack.glue.get_job_runs(JobName=job)["JobRuns"]) == runs


@pytest.fixture
def crawl_machine(stack: Stack, request: pytest.FixtureRequest) -> Iterator[str]:
    """The crawl machine, whose starts fail as the test's parameter says, until the test is over."""
    arn = stack.machine("Crawl")
    tag = {"key": "local:fault:StartExecution", "value": request.param}
    stack.states.tag_resource(resourceArn=arn, tags=[tag])
    yield arn
    stack.states.untag_resource(resourceArn=arn, tagKeys=[tag["key"]])


def crawler(stack: Stack, name: str) -> str:
    stack.glue.create_crawler(
        Name=name,
        Role=ROLE,
        DatabaseName=CUSTOMERS.database,
        Targets={"S3Targets": []},
        Tags={"local:seconds": "0"},
    )
    return name


@pytest.mark.parametrize("wait", [True, False], ids=["awaited", "not awaited"])
@pytest.mark.parametrize(
    "crawl_machine", ["2 ThrottlingException, 1 ExecutionLimitExceeded"], indirect=True, ids=["throttled"]
)
def test_a_throttled_start_of_a_crawl_is_waited_out(stack: Stack, crawl_machine: str, wait: bool) -> None:
    """So are nested executions, which share the account's rate with everybody else's."""
    execution = run(stack, {"crawler": crawler(stack, f"throttled-{wait}"), "await": wait})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    [step] = json.loads(execution["output"])["stages"][0]["steps"]
    assert step["crawl"]["crawlername"] == f"throttled-{wait}"


@pytest.mark.parametrize("wait", [True, False], ids=["awaited", "not awaited"])
@pytest.mark.parametrize(
    "crawl_machine", ["1 InternalFailure, 1 lost-response"], indirect=True, ids=["breaks down, and its answer is lost"]
)
def test_a_start_of_a_crawl_that_breaks_down_is_repeated(stack: Stack, crawl_machine: str, wait: bool) -> None:
    """A moment must not fail a run after hours of jobs; a second start shares the crawl of the first."""
    execution = run(stack, {"crawler": crawler(stack, f"repeated-{wait}"), "await": wait})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert "Wait for a turn" not in [name for name, _ in stack.entered(execution["executionArn"])]


@pytest.mark.parametrize("crawl_machine", ["forever AccessDeniedException"], indirect=True, ids=["denied"])
def test_a_denied_start_of_a_crawl_is_told_at_once(stack: Stack, crawl_machine: str) -> None:
    """A mistake in the set-up must not take until the deadline to be seen."""
    execution = run(stack, {"crawler": crawler(stack, "denied")})
    assert execution["error"] == "CrawlFailed"
    assert "StepFunctions.AWSStepFunctionsException: " in execution["cause"]
    assert "Wait for a turn" not in [name for name, _ in stack.entered(execution["executionArn"])]
