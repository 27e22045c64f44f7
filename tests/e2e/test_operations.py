"""What operators see: alarms, the dashboard, and the metrics that both read."""

import json
from typing import Any

import pytest

from tests.support.stack import Stack

NAMESPACE = f"crawler-sync/{Stack.NAME}"


def test_metric_filters_match_the_lines_of_the_functions(stack: Stack) -> None:
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


def test_the_dashboard_is_about_what_is_deployed(stack: Stack, dashboard: list[dict[str, Any]]) -> None:
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
        before: list[str] = []
        for metric in widget.get("metrics", []):
            if isinstance(metric[0], str):
                # A dot stands for what the metric before has in its place.
                before = [before[place] if name == "." else name for place, name in enumerate(metric[:4])]
                assert before[3] in deployed | {queue} | outcomes, metric
                named += 1
    assert named > 20
