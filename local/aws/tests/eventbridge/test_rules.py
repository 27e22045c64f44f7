"""What EventBridge tells of rules when one asks where an event goes."""

import json
from typing import Any

import pytest

from local.aws import ACCOUNT, REGION
from local.aws.tests.support import Local, unique

PATTERN = {
    "source": ["aws.s3"],
    "$or": [
        {"detail-type": ["Object Created"], "detail": {"object": {"key": [{"prefix": "orders/"}]}}},
        {"detail": {"errorCode": [{"exists": False}], "requestParameters": {"key": [{"prefix": "orders/"}]}}},
    ],
}


@pytest.mark.aws(
    "ListRuleNamesByTarget",
    url="https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRuleNamesByTarget.html",
    validated="never",
)
def test_rules_are_listed_by_their_target(local: Local) -> None:
    """Protects a search for the rules of a machine: an alias is another target, and pages go on."""
    events, name = local.aws.client("events"), unique("rule")
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
    targets = {f"{name}-1": arn, f"{name}-2": f"{arn}:live", f"{name}-3": f"{arn}:live"}
    for rule, target in targets.items():
        events.put_rule(Name=rule, EventPattern=json.dumps(PATTERN))
        events.put_targets(Rule=rule, Targets=[{"Id": "t", "Arn": target, "RoleArn": "arn:aws:iam::1:role/r"}])
    assert events.list_rule_names_by_target(TargetArn=arn)["RuleNames"] == [f"{name}-1"]
    first = events.list_rule_names_by_target(TargetArn=f"{arn}:live", Limit=1)
    second = events.list_rule_names_by_target(TargetArn=f"{arn}:live", NextToken=first["NextToken"])
    assert [*first["RuleNames"], *second["RuleNames"]] == [f"{name}-2", f"{name}-3"]


@pytest.mark.aws(
    "TestEventPattern",
    url="https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html",
    validated="never",
)
@pytest.mark.parametrize(
    ("kind", "detail", "result"),
    [
        ("Object Created", {"object": {"key": "orders/a.csv"}}, True),
        ("Object Created", {"object": {"key": "other/a.csv"}}, False),
        ("AWS API Call via CloudTrail", {"requestParameters": {"key": "orders/a.csv"}}, True),
        ("AWS API Call via CloudTrail", {"requestParameters": {"key": "orders/a.csv"}, "errorCode": "x"}, False),
    ],
)
def test_a_pattern_can_be_tried_out(local: Local, kind: str, detail: dict[str, Any], result: bool) -> None:
    """Protects the question whether a rule takes an event: the answer is that of a delivery, $or included."""
    event = {
        "id": "1",
        "detail-type": kind,
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2026-01-01T00:00:00Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
    }
    tried = local.aws.client("events").test_event_pattern(EventPattern=json.dumps(PATTERN), Event=json.dumps(event))
    assert tried["Result"] == result
