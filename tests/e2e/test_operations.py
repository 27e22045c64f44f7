"""What operators see: alarms, the dashboard, and the metrics that both read."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from stack import Stack

NAMESPACE = f"crawler-sync/{Stack.NAME}"
LATER = "2100-01-01T00:00:00Z"


def physical(stack: Stack, logical_id: str) -> str:
    detail = stack.aws.client("cloudformation").describe_stack_resource(
        StackName=Stack.NAME, LogicalResourceId=logical_id
    )["StackResourceDetail"]
    return detail["PhysicalResourceId"]


def newest(stack: Stack, metric: str, dimension: str, value: str) -> float | None:
    """The highest value of the last minutes."""
    now = datetime.now(UTC)
    points = stack.aws.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric,
        Dimensions=[{"Name": dimension, "Value": value}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=600,
        Statistics=["Maximum"],
    )["Datapoints"]
    return max((point["Maximum"] for point in points), default=None)


def start(stack: Stack, count: int) -> list[str]:
    """Runs that wait until they are stopped."""
    given = json.dumps({"name": "waits", "startAfter": LATER, "stages": [{"steps": [{"job": "nobody"}]}]})
    arn = stack.outputs["PipelineStateMachineArn"]
    return [stack.states.start_execution(stateMachineArn=arn, input=given)["executionArn"] for _ in range(count)]


def test_the_watch_finds_the_oldest_execution_behind_many_others(stack: Stack):
    """A run that hangs for hours is behind pages of younger ones, and it is the one that counts."""
    [oldest] = start(stack, 1)
    began = stack.states.describe_execution(executionArn=oldest)["startDate"]
    others = start(stack, 200)
    try:
        time.sleep(max(0.0, began.timestamp() + 3 - time.time()))
        watch = stack.states.start_sync_execution(stateMachineArn=physical(stack, "WatchStateMachine"))
        assert watch["status"] == "SUCCEEDED", watch.get("cause")
        age = newest(stack, "OldestRunningExecution", "StateMachineArn", stack.machine("Pipeline"))
        assert 3 <= age <= time.time() - began.timestamp() + 1
    finally:
        for arn in [oldest, *others]:
            stack.states.stop_execution(executionArn=arn)


def test_metric_filters_match_the_lines_of_the_functions(stack: Stack):
    """The dashboard tells what was coalesced and shared from log lines: each has its outcome where the filters look."""
    stack.invoke("S3EventFilter", {"source": "aws.ec2"})
    stack.invoke("StartCrawler", {"crawlername": "nobody"})
    expected = {"s3-event-filter": "InvalidEvent", "start-crawler": "EntityNotFoundException"}
    filters = stack.logs.describe_metric_filters()["metricFilters"]
    assert len(filters) == len(expected)
    for each in filters:
        [transformation] = each["metricTransformations"]
        assert (transformation["metricNamespace"], transformation["dimensions"]) == (
            NAMESPACE,
            {"Outcome": "$.outcome"},
        )
        assert each["filterPattern"] == '{ $.outcome = "*" }'
        function = each["logGroupName"].rpartition("/")[2]
        assert expected[function] in [line["outcome"] for line in stack.log_lines(function)]


@pytest.fixture(scope="module")
def dashboard(stack: Stack) -> list[dict[str, Any]]:
    body = stack.aws.client("cloudwatch").get_dashboard(DashboardName=Stack.NAME)["DashboardBody"]
    return [widget["properties"] for widget in json.loads(body)["widgets"]]


def test_the_dashboard_is_about_what_is_deployed(stack: Stack, dashboard):
    """A widget on a name that does not exist stays empty, and nobody notices."""
    deployed = {
        resource["PhysicalResourceId"]
        for resource in stack.aws.client("cloudformation").describe_stack_resources(StackName=Stack.NAME)[
            "StackResources"
        ]
    }
    queue = stack.outputs["DeadLetterQueueUrl"].rpartition("/")[2]
    outcomes = {"matched", "ignored"}
    named = 0
    for widget in dashboard:
        assert widget["region"] == stack.aws.client("s3").meta.region_name
        for metric in widget.get("metrics", []):
            if isinstance(metric[0], str):
                assert metric[3] in deployed | {queue} | outcomes, metric
                named += 1
    assert named > 20
