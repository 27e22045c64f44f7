"""What no linter asks of the template, and an account tells only when an event is lost or a second stack made."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.definitions import started_by
from tests.support.mutants import NOTHING, Way, mutant
from tests.support.transformed import Template, listed, of_type, resolved, together, transformed

# What EventBridge understands; any other word makes PutRule fail, any other field never matches:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
ENVELOPE = {"source", "detail-type", "account", "region", "resources", "time", "id", "version", "detail", "$or"}
OPERATORS = {"anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"}
LONGEST_PATTERN = 2048
# Their names are part of what they belong to.
NAMED_WITHIN = {"AWS::IAM::Policy", "AWS::Lambda::Alias", "AWS::StepFunctions::StateMachineAlias"}
DAY = 86_400
# A lost event of this target costs time only: the next look at the crawler, after the longest pause, tells the same.
WAKE = {"Ref": "WakeStateMachineAliaslive"}


def problems(template: Template) -> list[str]:
    checks = (logs, targets, trust, patterns, names)
    return list(itertools.chain.from_iterable(check(template) for check in checks))


def logs(template: Template) -> Iterator[str]:
    """Whatever runs has a log group of the template, where retention is set, and traces."""
    groups = {name for name, _ in of_type(template, "AWS::Logs::LogGroup")}
    for name, function in of_type(template, "AWS::Lambda::Function"):
        if function.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref") not in groups:
            yield f"{name} logs to a group of its own making"
        if function.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{name} is not traced"
    for name, machine in of_type(template, "AWS::StepFunctions::StateMachine"):
        logging = machine.get("LoggingConfiguration", {"Level": "OFF"})
        if logging["Level"] == "OFF":
            yield f"{name} does not log"
        for destination in logging.get("Destinations", []):
            if destination["CloudWatchLogsLogGroup"]["LogGroupArn"].get("Fn::GetAtt", [None])[0] not in groups:
                yield f"{name} logs to no group of the template"
        if machine.get("TracingConfiguration") != {"Enabled": True}:
            yield f"{name} is not traced"


def targets(template: Template) -> Iterator[str]:
    """What a rule cannot deliver is tried again and then parked, where EventBridge may park it, as long as can be.

    What nobody needs after a while may be given up by then.
    """
    queues = dict(of_type(template, "AWS::SQS::Queue"))
    for name, rule in of_type(template, "AWS::Events::Rule"):
        for target in rule["Targets"]:
            if target["Arn"] == WAKE and "DeadLetterConfig" not in target:
                age = target.get("RetryPolicy", {}).get("MaximumEventAgeInSeconds", DAY)
                if age > template["Parameters"]["PollMaxSeconds"]["Default"]:
                    yield f"{name} delivers what a look has told"
                continue
            queue = target.get("DeadLetterConfig", {}).get("Arn", {}).get("Fn::GetAtt", [None])[0]
            if queue not in queues:
                yield f"{name} has a target without a dead-letter queue"
            elif ("events.amazonaws.com", "sqs:SendMessage") not in set(allowed_on(queue, template)):
                yield f"{name} may not send to {queue}"
            elif queues[queue].get("MessageRetentionPeriod") != 14 * DAY:
                yield f"{queue} forgets"
            if gives_up_early(target):
                yield f"{name} gives up early"
    for name, schedule in of_type(template, "AWS::Scheduler::Schedule"):
        if gives_up_early(schedule["Target"]):
            yield f"{name} gives up early"
        if schedule["Target"].get("DeadLetterConfig", {}).get("Arn", {}).get("Fn::GetAtt", [None])[0] not in queues:
            yield f"{name} has a target without a dead-letter queue"


def gives_up_early(target: dict[str, Any]) -> bool:
    """Before a day and 185 attempts, which are the most and what a target has that says nothing."""
    policy = target.get("RetryPolicy", {})
    return policy.get("MaximumEventAgeInSeconds", DAY) < DAY or policy.get("MaximumRetryAttempts", 185) < 185


def allowed_on(queue: str, template: Template) -> Iterator[tuple[str, str]]:
    """The services, with the actions, that the queue's policies allow."""
    for _, policy in of_type(template, "AWS::SQS::QueuePolicy"):
        if {"Ref": queue} in policy["Queues"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield from itertools.product(listed(statement["Principal"]["Service"]), listed(statement["Action"]))


def trust(template: Template) -> Iterator[str]:
    """Each role can be taken by the service that it is given to, and by no other."""
    roles = dict(of_type(template, "AWS::IAM::Role"))
    for name, role, service in given(template):
        statements = roles[role["Fn::GetAtt"][0]]["AssumeRolePolicyDocument"]["Statement"]
        if [listed(each["Principal"]["Service"]) for each in statements] != [[f"{service}.amazonaws.com"]]:
            yield f"{name} has a role that is not for {service}"


def given(template: Template) -> Iterator[tuple[str, Any, str]]:
    """Each resource that is given a role, with the role and the service that takes it."""
    for name, function in of_type(template, "AWS::Lambda::Function"):
        yield name, function["Role"], "lambda"
    for name, machine in of_type(template, "AWS::StepFunctions::StateMachine"):
        yield name, machine["RoleArn"], "states"
    for name, schedule in of_type(template, "AWS::Scheduler::Schedule"):
        yield name, schedule["Target"]["RoleArn"], "scheduler"
    for name, rule in of_type(template, "AWS::Events::Rule"):
        yield from ((name, target["RoleArn"], "events") for target in rule["Targets"] if "RoleArn" in target)


def patterns(template: Template) -> Iterator[str]:
    """Event patterns have EventBridge's fields, operators and length."""
    for name, rule in of_type(template, "AWS::Events::Rule"):
        pattern = resolved(rule.get("EventPattern", {}), template)
        if len(json.dumps(pattern)) > LONGEST_PATTERN:
            yield f"{name} has a pattern that is too long"
        yield from (f"{name}: {field} is no field of an event" for field in sorted(pattern.keys() - ENVELOPE))
        yield from (f"{name}: {problem}" for problem in misspelt(pattern))


def misspelt(pattern: Any) -> Iterator[str]:
    """What EventBridge would not read as its author meant it."""
    for field, value in pattern.items():
        match value:
            case dict():
                yield from misspelt(value)
            case [_, *_] if field == "$or":
                for alternative in value:
                    yield from misspelt(alternative)
            case [_, *_]:
                for each in value:
                    if isinstance(each, dict) and not (len(each) == 1 and each.keys() <= OPERATORS):
                        yield f"{each} is no condition"
                    elif isinstance(each, dict) and "**" in str(each.get("wildcard")):
                        yield f"{each} has two wildcards side by side"
            case _:
                yield f"{field} is no list of values"


def names(template: Template) -> Iterator[str]:
    """Two stacks of one account do not want the same name."""
    for name, resource in template["Resources"].items():
        kind = resource["Type"].rpartition("::")[2]
        for field in ("Name", f"{kind}Name"):
            if resource["Type"] not in NAMED_WITHIN and fixed(resource.get("Properties", {}).get(field)):
                yield f"{name} has the same {field} in every stack"
    for name, output in template.get("Outputs", {}).items():
        if fixed(output.get("Export")):
            yield f"{name} is exported under the same name by every stack"


def fixed(name: Any) -> bool:
    return name is not None and "AWS::StackName" not in json.dumps(name)


def test_the_template_keeps_the_rules() -> None:
    """Each of them guards what is not noticed until it is needed."""
    assert problems(together()) == []


# Of a sample of what `crawler-sync template` writes.
RULE = ("Resources", "OrdersRule", "Properties")
SCHEDULE = ("Resources", "OrdersSchedule", "Properties")
ENDED = ("Resources", "CrawlEndedRule", "Properties")
NATIVE = (*RULE, "EventPattern", "$or", 0, "detail", "object")
FUNCTION = ("Resources", "StartCrawlerFunction", "Properties")
MACHINE = ("Resources", "CrawlStateMachine", "Properties")
QUEUE = ("Resources", "DeadLetterQueue", "Properties")


def test_the_machinery_starts_no_pipeline() -> None:
    """What starts pipelines is the business of those who write them: on its own it answers Glue alone."""
    assert {started_by(rule) for _, rule in of_type(transformed(), "AWS::Events::Rule")} == {"wake"}
    assert {started_by(rule) for _, rule in of_type(together(), "AWS::Events::Rule")} == {"trigger", "wake"}


@pytest.mark.parametrize(
    ("way", "value", "problem"),
    [
        ((*FUNCTION, "LoggingConfig"), NOTHING, "logs to a group of its own making"),
        ((*FUNCTION, "TracingConfig", "Mode"), "PassThrough", "StartCrawlerFunction is not traced"),
        ((*FUNCTION, "Role", "Fn::GetAtt", 0), "RuleRole", "has a role that is not for lambda"),
        ((*MACHINE, "LoggingConfiguration"), NOTHING, "CrawlStateMachine does not log"),
        ((*MACHINE, "LoggingConfiguration", "Level"), "OFF", "CrawlStateMachine does not log"),
        (
            (*MACHINE, "LoggingConfiguration", "Destinations", 0, "CloudWatchLogsLogGroup", "LogGroupArn"),
            {"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:other:*"},
            "logs to no group of the template",
        ),
        ((*MACHINE, "TracingConfiguration"), NOTHING, "CrawlStateMachine is not traced"),
        ((*MACHINE, "RoleArn", "Fn::GetAtt", 0), "StartCrawlerRole", "has a role that is not for states"),
        ((*RULE, "Targets", 0, "DeadLetterConfig"), NOTHING, "without a dead-letter queue"),
        ((*RULE, "Targets", 0, "RetryPolicy"), {"MaximumRetryAttempts": 10}, "OrdersRule gives up early"),
        ((*RULE, "Targets", 0, "RoleArn", "Fn::GetAtt", 0), "StartCrawlerRole", "has a role that is not for events"),
        ((*SCHEDULE, "Target", "DeadLetterConfig"), NOTHING, "OrdersSchedule has a target without a dead-letter queue"),
        ((*SCHEDULE, "Target", "RetryPolicy"), {"MaximumEventAgeInSeconds": 60}, "OrdersSchedule gives up early"),
        ((*SCHEDULE, "Target", "RoleArn", "Fn::GetAtt", 0), "RuleRole", "has a role that is not for scheduler"),
        ((*ENDED, "Targets", 0, "Arn", "Ref"), "TriggerStateMachineAliaslive", "without a dead-letter queue"),
        ((*ENDED, "Targets", 0, "Arn", "Ref"), "WakeStateMachine", "without a dead-letter queue"),
        ((*ENDED, "Targets", 0, "RetryPolicy"), NOTHING, "CrawlEndedRule delivers what a look has told"),
        ((*ENDED, "Targets", 0, "RetryPolicy", "MaximumEventAgeInSeconds"), NOTHING, "what a look has told"),
        ((*ENDED, "Targets", 0, "RetryPolicy", "MaximumEventAgeInSeconds"), 301, "what a look has told"),
        (
            (*ENDED, "Targets", 0, "RoleArn", "Fn::GetAtt", 0),
            "WakeStateMachineRole",
            "has a role that is not for events",
        ),
        (("Resources", "DeadLetterQueuePolicy"), NOTHING, "may not send to DeadLetterQueue"),
        ((*QUEUE, "MessageRetentionPeriod"), NOTHING, "DeadLetterQueue forgets"),
        ((*RULE, "EventPattern", "detailtype"), ["Object Created"], "detailtype is no field of an event"),
        ((*RULE, "EventPattern", "account"), ["0" * 12] * 200, "too long"),
        ((*NATIVE, "key"), [{"prefx": "landing/"}], "is no condition"),
        ((*NATIVE, "key"), [{"prefix": "landing/", "suffix": ".csv"}], "is no condition"),
        ((*NATIVE, "key"), [{"wildcard": "landing/**/*.csv"}], "two wildcards"),
        ((*NATIVE, "key"), "landing/", "key is no list of values"),
        ((*NATIVE, "key"), [], "key is no list of values"),
        ((*QUEUE, "QueueName"), "dead-letters", "DeadLetterQueue has the same QueueName"),
        ((*RULE, "Name"), {"Ref": "SourceBucketName"}, "OrdersRule has the same Name"),
        ((*ENDED, "Name"), "crawl-ended", "CrawlEndedRule has the same Name"),
        (("Resources", "WaitersTable", "Properties", "TableName"), "waiters", "WaitersTable has the same TableName"),
        (("Outputs", "DeadLetterQueueUrl", "Export"), {"Name": "queue"}, "is exported under the same name"),
    ],
)
def test_the_rules_bite(way: Way, value: Any, problem: str) -> None:
    """Each is broken once."""
    assert any(problem in found for found in problems(mutant(together(), *way, value=value)))
