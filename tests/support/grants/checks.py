"""What the stack can do only because it is granted; each fails as soon as something is denied."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal, TypeVar

from botocore.exceptions import ClientError

from local.aws import ACCOUNT, REGION
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually
from tests.support.waits import waits_of

BUCKET, PREFIX = "granted", "landing/"
JOB, LONG_JOB = "granted-job", "granted-long-job"
CRAWLER, LONG_CRAWLER = "granted-crawler", "granted-long-crawler"
DATABASE = "granted"
PIPELINE = {
    "name": "granted",
    "trigger": {"bucket": BUCKET, "prefix": PREFIX},
    "stages": [{"steps": [{"job": JOB, "crawler": CRAWLER}]}],
}
ENDLESS = {"local:seconds": "600", "local:stopping-seconds": "0"}
QUICK = {"local:seconds": "0", "local:stopping-seconds": "0"}
# The first look comes after a second, the next one a minute later: it ends amid that wait.
WAITED_FOR = {"local:seconds": "4", "local:stopping-seconds": "0"}
# So long that a wait which nobody ends is told from one that was ended.
PARAMETERS = {"PollMaxSeconds": 60}
# From the outside in: whoever is stopped starts nothing any more. Wake is over by itself.
STOPPED, AWAITED = ("Trigger", "Pipeline", "Crawl"), "Wake"
# What is slow on a busy machine; who lacks a grant fails long before.
PATIENCE = 60.0
_numbers = count()
Check = Callable[[Stack], None]
T = TypeVar("T")


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
    # One that is over, for whoever asks for the last one.
    stack.glue.start_crawler(Name=CRAWLER)
    ready(stack, CRAWLER)


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
    name = f"granted-crawler-{next(_numbers)}"
    create_crawler(stack, name, tags)
    return name


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


def granted(stack: Stack, look: Callable[[], T | Literal[False] | None]) -> T:
    """The first true answer of `look`; fails as soon as something of the stack is denied, for it would only retry."""

    def undenied() -> T | Literal[False] | None:
        answer = look()
        denied = stack.aws.denied()
        assert not denied, denied
        return answer

    return eventually(undenied, PATIENCE)


def ready(stack: Stack, crawler: str) -> None:
    """Awaits the end of its crawl, and the moment from which the next one may begin at once."""

    def over() -> bool:
        found = stack.glue.get_crawler(Name=crawler)["Crawler"]
        began = found.get("LastCrawl", {}).get("StartTime")
        return found["State"] == "READY" and (not began or (datetime.now(UTC) - began).total_seconds() > 1)

    granted(stack, over)


# --- the checks ------------------------------------------------------------------------------------


def an_object_starts_a_run(stack: Stack) -> None:
    """From the rule to the end of the pipeline."""
    before = {execution["executionArn"] for execution in stack.executions("Trigger")}
    stack.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}{next(_numbers)}.csv", Body="a\n")
    [trigger] = granted(stack, lambda: started(stack, "Trigger", before))
    answer = succeeded(stack, trigger)
    pipeline = stack.machine("Pipeline").replace(":stateMachine:", ":execution:")
    succeeded(stack, f"{pipeline}:{answer['executionName']}")


def a_crawl_has_an_estimate(stack: Stack) -> None:
    """Best effort: nothing but the estimate is missing without GetCrawlerMetrics."""
    ready(stack, CRAWLER)
    answer = stack.invoke("StartCrawler", {"crawlername": CRAWLER, "requestedAt": moment()})
    assert "errorType" not in answer, answer
    assert answer["expectedSeconds"] is not None, answer


def a_crawl_that_others_began_is_joined(stack: Stack) -> None:
    """Best effort: without ListCrawls nothing proves when the crawl under way began."""
    crawler = new_crawler(stack, ENDLESS)
    asked = moment()
    time.sleep(0.01)
    stack.glue.start_crawler(Name=crawler)
    try:
        granted(stack, lambda: stack.glue.list_crawls(CrawlerName=crawler)["Crawls"])
        answer = stack.invoke("StartCrawler", {"crawlername": crawler, "requestedAt": asked})
        assert "errorType" not in answer, answer
        assert answer["outcome"] == "JOINED", answer
    finally:
        stack.glue.stop_crawler(Name=crawler)


def a_crawl_tells_its_changes(stack: Stack) -> None:
    """Best effort: without ListCrawls the tables that were created are unknown."""
    ready(stack, CRAWLER)
    answer = stack.invoke("GetCrawlerState", {"crawlername": CRAWLER})
    assert "errorType" not in answer, answer
    assert answer["crawl"]["crawlId"], answer


def who_waits_for_a_crawl_is_woken(stack: Stack) -> None:
    """Best effort: without the table, wake or its rule the next look tells the same."""
    ended = run(stack, "Crawl", {"crawlername": new_crawler(stack, WAITED_FOR)})
    assert ended["status"] == "SUCCEEDED", ended
    assert waits_of(stack, ended["executionArn"])[-1].woken


def a_crawl_out_of_time_is_stopped(stack: Stack) -> None:
    ready(stack, LONG_CRAWLER)
    given = {"crawlername": LONG_CRAWLER, "timeoutSeconds": 1, "stopOnTimeout": True}
    ended = run(stack, "Crawl", given)
    assert ended["error"] == "CrawlTimedOut", ended
    granted(stack, lambda: stack.glue.get_crawler(Name=LONG_CRAWLER)["Crawler"]["State"] == "READY")


def a_run_that_is_stopped_stops_its_job_and_its_crawl(stack: Stack) -> None:
    ready(stack, LONG_CRAWLER)
    steps = [{"job": LONG_JOB}, {"crawler": LONG_CRAWLER}]
    pipeline = {"name": "granted-stop", "stages": [{"steps": steps}]}
    crawls = {execution["executionArn"] for execution in stack.executions("Crawl")}
    started_run = stack.states.start_execution(
        stateMachineArn=stack.outputs["PipelineStateMachineArn"], input=json.dumps(pipeline)
    )
    [crawl] = granted(stack, lambda: started(stack, "Crawl", crawls))
    job = granted(stack, lambda: running(stack, LONG_JOB))
    stack.states.stop_execution(executionArn=started_run["executionArn"])

    def stopped() -> bool:
        state = stack.glue.get_job_run(JobName=LONG_JOB, RunId=job)["JobRun"]["JobRunState"]
        return state == "STOPPED" and stack.states.describe_execution(executionArn=crawl)["status"] == "ABORTED"

    granted(stack, stopped)


def an_event_that_cannot_be_read_is_parked(stack: Stack) -> None:
    """By **trigger**."""
    run(stack, "Trigger", {"event": {}, "pipeline": PIPELINE})
    granted(stack, stack.parked)


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
        granted(stack, stack.parked)
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
# The first that concerns a grant is tried first: the quick ones are above.
CHECKS: tuple[Check, ...] = (
    machines_can_be_deployed,
    functions_can_be_deployed,
    a_crawl_tells_its_changes,
    a_crawl_has_an_estimate,
    a_crawl_that_others_began_is_joined,
    a_crawl_out_of_time_is_stopped,
    who_waits_for_a_crawl_is_woken,
    an_event_that_cannot_be_delivered_is_parked,
    an_event_that_cannot_be_read_is_parked,
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


def run(stack: Stack, machine: str, given: Any) -> dict[str, Any]:
    """Starts an execution and describes it when it has ended."""
    arn = stack.states.start_execution(
        stateMachineArn=stack.outputs[f"{machine}StateMachineArn"], input=json.dumps(given)
    )["executionArn"]
    return finished(stack, arn)


def finished(stack: Stack, arn: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        execution: dict[str, Any] = stack.states.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    return granted(stack, ended)


def running(stack: Stack, job: str) -> str | None:
    """The run of the job that is under way."""
    runs = stack.glue.get_job_runs(JobName=job)["JobRuns"]
    return next((run["Id"] for run in runs if run["JobRunState"] == "RUNNING"), None)


def succeeded(stack: Stack, arn: str) -> Any:
    """The output of the execution."""
    execution = finished(stack, arn)
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
