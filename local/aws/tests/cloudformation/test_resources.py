"""Resources of CloudFormation that the extensions add."""

import json
from typing import Any

import pytest

from local.aws.tests.support import ROLE, Local, eventually, unique

pytestmark = pytest.mark.aws(
    "AWS::StepFunctions::StateMachine",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-stepfunctions-statemachine.html",
    validated="never",
)

PASS = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
METRIC = {"Metric": {"Namespace": "AWS/States", "MetricName": "ExecutionsFailed"}, "Period": 300, "Stat": "Sum"}


def create(local: Local, resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> dict[str, str]:
    """The outputs of a stack of these resources."""
    cloudformation, stack = local.aws.client("cloudformation"), unique("stack")
    template = {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in (outputs or {}).items()}}
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))

    def created() -> dict[str, Any] | None:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        assert "FAILED" not in described["StackStatus"] and "ROLLBACK" not in described["StackStatus"]
        return described if described["StackStatus"] == "CREATE_COMPLETE" else None

    return {each["OutputKey"]: each["OutputValue"] for each in eventually(created).get("Outputs", [])}


@pytest.mark.aws(
    "AWS::CloudWatch::Alarm",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html",
    validated="never",
)
def test_an_alarm_may_be_on_an_expression(local: Local) -> None:
    """Alarms that add up metrics have to deploy as they are."""
    metrics = [
        {"Id": "failed", "MetricStat": METRIC, "ReturnData": False},
        {"Id": "all", "Expression": "FILL(failed, 0)", "Label": "failed"},
    ]
    name = unique("alarm")
    properties = {
        "AlarmName": name,
        "Metrics": metrics,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
    }
    create(local, {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}})
    [alarm] = local.aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert [each["Id"] for each in alarm["Metrics"]] == ["failed", "all"]
    assert "MetricName" not in alarm


@pytest.mark.aws(
    "ListExecutions",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html",
    validated=(
        "LocalStack snapshot test_base_lifecycle_create_invoke_describe_list, 2025-04-09: not "
        "the lists by version and alias"
    ),
)
def test_executions_belong_to_the_alias_that_started_them(local: Local) -> None:
    """Who lists by an alias sees what it started; by the machine, everything."""
    machine = {"DefinitionString": PASS, "RoleArn": ROLE}
    version = {
        "StateMachineArn": {"Ref": "M"},
        "StateMachineRevisionId": {"Fn::GetAtt": ["M", "StateMachineRevisionId"]},
    }
    preference = {"Type": "ALL_AT_ONCE", "StateMachineVersionArn": {"Ref": "V"}}
    outputs = create(
        local,
        {
            "M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
            "V": {"Type": "AWS::StepFunctions::StateMachineVersion", "Properties": version},
            "A": {
                "Type": "AWS::StepFunctions::StateMachineAlias",
                "Properties": {"Name": "live", "DeploymentPreference": preference},
            },
        },
        {name: {"Ref": name} for name in "MVA"},
    )
    assert (outputs["V"], outputs["A"]) == (f"{outputs['M']}:1", f"{outputs['M']}:live")
    states = local.aws.client("stepfunctions")
    started = {name: states.start_execution(stateMachineArn=arn)["executionArn"] for name, arn in outputs.items()}

    def listed(by: str) -> set[str]:
        return {each["executionArn"] for each in states.list_executions(stateMachineArn=outputs[by])["executions"]}

    assert listed("M") == set(started.values())
    assert listed("V") == {started["V"], started["A"]}
    assert listed("A") == {started["A"]}
    described = states.describe_execution(executionArn=started["A"])
    assert (described["stateMachineAliasArn"], described["stateMachineVersionArn"]) == (outputs["A"], outputs["V"])
    assert "stateMachineVersionArn" not in states.describe_execution(executionArn=started["M"])


YAML = """
StartAt: Greet
QueryLanguage: JSONata
States:
  Greet:
    Type: Pass
    # What stands in for the value may be more than text.
    Output:
      greeting: "{% 'hello ' & '${Who}' %}"
      many: |-
        {% (
          $sum := ${Many} + 1; /* over several lines */
          $sum
        ) %}
      last: ${Many}
    End: true
"""


def test_a_definition_may_be_yaml(local: Local) -> None:
    """As a file in S3 that values are put into first: "DefinitionS3Location" names "a JSON or YAML file"."""
    s3, bucket = local.aws.client("s3"), unique("definitions")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_object(Bucket=bucket, Key="greet.asl.yaml", Body=YAML)
    properties = {
        "RoleArn": ROLE,
        "DefinitionS3Location": {"Bucket": bucket, "Key": "greet.asl.yaml"},
        "DefinitionSubstitutions": {"Who": "world", "Many": "2"},
    }
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    arn = create(local, {"Machine": machine}, {"Arn": {"Ref": "Machine"}})["Arn"]
    states = local.aws.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    ended = eventually(
        lambda: (each := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and each
    )
    assert json.loads(ended["output"]) == {"greeting": "hello world", "many": 3, "last": 2}
