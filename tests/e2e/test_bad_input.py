"""Bad input at each entrance ends in a typed error that names the culprit, and loses nothing."""

import json
import re
from typing import Any

import pytest

from tests.support.roles import ROLE
from tests.support.stack import BUCKET, Stack, eventually

RUN = "arn:aws:states:eu-west-1:000000000000:execution:pipeline:run"


@pytest.mark.parametrize(
    ("function", "payload", "error_type", "message"),
    [
        ("StartCrawler", ["crawler1"], "InvalidRequest", "input: must be an object"),
        ("StartCrawler", {}, "InvalidRequest", "crawlername: is missing"),
        (
            "StartCrawler",
            {"Crawler": "a", "crawlername": "b"},
            "InvalidRequest",
            'crawlername: "b" contradicts Crawler "a"',
        ),
        ("StartCrawler", {"Name": "a", "requestedAt": "noon"}, "InvalidRequest", "requestedAt: must be a moment"),
        ("StartCrawler", {"crawlername": "nobody"}, "EntityNotFoundException", "crawler nobody: "),
        ("GetCrawlerState", {"crawlername": "nobody"}, "EntityNotFoundException", "crawler nobody: "),
        ("GetCrawlerState", {"crawlername": "x", "expectedSeconds": -1}, "InvalidRequest", "expectedSeconds: must be"),
        ("S3EventFilter", {"source": "aws.ec2"}, "InvalidEvent", 'source: must be "aws.s3"'),
        ("S3EventFilter", {"Records": []}, "InvalidEvent", "switch EventBridge on"),
        ("S3EventFilter", {"event": {}, "filter": {"sufixes": []}}, "InvalidFilter", "filter.sufixes"),
        ("S3EventFilter", {"event": {}, "coalesceSeconds": 0.5}, "InvalidRequest", "coalesceSeconds"),
        ("PlanPipeline", {"pipeline": {}, "execution": {}}, "InvalidRequest", "execution.name: is missing"),
        (
            "PlanPipeline",
            {"pipeline": {}, "execution": {"id": RUN, "name": "x", "startTime": "2026-01-31T00:00:00Z"}},
            "InvalidPipeline",
            "name: is missing; stages: is missing",
        ),
    ],
)
def test_functions_refuse_by_name(
    stack: Stack, function: str, payload: dict[str, Any] | list[str], error_type: str, message: str
) -> None:
    """Retry and Catch match the type; the person who is called at night reads the message."""
    answer = stack.invoke(function, payload)
    assert answer["errorType"] == error_type
    assert message in answer["errorMessage"]


@pytest.mark.parametrize(
    ("given", "error", "cause"),
    [
        ({"crawlername": "nobody"}, "EntityNotFoundException", "crawler nobody: "),
        ({}, "InvalidRequest", "crawlername: is missing"),
        (["crawler1"], "InvalidRequest", "input: must be an object"),
        ({"crawlername": "crawler1", "timeoutSeconds": "1h"}, "InvalidRequest", "timeoutSeconds: must be a whole"),
        ({"crawlername": "crawler1", "timeoutSeconds": 1e306}, "InvalidRequest", "timeoutSeconds: must be a whole"),
        ({"crawlername": "crawler1", "stopOnTimeout": 1}, "InvalidRequest", "stopOnTimeout: must be true or false"),
    ],
)
def test_crawl_fails_with_the_functions_own_error(
    stack: Stack, given: dict[str, Any] | list[str], error: str, cause: str
) -> None:
    """A caller that nests crawl sees what the function saw."""
    execution = stack.run("Crawl", given)
    assert (execution["status"], execution["error"]) == ("FAILED", error)
    assert execution["cause"].startswith(cause)


