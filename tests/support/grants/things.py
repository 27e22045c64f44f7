"""What checks use beside the stack, and how all of it comes to rest."""

import json
from contextlib import suppress
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from local.aws import ACCOUNT, REGION, LocalAws
from local.aws.awslambda.package import package
from local.aws.policies import policy
from tests.support.grants.looks import machines, ready, resources, under_way
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually

BUCKET, PREFIX = "granted", "landing/"
JOB, LONG_JOB = "granted-job", "granted-long-job"
CRAWLER, LONG_CRAWLER = "granted-crawler", "granted-long-crawler"
DATABASE = "granted"
FUNCTION, MACHINE, LONG_MACHINE = "granted-function", "granted-machine", "granted-long-machine"
WORKGROUP, LONG_WORKGROUP = "granted", "granted-long"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:granted"
PIPELINE = {
    "name": "granted",
    "trigger": {"bucket": BUCKET, "prefix": PREFIX},
    "schedule": {"expression": "rate(365 days)"},
    "stages": [{"steps": [{"job": JOB, "crawler": CRAWLER}]}],
}
ENDLESS = {"local:seconds": "600", "local:stopping-seconds": "0"}
QUICK = {"local:seconds": "0", "local:stopping-seconds": "0"}
# From the outside in: what is stopped starts nothing more. Wake is over by itself.
STOPPED, AWAITED = ("Trigger", "Pipeline", "Crawl"), "Wake"
# What Athena asks for of a query that reads no table, in this order.
QUERYING = ["s3:GetBucketLocation", "s3:PutObject"]
HANDLER = "def handler(event, context):\n    return event\n"
_numbers = count()


def parameters(aws: LocalAws) -> dict[str, str | int]:
    """Those of the stack; patterns that stand for nothing of its own, lest they grant what is taken away elsewhere."""
    queries = {"Effect": "Allow", "Action": QUERYING, "Resource": [f"arn:aws:s3:::{BUCKET}{end}" for end in ("", "/*")]}
    created = aws.client("iam").create_policy(PolicyName="granted", PolicyDocument=policy(queries))
    return {
        # So long that a wait which nobody ends is told from one that was ended.
        "PollMaxSeconds": 60,
        "PipelinePolicyArn": created["Policy"]["Arn"],
        # Without an asterisk, which would stand for the function's alias too.
        "FunctionNamePattern": FUNCTION,
        **{f"{kind}NamePattern": "granted*" for kind in ("Machine", "WorkGroup", "Topic")},
    }


def number() -> int:
    """Another one each time, for names."""
    return next(_numbers)


def set_up(stack: Stack) -> None:
    location = {"LocationConstraint": REGION}
    stack.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    stack.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    stack.s3.put_object(Bucket=BUCKET, Key="table/a.csv", Body="id\n1\n")
    stack.glue.create_database(DatabaseInput={"Name": DATABASE})
    many = {"MaxConcurrentRuns": 100}
    for job, tags in ((JOB, {"local:seconds": "0"}), (LONG_JOB, {"local:seconds": "600"})):
        stack.glue.create_job(Name=job, Role=ROLE, Command={}, Tags=tags, ExecutionProperty=many)
    for crawler, tags in ((CRAWLER, QUICK), (LONG_CRAWLER, ENDLESS)):
        create_crawler(stack, crawler, tags)
    # One that is over, for checks that ask for the last one.
    stack.glue.start_crawler(Name=CRAWLER)
    ready(stack, CRAWLER)
    set_up_work(stack)


