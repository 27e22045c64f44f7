"""Calls that roles make themselves: held against their policies."""

import json

import boto3
import pytest

from local.aws import ACCOUNT, REGION, LocalAws
from local.aws.policies import policy
from local.aws.tests.support import (
    FAIL,
    PASS,
    ROLE,
    Local,
    acting,
    allow,
    denied,
    error_code,
    eventually,
    unique,
)

pytestmark = pytest.mark.aws(
    "Policy evaluation logic",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
    validated="never",
)

GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
KEY = "states:StateMachineQualifier"
START = "arn:aws:states:::glue:startJobRun"


def test_a_role_may_do_what_its_policy_says_and_nothing_else(local: Local) -> None:
    """Protects accounts from missing permissions that show there for the first time: action, resource, AWS's text."""
    mine, other = local.crawler(), local.crawler()
    role = local.role(
        unique("role"), allow("glue:GetCrawler", f"{GLUE}:crawler/{mine}"), allow("glue:GetCrawlerMetrics", "*")
    )
    glue = acting(local, role, "glue")
    assert glue.get_crawler(Name=mine)["Crawler"]["Name"] == mine
    assert glue.get_crawler_metrics()["CrawlerMetricsList"]
    name = role.rpartition("/")[2]
    assert denied(glue.get_crawler, Name=other) == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session is not authorized to perform: glue:GetCrawler on "
        f"resource: {GLUE}:crawler/{other} because no identity-based policy allows the glue:GetCrawler action"
    )
    for call in (glue.start_crawler, glue.stop_crawler):
        denied(call, Name=mine)
    denied(glue.list_crawls, CrawlerName=mine)


@pytest.mark.parametrize(
    ("service", "call", "resource", "arguments"),
    [
        ("glue", "list_crawls", "crawler/*", {"CrawlerName": "c"}),
        ("glue", "start_job_run", "job/j", {"JobName": "j"}),
        ("glue", "get_job_runs", "job/j", {"JobName": "j"}),
        ("glue", "get_table", "table/d/t", {"DatabaseName": "d", "Name": "t"}),
        ("glue", "get_database", "database/d", {"Name": "d"}),
    ],
)
def test_a_policy_names_resources_as_aws_does(
    local: Local, service: str, call: str, resource: str, arguments: dict[str, str]
) -> None:
    """Protects correct policies: what AWS allows is not denied here, and what it denies is not allowed."""
    role = local.role(unique("role"), allow("glue:*", f"{GLUE}:{resource}"))
    assert error_code(getattr(acting(local, role, service), call), **arguments)[0] == "EntityNotFoundException"
    other = local.role(unique("role"), allow("glue:*", f"{GLUE}:other"))
    assert resource.removesuffix("*") in denied(getattr(acting(local, other, service), call), **arguments)


@pytest.mark.aws(
    "State machine versions and aliases: authorization",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html",
    validated="never",
)
def test_a_start_by_an_alias_is_a_start_of_the_machine(local: Local) -> None:
    """Protects policies on machines: AWS leaves out the alias or version."""
    machine = local.machine(Pass=PASS)
    version = local.states.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    role = local.role(unique("role"), allow("states:StartExecution", machine))
    assert acting(local, role, "stepfunctions").start_execution(stateMachineArn=version)["executionArn"]
    for value, qualified, bare in (("1", True, False), ("2", False, False), (None, False, True)):
        condition = {"StringEquals": {KEY: value}} if value else {"Null": {KEY: "true"}}
        role = local.role(unique("role"), allow("states:StartExecution", machine) | {"Condition": condition})
        task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "End": True}
        for named, allowed in ((version, qualified), (machine, bare)):
            start = acting(local, role, "stepfunctions").start_execution
            if allowed:
                start(stateMachineArn=named)
            else:
                denied(start, stateMachineArn=named)
            ended = local.run(role=role, Task=task | {"Arguments": {"StateMachineArn": named}})
            assert (ended["status"] == "SUCCEEDED") == allowed, ended
    on_version = local.role(unique("role"), allow("states:StartExecution", version))
    denied(acting(local, on_version, "stepfunctions").start_execution, stateMachineArn=version)


