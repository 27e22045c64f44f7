"""Pipelines are deployed apart from the machinery: what starts them, what changes with a file, what holds what."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import REGION, LocalAws
from local.demo.deploy import QUICK, DeployError, deploy, deploy_pipelines
from tests.support.command import Command
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually

BUCKET = "shop"
# Far from any night in which the tests run.
SCHEDULE = {"expression": "cron(0 2 1 1 ? *)", "timezone": "Europe/Berlin"}
PARAMETERS = QUICK | {"CoalesceSeconds": 1}


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    """An account with the machinery, a bucket, a job that only notes its arguments and a crawler."""
    with LocalAws() as aws:
        stack = Stack(aws, deploy(aws, Stack.NAME, PARAMETERS))
        stack.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        stack.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        stack.s3.put_object(Bucket=BUCKET, Key="orders/1.csv", Body="id,amount\n1,2.5\n")
        stack.glue.create_database(DatabaseInput={"Name": "shop"})
        stack.glue.create_crawler(
            Name="orders",
            Role=ROLE,
            DatabaseName="shop",
            Targets={"S3Targets": [{"Path": f"s3://{BUCKET}/orders/"}]},
            Tags={"local:seconds": "0"},
        )
        yield stack


def pipeline(name: str, *steps: dict[str, Any]) -> dict[str, Any]:
    """One with all that may start it."""
    trigger = {"bucket": BUCKET, "prefix": f"{name}/"}
    return {"name": name, "trigger": trigger, "schedule": SCHEDULE, "stages": [{"steps": list(steps)}]}


def job(stack: Stack, name: str) -> dict[str, Any]:
    """A step that runs a new job."""
    many = {"MaxConcurrentRuns": 10}
    stack.glue.create_job(Name=name, Role=ROLE, Command={}, Tags={"local:seconds": "0"}, ExecutionProperty=many)
    return {"job": name}


def write(folder: Path, *pipelines: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for each in pipelines:
        (folder / f"{each['name']}.json").write_text(json.dumps(each))
    return folder


def upload(stack: Stack, key: str) -> None:
    stack.s3.put_object(Bucket=BUCKET, Key=key, Body="id\n1\n")


def resources(stack: Stack, name: str) -> dict[str, str]:
    """The physical ids of a stack's resources."""
    found = stack.aws.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def fire(stack: Stack, name: str, schedule: str, at: datetime | None = None) -> None:
    stack.aws.fire_schedule(resources(stack, name)[schedule], at)


def job_runs(stack: Stack, name: str) -> list[dict[str, Any]]:
    """What is known of the job's runs, the oldest first."""
    return sorted(stack.glue.get_job_runs(JobName=name)["JobRuns"], key=lambda run: run["StartedOn"])


def ran(stack: Stack, name: str, times: int) -> None:
    """Awaits that the job has run so many times."""
    eventually(lambda: len(job_runs(stack, name)) == times)


def runs_of(stack: Stack, name: str) -> list[dict[str, Any]]:
    """The ended executions of the machinery's pipeline machine that were runs of this pipeline."""
    described = [stack.finish(each["executionArn"]) for each in stack.executions("Pipeline")]
    return [each for each in described if json.loads(each["input"])["name"] == name]


def delete(stack: Stack, name: str) -> None:
    formation = stack.aws.client("cloudformation")
    formation.delete_stack(StackName=name)
    formation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def test_one_file_runs_by_an_object_by_the_clock_and_by_hand(own: Stack, tmp_path: Path) -> None:
    """One file, as it is, starts in each of the three ways."""
    given = pipeline("three-ways", job(own, "three-ways") | {"crawler": "orders"})
    folder = write(tmp_path, given)
    deploy_pipelines(own.aws, "three-ways", [folder], {})
    upload(own, "three-ways/1.csv")
    [by_object] = eventually(lambda: runs_of(own, "three-ways"))
    fire(own, "three-ways", "ThreeWaysSchedule")
    [_, by_clock] = eventually(lambda: (found := runs_of(own, "three-ways"))[1:] and found)
    by_hand = own.run("Pipeline", json.loads((folder / "three-ways.json").read_text()))
    assert [each["status"] for each in (by_object, by_clock, by_hand)] == ["SUCCEEDED"] * 3
    told = [run["Arguments"].keys() for run in job_runs(own, "three-ways")]
    assert told == [{"--date", "--window_start", "--window_end"}, {"--date"}, {"--date"}]
    outputs = [json.loads(each["output"])["stages"][0]["steps"][0] for each in (by_object, by_clock, by_hand)]
    assert [step["work"]["state"] for step in outputs] == ["SUCCEEDED"] * 3
    assert len({step["crawl"]["crawl"]["crawlId"] for step in outputs}) == 3
    assert own.columns("shop", "orders") == {"id": "bigint", "amount": "double"}


