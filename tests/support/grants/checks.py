"""What the stack can do only because it is granted; each fails as soon as something is denied."""

import json
import time
from collections.abc import Callable

from local.aws import ACCOUNT, REGION
from tests.support.grants import work
from tests.support.grants.looks import (
    functions,
    granted,
    machines,
    may,
    moment,
    ready,
    run,
    running,
    started,
    succeeded,
)
from tests.support.grants.things import (
    BUCKET,
    CRAWLER,
    ENDLESS,
    LONG_CRAWLER,
    LONG_JOB,
    PIPELINE,
    PREFIX,
    new_crawler,
    number,
)
from tests.support.roles import ROLE
from tests.support.stack import Stack
from tests.support.waits import waits_of

Check = Callable[[Stack], None]


def an_object_starts_a_run(stack: Stack) -> None:
    """From the rule to the end of the pipeline."""
    before = {execution["executionArn"] for execution in stack.executions("Trigger")}
    stack.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}{number()}.csv", Body="a\n")
    [trigger] = granted(stack, lambda: started(stack, "Trigger", before))
    succeeded(stack, stack.pipeline_run(succeeded(stack, trigger)["executionName"]))


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
    crawler = new_crawler(stack, ENDLESS)
    arn = stack.states.start_execution(
        stateMachineArn=stack.outputs["CrawlStateMachineArn"], input=json.dumps({"crawlername": crawler})
    )["executionArn"]

    def waits_for_a_minute() -> bool:
        """The first look comes after a second."""
        return [event["type"] for event in stack.history(arn)].count("TaskSubmitted") > 1

    try:
        granted(stack, waits_for_a_minute)
        detail = {"crawlerName": crawler, "state": "Succeeded"}
        stack.aws.put_event({"source": "aws.glue", "detail-type": "Glue Crawler State Change", "detail": detail})
        granted(stack, lambda: any(wait.woken for wait in waits_of(stack, arn)))
    finally:
        stack.states.stop_execution(executionArn=arn)
        stack.glue.stop_crawler(Name=crawler)


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
        copy = f"granted-copy-{number()}"
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
        assert "AWSXrayWriteOnlyAccess" in [each["PolicyName"] for each in attached["AttachedPolicies"]]


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
    *work.CHECKS,
    a_run_that_is_stopped_stops_its_job_and_its_crawl,
    an_object_starts_a_run,
)