def set_up_work(stack: Stack) -> None:
    code = {"ZipFile": package("index.py", HANDLER)}
    stack.functions.create_function(
        FunctionName=FUNCTION, Runtime="python3.11", Handler="index.handler", Role=ROLE, Code=code
    )
    stack.functions.publish_version(FunctionName=FUNCTION)
    stack.functions.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    done, wait = {"Type": "Succeed"}, {"Type": "Wait", "Seconds": 600, "End": True}
    for machine, state in ((MACHINE, done), (LONG_MACHINE, wait)):
        definition = json.dumps({"StartAt": "Only", "States": {"Only": state}})
        stack.states.create_state_machine(name=machine, roleArn=ROLE, definition=definition)
    version = stack.states.publish_state_machine_version(stateMachineArn=machine_arn(MACHINE))
    route = {"stateMachineVersionArn": version["stateMachineVersionArn"], "weight": 100}
    stack.states.create_state_machine_alias(name="live", routingConfiguration=[route])
    result = {"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"}}
    for workgroup, seconds in ((WORKGROUP, "0"), (LONG_WORKGROUP, "600")):
        tags = [{"Key": "local:seconds", "Value": seconds}]
        stack.aws.client("athena").create_work_group(Name=workgroup, Configuration=result, Tags=tags)
    stack.aws.client("sns").create_topic(Name=TOPIC.rpartition(":")[2])


def create_crawler(stack: Stack, name: str, tags: dict[str, str]) -> None:
    stack.glue.create_crawler(
        Name=name,
        Role=ROLE,
        DatabaseName=DATABASE,
        Targets={"S3Targets": [{"Path": f"s3://{BUCKET}/table/"}]},
        Tags=tags,
    )


def new_crawler(stack: Stack, tags: dict[str, str]) -> str:
    """One without a history: the crawls of one crawler begin a second apart, so that the next may lie ahead."""
    name = f"granted-crawler-{number()}"
    create_crawler(stack, name, tags)
    return name


def calm(stack: Stack) -> None:
    """Ends what a check has left running, until nothing is, and forgets who waited and what was parked."""
    eventually(lambda: not _stopping(stack))
    while stack.parked():
        pass
    for table in resources(stack, "AWS::DynamoDB::Table"):
        keys = [key["AttributeName"] for key in _table(stack).describe_table(TableName=table)["Table"]["KeySchema"]]
        for page in _table(stack).get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                _table(stack).delete_item(TableName=table, Key={key: item[key] for key in keys})


def _table(stack: Stack) -> Any:
    return stack.aws.client("dynamodb")


def _stopping(stack: Stack) -> bool:
    """Stops what runs; whether anything did."""
    found = False
    for machine in STOPPED:
        for arn in under_way(stack, stack.machine(machine)):
            found = True
            with suppress(ClientError):  # it has just ended
                stack.states.stop_execution(executionArn=arn)
    for arn in machines(stack):
        if arn.endswith(f"-{AWAITED.lower()}"):
            found = bool(under_way(stack, arn)) or found
    for arn in under_way(stack, machine_arn(LONG_MACHINE)):
        found = True
        stack.states.stop_execution(executionArn=arn)
    for query in queries(stack):
        found = True
        stack.aws.client("athena").stop_query_execution(QueryExecutionId=query)
    for job in (JOB, LONG_JOB):
        for run in stack.glue.get_job_runs(JobName=job)["JobRuns"]:
            if run["JobRunState"] in ("STARTING", "RUNNING", "STOPPING"):
                found = True
                stack.glue.batch_stop_job_run(JobName=job, JobRunIds=[run["Id"]])
    for crawler in stack.glue.get_crawlers()["Crawlers"]:
        if crawler["State"] != "READY":
            found = True
            with suppress(ClientError):  # it is stopping, or has just ended
                stack.glue.stop_crawler(Name=crawler["Name"])
    return found


def machine_arn(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


def queries(stack: Stack) -> list[str]:
    """The long queries that run."""
    athena = stack.aws.client("athena")
    ids = athena.list_query_executions(WorkGroup=LONG_WORKGROUP)["QueryExecutionIds"]
    return [each for each in ids if query_state(stack, each) in ("QUEUED", "RUNNING")]


def query_state(stack: Stack, query: str) -> str:
    found = stack.aws.client("athena").get_query_execution(QueryExecutionId=query)["QueryExecution"]
    return str(found["Status"]["State"])
