"""From events to pipeline runs: both sources, refused calls, and one run a window."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.events import sample
from tests.support.stack import Stack, eventually

# The window is long, so that a test never straddles its end; nothing runs before that.
IDLE = {"name": "idle", "stages": [{"steps": [{"crawler": "crawler1"}]}]}
WINDOW = {"pipeline": IDLE, "coalesceSeconds": 86400}


@pytest.fixture
def runs(stack: Stack) -> Iterator[list[str]]:
    """Collects the pipeline runs that a test starts, and stops them."""
    started: list[str] = []
    yield started
    for arn in started:
        with suppress(ClientError):  # what has ended
            stack.states.stop_execution(executionArn=arn)


def outcome(stack: Stack, key: str) -> dict[str, Any] | None:
    """What the trigger made of the object, once its event has come through the rule."""
    for execution in stack.executions("Trigger"):
        output = stack.states.describe_execution(executionArn=execution["executionArn"]).get("output")
        if output and json.loads(output).get("key") == key:
            return json.loads(output)
    return None


def test_an_event_of_cloudtrail_starts_the_pipeline(stack: Stack, runs: list[str]) -> None:
    """Accounts without S3's own events have CloudTrail's; big files end with another call than PutObject."""
    key = "landing/one file+1.csv"
    stack.aws.put_event(sample("cloudtrail-completemultipartupload", key))
    output = eventually(lambda: outcome(stack, key))
    assert output["outcome"] != "IGNORED"
    runs.append(stack.pipeline_run(output["executionName"]))


def test_a_refused_call_starts_nothing(stack: Stack, runs: list[str]) -> None:
    """CloudTrail reports calls that S3 denied: no object has landed."""
    stack.aws.put_event(sample("cloudtrail-putobject-access-denied", "landing/denied.csv"))
    stack.aws.put_event(sample("native-object-created-putobject", "landing/later.csv"))
    later = eventually(lambda: outcome(stack, "landing/later.csv"))
    runs.append(stack.pipeline_run(later["executionName"]))
    assert outcome(stack, "landing/denied.csv") is None


def test_events_of_one_window_share_a_run(stack: Stack, runs: list[str]) -> None:
    """A thousand files must not start a thousand pipelines, and a duplicate not a second run."""
    events = [sample("native-object-created-putobject", f"landing/{number}.csv") for number in (1, 2, 1)]
    outputs = [json.loads(stack.run("Trigger", WINDOW | {"event": event})["output"]) for event in events]
    names = {output["executionName"] for output in outputs}
    assert len(names) == 1
    shared = [execution for execution in stack.executions("Pipeline") if execution["name"] in names]
    runs += [execution["executionArn"] for execution in shared]
    assert len(shared) == 1


def test_a_run_that_has_ended_is_joined_too(stack: Stack) -> None:
    """An event that is handled twice, the second time after the run of its window: nothing starts again."""
    event = sample("native-object-created-putobject", "landing/twice.csv")
    given = {"event": event, "pipeline": {"name": "twice", "stages": []}, "coalesceSeconds": 0}
    outputs = []
    for _ in range(2):
        outputs.append(json.loads(stack.run("Trigger", given)["output"]))
        [run] = [each for each in stack.executions("Pipeline") if each["name"] == outputs[0]["executionName"]]
        stack.finish(run["executionArn"])
    assert [output["outcome"] for output in outputs] == ["STARTED", "JOINED"]