@pytest.mark.parametrize(
    ("stages", "error", "cause"),
    [
        ([], "InvalidPipeline", "pipeline p: stages: must not be empty"),
        ([{"steps": [{"crawlr": "c"}]}], "InvalidPipeline", "stage 1, step 1: crawlr: is not one of the fields"),
        (
            [{"name": "raw", "steps": [{"job": "nobody"}]}],
            "JobFailed",
            "pipeline p, stage 1 (raw), step 1, job nobody: ",
        ),
        (
            [{"steps": [{"crawler": "nobody"}]}],
            "CrawlFailed",
            "pipeline p, stage 1, step 1, crawler nobody: EntityNotFoundException: crawler nobody: ",
        ),
    ],
)
def test_pipeline_fails_with_the_place(stack: Stack, stages: list[dict[str, Any]], error: str, cause: str) -> None:
    """A pipeline has many steps: the cause has to say which, and carry Glue's own words."""
    execution = stack.run("Pipeline", {"name": "p", "stages": stages})
    assert (execution["status"], execution["error"]) == ("FAILED", error), execution.get("cause")
    assert cause in execution["cause"]


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"startAfter": "2026-02-30T00:00:00Z"}, "pipeline p: startAfter: must be a moment such as"),
        ({"timeoutSeconds": 1e306}, "pipeline p: timeoutSeconds: must be a whole number from 1 to 172800"),
        (
            {"stages": [{"steps": [{"crawlr": "c"}] * 2_000}]},
            "pipeline p: stage 1, step 1: crawlr: is not one of the fields",
        ),
    ],
    ids=["no such day", "too large a number", "too many mistakes to tell"],
)
def test_what_a_machine_could_not_bear_is_refused_before_it_has_to(
    stack: Stack, fields: dict[str, Any], cause: str
) -> None:
    """A moment, a number or a cause that Step Functions refuses would end the run without a word of ours."""
    execution = stack.run("Pipeline", {"name": "p", "stages": [{"steps": [{"job": "nobody"}]}]} | fields)
    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidPipeline"), execution.get("cause")
    assert execution["cause"].startswith(cause)


def test_a_stopped_job_is_no_success(stack: Stack) -> None:
    """What a job had written when somebody stopped it must not be crawled, let alone pass as complete."""
    stack.glue.create_job(Name="stopped", Role=ROLE, Command={}, Tags={"local:outcome": "cancelled"})
    stages = [{"steps": [{"job": "stopped", "crawler": "crawler1"}]}]
    execution = stack.run("Pipeline", {"name": "p", "stages": stages})
    assert (execution["status"], execution["error"]) == ("FAILED", "JobFailed")
    cause = r"pipeline p, stage 1, step 1, job stopped: the run ended as STOPPED, run jr_\w+"
    assert re.fullmatch(cause, execution["cause"])


def test_an_event_that_cannot_be_read_is_parked_whole(stack: Stack) -> None:
    """What the rule lets through and the filter refuses must not be lost, and must be seen."""
    event = {
        "version": "0",
        "id": "00000000-0000-4000-8000-00000000bad0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2026-01-01T06:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {"bucket": {"name": BUCKET}, "object": {"key": "landing/bad.csv", "size": "large"}},
    }
    stack.aws.put_event(event)
    [parked] = eventually(stack.parked)
    assert parked["error"] == "InvalidEvent"
    assert "detail.object.size" in parked["cause"]
    assert parked["input"]["event"] == event
    assert parked["input"]["pipeline"]["name"] == "customers"
    failed = stack.finish(parked["executionArn"])
    assert (failed["status"], failed["error"]) == ("FAILED", "InvalidEvent")


def test_an_object_that_does_not_matter_starts_nothing(stack: Stack) -> None:
    """Jobs write markers beside their data; a run for each would never end."""
    runs = len(stack.executions("Pipeline"))
    stack.s3.put_object(Bucket=BUCKET, Key="landing/_SUCCESS", Body=b"")

    def ignored() -> bool:
        return any(
            json.loads(execution.get("output") or "{}").get("key") == "landing/_SUCCESS"
            for execution in (
                stack.states.describe_execution(executionArn=each["executionArn"])
                for each in stack.executions("Trigger")
            )
        )

    assert eventually(ignored)
    assert len(stack.executions("Pipeline")) == runs
