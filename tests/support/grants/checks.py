"""What the stack can do only because it is granted; each fails as soon as something is denied."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from local.aws import ACCOUNT, REGION
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually

BUCKET, PREFIX = "granted", "landing/"
JOB, LONG_JOB = "granted-job", "granted-long-job"
CRAWLER, LONG_CRAWLER, WAITED_FOR = "granted-crawler", "granted-long-crawler", "granted-waited-for"
DATABASE = "granted"
PIPELINE = {"name": "granted", "stages": [{"steps": [{"job": JOB, "crawler": CRAWLER}]}]}
ENDLESS = {"local:seconds": "600"}
QUICK = {"local:seconds": "0", "local:stopping-seconds": "0"}
# Over after the first look, and before the second.
SHORT = {"local:seconds": "1.5", "local:stopping-seconds": "0"}
# From the outside in: whoever is stopped starts nothing any more. Wake is over by itself.
STOPPED, AWAITED = ("Trigger", "Pipeline", "Crawl"), "Wake"
PATIENCE = 60.0
_numbers = count()
Check = Callable[[Stack], None]


def set_up(stack: Stack) -> None:
    location = {"LocationConstraint": REGION}
    stack.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    stack.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    stack.s3.put_object(Bucket=BUCKET, Key="table/a.csv", Body="id\n1\n")
    stack.glue.create_database(DatabaseInput={"Name": DATABASE})
    many = {"MaxConcurrentRuns": 100}
    for job, tags in ((JOB, {"local:seconds": "0"}), (LONG_JOB, ENDLESS)):
        stack.glue.create_job(Name=job, Role=ROLE, Command={}, Tags=tags, ExecutionProperty=many)
    for crawler, tags in ((CRAWLER, QUICK), (LONG_CRAWLER, ENDLESS), (WAITED_FOR, SHORT)):
        stack.glue.create_crawler(
            Name=crawler,
            Role=ROLE,
            DatabaseName=DATABASE,
            Targets={"S3Targets": [{"Path": f"s3://{BUCKET}/table/"}]},
            Tags=tags,
        )
    # One that is over, for whoever asks for the last one.
    stack.glue.start_crawler(Name=CRAWLER)
    ready(stack, CRAWLER)


def calm(stack: Stack) -> None:
    """Ends what a check has left running, until nothing is, and forgets who waited and what was parked."""
    eventually(lambda: not _stopping(stack), PATIENCE)
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


def under_way(stack: Stack, machine: str) -> list[str]:
    executions = stack.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    return [each["executionArn"] for each in executions]


def ready(stack: Stack, crawler: str) -> None:
    eventually(lambda: stack.glue.get_crawler(Name=crawler)["Crawler"]["State"] == "READY", 20)


# --- the checks ------------------------------------------------------------------------------------


def an_object_starts_a_run(stack: Stack) -> None:
    """From the rule to the end of the pipeline."""
    before = {execution["executionArn"] for execution in stack.executions("Trigger")}
    stack.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}{next(_numbers)}.csv", Body="a\n")
    [trigger] = eventually(lambda: started(stack, "Trigger", before), 20)
    answer = succeeded(stack, trigger)
    run = stack.machine("Pipeline").replace(":stateMachine:", ":execution:") + ":" + answer["executionName"]
    succeeded(stack, run)


def a_crawl_has_an_estimate(stack: Stack) -> None:
    """Best effort: nothing but the estimate is missing without GetCrawlerMetrics."""
    ready(stack, CRAWLER)
    answer = stack.invoke("StartCrawler", {"crawlername": CRAWLER, "requestedAt": moment()})
    assert answer["expectedSeconds"] is not None, answer
    ready(stack, CRAWLER)


def a_crawl_that_others_began_is_joined(stack: Stack) -> None:
    """Best effort: without ListCrawls nothing proves when the crawl under way began."""
    asked = moment()
    time.sleep(0.01)
    stack.glue.start_crawler(Name=LONG_CRAWLER)
    try:
        eventually(lambda: stack.glue.get_crawler(Name=LONG_CRAWLER)["Crawler"]["State"] == "RUNNING")
        answer = stack.invoke("StartCrawler", {"crawlername": LONG_CRAWLER, "requestedAt": asked})
        assert answer.get("outcome") == "JOINED", answer
    finally:
        stack.glue.stop_crawler(Name=LONG_CRAWLER)
        ready(stack, LONG_CRAWLER)


def a_crawl_tells_its_changes(stack: Stack) -> None:
    """Best effort: without ListCrawls the tables that were created are unknown."""
    ready(stack, CRAWLER)
    answer = stack.invoke("GetCrawlerState", {"crawlername": CRAWLER})
    assert answer["crawl"]["crawlId"], answer


def who_waits_for_a_crawl_is_woken(stack: Stack) -> None:
    """Best effort: without the table, wake or its rule the next look tells the same."""
    ready(stack, WAITED_FOR)
    ended = stack.run("Crawl", {"crawlername": WAITED_FOR}, timeout=30)
    assert ended["status"] == "SUCCEEDED", ended
    states = [event.get("stateEnteredEventDetails", {}).get("name") for event in stack.history(ended["executionArn"])]
    assert "Wait without being woken" not in states
    kinds = [event["type"] for event in stack.history(ended["executionArn"])]
    # The two functions, and the wait.
    assert kinds.count("TaskSucceeded") == kinds.count("TaskSubmitted") + states.count("Get crawler state"), kinds


def a_crawl_out_of_time_is_stopped(stack: Stack) -> None:
    given = {"crawlername": LONG_CRAWLER, "timeoutSeconds": 1, "stopOnTimeout": True}
    ended = stack.run("Crawl", given, timeout=30)
    assert ended["error"] == "CrawlTimedOut", ended
    eventually(lambda: stack.glue.get_crawler(Name=LONG_CRAWLER)["Crawler"]["State"] != "RUNNING", 3)
    ready(stack, LONG_CRAWLER)


def a_run_that_is_stopped_stops_its_job_and_its_crawl(stack: Stack) -> None:
    steps = [{"job": LONG_JOB}, {"crawler": LONG_CRAWLER}]
    pipeline = {"name": "granted-stop", "stages": [{"steps": steps}]}
    crawls = {execution["executionArn"] for execution in stack.executions("Crawl")}
    run = stack.states.start_execution(
        stateMachineArn=stack.outputs["PipelineStateMachineArn"], input=json.dumps(pipeline)
    )
    [crawl] = eventually(lambda: started(stack, "Crawl", crawls), 20)
    job = eventually(lambda: running(stack, LONG_JOB), 20)
    stack.states.stop_execution(executionArn=run["executionArn"])

    def stopped() -> bool:
        state = stack.glue.get_job_run(JobName=LONG_JOB, RunId=job)["JobRun"]["JobRunState"]
        return state == "STOPPED" and stack.states.describe_execution(executionArn=crawl)["status"] == "ABORTED"

    eventually(stopped, 3)


def an_event_that_cannot_be_read_is_parked(stack: Stack) -> None:
    """By **trigger**."""
    stack.run("Trigger", {"event": {}, "pipeline": PIPELINE}, timeout=20)
    eventually(stack.parked, 3)


def an_event_that_cannot_be_delivered_is_parked(stack: Stack) -> None:
    """By EventBridge: the target is not there."""
    events, name = stack.aws.client("events"), "granted-lost"
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{stack.outputs['DeadLetterQueueUrl'].rpartition('/')[2]}"
    lost = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:lost"
    target = {"Id": "lost", "Arn": lost, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": queue}}
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[target])
    try:
        events.put_events(Entries=[{"Source": name, "DetailType": "test", "Detail": "{}"}])
        eventually(stack.parked, 3)
    finally:
        events.remove_targets(Rule=name, Ids=["lost"])
        events.delete_rule(Name=name)


def machines_can_be_deployed(stack: Stack) -> None:
    """AWS looks at the role of a machine that it creates or updates: trust, log delivery, the managed rule."""
    for arn in machines(stack):
        definition = stack.states.describe_state_machine(stateMachineArn=arn)["definition"]
        stack.states.update_state_machine(stateMachineArn=arn, definition=definition)


def functions_can_be_deployed(stack: Stack) -> None:
    """AWS looks at the trust of a function's role when it is created."""
    for function in functions(stack):
        kept = {name: function[name] for name in ("Runtime", "Handler", "Role")}
        copy = f"granted-copy-{next(_numbers)}"
        stack.functions.create_function(FunctionName=copy, Code={"ZipFile": b"PK\5\6" + bytes(18)}, **kept)
        stack.functions.delete_function(FunctionName=copy)


