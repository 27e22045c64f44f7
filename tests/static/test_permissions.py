"""No role grants more than it must. tests/e2e/test_grants.py shows that each grant is needed."""

import json
from typing import Any

from local.aws.iam.resources import DATA, forms
from tests.support.grants.grants import GRANTING, GRANTING_NOTHING
from tests.support.transformed import PSEUDO_PARAMETERS, listed, of_type, transformed


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


def test_who_names_no_work_grants_none() -> None:
    """An empty pattern, as all are by default, must not become one that stands for everything."""
    template = transformed()
    values = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    values |= PSEUDO_PARAMETERS
    role = template["Resources"]["PipelineStateMachineRole"]["Properties"]
    conditions = {name: bool(evaluated(rule, values, {})) for name, rule in template["Conditions"].items()}
    by_default = evaluated(role, {"AWS::NoValue": None}, conditions)
    given = [each for each in by_default["Policies"][0]["PolicyDocument"]["Statement"] if each]
    services = {action.partition(":")[0] for each in given for action in listed(each["Action"])}
    assert services == {"lambda", "states", "events", "logs"}
    assert [each for each in by_default["ManagedPolicyArns"] if each] == [
        "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"
    ]
    assert "Pattern" in json.dumps(role)
    assert "Pattern" not in json.dumps(given)


def evaluated(value: Any, values: dict[str, Any], conditions: dict[str, bool]) -> Any:
    """The value with its conditions decided, and what is known of its references filled in."""

    def inner(each: Any) -> Any:
        return evaluated(each, values, conditions)

    match value:
        case {"Fn::If": [condition, there, otherwise]}:
            return inner(there if conditions[condition] else otherwise)
        case {"Fn::Not": [rule]}:
            return not inner(rule)
        case {"Fn::Equals": [one, other]}:
            return inner(one) == inner(other)
        case {"Ref": name} if name in values:
            return values[name]
        case dict():
            return {key: inner(each) for key, each in value.items()}
        case list():
            return [inner(each) for each in value]
    return value
