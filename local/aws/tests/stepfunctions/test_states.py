"""States, where the machines of this project lean on them."""

import time
from typing import Any

import pytest

from local.aws.tests.support import FAIL, PASS, WAIT, Local, expression

pytestmark = pytest.mark.aws(
    "Workflow states",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/workflow-states.html",
    validated="never",
)


@pytest.mark.aws(
    "Passing data between states with variables",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html",
    validated="LocalStack snapshot test_base_cases[BASE_CONSTANT_LITERALS], 2024-11-04: null is a value",
)
def test_assign_keeps_nulls_and_sees_the_values_before_it(local: Local) -> None:
    """Protects variables: null is a value, and one Assign is one step."""
    first = {"Type": "Pass", "Assign": {"n": None, "x": 1, "y": "{% $states.input.none %}"}, "Next": "Second"}
    second = {"Type": "Pass", "Assign": {"x": "{% $x + 1 %}", "z": "{% $x %}"}, "Next": "Third"}
    output = local.output({"none": None}, First=first, Second=second, Third=expression("[$n, $y, $x, $z, $type($n)]"))
    assert output == [None, None, 2, 1, "null"]


@pytest.mark.aws(
    "Wait workflow state",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html",
    validated=(
        "LocalStack snapshots test_wait_seconds_jsonata, 2024-11-13 (zero), and test_wait_timestamp_jsonata, 2024-12-27"
    ),
)
@pytest.mark.parametrize(
    ("wait", "least"),
    [
        ({"Seconds": "{% $states.input %}"}, 0),
        ({"Seconds": "{% $states.input + 1 %}"}, 1),
        ({"Timestamp": "{% $fromMillis($millis() + 700) %}"}, 0.6),
        ({"Timestamp": "{% '2020-01-01T00:00:00Z' %}"}, 0),
    ],
)
def test_waits_may_be_expressions(local: Local, wait: dict[str, str], least: float) -> None:
    """Protects pollSeconds and startAfter: zero and the past mean at once."""
    execution = local.run(0, Wait={"Type": "Wait", **wait, "End": True})
    assert execution["status"] == "SUCCEEDED"
    assert least <= (execution["stopDate"] - execution["startDate"]).total_seconds() < least + 10


@pytest.mark.aws(
    "Choice workflow state",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html",
    validated="never",
)
def test_a_condition_must_be_boolean(local: Local) -> None:
    """Protects Choice states: a slip fails, instead of going to Default."""
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% 'yes' %}", "Next": "Pass"}], "Default": "Pass"}
    execution = local.run(Choice=choice, Pass=PASS)
    assert execution["error"] == "States.QueryEvaluationError"
    assert "'Condition'" in execution["cause"]


@pytest.mark.aws(
    "Choice workflow state",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html",
    validated=("LocalStack snapshots test_output_in_choice, 2026-02-19, and test_assign_in_choice, 2024-12-27"),
)
@pytest.mark.parametrize(("given", "expected"), [(1, ["rule", "r"]), (2, ["default", "d"])])
def test_choice_has_outputs_and_variables_for_rules_and_default(local: Local, given: int, expected: list[str]) -> None:
    """Protects data that is made in a Choice."""
    rule = {"Condition": "{% $states.input = 1 %}", "Output": "rule", "Assign": {"v": "r"}, "Next": "Pass"}
    choice = {"Type": "Choice", "Choices": [rule], "Output": "default", "Assign": {"v": "d"}, "Default": "Pass"}
    assert local.output(given, Choice=choice, Pass=expression("[$states.input, $v]")) == expected


@pytest.mark.aws(
    "Succeed workflow state",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-succeed.html",
    validated="never",
)
def test_succeed_has_an_output(local: Local) -> None:
    """Protects machines that end in a Succeed state."""
    assert local.output({"a": 1}, End={"Type": "Succeed", "Output": {"b": "{% $states.input.a %}"}}) == {"b": 1}