def traces_and_logs_are_allowed(stack: Stack) -> None:
    """By comparison, with IAM's policy simulator: nothing here sends traces, or log lines as a function."""
    for function in functions(stack):
        group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{function['LoggingConfig']['LogGroup']}:*"
        assert function["TracingConfig"]["Mode"] == "Active"
        may(stack, function["Role"], group, "logs:CreateLogStream", "logs:PutLogEvents")
        may(stack, function["Role"], "*", "xray:PutTraceSegments", "xray:PutTelemetryRecords")
    for arn in machines(stack):
        role = stack.states.describe_state_machine(stateMachineArn=arn)["roleArn"]
        attached = stack.aws.client("iam").list_attached_role_policies(RoleName=role.rpartition("/")[2])
        assert [each["PolicyName"] for each in attached["AttachedPolicies"]] == ["AWSXrayWriteOnlyAccess"]


COMPARISON = traces_and_logs_are_allowed
CHECKS: tuple[Check, ...] = (
    machines_can_be_deployed,
    functions_can_be_deployed,
    a_crawl_tells_its_changes,
    a_crawl_has_an_estimate,
    a_crawl_that_others_began_is_joined,
    who_waits_for_a_crawl_is_woken,
    an_event_that_cannot_be_delivered_is_parked,
    an_event_that_cannot_be_read_is_parked,
    a_crawl_out_of_time_is_stopped,
    a_run_that_is_stopped_stops_its_job_and_its_crawl,
    an_object_starts_a_run,
)