def test_a_boundary_limits_what_is_allowed(local: Local) -> None:
    """Protects accounts whose administrators set boundaries."""
    crawler, iam = local.crawler(), local.aws.client("iam")
    role = local.role(unique("role"), allow("glue:*", "*"))
    boundary = iam.create_policy(PolicyName=unique("boundary"), PolicyDocument=policy(allow("glue:GetCrawler", "*")))
    arn = boundary["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=role.rpartition("/")[2], PermissionsBoundary=arn)
    glue = acting(local, role, "glue")
    glue.get_crawler(Name=crawler)
    denied(glue.start_crawler, Name=crawler)


@pytest.mark.aws(
    "Grant a user permissions to pass a role to an AWS service",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
    validated="never",
)
def test_whoever_hands_on_a_role_needs_the_permission(local: Local) -> None:
    """Protects deployments by roles: what they create gets a role that they may pass, and to that service only."""
    passing = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    may_create = allow("glue:*", "*"), allow("states:*", "*")
    without = acting(local, local.role(unique("role"), *may_create), "glue")
    job = {"Role": ROLE, "Command": {}}
    with pytest.raises(without.exceptions.AccessDeniedException, match="iam:PassRole on resource: " + ROLE) as refused:
        without.create_job(Name=unique("job"), **job)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    neither = acting(local, local.role(unique("role")), "glue")
    assert "glue:CreateJob" in denied(neither.create_job, Name=unique("job"), **job)
    path = local.role(unique("role"), path="/service-role/")
    by_name = {"Role": path.rpartition("/")[2], "Command": {}}
    may_pass = acting(local, local.role(unique("role"), *may_create, allow("iam:PassRole", path)), "glue")
    may_pass.create_job(Name=unique("job"), **by_name)
    role = local.role(unique("role"), *may_create, allow("iam:PassRole", ROLE) | {"Condition": passing})
    acting(local, role, "glue").create_job(Name=unique("job"), **job)
    states = acting(local, role, "stepfunctions")
    assert "iam:PassRole" in denied(states.create_state_machine, name=unique("m"), definition="{}", roleArn=ROLE)


@pytest.mark.aws(
    "GetSessionToken",
    url="https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html",
    validated="never",
)
def test_a_session_of_the_root_may_do_what_the_root_may(local: Local) -> None:
    """Protects tools that work with session tokens: a session need not be a role's."""
    keys = local.aws.client("sts").get_session_token()["Credentials"]
    session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION)
    glue = session.client("glue", endpoint_url=local.aws.endpoint)
    assert "Jobs" in glue.get_jobs()
    glue.create_job(Name=unique("job"), Role=ROLE, Command={})


@pytest.mark.aws(
    "AWS Glue: Create an IAM role for AWS Glue",
    url="https://docs.aws.amazon.com/glue/latest/dg/create-an-iam-role.html",
    validated="never",
)
def test_jobs_and_crawlers_work_under_their_roles(local: Local) -> None:
    """Protects workloads: what a script, or a crawl, may not read ends it, as in an account."""
    bucket = local.bucket(**{"job.py": "import boto3; boto3.client('s3').list_buckets()", "t/a.csv": "id\n1\n"})
    reads = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/job.py"}
    scriptless, reader = local.role(unique("role")), local.role(unique("role"), reads)
    for role, says in ((scriptless, "Error downloading"), (reader, "s3:ListAllMyBuckets")):
        job = local.job(Role=role, Command=command)
        run = local.run_job(job)
        assert (run["JobRunState"], says in run["ErrorMessage"]) == ("FAILED", True), run
    crawl = local.crawl(local.crawler(f"s3://{bucket}/t/", Role=reader))
    assert (crawl["State"], "s3:ListBucket" in crawl["ErrorMessage"]) == ("FAILED", True), crawl
    with pytest.raises(local.glue.exceptions.InvalidInputException, match="unable to assume provided role"):
        local.job(Role=local.role(unique("role"), trusted=["ec2.amazonaws.com"]))


