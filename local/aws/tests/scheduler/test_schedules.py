"""Schedules: what is refused, when they are due, what their targets get."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.aws import LocalAwsError
from local.aws.scheduler import expressions
from local.aws.tests.support import PASS, ROLE, Local, allow, error_code, eventually, unique

pytestmark = pytest.mark.aws(
    "CreateSchedule",
    url="https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html",
    validated="never",
)
TYPES = pytest.mark.aws(
    "Schedule types in EventBridge Scheduler",
    url="https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html",
    validated="never",
)
AT = datetime(2026, 3, 22, 18, 59, 43, tzinfo=UTC)
INPUT = {
    "arn": "<aws.scheduler.schedule-arn>",
    "time": "<aws.scheduler.scheduled-time>",
    "id": "<aws.scheduler.execution-id>",
    "attempt": "<aws.scheduler.attempt-number>",
}


def schedule(local: Local, expression: str = "rate(1 hour)", **more: Any) -> str:
    """A new schedule; what belongs to its target is among the rest."""
    name = unique("schedule")
    target = {"Arn": more.pop("Arn"), "RoleArn": more.pop("RoleArn", ROLE)}
    target |= {member: more.pop(member) for member in ("Input", "RetryPolicy", "DeadLetterConfig") if member in more}
    local.aws.client("scheduler").create_schedule(
        **{
            "Name": name,
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
            **more,
        }
    )
    return name


def executions(local: Local, machine: str) -> list[dict[str, Any]]:
    return local.states.list_executions(stateMachineArn=machine)["executions"]


@pytest.mark.parametrize(
    ("expression", "more", "message"),
    [
        ("every day", {}, "Invalid Schedule Expression every day."),
        ("rate(0 days)", {}, "Invalid Schedule Expression"),
        ("rate(5 fortnights)", {}, "Invalid Schedule Expression"),
        ("cron(0 3 * * *)", {}, "Invalid Schedule Expression"),
        ("cron(0 3 * * * *)", {}, "Invalid Schedule Expression"),
        ("cron(0 3 ? * ? *)", {}, "Invalid Schedule Expression"),
        ("cron(0 24 * * ? *)", {}, "Invalid Schedule Expression"),
        ("cron(0 3 1 13 ? *)", {}, "Invalid Schedule Expression"),
        ("at(2026-02-30T00:00:00)", {}, "Invalid Schedule Expression"),
        ("at(2026-01-01)", {}, "Invalid Schedule Expression"),
        ("cron(0 3 * * ? *)", {"ScheduleExpressionTimezone": "Europe/Berln"}, "ScheduleExpressionTimezone"),
        ("cron(0 3 * * ? *)", {"ScheduleExpressionTimezone": "../UTC"}, "ScheduleExpressionTimezone"),
        ("rate(1 day)", {"Arn": "arn:aws:scheduler:::aws-sdk:sfn:startExecution"}, "universal targets"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(local: Local, expression: str, more: dict[str, str], message: str) -> None:
    """Protects deployments: a schedule that never fires fails where it is created."""
    code, told = error_code(schedule, local=local, expression=expression, **{"Arn": "arn:aws:sqs:::q", **more})
    assert (code, message in told) == ("ValidationException", True), told


def test_a_role_must_trust_the_scheduler(local: Local) -> None:
    """Protects deployments: AWS looks at the role when the schedule is created."""
    stranger = local.role(unique("role"), trusted=["events.amazonaws.com"])
    code, message = error_code(schedule, local=local, Arn=local.machine(Pass=PASS), RoleArn=stranger)
    assert (code, "must allow AWS EventBridge Scheduler to assume the role" in message) == ("ValidationException", True)


@TYPES
@pytest.mark.parametrize(
    ("expression", "zone", "last", "due"),
    [
        ("at(2026-07-01T03:00:00)", "Europe/Berlin", "2026-01-01T00:00", "2026-07-01T01:00"),
        ("at(2026-07-01T03:00:00)", "UTC", "2026-07-01T03:00", None),
        ("cron(0 3 * * ? *)", "Europe/Berlin", "2026-01-01T00:00", "2026-01-01T02:00"),
        ("cron(0 3 * * ? *)", "Europe/Berlin", "2026-07-01T00:00", "2026-07-01T01:00"),
        ("cron(0 20 ? * MON *)", "America/New_York", "2026-07-07T00:00", "2026-07-14T00:00"),
        # Clocks of Berlin skip 02:30 on 29 March, and show it twice on 25 October.
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28T01:30", "2026-03-30T00:30"),
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24T00:30", "2026-10-25T00:30"),
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("cron(0 0 1 1 ? 2020)", "UTC", "2026-01-01T00:00", None),
        ("rate(2 hours)", "Europe/Berlin", "2026-01-01T03:00", "2026-01-01T04:00"),
    ],
)
def test_when_a_schedule_is_due(expression: str, zone: str, last: str, due: str | None) -> None:
    """Protects schedules in a zone whose clocks change."""

    def utc(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    found = expressions.after(expression, ZoneInfo(zone), utc(last), utc("2026-01-01T00:00"))
    assert found == (utc(due) if due else None)


@TYPES
def test_a_schedule_fires_at_its_time(local: Local) -> None:
    """Protects the tick itself: once, in the schedule's zone, and what is over is deleted if it says so."""
    due = datetime.now(UTC) - timedelta(seconds=1)
    berlin = due.astimezone(ZoneInfo("Europe/Berlin")).strftime("at(%Y-%m-%dT%H:%M:%S)")
    machine, late, off = (local.machine(Pass=PASS) for _ in range(3))
    zone = {"ScheduleExpressionTimezone": "Europe/Berlin"}
    schedule(local, berlin, Arn=late, ScheduleExpressionTimezone="America/New_York")
    schedule(local, berlin, Arn=off, State="DISABLED", **zone)
    # Looked at after the other two, as it is made after them.
    name = schedule(local, berlin, Arn=machine, Input=json.dumps(INPUT), ActionAfterCompletion="DELETE", **zone)
    [started] = eventually(lambda: executions(local, machine))
    given = json.loads(local.execution(started["executionArn"])["input"])
    assert given["time"] == due.strftime("%Y-%m-%dT%H:%M:%SZ")
    scheduler = local.aws.client("scheduler")
    eventually(lambda: name not in [each["Name"] for each in scheduler.list_schedules()["Schedules"]])
    assert error_code(scheduler.get_schedule, Name=name)[0] == "ResourceNotFoundException"
    assert (executions(local, late), executions(local, off)) == ([], [])