# --- what they look at -----------------------------------------------------------------------------


def moment() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def started(stack: Stack, machine: str, before: set[str]) -> list[str]:
    """The executions that were not there before; fails when an event is parked instead."""
    assert not stack.parked()
    return [each["executionArn"] for each in stack.executions(machine) if each["executionArn"] not in before]


def running(stack: Stack, job: str) -> str | None:
    """The run of the job that is under way."""
    runs = stack.glue.get_job_runs(JobName=job)["JobRuns"]
    return next((run["Id"] for run in runs if run["JobRunState"] == "RUNNING"), None)


def succeeded(stack: Stack, arn: str) -> Any:
    """The output of the execution; fails as soon as one of its tasks does, whether or not it is tried again."""

    def ended() -> dict[str, Any] | None:
        failed = [event for event in stack.history(arn) if event["type"] in ("TaskFailed", "TaskSubmitFailed")]
        assert not failed, failed[0]
        execution: dict[str, Any] = stack.states.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    execution = eventually(ended, 30)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return json.loads(execution["output"])


def resources(stack: Stack, kind: str) -> list[str]:
    """The physical names of the stack's resources of the type."""
    found = stack.aws.client("cloudformation").describe_stack_resources(StackName=stack.NAME)["StackResources"]
    return [each["PhysicalResourceId"] for each in found if each["ResourceType"] == kind]


def machines(stack: Stack) -> list[str]:
    return resources(stack, "AWS::StepFunctions::StateMachine")


def functions(stack: Stack) -> Iterator[dict[str, Any]]:
    for name in resources(stack, "AWS::Lambda::Function"):
        yield stack.functions.get_function_configuration(FunctionName=name)


def may(stack: Stack, role: str, resource: str, *actions: str) -> None:
    results = stack.aws.client("iam").simulate_principal_policy(
        PolicySourceArn=role, ActionNames=list(actions), ResourceArns=[resource]
    )["EvaluationResults"]
    assert {each["EvalDecision"] for each in results} == {"allowed"}, (role, results)
