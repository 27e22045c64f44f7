"""No role grants more than it must. tests/e2e/test_grants.py shows that each grant is needed."""

import json
from typing import Any

from local.aws.iam.resources import DATA, forms
from tests.support.grants.grants import GRANTING, GRANTING_NOTHING
from tests.support.transformed import listed, of_type, transformed


def statements() -> list[dict[str, Any]]:
    """Those of every role and policy in the template."""
    template = transformed()
    policies = [policy for _, role in of_type(template, "AWS::IAM::Role") for policy in role.get("Policies", [])]
    policies += [policy for _, policy in of_type(template, "AWS::IAM::Policy")]
    return [granted(statement) for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def granted(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement, where a parameter decides whether it is there."""
    match statement:
        case {"Fn::If": [_, dict(there), _]}:
            return there
    return statement


def test_nothing_is_granted_on_everything_without_need() -> None:
    """`*` only where AWS's data knows no resource that the action is about."""
    everywhere = [each for each in statements() if "*" in listed(each["Resource"])]
    assert len(statements()) > 15
    assert len(everywhere) > 5
    for statement in everywhere:
        for action in listed(statement["Action"]):
            # Of an action that it does not know, AWS's data knows no resource either.
            assert DATA.actions.action_exists(*action.split(":")), action
            assert forms(action) == [], action


def test_whatever_grants_is_taken_away() -> None:
    """A policy in a resource of another type would escape the test that takes each grant away."""
    for name, resource in transformed()["Resources"].items():
        if resource["Type"] not in GRANTING:
            assert '"Statement"' not in json.dumps(resource), name
            assert resource["Type"] in GRANTING_NOTHING, name


def test_no_action_is_a_pattern() -> None:
    """A pattern grants what AWS adds tomorrow."""
    assert not [each for each in statements() if "*" in "".join(listed(each["Action"]))]