@pytest.mark.aws(
    "Resource-based policies for Amazon EventBridge",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",
    validated="never",
)
def test_a_rule_starts_by_its_role_and_parks_by_the_queues_policy(local: Local) -> None:
    """Protects events: a denied start is parked at once, and lost where the queue does not let EventBridge send."""
    machine = local.machine(Fail=FAIL)
    queue, queue_arn = local.queue()
    closed = local.sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
    closed_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{closed.rpartition('/')[2]}"
    may_not = local.role(unique("role"), allow("states:StartExecution", f"{machine}-other"))
    events, name = local.aws.client("events"), unique("rule")
    events.put_rule(Name=name, EventPattern=f'{{"source": ["{name}"]}}')
    targets = [
        {"Id": str(number), "Arn": machine, "RoleArn": may_not, "DeadLetterConfig": {"Arn": arn}}
        for number, arn in enumerate((closed_arn, queue_arn))
    ]
    events.put_targets(Rule=name, Targets=targets)
    events.put_events(Entries=[{"Source": name, "DetailType": "test", "Detail": "{}"}])
    received = eventually(
        lambda: local.sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages")
    )
    attributes = received[0]["MessageAttributes"]
    assert attributes["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert "states:StartExecution" in attributes["ERROR_MESSAGE"]["StringValue"]
    assert local.received(closed) == []
    assert local.states.list_executions(stateMachineArn=machine)["executions"] == []


def test_permissions_can_be_left_aside() -> None:
    """Protects tests that are about something else: nothing is denied, and roles need not exist."""
    with LocalAws(permissions=False) as aws:
        glue = aws.client("glue")
        glue.create_job(Name="j", Role="nobody", Command={}, Tags={"local:seconds": "0"})
        task = {"Type": "Task", "Resource": START, "Arguments": {"JobName": "j"}, "End": True}
        definition = {"QueryLanguage": "JSONata", "StartAt": "Task", "States": {"Task": task}}
        states = aws.client("stepfunctions")
        machine = states.create_state_machine(
            name="m",
            definition=json.dumps(definition),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/nobody",
        )["stateMachineArn"]
        arn = states.start_execution(stateMachineArn=machine)["executionArn"]
        ended = eventually(lambda: (e := states.describe_execution(executionArn=arn))["status"] != "RUNNING" and e)
        assert ended["status"] == "SUCCEEDED", ended


def test_what_was_allowed_and_denied_is_told_until_it_is_forgotten(local: Local) -> None:
    """Protects the proof that each grant is needed: a check that fails for another reason shows no denial."""
    mine = local.crawler()
    role = local.role(
        unique("role"), allow("glue:GetCrawler", f"{GLUE}:crawler/{mine}"), trusted=["states.amazonaws.com"]
    )
    name = role.rpartition("/")[2]
    local.machine(role=role, Done={"Type": "Succeed"})
    glue = acting(local, role, "glue")
    glue.get_crawler(Name=mine)
    denied(glue.stop_crawler, Name=mine)
    error_code(local.aws.client("lambda").create_function, FunctionName=unique("function"), Role=role, Code={})
    for _ in range(2):
        assert {(name, "glue:GetCrawler"), (name, "sts:AssumeRole")} <= local.aws.allowed()
        assert {(name, "glue:StopCrawler"), (name, "sts:AssumeRole")} <= local.aws.denied()
        assert (name, "glue:StopCrawler") not in local.aws.allowed()
    local.aws.forget_permissions()
    assert name not in {role for role, _ in local.aws.allowed() | local.aws.denied()}