@pytest.mark.aws(
    "Adding context attributes",
    url="https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html",
    validated="never",
)
def test_a_target_learns_when_it_was_due(local: Local) -> None:
    """Protects runs for a date: keywords in Input become time, attempt and ids; by hand a run comes at once."""
    machine, (url, queue) = local.machine(Pass=PASS), local.queue("nobody")
    arns = {}
    for arn in (machine, queue):
        name = schedule(local, Arn=arn, Input=json.dumps(INPUT))
        arns[arn] = local.aws.client("scheduler").get_schedule(Name=name)["Arn"]
        local.aws.fire_schedule(name, AT)
    [started] = eventually(lambda: executions(local, machine))
    [message] = eventually(lambda: local.received(url))
    for arn, given in ((machine, json.loads(local.execution(started["executionArn"])["input"])), (queue, message)):
        assert len(given.pop("id")) == 16
        assert given == {"arn": arns[arn], "time": "2026-03-22T18:59:43Z", "attempt": "1"}


def test_a_schedule_that_is_off_never_fires(local: Local) -> None:
    """Protects against tests of a schedule that would do nothing."""
    name = schedule(local, Arn=local.machine(Pass=PASS), State="DISABLED")
    for wrong in (name, "nobody"):
        with pytest.raises(LocalAwsError, match="DISABLED" if wrong == name else "does not exist"):
            local.aws.fire_schedule(wrong)


DEAD_LETTERS = pytest.mark.aws(
    "Configuring a schedule's dead-letter queue in EventBridge Scheduler",
    url="https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html",
    validated="never",
)


