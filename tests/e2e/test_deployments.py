"""Deployments beside work that is under way, and stacks beside each other."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.aws import LocalAws
from local.demo.deploy import deploy
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually

PARAMETERS = {
    "JobNamePattern": "*",
    "CrawlerNamePattern": "*",
    "PollMinSeconds": 1,
    "PollMaxSeconds": 2,
}


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    """A stack that may be changed."""
    with LocalAws() as aws:
        stack = Stack(aws, deploy(aws, Stack.NAME, PARAMETERS))
        stack.glue.create_database(DatabaseInput={"Name": "d"})
        for crawler, seconds in {"slow": "4", "quick": "0"}.items():
            stack.glue.create_crawler(
                Name=crawler,
                Role=ROLE,
                DatabaseName="d",
                Targets={"S3Targets": []},
                Tags={"local:seconds": seconds},
            )
        yield stack


def start(stack: Stack, crawler: str) -> str:
    given = {"name": "p", "stages": [{"steps": [{"crawler": crawler}]}]}
    return stack.states.start_execution(
        stateMachineArn=stack.outputs["PipelineStateMachineArn"], input=json.dumps(given)
    )["executionArn"]


def version(execution: dict[str, Any]) -> str:
    return execution["stateMachineVersionArn"].rpartition(":")[2]


def crawl_of(stack: Stack, pipeline: str) -> dict[str, Any]:
    """The execution of crawl that a run has started."""

    def started() -> dict[str, Any] | None:
        for each in stack.executions("Crawl"):
            execution = stack.states.describe_execution(executionArn=each["executionArn"])
            if pipeline in execution["input"]:
                return execution
        return None

    return eventually(started)


def test_what_is_under_way_ends_as_it_began_and_what_comes_is_new(own: Stack) -> None:
    """A nightly run must not break because somebody deploys in the middle of it."""
    before = start(own, "slow")
    crawl = crawl_of(own, before)
    cloudformation = own.aws.client("cloudformation")
    changed = PARAMETERS | {"PollMaxSeconds": 1}
    cloudformation.update_stack(
        StackName=Stack.NAME,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": name, "ParameterValue": str(value)} for name, value in changed.items()],
        Capabilities=["CAPABILITY_IAM"],
    )

    def updated() -> bool:
        status = cloudformation.describe_stacks(StackName=Stack.NAME)["Stacks"][0]["StackStatus"]
        assert "ROLLBACK" not in status and "FAILED" not in status
        return status == "UPDATE_COMPLETE"

    assert eventually(updated)
    after = start(own, "quick")
    executions = [own.finish(before), own.finish(after)]
    assert [execution["status"] for execution in executions] == ["SUCCEEDED"] * 2
    assert [version(execution) for execution in executions] == ["1", "2"]
    assert [version(each) for each in (crawl, crawl_of(own, after))] == ["1", "2"]
    assert own.finish(crawl["executionArn"])["status"] == "SUCCEEDED"


def test_two_stacks_stand_beside_each_other(own: Stack) -> None:
    """A team each, or a trial beside production, in one account: no name of one may be taken by the other."""
    other = Stack(own.aws, deploy(own.aws, "crawler-sync-trial", PARAMETERS))
    assert set(other.outputs) == set(own.outputs)
    assert not set(other.outputs.values()) & set(own.outputs.values())
    given = {"name": "p", "stages": [{"steps": [{"crawler": "quick"}]}]}
    assert [stack.run("Pipeline", given)["status"] for stack in (own, other)] == ["SUCCEEDED"] * 2
