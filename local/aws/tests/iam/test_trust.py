"""Which roles AWS takes when what works under them is created or updated."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.aws import ACCOUNT, REGION
from local.aws.awslambda.package import package
from local.aws.policies import policy
from local.aws.tests.support import PASS, ROLE, Local, allow, error_code, eventually, unique


@pytest.mark.aws(
    "Creating an IAM role for your state machine",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html",
    validated="never",
)
def test_a_role_must_trust_the_service(local: Local) -> None:
    """Protects deployments: a machine's role trusts Step Functions, a function's Lambda."""
    stranger = local.role(unique("role"), trusted=["ec2.amazonaws.com"])
    given = {"name": unique("machine"), "definition": json.dumps({"StartAt": "Pass", "States": {"Pass": PASS}})}
    code, message = error_code(local.states.create_state_machine, roleArn=stranger, **given)
    assert (code, "states.amazonaws.com" in message) == ("AccessDeniedException", True)
    function = {"FunctionName": unique("function"), "Runtime": "provided.al2023", "Handler": "bootstrap"}
    create = local.aws.client("lambda").create_function
    code, message = error_code(create, Role=stranger, Code={"ZipFile": b"PK\5\6" + bytes(18)}, **function)
    assert (code, "cannot be assumed by Lambda" in message) == ("InvalidParameterValueException", True)
    assert create(Role=ROLE, Code={"ZipFile": b"PK\5\6" + bytes(18)}, **function)["Role"] == ROLE


@pytest.mark.aws(
    "UpdateFunctionConfiguration",
    url="https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html",
    validated="never",
)
def test_an_update_looks_at_the_new_role_too(local: Local) -> None:
    """Protects updates: AWS refuses a role that the service cannot take on, and keeps the one before."""
    stranger = local.role(unique("role"), trusted=["ec2.amazonaws.com"])
    lambdas = local.aws.client("lambda")
    function = local.function("index.py", "def handler(*_): pass", Runtime="python3.12", Handler="index.handler")
    code, message = error_code(lambdas.update_function_configuration, FunctionName=function, Role=stranger)
    assert (code, "cannot be assumed by Lambda" in message) == ("InvalidParameterValueException", True)
    assert lambdas.get_function_configuration(FunctionName=function)["Role"] == ROLE
    job, crawler = local.job(tags={"local:seconds": "0"}), local.crawler()
    refused = ("InvalidInputException", "Service is unable to assume provided role. Please verify role's TrustPolicy")
    assert error_code(local.glue.update_job, JobName=job, JobUpdate={"Role": stranger, "Command": {}}) == refused
    assert error_code(local.glue.update_crawler, Name=crawler, Role=stranger) == refused
    local.glue.update_job(JobName=job, JobUpdate={"Command": {}})
    local.glue.update_crawler(Name=crawler, Description="new")


@pytest.mark.aws(
    "AWS::Lambda::Function",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html",
    validated="never",
)
def test_an_update_by_cloudformation_looks_at_the_new_role_too(local: Local) -> None:
    """Protects deployments: the stack goes back to the role before."""
    cloudformation, stack, function = local.aws.client("cloudformation"), unique("stack"), unique("function")

    def template(role: str) -> str:
        properties: dict[str, Any] = {"FunctionName": function, "Role": role, "Code": {"ZipFile": "# nothing"}}
        properties |= {"Runtime": "python3.12", "Handler": "index.handler"}
        return json.dumps({"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}})

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

    cloudformation.create_stack(StackName=stack, TemplateBody=template(ROLE))
    eventually(lambda: status() == "CREATE_COMPLETE")
    stranger = local.role(unique("role"), trusted=["ec2.amazonaws.com"])
    cloudformation.update_stack(StackName=stack, TemplateBody=template(stranger))
    eventually(lambda: not status().endswith("IN_PROGRESS"))
    assert status() == "UPDATE_ROLLBACK_COMPLETE"
    assert local.aws.client("lambda").get_function_configuration(FunctionName=function)["Role"] == ROLE


@pytest.mark.aws(
    "The confused deputy problem: cross-service confused deputy prevention",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
    validated="never",
)
def test_a_role_may_trust_a_service_for_one_resource_only(local: Local) -> None:
    """Protects roles with aws:SourceArn in their trust: what it names may take them on, and nothing else."""
    name = unique("one")
    regional = f"{REGION}:{ACCOUNT}"
    arns = [
        f"arn:aws:states:{regional}:stateMachine:{name}",
        f"arn:aws:lambda:{regional}:function:{name}",
        *(f"arn:aws:glue:{regional}:{kind}/{name}" for kind in ("job", "crawler")),
        f"arn:aws:events:{regional}:rule/{name}",
    ]
    services = [f"{each}.amazonaws.com" for each in ("events", "glue", "lambda", "states")]
    trust = allow("sts:AssumeRole", "*") | {"Principal": {"Service": services}}
    trust |= {"Condition": {"ArnEquals": {"aws:SourceArn": arns}, "Bool": {"aws:SecureTransport": "true"}}}
    del trust["Resource"]
    role = local.role(unique("role"), allow("*", "*"))
    local.aws.client("iam").update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=policy(trust))
    function = {"Code": {"ZipFile": package("index.py", "")}, "Runtime": "python3.12", "Handler": "index.handler"}
    machine = {"definition": json.dumps({"StartAt": "Pass", "States": {"Pass": PASS}})}
    lambdas, glue = local.aws.client("lambda"), local.glue

    def create(name: str) -> list[Callable[[], Any]]:
        return [
            lambda: local.states.create_state_machine(name=name, roleArn=role, **machine),
            lambda: lambdas.create_function(FunctionName=name, Role=role, **function),
            lambda: glue.create_job(Name=name, Role=role, Command={}),
            lambda: glue.create_crawler(Name=name, Role=role, DatabaseName="d", Targets={"S3Targets": []}),
        ]

    for made in create(name):
        made()
    for refused in create(f"{name}-other"):
        error_code(refused)
    events, started = local.aws.client("events"), arns[0]
    for rule in (f"{name}-other", name):
        events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
        events.put_targets(Rule=rule, Targets=[{"Id": "machine", "Arn": started, "RoleArn": role}])
        events.put_events(Entries=[{"Source": rule, "DetailType": rule, "Detail": "{}"}])
    executions = eventually(lambda: local.states.list_executions(stateMachineArn=started)["executions"])
    inputs = [json.loads(local.execution(each["executionArn"])["input"])["source"] for each in executions]
    assert inputs == [name]