def parked(local: Local, url: str) -> tuple[Any, dict[str, str]]:
    """Body and attributes of the one message in the queue."""
    receive = local.sqs.receive_message
    [message] = eventually(lambda: receive(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages"))
    told = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    return json.loads(message["Body"]), told


@DEAD_LETTERS
def test_a_start_that_is_throttled_is_tried_again(local: Local) -> None:
    """Protects nightly runs: each attempt has its number, and what never worked is parked with its input."""
    throttled = {"local:fault:StartExecution": "2 ThrottlingException"}
    machine = local.machine(Pass=PASS)
    local.states.tag_resource(resourceArn=machine, tags=[{"key": k, "value": v} for k, v in throttled.items()])
    url, queue = local.queue("nobody")
    more: dict[str, Any] = {"Input": json.dumps(INPUT), "DeadLetterConfig": {"Arn": queue}}
    name = schedule(local, Arn=machine, RetryPolicy={"MaximumRetryAttempts": 1}, **more)
    local.aws.fire_schedule(name, AT)
    request, told = parked(local, url)
    assert request.keys() == {"StateMachineArn", "Input"}
    assert request["StateMachineArn"] == machine
    body = json.loads(request["Input"])
    assert (body["attempt"], body["id"]) == ("2", told.pop("EXECUTION_ID"))
    assert told == {
        "SCHEDULE_ARN": body["arn"],
        "SCHEDULED_TIME": "2026-03-22T18:59:43Z",
        "TARGET_ARN": "arn:aws:scheduler:::aws-sdk:sfn:startExecution",
        "ERROR_CODE": "ThrottlingException",
        "ERROR_MESSAGE": "Rate exceeded",
        "RETRY_ATTEMPTS": "1",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
    }
    local.aws.fire_schedule(name, AT)
    [started] = eventually(lambda: executions(local, machine))
    assert json.loads(local.execution(started["executionArn"])["input"])["attempt"] == "1"


@DEAD_LETTERS
@pytest.mark.parametrize("kind", ["states:StartExecution", "sqs:SendMessage"])
def test_a_target_is_called_by_the_role_of_the_schedule(local: Local, kind: str) -> None:
    """Protects the grants of a schedule's role: on its target, and on the queue of what could not be delivered."""
    url, queue = local.queue("nobody")
    target = local.machine(Pass=PASS) if kind.startswith("states") else local.queue("nobody")[1]
    role = local.role(unique("role"), allow("sqs:SendMessage", queue))
    name = schedule(local, Arn=target, RoleArn=role, DeadLetterConfig={"Arn": queue}, Input="{}")
    local.aws.fire_schedule(name)
    request, told = parked(local, url)
    api = kind.replace("states:S", "sfn:s").replace("sqs:S", "sqs:s")
    assert told["TARGET_ARN"] == f"arn:aws:scheduler:::aws-sdk:{api}"
    given = {"states": "Input", "sqs": "MessageBody"}[kind.split(":")[0]]
    assert request[given] == "{}"
    assert told["ERROR_CODE"] == "AccessDeniedException"
    assert f"is not authorized to perform: {kind} on resource: {target}" in told["ERROR_MESSAGE"]
    bare = local.role(unique("role"))
    local.aws.fire_schedule(schedule(local, Arn=target, RoleArn=bare, DeadLetterConfig={"Arn": queue}, Input="{}"))
    assert local.received(url) == []


@pytest.mark.aws(
    "AWS::Scheduler::Schedule",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html",
    validated="never",
)
def test_a_template_has_all_of_a_schedule(local: Local) -> None:
    """Protects templates: time zone and all, and an expression that is wrong fails the stack."""
    formation, scheduler = local.aws.client("cloudformation"), local.aws.client("scheduler")
    name, stack = unique("schedule"), unique("stack")
    properties = {
        "Name": name,
        "ScheduleExpression": "cron(0 3 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": local.machine(Pass=PASS), "RoleArn": ROLE, "RetryPolicy": {"MaximumRetryAttempts": 3}},
    }

    def template(**changed: str) -> str:
        resource = {"Type": "AWS::Scheduler::Schedule", "Properties": properties | changed}
        return json.dumps({"Resources": {"Schedule": resource}})

    def status() -> str:
        return formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]

    formation.create_stack(StackName=stack, TemplateBody=template())
    eventually(lambda: status() == "CREATE_COMPLETE")
    made = scheduler.get_schedule(Name=name)
    assert made["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert made["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 3}
    formation.update_stack(StackName=stack, TemplateBody=template(ScheduleExpressionTimezone="America/New_York"))
    eventually(lambda: status() == "UPDATE_COMPLETE")
    assert scheduler.get_schedule(Name=name)["ScheduleExpressionTimezone"] == "America/New_York"
    formation.update_stack(StackName=stack, TemplateBody=template(ScheduleExpression="cron(0 3)"))
    eventually(lambda: status() == "UPDATE_ROLLBACK_COMPLETE")
    assert scheduler.get_schedule(Name=name)["ScheduleExpression"] == "cron(0 3 * * ? *)"