def test_a_file_that_goes_takes_its_rule_and_its_schedule_along_and_nothing_else(own: Stack, tmp_path: Path) -> None:
    """Retiring one pipeline must not replace the others' rules, and miss events meanwhile."""
    steps = {name: job(own, name) for name in ("kept", "gone", "stays")}
    folder = write(tmp_path, *(pipeline(name, step) for name, step in steps.items()))
    deploy_pipelines(own.aws, "folder", [folder], {})
    before = descriptions(own, "folder")
    assert len(before) == 6
    (folder / "gone.json").unlink()
    deploy_pipelines(own.aws, "folder", [folder], {})
    assert descriptions(own, "folder") == {
        name: each for name, each in before.items() if name not in ("GoneRule", "GoneSchedule")
    }
    rule, schedule = (before[name][0] for name in ("GoneRule", "GoneSchedule"))
    for call, named in (
        (own.aws.client("events").describe_rule, {"Name": rule}),
        (own.aws.client("scheduler").get_schedule, {"Name": schedule}),
    ):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            call(**named)
    for name in steps:
        upload(own, f"{name}/1.csv")
    assert eventually(lambda: runs_of(own, "kept") and runs_of(own, "stays"))
    assert [len(job_runs(own, name)) for name in steps] == [1, 0, 1]


def test_a_file_that_changes_changes_what_starts_it_in_place(own: Stack, tmp_path: Path) -> None:
    """An edit must not delete the rule, through which objects come meanwhile; the last file may go as well."""
    folder = write(tmp_path, pipeline("edited", job(own, "edited-before")), pipeline("beside", job(own, "beside")))
    deploy_pipelines(own.aws, "edits", [folder], {})
    before = descriptions(own, "edits")
    write(folder, pipeline("edited", job(own, "edited-after")))
    deploy_pipelines(own.aws, "edits", [folder], {})
    after = descriptions(own, "edits")
    assert {name: physical for name, (physical, _) in after.items()} == {
        name: physical for name, (physical, _) in before.items()
    }
    assert {name for name in after if after[name] != before[name]} == {"EditedRule", "EditedSchedule"}
    fire(own, "edits", "EditedSchedule")
    upload(own, "edited/1.csv")
    assert eventually(lambda: len(runs_of(own, "edited")) == 2)
    assert [len(job_runs(own, f"edited-{when}")) for when in ("before", "after")] == [0, 2]
    for file in folder.iterdir():
        file.unlink()
    deploy_pipelines(own.aws, "edits", [folder], {})
    assert resources(own, "edits").keys() == {"Nothing"}
    rules = [rule["Name"] for rule in own.aws.client("events").list_rules()["Rules"]]
    assert not {physical for physical, _ in before.values()} & set(rules)


def test_pipelines_may_move_to_another_machinery(own: Stack, tmp_path: Path) -> None:
    """A trial of new machinery takes a parameter, and the way back another one."""
    trial = Stack(own.aws, deploy(own.aws, "trial", PARAMETERS))
    folder = write(tmp_path, pipeline("moving", job(own, "moving")))
    machineries = [(own, Stack.NAME), (trial, "trial"), (own, Stack.NAME)]
    for number, (machinery, name) in enumerate(machineries, 1):
        deploy_pipelines(own.aws, "moving", [folder], {"MachineryStack": name})
        upload(own, f"moving/{number}.csv")
        ran(own, "moving", number)
        assert len(runs_of(machinery, "moving")) == (number + 1) // 2
    assert len(runs_of(trial, "moving")) == 1
    delete(own, "moving")
    delete(own, "trial")


def descriptions(stack: Stack, name: str) -> dict[str, tuple[str, Any]]:
    """Physical id and all that is told of each rule and schedule of the stack."""
    events, scheduler = stack.aws.client("events"), stack.aws.client("scheduler")

    def told(physical: str, logical: str) -> Any:
        if logical.endswith("Schedule"):
            return scheduler.get_schedule(Name=physical) | {"ResponseMetadata": None}
        targets = events.list_targets_by_rule(Rule=physical)["Targets"]
        return events.describe_rule(Name=physical) | {"ResponseMetadata": None, "Targets": targets}

    return {logical: (physical, told(physical, logical)) for logical, physical in resources(stack, name).items()}


def test_an_object_reaches_its_own_machinery_only(own: Stack, tmp_path: Path) -> None:
    """Two teams in one account, each with machinery and pipelines, two of the same name among them."""
    other = Stack(own.aws, deploy(own.aws, "two", PARAMETERS))
    files = {
        ("sales", Stack.NAME): pipeline("sales", job(own, "sales")),
        ("returns", Stack.NAME): pipeline("returns", job(own, "returns")),
        ("two-sales", "two"): pipeline("sales", job(own, "two-sales"))
        | {"trigger": {"bucket": BUCKET, "prefix": "two-sales/"}},
    }
    for (name, machinery), given in files.items():
        deploy_pipelines(own.aws, name, [write(tmp_path / name, given)], {}, machinery=machinery)
        upload(own, f"{name}/1.csv")
    eventually(lambda: all(job_runs(own, name) for name, _ in files))
    fire(own, "two-sales", "SalesSchedule")
    ran(own, "two-sales", 2)
    counts = ((own, "sales", 1), (own, "returns", 1), (other, "sales", 2), (other, "returns", 0))
    for stack, name, count in counts:
        assert [each["status"] for each in runs_of(stack, name)] == ["SUCCEEDED"] * count, name
    assert [len(job_runs(own, name)) for name, _ in files] == [1, 1, 2]
    assert len(other.executions("Trigger")) == 1


