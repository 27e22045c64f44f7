"""What rules and schedules may reach: by roles, and by the policies of queues, topics and functions."""

import json
from typing import Any

import pytest

from local.aws import ACCOUNT, REGION
from local.aws.policies import policy
from local.aws.tests.support import PASS, ROLE, Local, allow, eventually, unique

pytestmark = pytest.mark.aws(
    "Resource-based policies for Amazon EventBridge",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",
    validated="never",
)

SEND = "sqs:SendMessage"
HANDLER = "def handler(event, context): pass"


def parked(local: Local, queue: str) -> dict[str, str]:
    """The attributes of the first dead letter."""
    found = eventually(lambda: local.sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages"))
    return {name: each["StringValue"] for name, each in found[0]["MessageAttributes"].items()}


def closed_queue(local: Local) -> tuple[str, str]:
    """URL and ARN of a queue without a policy."""
    name = unique("queue")
    return local.sqs.create_queue(QueueName=name)["QueueUrl"], f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


class Rule:
    """A rule of its own source, and its ARN."""

    def __init__(self, local: Local) -> None:
        self.events, self.name = local.aws.client("events"), unique("rule")
        pattern = json.dumps({"source": [self.name]})
        self.arn = self.events.put_rule(Name=self.name, EventPattern=pattern)["RuleArn"]

    def fire(self, **target: Any) -> None:
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "target", **target}])
        self.events.put_events(Entries=[{"Source": self.name, "DetailType": "test", "Detail": "{}"}])


@pytest.mark.aws(
    "Setting up Amazon EventBridge Scheduler: set up the execution role",
    url="https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html",
    validated="never",
)
def test_a_schedule_does_everything_under_its_role(local: Local) -> None:
    """Protects schedules: their roles trust EventBridge Scheduler, and need the dead-letter queue too."""
    machine = local.machine(Pass=PASS)
    (queue, arn), (letters, letters_arn), (lost, lost_arn) = (closed_queue(local) for _ in range(3))
    scheduler, iam = local.aws.client("scheduler"), local.aws.client("iam")

    def fire(target: str, letters: str, *statements: dict[str, Any], trusted: str = "scheduler") -> None:
        role, name = local.role(unique("role"), *statements), unique("schedule")
        scheduler.create_schedule(
            Name=name,
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": target, "RoleArn": role, "Input": "{}", "DeadLetterConfig": {"Arn": letters}},
        )
        # A role that does not trust EventBridge Scheduler at all would have been refused.
        trust = allow("sts:AssumeRole", "*") | {"Principal": {"Service": f"{trusted}.amazonaws.com"}}
        trust.pop("Resource")
        iam.update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=policy(trust))
        local.aws.fire_schedule(name)

    fire(machine, lost_arn, allow("states:StartExecution", machine))
    fire(arn, lost_arn, allow(SEND, arn))
    fire(machine, letters_arn, allow(SEND, letters_arn))
    fire(machine, lost_arn, allow("*", "*"), trusted="events")
    told = parked(local, letters)
    assert (told["ERROR_CODE"], "states:StartExecution" in told["ERROR_MESSAGE"]) == ("AccessDeniedException", True)
    assert ":schedule/" in told["SCHEDULE_ARN"]
    assert eventually(lambda: local.received(queue)) == [{}]
    assert len(local.states.list_executions(stateMachineArn=machine)["executions"]) == 1
    assert local.received(lost) == []


def test_a_function_lets_rules_in_by_its_own_policy(local: Local) -> None:
    """Protects functions: without AddPermission for this very rule they are not called."""
    name, (queue, queue_arn) = (
        local.function("index.py", HANDLER, Runtime="python3.12", Handler="index.handler"),
        local.queue(),
    )
    lambdas = local.aws.client("lambda")
    arn = lambdas.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    rule = Rule(local)
    grant = {"Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "FunctionName": name}
    lambdas.add_permission(StatementId="other", SourceArn=f"{rule.arn}-other", **grant)
    rule.fire(Arn=arn, DeadLetterConfig={"Arn": queue_arn})
    told = parked(local, queue)
    assert (told["ERROR_CODE"], told["RULE_ARN"], told["TARGET_ARN"]) == ("NO_PERMISSIONS", rule.arn, arn)
    lambdas.add_permission(StatementId="this", SourceArn=rule.arn, **grant)
    rule.fire(Arn=arn, DeadLetterConfig={"Arn": queue_arn})
    assert local.received(queue) == []


def test_a_topic_lets_rules_in_by_its_own_policy(local: Local) -> None:
    """Protects notifications: the policy that a topic is created with does not let EventBridge in."""
    sns, (queue, queue_arn) = local.aws.client("sns"), local.queue()
    arn = sns.create_topic(Name=unique("topic"))["TopicArn"]
    rule = Rule(local)
    rule.fire(Arn=arn, DeadLetterConfig={"Arn": queue_arn})
    assert "sns:Publish" in parked(local, queue)["ERROR_MESSAGE"]
    statement = allow("sns:Publish", arn) | {"Principal": {"Service": "events.amazonaws.com"}}
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy(statement))
    rule.fire(Arn=arn, DeadLetterConfig={"Arn": queue_arn})
    assert local.received(queue) == []


def test_other_buses_and_destinations_are_called_under_the_targets_role(local: Local) -> None:
    """Protects forwarding: it needs events:PutEvents, or events:InvokeApiDestination, of the target's role."""
    events, (queue, queue_arn), (arrived, arrived_arn) = local.aws.client("events"), local.queue(), local.queue()
    bus, rule = unique("bus"), Rule(local)
    arn = events.create_event_bus(Name=bus)["EventBusArn"]
    events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": [rule.name]}))
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arrived_arn}])
    bare, destination = local.role(unique("role")), f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/d/id"
    for target, action in ((arn, "events:PutEvents"), (destination, "events:InvokeApiDestination")):
        rule.fire(Arn=target, RoleArn=bare, DeadLetterConfig={"Arn": queue_arn})
        assert action in parked(local, queue)["ERROR_MESSAGE"]
    assert local.received(arrived) == []
    rule.fire(Arn=arn, RoleArn=ROLE)
    assert eventually(lambda: local.received(arrived))[0]["source"] == rule.name
