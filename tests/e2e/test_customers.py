"""The pipeline customers, from an upload to two catalogued tables."""

import json
from typing import Any

import pytest

from tests.support.stack import BUCKET, CUSTOMERS, Stack


@pytest.fixture(scope="module")
def pipeline(stack: Stack) -> dict[str, Any]:
    """The execution that an upload to S3 sets in motion, ended."""
    return stack.upload(CUSTOMERS)


TYPES = {
    "customer_id": "bigint",
    "name": "string",
    "email": "string",
    "country": "string",
    "signup_date": "date",
    "last_login": "timestamp",
    "lifetime_value": "double",
    "newsletter": "boolean",
}


def test_an_upload_runs_the_whole_pipeline(pipeline: dict[str, Any]) -> None:
    """S3, EventBridge, trigger and pipeline: every link of the chain, and nothing started by hand."""
    assert pipeline["status"] == "SUCCEEDED", pipeline.get("cause")
    assert pipeline["name"].startswith("customers-")


@pytest.mark.parametrize("table", ["raw_customers", "cleansed_customers"])
def test_both_tables_are_catalogued_with_types(pipeline: dict[str, Any], stack: Stack, table: str) -> None:
    """An integer stays an integer, a date a date, through CSV and Parquet alike."""
    assert stack.columns(CUSTOMERS.database, table) == TYPES


def test_the_tables_hold_the_rows(pipeline: dict[str, Any], stack: Stack) -> None:
    """The sample has 125 rows; 5 of them stand there twice."""
    counts = {
        table: int(
            stack.glue.get_table(DatabaseName=CUSTOMERS.database, Name=table)["Table"]["Parameters"]["recordCount"]
        )
        for table in ("raw_customers", "cleansed_customers")
    }
    assert counts == {"raw_customers": 125, "cleansed_customers": 120}


def test_crawl_1_is_done_before_job_2_starts(pipeline: dict[str, Any], stack: Stack) -> None:
    """Job 2 reads the table that crawler 1 makes: this is what all the waiting is for."""
    [first_crawl] = [
        execution
        for execution in stack.executions("Crawl")
        if execution["status"] == "SUCCEEDED"
        and "crawler1" in stack.states.describe_execution(executionArn=execution["executionArn"])["input"]
    ]
    [done] = [
        event["timestamp"]
        for event in stack.history(first_crawl["executionArn"])
        if event["type"] == "ExecutionSucceeded"
    ]
    jobs = [at for name, at in stack.entered(pipeline["executionArn"]) if name == "Run job"]
    assert len(jobs) == 2
    assert jobs[0] < done < jobs[1]
    names = [name for name, _ in stack.entered(pipeline["executionArn"]) if name in ("Run job", "Crawl")]
    assert names == ["Run job", "Crawl", "Run job", "Crawl"]


def test_the_crawls_began_after_the_window(pipeline: dict[str, Any], stack: Stack) -> None:
    """Fresh: every crawl began after all objects of the window had landed."""
    start_after = json.loads(pipeline["input"])["startAfter"]
    landed = stack.s3.head_object(Bucket=BUCKET, Key="landing/customers.csv")["LastModified"]
    for crawler in ("crawler1", "crawler2"):
        began = stack.glue.get_crawler(Name=crawler)["Crawler"]["LastCrawl"]["StartTime"]
        assert began > landed
        assert f"{began:%Y-%m-%dT%H:%M:%SZ}" >= start_after


def test_the_output_tells_what_each_step_did(pipeline: dict[str, Any]) -> None:
    """Callers and people read the result of a run here: job runs, verdicts, counts, polls."""
    output = json.loads(pipeline["output"])
    assert output["name"] == "customers"
    assert [stage["name"] for stage in output["stages"]] == ["raw", "cleansed"]
    for number, stage in enumerate(output["stages"], start=1):
        [step] = stage["steps"]
        assert step["work"]["job"] == f"job{number}"
        assert step["work"]["state"] == "SUCCEEDED"
        crawl = step["crawl"]
        assert (crawl["crawlername"], crawl["outcome"]) == (f"crawler{number}", "STARTED")
        assert crawl["crawl"]["status"] == "SUCCEEDED"
        assert crawl["crawl"]["tables"] == {"created": 1, "updated": 0, "deleted": 0}
        assert crawl["crawl"]["crawlId"]
        assert 1 <= crawl["polls"] <= crawl["waitedSeconds"] + 1


def test_a_poll_costs_what_the_table_says(pipeline: dict[str, Any], stack: Stack) -> None:
    """shared/crawl/examples/polling.rs counts with these figures; the rest of an execution is paid once."""
    crawls = [
        execution["executionArn"] for execution in stack.executions("Crawl") if execution["status"] == "SUCCEEDED"
    ]
    assert crawls
    for arn in crawls:
        polls = json.loads(stack.states.describe_execution(executionArn=arn)["output"])["polls"]
        assert len(stack.entered(arn)) == 4 + 3 * polls
        assert len(stack.history(arn)) == 13 + 13 * polls


def test_each_function_logs_one_line_an_invocation(pipeline: dict[str, Any], stack: Stack) -> None:
    """Without crawler and outcome as fields, nobody finds the line that matters; payloads stay out."""
    started = [line for line in stack.log_lines("start-crawler") if line.get("crawlername") == "crawler1"]
    assert [(line["outcome"], line["level"]) for line in started] == [("STARTED", "INFO")]
    looks = [line["outcome"] for line in stack.log_lines("get-crawler-state") if line.get("crawlername") == "crawler1"]
    assert looks[-1] == "SUCCEEDED"
    assert set(looks[:-1]) <= {"RUNNING", "PENDING"}
    assert any(line.get("outcome") == "matched" for line in stack.log_lines("s3-event-filter"))
