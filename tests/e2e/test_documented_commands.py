"""The AWS commands of the documents, page by page as an operator types them, with the AWS CLI."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.aws import ACCOUNT, REGION
from local.demo import ROOT
from local.demo.deploy import deploy_pipelines
from tests.support.documents import commands
from tests.support.drop_in import guide
from tests.support.events import sample
from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack, eventually

FAILING = {"name": "documented", "stages": [{"steps": [{"job": "nobody"}]}]}
# Where a shell would find them, and from where the commands of the Makefile start.
SHELL = f"""
set -euo pipefail
export PATH={ROOT / ".venv/build/bin"}:{ROOT / "target/debug"}:$PATH
make() {{ command make --directory {ROOT} "$@"; }}
"""
# Deploying is shown in tests/release.
ELSEWHERE = ("make deploy", "git ", "cargo ", "sam ", "rustup ")


def type_in(
    stack: Stack, folder: Path, page: str, values: Mapping[str, str], before: Mapping[str, str] | None = None
) -> str:
    """Runs the page's commands about AWS in order, its placeholders filled in; other lines go `before` some."""
    lines = [SHELL]
    for command in commands(ROOT / page):
        if not command.startswith(ELSEWHERE) and re.search(r"\b(aws|crawler-sync|diff|sed|export)\b", command):
            lines += [line for start, line in (before or {}).items() if command.startswith(start)]
            lines.append(command)
    script = "\n".join(lines)
    assert set(re.findall(r"<([a-zA-Z][^<>]*)>", script)) == values.keys()
    for placeholder, value in values.items():
        script = script.replace(f"<{placeholder}>", value)
    environment = stack.aws.environment | {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def failed(stack: Stack) -> dict[str, Any]:
    execution = stack.run("Pipeline", FAILING)
    assert execution["status"] == "FAILED"
    return execution


@pytest.fixture(scope="module")
def orders(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The README's pipeline, deployed, what it names, and a run of it."""
    folder, text = tmp_path_factory.mktemp("orders"), (ROOT / "README.md").read_text()
    given = next(block for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL) if '"stages"' in block)
    pipeline = given.replace("eu-west-1:123456789012", f"{REGION}:{ACCOUNT}")
    (folder / "orders.json").write_text(pipeline)
    for job in ("load-orders", "load-customers", "report"):
        stack.glue.create_job(Name=job, Role=ROLE, Command={}, Tags={"local:seconds": "0"})
    for crawler in ("orders", "report"):
        stack.glue.create_crawler(Name=crawler, Role=ROLE, DatabaseName=CUSTOMERS.database, Targets={"S3Targets": []})
    stack.s3.create_bucket(Bucket="lake-landing", CreateBucketConfiguration={"LocationConstraint": REGION})
    stack.s3.put_bucket_notification_configuration(
        Bucket="lake-landing", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    deploy_pipelines(stack.aws, "readme", [folder], {})
    run = stack.run("Pipeline", json.loads(pipeline))
    assert run["status"] == "SUCCEEDED", run


# Adds what the comment above it says.
ADD = """python3 - <<'END'
import json
with open("notification.json") as file:
    notification = json.load(file)
with open("notification.json", "w") as file:
    json.dump(notification | {"EventBridgeConfiguration": {}}, file)
END"""


def test_the_page_on_operations(stack: Stack, failed: dict[str, Any], orders: None, tmp_path: Path) -> None:
    """At night nobody corrects commands; and a bucket must go on sending what it sent."""
    machine, queue = stack.machine("Pipeline"), stack.outputs["DeadLetterQueueUrl"]
    event = sample("native-object-created-putobject", "documented/_SUCCESS")
    parked = {"error": "e", "cause": "c", "executionArn": "a", "input": {"event": event, "pipeline": FAILING}}
    stack.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(parked))
    [version, *_] = stack.states.list_state_machine_versions(stateMachineArn=machine)["stateMachineVersions"]
    listener = stack.sqs.get_queue_attributes(QueueUrl=stack.queue("documented"), AttributeNames=["QueueArn"])
    kept = listener["Attributes"] | {"Events": ["s3:ObjectRemoved:*"]}
    stack.s3.create_bucket(Bucket="documented", CreateBucketConfiguration={"LocationConstraint": REGION})
    stack.s3.put_bucket_notification_configuration(
        Bucket="documented", NotificationConfiguration={"QueueConfigurations": [kept]}
    )
    said = type_in(
        stack,
        tmp_path,
        "docs/operations.md",
        {
            "bucket": "documented",
            "executionArn": failed["executionArn"],
            "machine, without :live": machine,
            "version": version["stateMachineVersionArn"],
        },
        {"aws s3api put-bucket-notification-configuration": ADD},
    )
    found = stack.s3.get_bucket_notification_configuration(Bucket="documented")
    assert "EventBridgeConfiguration" in found
    assert [each["QueueArn"] for each in found["QueueConfigurations"]] == [kept["QueueArn"]]
    assert failed["executionArn"] in said
    assert "EntityNotFoundException" in said
    assert version["stateMachineVersionArn"] in said
    assert stack.parked() == []
    assert json.loads((tmp_path / "input.json").read_text()) == FAILING
    again = [run for run in stack.executions("Pipeline") if run["startDate"] > failed["stopDate"]]
    assert any(json.loads(stack.finish(run["executionArn"])["input"]) == FAILING for run in again)


def test_the_guide_to_migration(stack: Stack, tmp_path: Path) -> None:
    """The definition that is put back must be the one that was there, with two ARNs changed and nothing else."""
    definition = guide.machine(guide.TWO_LAMBDAS)
    ours = {name: stack.outputs[name] for name in ("StartCrawlerFunctionArn", "GetCrawlerStateFunctionArn")}
    machine = stack.states.create_state_machine(name="to-migrate", definition=definition, roleArn=ROLE)[
        "stateMachineArn"
    ]
    theirs = ("ARN of your start Lambda", "ARN of your state Lambda")
    # The guide's machine has the placeholders that its commands have.
    said = type_in(
        stack, tmp_path, "docs/migration.md", ours | {"machine": machine} | {name: f"<{name}>" for name in theirs}
    )
    assert stack.outputs["CrawlStateMachineArn"] in said
    after = stack.states.describe_state_machine(stateMachineArn=machine)["definition"]
    assert json.loads((tmp_path / "before.json").read_text()) == json.loads(definition)
    for name, arn in zip(theirs, ours.values(), strict=True):
        definition = definition.replace(f"<{name}>", arn)
    assert json.loads(after) == json.loads(definition)


def test_the_readme(stack: Stack, orders: None, tmp_path: Path) -> None:
    """Its pipeline runs when its object lands, and its commands tell so."""
    before = {run["name"] for run in stack.executions("Pipeline")}
    stack.s3.put_object(Bucket="lake-landing", Key="orders/2026-01-31.csv", Body="id\n1\n")
    eventually(lambda: {run["name"] for run in stack.executions("Pipeline")} - before)
    assert "orders" in type_in(stack, tmp_path, "README.md", {})


def test_the_page_on_pipelines(stack: Stack, tmp_path: Path) -> None:
    """What any repository can do: its own folder becomes a stack, and the file starts a run by hand."""
    (tmp_path / "pipelines").mkdir()
    text = (ROOT / "docs/pipelines.md").read_text()
    pipeline = next(block for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL) if '"stages"' in block)
    (tmp_path / "pipelines/orders.json").write_text(pipeline)
    machine = {"PipelineStateMachineArn": stack.outputs["PipelineStateMachineArn"]}
    said = type_in(stack, tmp_path, "docs/pipelines.md", machine)
    [started] = re.findall(r'"executionArn": "(.*)"', said)
    assert json.loads(stack.finish(started)["input"])["name"] == "orders"
    described = stack.aws.client("cloudformation").describe_stack_resources(StackName="orders-pipelines")
    made = {each["LogicalResourceId"] for each in described["StackResources"]}
    assert made == {"OrdersRule", "OrdersSchedule"}
