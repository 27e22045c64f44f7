"""The roles of state machines: what their tasks call, and what is looked at when they are created."""

import json
from typing import Any

import ministack.services.stepfunctions as sfn
import pytest

from local.aws import ACCOUNT, REGION
from local.aws.stepfunctions import integrations
from local.aws.tests.support import PASS, ROLE, Local, allow, before_a_wait, error_code, eventually, unique

pytestmark = pytest.mark.aws(
    "How Step Functions generates IAM policies for integrated services",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html",
    validated="never",
)

GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
LOGS = [
    f"logs:{action}"
    for action in (
        "CreateLogDelivery",
        "GetLogDelivery",
        "UpdateLogDelivery",
        "DeleteLogDelivery",
        "ListLogDeliveries",
        "PutResourcePolicy",
        "DescribeResourcePolicies",
        "DescribeLogGroups",
    )
]
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"


def task(resource: str, **arguments: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "End": True}


@pytest.mark.parametrize(
    ("resource", "arguments", "error", "action"),
    [
        ("glue:startJobRun", {"JobName": "j"}, "Glue.AWSGlueException", "glue:StartJobRun"),
        ("aws-sdk:glue:stopCrawler", {"Name": "c"}, "Glue.AccessDeniedException", "glue:StopCrawler"),
        ("lambda:invoke", {"FunctionName": "f"}, "Lambda.AWSLambdaException", "lambda:InvokeFunction"),
        (
            "states:startExecution",
            {"StateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"},
            "StepFunctions.AWSStepFunctionsException",
            "states:StartExecution",
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": "http://q/0/q", "MessageBody": "m"},
            "SQS.AmazonSQSException",
            "sqs:SendMessage",
        ),
        (
            "sns:publish",
            {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t", "Message": "m"},
            "SNS.AuthorizationErrorException",
            "sns:Publish",
        ),
        ("events:putEvents", {"Entries": []}, "EventBridge.AmazonEventBridgeException", "events:PutEvents"),
        *(
            (f"dynamodb:{call}Item", {"TableName": "t"}, "DynamoDB.AmazonDynamoDBException", f"dynamodb:{action}Item")
            for call, action in (("put", "Put"), ("get", "Get"), ("delete", "Delete"), ("update", "Update"))
        ),
        ("ecs:runTask", {"Cluster": "c", "TaskDefinition": "t:1"}, "ECS.AccessDeniedException", "ecs:RunTask"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_task_that_the_role_does_not_allow_fails(
    local: Local, resource: str, arguments: dict[str, str], error: str, action: str
) -> None:
    """Protects catchers: a denial has the name that the integration gives it, and the action in its cause."""
    execution = local.run(role=local.role(unique("role")), Task=task(resource, **arguments))
    assert (execution["status"], execution["error"]) == ("FAILED", error), execution
    assert f"is not authorized to perform: {action}" in execution["cause"]
    code = "AuthorizationError" if resource == "sns:publish" else "AccessDeniedException"
    assert f"Error Code: {code};" in execution["cause"] or "aws-sdk" in resource


def test_every_integration_of_ministack_has_names_for_its_errors() -> None:
    """Protects those who upgrade ministack: a denied task of a new integration would break its execution."""
    served = {resource.split(":")[5] for resource in sfn._SERVICE_DISPATCH}
    assert served <= integrations.OPTIMIZED.keys()


LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"


@pytest.mark.parametrize(
    ("resource", "arguments", "action", "about"),
    [
        ("aws-sdk:s3:getObject", {"Bucket": "b", "Key": "d/k"}, "s3:GetObject", ["arn:aws:s3:::b/d/k"]),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": "b"}, "s3:ListBucket", ["arn:aws:s3:::b"]),
        (
            "aws-sdk:eventbridge:putEvents",
            {"Entries": [{"EventBusName": "b", "Source": "s", "DetailType": "t", "Detail": "{}"}]},
            "events:PutEvents",
            [f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/b"],
        ),
        (
            "aws-sdk:athena:startQueryExecution",
            {"QueryString": "select 1", "WorkGroup": "w"},
            "athena:StartQueryExecution",
            [f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/w"],
        ),
        (
            "aws-sdk:dynamodb:batchGetItem",
            {"RequestItems": {"t": {"Keys": []}, "u": {"Keys": []}}},
            "dynamodb:BatchGetItem",
            [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}" for name in "tu"],
        ),
        ("lambda:invoke", {"FunctionName": "f", "Qualifier": "a"}, "lambda:InvokeFunction", [f"{LAMBDA}:f:a"]),
        ("lambda:invoke", {"FunctionName": f"{ACCOUNT}:function:f"}, "lambda:InvokeFunction", [f"{LAMBDA}:f"]),
        ("lambda:invoke", {"FunctionName": "a-function:b"}, "lambda:InvokeFunction", [f"{LAMBDA}:a-function:b"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_task_needs_its_action_on_what_it_is_about(
    local: Local, resource: str, arguments: dict[str, Any], action: str, about: list[str]
) -> None:
    """Protects least privilege: policies that name the resource suffice, those that name another one do not."""

    def is_denied(*resources: str) -> bool:
        role = local.role(unique("role"), *(allow(action, each) for each in resources))
        execution = local.run(role=role, Task=task(resource, **arguments))
        return f"not authorized to perform: {action} on resource: {about[-1]}" in execution.get("cause", "")

    assert not is_denied(*about)
    assert is_denied(*about[:-1], f"{about[-1]}-other")


def test_a_task_calls_by_tls(local: Local) -> None:
    """Protects roles with the usual Deny of what does not come by TLS: it is not about the calls of machines."""
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    crawler = local.crawler()
    role = local.role(unique("role"), allow("*", "*"), deny)
    assert local.run(role=role, Task=task("aws-sdk:glue:getCrawler", Name=crawler))["status"] == "SUCCEEDED"


@pytest.mark.aws(
    "Grant a user permissions to pass a role to an AWS service",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
    validated="never",
)
@pytest.mark.parametrize(
    ("resource", "arguments", "actions"),
    [
        ("aws-sdk:glue:createJob", {"Role": "local", "Command": {}}, "glue:CreateJob"),
        (
            "aws-sdk:sfn:createStateMachine",
            {"RoleArn": ROLE, "Definition": json.dumps({"StartAt": "Pass", "States": {"Pass": PASS}})},
            "states:CreateStateMachine",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" in value else "",
)
def test_a_task_that_hands_on_a_role_needs_the_permission(
    local: Local, resource: str, arguments: dict[str, Any], actions: str
) -> None:
    """Protects machines that create things: they may give them only the roles that they may pass."""
    asked = task(resource, Name=unique("name"), **arguments)
    denied = local.run(role=local.role(unique("role"), allow(actions, "*")), Task=asked)
    assert f"is not authorized to perform: iam:PassRole on resource: {ROLE}" in denied["cause"]
    may_pass = local.role(unique("role"), allow(actions, "*"), allow("iam:PassRole", ROLE))
    assert local.run(role=may_pass, Task=asked)["status"] == "SUCCEEDED"


def test_a_task_whose_arguments_are_no_object_is_held_too(local: Local) -> None:
    """Protects against a denial that shows in accounts only."""
    asked = task("aws-sdk:glue:listJobs") | {"Arguments": "none"}
    execution = local.run(role=local.role(unique("role")), Task=asked)
    assert "not authorized to perform: glue:ListJobs" in execution["cause"]


def test_what_aws_data_do_not_know_is_not_denied(local: Local) -> None:
    """Protects against denials that no policy could lift: the server's log has a warning instead."""
    for service in ("glue", "nothing"):
        execution = local.run(role=local.role(unique("role")), Task=task(f"aws-sdk:{service}:doNothing"))
        assert "not authorized" not in execution["cause"]
        assert f"do not know the action {service}:DoNothing" in local.aws.log.read_text()


def test_waiting_for_a_run_needs_to_look_at_it(local: Local) -> None:
    """Protects `.sync`: to start a run is not enough."""
    job = local.job(tags={"local:seconds": "0"})
    start = allow("glue:StartJobRun", f"{GLUE}:job/{job}")
    sync = task("glue:startJobRun.sync", JobName=job)
    execution = local.run(role=local.role(unique("role"), start), Task=sync)
    assert "glue:GetJobRun " in execution["cause"]
    looks = allow(["glue:GetJobRun", "glue:GetJobRuns"], f"{GLUE}:job/{job}")
    assert local.run(role=local.role(unique("role"), start, looks), Task=sync)["status"] == "SUCCEEDED"


def test_what_may_not_be_stopped_goes_on(local: Local) -> None:
    """Protects aborts: without BatchStopJobRun the run outlives its execution."""
    job = local.job(tags={"local:seconds": "2"})
    starts = ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns"]
    role = local.role(unique("role"), allow(starts, f"{GLUE}:job/{job}"))
    arn = local.start(local.machine(role=role, **before_a_wait(task("glue:startJobRun.sync", JobName=job))))
    runs = eventually(lambda: local.glue.get_job_runs(JobName=job)["JobRuns"])
    local.states.stop_execution(executionArn=arn)
    run = runs[0]["Id"]
    ended = eventually(lambda: "CompletedOn" in (found := local.job_run(job, run)) and found)
    assert ended["JobRunState"] == "SUCCEEDED"


@pytest.mark.aws(
    "Using CloudWatch Logs to log execution history in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
    validated="never",
)
def test_a_machine_that_logs_needs_all_of_log_delivery(local: Local) -> None:
    """Protects deployments: AWS refuses the machine, when it is created and when it is updated."""
    logging = {"level": "ERROR", "destinations": []}
    text = "The state machine IAM Role is not authorized to access the Log Destination"
    definition = json.dumps({"StartAt": "Pass", "States": {"Pass": PASS}})
    for missing in LOGS:
        role = local.role(unique("role"), allow([each for each in LOGS if each != missing], "*"))
        given = {"definition": definition, "roleArn": role, "loggingConfiguration": logging}
        code = error_code(local.states.create_state_machine, name=unique("machine"), **given)
        assert code == ("AccessDeniedException", text), missing
    role = local.role(unique("role"), allow(LOGS, "*"))
    given = {"definition": definition, "roleArn": role, "loggingConfiguration": logging}
    arn = local.states.create_state_machine(name=unique("machine"), **given)["stateMachineArn"]
    bare = local.role(unique("role"))
    assert error_code(local.states.update_state_machine, stateMachineArn=arn, roleArn=bare)[1] == text


@pytest.mark.aws(
    "Start workflow executions from a task state in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html",
    validated="never",
)
def test_a_machine_that_waits_for_executions_needs_the_managed_rule(local: Local) -> None:
    """Protects deployments: it is how Step Functions learns of the end of a nested execution."""
    nested = task("states:startExecution.sync:2", StateMachineArn="arn")
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Task", "States": {"Task": nested}})
    role = local.role(unique("role"), allow(["events:PutTargets", "events:PutRule"], RULE))
    given = {"name": unique("machine"), "definition": definition}
    code, message = error_code(local.states.create_state_machine, roleArn=role, **given)
    assert (code, message) == ("AccessDeniedException", f"'{role}' is not authorized to create managed-rule.")
    role = local.role(unique("role"), allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], RULE))
    assert local.states.create_state_machine(roleArn=role, **given)["stateMachineArn"]
