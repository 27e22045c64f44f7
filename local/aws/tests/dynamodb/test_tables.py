"""Tables: faults, and what templates say of them."""

import json

import pytest

from local.aws.tests.support import Local, error_code, eventually, unique

pytestmark = pytest.mark.aws(
    "Error handling with DynamoDB",
    url="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html",
    validated="never",
)


def test_a_fault_strikes_the_table_that_has_its_tag(local: Local) -> None:
    """Protects scenarios of a table that is throttled or denied, and of no other."""
    client, tables = local.aws.client("dynamodb"), [unique("table") for _ in range(2)]
    for name, value in zip(tables, ("1 ThrottlingException", ""), strict=True):
        client.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            Tags=[{"Key": "local:fault:PutItem", "Value": value}] if value else [],
        )
    item = {"id": {"S": "a"}}
    client.put_item(TableName=tables[1], Item=item)
    assert error_code(client.put_item, TableName=tables[0], Item=item)[0] == "ThrottlingException"
    client.put_item(TableName=tables[0], Item=item)


@pytest.mark.parametrize("tag", ["local:fault:PutIem", "local:seconds"])
def test_a_tag_with_a_typo_is_refused(local: Local, tag: str) -> None:
    """Protects against a scenario that silently does nothing."""
    code, message = error_code(
        local.aws.client("dynamodb").create_table,
        TableName=unique("table"),
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": tag, "Value": "1 ThrottlingException"}],
    )
    assert (code, tag in message) == ("ValidationException", True)


@pytest.mark.aws(
    "AWS::DynamoDB::Table",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html",
    validated="never",
)
def test_a_template_says_when_items_expire(local: Local) -> None:
    """Protects the template's table: what expires in an account does so here."""
    stack, formation = unique("stack"), local.aws.client("cloudformation")
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "expiresAt", "Enabled": True},
    }
    template = {"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}}}
    formation.create_stack(StackName=stack, TemplateBody=json.dumps(template))

    def created() -> str | None:
        described = formation.describe_stacks(StackName=stack)["Stacks"][0]
        assert "FAILED" not in described["StackStatus"], described
        if described["StackStatus"] != "CREATE_COMPLETE":
            return None
        [resource] = formation.describe_stack_resources(StackName=stack)["StackResources"]
        name: str = resource["PhysicalResourceId"]
        return name

    name, client = eventually(created), local.aws.client("dynamodb")
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}