def test_machinery_stays_while_pipelines_need_it(own: Stack, tmp_path: Path) -> None:
    """A clean-up in the wrong order must not leave rules without a target; it is told what holds the stack."""
    held = Stack(own.aws, deploy(own.aws, "held", PARAMETERS))
    for name in ("held-a", "held-b"):
        folder = write(tmp_path / name, pipeline(name, job(own, name)))
        deploy_pipelines(own.aws, name, [folder], {}, machinery="held")
    formation = own.aws.client("cloudformation")
    formation.delete_stack(StackName="held")

    def refusal() -> str | None:
        events = formation.describe_stack_events(StackName="held")["StackEvents"]
        told = (each.get("ResourceStatusReason", "") for each in events)
        return next((each for each in told if each.startswith("Delete canceled")), None)

    words = r"Delete canceled\. Cannot delete export held-\w+Arn as it is in use by held-a and held-b\."
    assert re.fullmatch(words, eventually(refusal))
    upload(own, "held-a/1.csv")
    [run] = eventually(lambda: runs_of(held, "held-a"))
    assert run["status"] == "SUCCEEDED"
    for name in ("held-a", "held-b", "held"):
        delete(own, name)
    with pytest.raises(ClientError, match="does not exist"):
        formation.describe_stacks(StackName="held")
    assert not [each for each in formation.list_exports()["Exports"] if each["Name"].startswith("held-")]


def test_pipelines_need_their_machinery(own: Stack, tmp_path: Path) -> None:
    """A misspelt name must fail the deployment, in words that name what is missing."""
    folder = write(tmp_path, pipeline("lonely", {"crawler": "orders"}))
    with pytest.raises(DeployError, match=r"No export named nobody-\w+ found\."):
        deploy_pipelines(own.aws, "lonely", [folder], {}, machinery="nobody")


# The night of which the run was parked.
DUE = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


class Parked:
    """A schedule whose start was refused, and lies in the dead-letter queue."""

    def __init__(self, stack: Stack, given: dict[str, Any]) -> None:
        self.stack, machine = stack, stack.machine("Pipeline")
        fault = {"key": "local:fault:StartExecution", "value": "forever AccessDeniedException"}
        stack.states.tag_resource(resourceArn=machine, tags=[fault])
        fire(stack, given["name"], f"{given['name'].title()}Schedule", DUE)
        [self.message] = eventually(self.messages)
        stack.states.untag_resource(resourceArn=machine, tagKeys=[fault["key"]])

    def messages(self) -> list[dict[str, Any]]:
        """What lies in the queue, left there."""
        url = self.stack.outputs["DeadLetterQueueUrl"]
        return self.stack.sqs.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages", [])

    def redrive(self, *more: str) -> str:
        ended = Command(self.stack.aws, Stack.NAME)("redrive", *more)
        assert ended.code == 0, ended.text + ended.error
        return ended.text


def test_a_schedule_that_could_not_start_its_pipeline_is_redriven(own: Stack, tmp_path: Path) -> None:
    """The night's run is not lost: it is started days later, about that night, once even if redrive is killed."""
    given = pipeline("nightly", job(own, "nightly"))
    deploy_pipelines(own.aws, "nightly", [write(tmp_path, given)], {})
    parked = Parked(own, given)
    assert re.search(r"^PARKED +schedule \S+  AccessDeniedException: ", parked.redrive("--dry-run"), re.MULTILINE)
    name = f"redriven-{parked.message['MessageId']}"
    assert re.search(rf"^STARTED +schedule \S+  {name}$", parked.redrive(), re.MULTILINE)
    [run] = runs_of(own, "nightly")
    assert (run["name"], run["status"]) == (name, "SUCCEEDED")
    due = {"scheduledTime": f"{DUE:%Y-%m-%dT%H:%M:%SZ}"}
    assert json.loads(run["input"]) == {"name": "nightly", "stages": given["stages"]} | due
    assert [run["Arguments"]["--date"] for run in job_runs(own, "nightly")] == ["2026-01-31"]
    assert (parked.messages(), parked.redrive()) == ([], "0 events\n")

    parked = Parked(own, given)
    name = f"redriven-{parked.message['MessageId']}"
    # By a redrive that was killed before it had deleted the message.
    machine, text = own.outputs["PipelineStateMachineArn"], json.loads(parked.message["Body"])["Input"]
    own.finish(own.states.start_execution(stateMachineArn=machine, name=name, input=text)["executionArn"])
    assert re.search(rf"^JOINED +schedule \S+  {name}$", parked.redrive(), re.MULTILINE)
    assert ([each["name"] for each in runs_of(own, "nightly")][1:], parked.messages()) == ([name], [])