@pytest.mark.aws(
    "Fail workflow state",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html",
    validated="LocalStack snapshots test_fail_error_jsonata and test_fail_cause_jsonata, 2024-11-13",
)
def test_fail_takes_expressions(local: Local) -> None:
    """Protects CrawlFailed and its like: error and cause are computed."""
    fail = {"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "{% $string($states.input) %}"}
    execution = local.run({"e": "CrawlFailed"}, Fail=fail)
    assert (execution["error"], execution["cause"]) == ("CrawlFailed", '{"e":"CrawlFailed"}')


@pytest.mark.aws(
    "Map workflow state: Inline mode",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html",
    validated=(
        "LocalStack snapshot test_map_state_item_selector[MAP_STATE_ITEM_SELECTOR_JSONATA], 2025-03-03: the selector"
    ),
)
def test_map_items_know_their_item_and_keep_their_variables(local: Local) -> None:
    """Protects the stages of a pipeline: items, selector, and variables of their own."""
    selector = {
        "v": "{% $states.context.Map.Item.Value %}",
        "i": "{% $states.context.Map.Item.Index %}",
        "x": "{% $states.input.x %}",
    }
    states = {
        "Set": {"Type": "Pass", "Assign": {"own": "{% $states.input.v & $outer %}"}, "Next": "Get"},
        "Get": {"Type": "Pass", "Output": "{% $merge([$states.input, {'own': $own}]) %}", "End": True},
    }
    output = local.output(
        {"list": ["a", "b"], "x": 1},
        Outer={"Type": "Pass", "Assign": {"outer": "!"}, "Next": "Map"},
        Map={
            "Type": "Map",
            "Items": "{% $states.input.list %}",
            "ItemSelector": selector,
            "ItemProcessor": {"StartAt": "Set", "States": states},
            "Output": {"items": "{% $states.result %}", "leaked": "{% $exists($own) %}"},
            "End": True,
        },
    )
    items = [{"v": "a", "i": 0, "x": 1, "own": "a!"}, {"v": "b", "i": 1, "x": 1, "own": "b!"}]
    assert output == {"items": items, "leaked": False}


@pytest.mark.aws(
    "Parallel workflow state",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html",
    validated="never",
)
def test_parallel_takes_arguments_and_gives_output_and_variables(local: Local) -> None:
    """Protects Parallel in JSONata, with variables of its own in each branch."""
    change = {"Type": "Pass", "Assign": {"v": 2}, "Next": "Get"}
    get = {"Type": "Pass", "Output": "{% [$states.input.k, $v] %}", "End": True}
    branches = [{"StartAt": "Set", "States": {"Set": change, "Get": get}}, {"StartAt": "Get", "States": {"Get": get}}]
    output = local.output(
        Set={"Type": "Pass", "Assign": {"v": 1}, "Next": "Both"},
        Both={
            "Type": "Parallel",
            "Arguments": {"k": "{% $v %}"},
            "Branches": branches,
            "Output": "{% $states.result %}",
            "Assign": {"w": "{% $states.result[0][1] %}"},
            "Next": "End",
        },
        End=expression("{'results': $states.input, 'v': $v, 'w': $w}"),
    )
    assert output == {"results": [[1, 2], [1, 1]], "v": 1, "w": 2}


@pytest.mark.aws(
    "Parallel workflow state",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html",
    validated=("LocalStack snapshot test_parallel_catch_error[PARALLEL_CATCH_ERROR_OUTPUT], 2024-11-13: Parallel"),
)
@pytest.mark.parametrize("kind", ["Parallel", "Map"])
def test_a_stage_fails_fast_and_is_caught(local: Local, kind: str) -> None:
    """Protects fast failure: a long wait beside a failed step is not waited for."""
    branch = {"StartAt": "Wait", "States": {"Wait": WAIT}}
    states = {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input = 1 %}", "Next": "Fail"}],
            "Default": "Wait",
        },
        "Fail": FAIL,
        "Wait": WAIT,
    }
    stages: dict[str, dict[str, Any]] = {
        "Parallel": {"Type": "Parallel", "Branches": [branch, {"StartAt": "Fail", "States": {"Fail": FAIL}}]},
        "Map": {"Type": "Map", "Items": [0, 1], "ItemProcessor": {"StartAt": "Which", "States": states}},
    }
    catch = [{"ErrorEquals": ["Boom"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]
    began = time.monotonic()
    assert local.output(Stage=stages[kind] | {"Catch": catch, "End": True}, Caught=PASS) == {
        "Error": "Boom",
        "Cause": "because",
    }
    assert time.monotonic() - began < 30
