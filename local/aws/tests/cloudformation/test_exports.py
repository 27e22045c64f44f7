"""Exports of stacks, and what other stacks import."""

import json
from typing import Any

import pytest

from local.aws.tests.support import Local, eventually, unique

pytestmark = pytest.mark.aws(
    "Get exported outputs from a deployed CloudFormation stack",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html",
    validated="never",
)
IN_USE = pytest.mark.aws(
    "How do I resolve the Export cannot be updated as it is in use error in CloudFormation",
    url="https://repost.aws/knowledge-center/cloudformation-stack-export-name-error",
    validated="events that people published (linz/geostore issue 630, aws/aws-cdk issue 33395): the texts",
)


def template(exports: dict[str, str] | None = None, imports: str | None = None) -> str:
    """A stack of one queue that exports these, or imports that."""
    queue: dict[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {}}
    if imports:
        queue["Properties"]["QueueName"] = {"Fn::Join": ["-", [{"Fn::ImportValue": imports}, unique("queue")]]}
    outputs = {
        f"Output{number}": {"Value": value, "Export": {"Name": name}}
        for number, (name, value) in enumerate((exports or {}).items())
    }
    return json.dumps({"Resources": {"Queue": queue}} | ({"Outputs": outputs} if outputs else {}))


class Stacks:
    def __init__(self, local: Local) -> None:
        self.client = local.aws.client("cloudformation")

    def settled(self, stack: str) -> str:
        def look() -> str | None:
            status = self.client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
            return None if status.endswith("_IN_PROGRESS") else status

        return eventually(look)

    def create(self, body: str) -> tuple[str, str]:
        """A new stack's name, and the status that it ends in."""
        name = unique("stack")
        self.client.create_stack(StackName=name, TemplateBody=body)
        return name, self.settled(name)

    def update(self, stack: str, body: str) -> str:
        self.client.update_stack(StackName=stack, TemplateBody=body)
        return self.settled(stack)

    def reasons(self, stack: str) -> set[tuple[str, str]]:
        """Status and reason of the stack's own events."""
        events = self.client.describe_stack_events(StackName=stack)["StackEvents"]
        return {(each["ResourceStatus"], each.get("ResourceStatusReason", "")) for each in events}

    def exports(self) -> dict[str, str]:
        return {each["Name"]: each["Value"] for each in self.client.list_exports()["Exports"]}


@pytest.fixture(scope="module")
def stacks(local: Local) -> Stacks:
    return Stacks(local)


def test_a_name_is_exported_once(stacks: Stacks) -> None:
    """Protects shared exports: a second stack of the same kind must name its exports otherwise."""
    export = unique("export")
    first, _ = stacks.create(template({export: "a"}))
    second, status = stacks.create(template({export: "b"}))
    assert status == "ROLLBACK_COMPLETE"
    text = f"Export with name {export} is already exported by stack {first}."
    assert ("ROLLBACK_IN_PROGRESS", text) in stacks.reasons(second)
    assert stacks.exports()[export] == "a"


def test_an_import_needs_its_export(stacks: Stacks) -> None:
    """Protects the order of deployments: what is imported has to be there."""
    stack, status = stacks.create(template(imports="nobody-exports-this"))
    assert status == "ROLLBACK_COMPLETE"
    assert ("CREATE_FAILED", "No export named nobody-exports-this found.") in stacks.reasons(stack)


@IN_USE
def test_an_export_in_use_stays_as_it_is(stacks: Stacks) -> None:
    """Protects importers: an update that changes or drops their export is rolled back."""
    export, other = unique("export"), unique("export")
    exporter, _ = stacks.create(template({export: "a", other: "a"}))
    importer, status = stacks.create(template(imports=export))
    assert status == "CREATE_COMPLETE"
    for body, verb in ((template({export: "b", other: "a"}), "updated"), (template({other: "a"}), "deleted")):
        assert stacks.update(exporter, body) == "UPDATE_ROLLBACK_COMPLETE"
        text = f"Export {export} cannot be {verb} as it is in use by {importer}"
        assert ("UPDATE_ROLLBACK_IN_PROGRESS", text) in stacks.reasons(exporter)
        assert (stacks.exports()[export], stacks.exports()[other]) == ("a", "a")
    assert stacks.update(exporter, template({export: "a", other: "b"})) == "UPDATE_COMPLETE"
    assert stacks.exports()[other] == "b"
    assert stacks.update(exporter, template({export: "a"})) == "UPDATE_COMPLETE"
    assert other not in stacks.exports()


@IN_USE
def test_a_stack_whose_export_is_in_use_is_not_deleted(stacks: Stacks) -> None:
    """Protects against a clean-up in the wrong order: the call is accepted, and only an event tells."""
    export = unique("export")
    exporter, _ = stacks.create(template({export: "a"}))
    importers = sorted(stacks.create(template(imports=export))[0] for _ in range(2))
    stacks.client.delete_stack(StackName=exporter)
    text = f"Delete canceled. Cannot delete export {export} as it is in use by {importers[0]} and {importers[1]}."
    eventually(lambda: ("CREATE_COMPLETE", text) in stacks.reasons(exporter))
    assert stacks.settled(exporter) == "CREATE_COMPLETE"
    for importer in importers:
        stacks.client.delete_stack(StackName=importer)
        stacks.client.get_waiter("stack_delete_complete").wait(StackName=importer, WaiterConfig={"Delay": 1})
    stacks.client.delete_stack(StackName=exporter)
    stacks.client.get_waiter("stack_delete_complete").wait(StackName=exporter, WaiterConfig={"Delay": 1})
    assert export not in stacks.exports()
