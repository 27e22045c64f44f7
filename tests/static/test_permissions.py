"""No role grants more than it must. tests/e2e/test_grants.py shows that each grant is needed."""

from typing import Any

from tests.support.transformed import listed, of_type, transformed

# The calls of ours that AWS cannot limit to a resource (where a token is sent, it is what permits), traces, and what
# sets up log delivery.
UNSCOPED = ("glue:GetCrawlerMetrics", "states:SendTaskSuccess", "xray:", "logs:")


def statements() -> list[dict[str, Any]]:
    """Those of every role and policy in the template."""
    template = transformed()
    policies = [policy for _, role in of_type(template, "AWS::IAM::Role") for policy in role.get("Policies", [])]
    policies += [policy for _, policy in of_type(template, "AWS::IAM::Policy")]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def test_nothing_is_granted_on_everything_without_need() -> None:
    """`*` only where AWS knows nothing narrower."""
    everywhere = [each for each in statements() if "*" in listed(each["Resource"])]
    assert len(statements()) > 15
    assert len(everywhere) > 5
    for statement in everywhere:
        assert all(action.startswith(UNSCOPED) for action in listed(statement["Action"])), statement


def test_no_action_is_a_pattern() -> None:
    """A pattern grants what AWS adds tomorrow."""
    assert not [each for each in statements() if "*" in "".join(listed(each["Action"]))]
