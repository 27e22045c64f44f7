"""Step Functions, where the state machines of this project lean on it."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.aws.tests.support import FAIL, PASS, Local, at_once, error_code, eventually, expression, unique

START = "arn:aws:states:::states:startExecution"
WAIT = {"Type": "Wait", "Seconds": 60, "End": True}


def nested(machine: str, how: str = ".sync:2", **arguments: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": START + how,
        "Arguments": {"StateMachineArn": machine, **arguments},
        "End": True,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$states.context.Execution.Input.a", 1),
        ("$toMillis($states.context.Execution.StartTime) > 1700000000000", True),
        ("$toMillis('2026-01-01T00:00:00Z')", 1767225600000),
        ("$abs($millis() - $toMillis($now())) < 60000", True),
        ("$fromMillis(1700000000123)", "2023-11-14T22:13:20.123Z"),
        ("[$exists($states.input.a), $exists($states.input.gone), $exists($states.input.none)]", [True, False, True]),
        ("[$type($states.input.a), $type($states.input.list), $type($states.input.none)]", ["number", "array", "null"]),
        ("$type($states.input)", "object"),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$merge([$states.input.object, {'z': 3}])", {"x": 1, "y": 2, "z": 3}),
        ("$each($states.input.object, function($v, $k) { $k & $v })", ["x1", "y2"]),
        ("$string($states.input.object)", '{"x":1,"y":2}'),
        ("$states.input.none", None),
        ("[$states.input.list[$ > 1]]", [2]),
        ("$states.input.a = 1 ? 'one' : 'other'", "one"),
        ("$string(1.0)", "1"),
        ("$min([5, 2]) + $ceil(1.2)", 4),
    ],
)
def test_expressions(local: Local, text: str, expected: object) -> None:
    """Protects the machines' JSONata: the functions that they use, as JSONata 2.0.6 has them."""
    given = {"a": 1, "list": [1, 2], "none": None, "object": {"x": 1, "y": 2}}
    assert local.output(given, Pass=expression(text)) == expected


def test_the_context_names_and_dates_the_execution(local: Local) -> None:
    """Protects requestedAt: the execution's start, as RFC 3339 in UTC."""
    machine = local.machine(Pass=expression("$states.context.Execution"))
    execution = local.ended(local.start(machine, name="named"))
    context = json.loads(execution["output"])
    assert context["Name"] == "named"
    assert context["Id"] == execution["executionArn"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", context["StartTime"])


@pytest.mark.parametrize("text", ["$states.input.gone", "$parse('nope')", "$toMillis('nope')", "$error('no')"])
def test_an_expression_without_a_result_fails_the_state(local: Local, text: str) -> None:
    """Protects guards: a missing field is an error, not null."""
    assert local.run({}, Pass=expression(text))["error"] == "States.QueryEvaluationError"


def test_assign_keeps_nulls_and_sees_the_values_before_it(local: Local) -> None:
    """Protects variables: null is a value, and one Assign is one step."""
    first = {"Type": "Pass", "Assign": {"n": None, "x": 1, "y": "{% $states.input.none %}"}, "Next": "Second"}
    second = {"Type": "Pass", "Assign": {"x": "{% $x + 1 %}", "z": "{% $x %}"}, "Next": "Third"}
    output = local.output({"none": None}, First=first, Second=second, Third=expression("[$n, $y, $x, $z, $type($n)]"))
    assert output == [None, None, 2, 1, "null"]


@pytest.mark.parametrize(
    ("wait", "least", "most"),
    [
        ({"Seconds": "{% $states.input %}"}, 0, 0.9),
        ({"Seconds": "{% $states.input + 1 %}"}, 1, 1.9),
        ({"Timestamp": "{% $fromMillis($millis() + 700) %}"}, 0.6, 1.6),
        ({"Timestamp": "{% '2020-01-01T00:00:00Z' %}"}, 0, 0.9),
    ],
)
def test_waits_may_be_expressions(local: Local, wait: dict[str, str], least: float, most: float) -> None:
    """Protects pollSeconds and startAfter: zero and the past mean at once."""
    execution = local.run(0, Wait={"Type": "Wait", **wait, "End": True})
    assert execution["status"] == "SUCCEEDED"
    assert least <= (execution["stopDate"] - execution["startDate"]).total_seconds() <= most


def test_a_condition_must_be_boolean(local: Local) -> None:
    """Protects Choice states: a slip fails, instead of going to Default."""
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% 'yes' %}", "Next": "Pass"}], "Default": "Pass"}
    execution = local.run(Choice=choice, Pass=PASS)
    assert execution["error"] == "States.QueryEvaluationError"
    assert "'Condition'" in execution["cause"]


@pytest.mark.parametrize(("given", "expected"), [(1, ["rule", "r"]), (2, ["default", "d"])])
def test_choice_has_outputs_and_variables_for_rules_and_default(local: Local, given: int, expected: list[str]) -> None:
    """Protects data that is made in a Choice."""
    rule = {"Condition": "{% $states.input = 1 %}", "Output": "rule", "Assign": {"v": "r"}, "Next": "Pass"}
    choice = {"Type": "Choice", "Choices": [rule], "Output": "default", "Assign": {"v": "d"}, "Default": "Pass"}
    assert local.output(given, Choice=choice, Pass=expression("[$states.input, $v]")) == expected


def test_succeed_has_an_output(local: Local) -> None:
    """Protects machines that end in a Succeed state."""
    assert local.output({"a": 1}, End={"Type": "Succeed", "Output": {"b": "{% $states.input.a %}"}}) == {"b": 1}


def test_fail_takes_expressions(local: Local) -> None:
    """Protects CrawlFailed and its like: error and cause are computed."""
    fail = {"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "{% $string($states.input) %}"}
    execution = local.run({"e": "CrawlFailed"}, Fail=fail)
    assert (execution["error"], execution["cause"]) == ("CrawlFailed", '{"e":"CrawlFailed"}')


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


def test_a_task_timeout_may_be_an_expression(local: Local) -> None:
    """Protects the deadline of a step."""
    state = nested(local.machine(Wait=WAIT)) | {"TimeoutSeconds": "{% $states.input.s %}"}
    execution = local.run({"s": 1}, Task=state)
    assert execution["error"] == "States.Timeout"
    assert (execution["stopDate"] - execution["startDate"]).total_seconds() < 3


def test_a_machine_has_a_timeout(local: Local) -> None:
    """Protects the deadline of an execution: TIMED_OUT, and what it waits for ends too."""
    child = local.machine(Wait=WAIT)
    execution = local.run(timeout=1, Task=nested(child, Name="child"))
    assert execution["status"] == "TIMED_OUT"
    assert local.ended(child.replace("stateMachine", "execution") + ":child")["status"] == "ABORTED"


def test_a_runtime_error_is_not_caught(local: Local) -> None:
    """Protects against a Catch that works only locally: States.ALL leaves out States.Runtime."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startCrawler.sync", "Catch": catch, "End": True}
    assert local.run(Task=task, Caught=PASS)["error"] == "States.Runtime"


def retried(local: Local, **retrier: Any) -> float:
    """Seconds that a task takes which fails on all its attempts."""
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:glue:getCrawler",
        "Arguments": {"Name": "nobody"},
        "Retry": [{"ErrorEquals": ["Glue.EntityNotFoundException"], **retrier}],
        "End": True,
    }
    execution = local.run(Task=state)
    assert execution["error"] == "Glue.EntityNotFoundException"
    return (execution["stopDate"] - execution["startDate"]).total_seconds()


def test_retries_honour_max_delay_and_jitter(local: Local) -> None:
    """Protects patience: MaxDelaySeconds caps the backoff, full jitter starts at zero."""
    capped = {"IntervalSeconds": 1, "BackoffRate": 30, "MaxAttempts": 2, "MaxDelaySeconds": 1}
    jittered = {"IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 4, "JitterStrategy": "FULL"}
    first, second = at_once(lambda: retried(local, **capped), lambda: retried(local, **jittered))
    assert 2 <= first < 4
    # Four delays of 1 s without jitter; that all four are drawn above 0.97 s is a millionth.
    assert second < 4


def test_the_same_start_twice_is_a_success_while_it_runs(local: Local) -> None:
    """Protects coalescing: StartExecution is idempotent by name and input, under a race too."""
    machine, name = local.machine(Wait=WAIT), unique("name")
    arns = at_once(*[lambda: local.start(machine, {"a": 1}, name=name)] * 8)
    assert len(set(arns)) == 1
    again = local.states.start_execution(stateMachineArn=machine, name=name, input='{"a": 1}')
    assert again["startDate"] == local.execution(arns[0])["startDate"]
    other = error_code(local.start, machine=machine, given={"a": 2}, name=name)
    assert other[0] == "ExecutionAlreadyExists"
    local.states.stop_execution(executionArn=arns[0])
    assert error_code(local.start, machine=machine, given={"a": 1}, name=name)[0] == "ExecutionAlreadyExists"


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "a\tb", "{}"])
def test_a_name_that_aws_refuses_is_refused(local: Local, name: str) -> None:
    """Protects executionName: an S3 key is no name."""
    assert error_code(local.start, machine=local.machine(Pass=PASS), name=name)[0] == "InvalidName"


def test_a_nested_execution_gives_its_output(local: Local) -> None:
    """Protects pipeline and crawl: sync:2 parses the output, and the child has a history."""
    child = local.machine(Pass=expression("{'doubled': $states.input.n * 2}"))
    result = local.output(Task=nested(child, Name="child", Input={"n": 2}))
    assert result["Output"] == {"doubled": 4}
    assert (result["Status"], result["Name"], result["StateMachineArn"]) == ("SUCCEEDED", "child", child)
    assert isinstance(result["StopDate"], int)
    [listed] = local.states.list_executions(stateMachineArn=child)["executions"]
    assert listed["executionArn"] == result["ExecutionArn"]
    assert local.output(Task=nested(child, ".sync", Input={"n": 2}))["Output"] == '{"doubled": 4}'
    assert local.output(Task=nested(child, "", Input={"n": 2})).keys() == {"ExecutionArn", "StartDate"}


def test_a_failed_child_is_a_failed_task_that_describes_it(local: Local) -> None:
    """Protects CrawlFailed inside a pipeline: the child's own error is in the cause."""
    execution = local.run(Task=nested(local.machine(Fail=FAIL), Input={"n": 1}))
    assert execution["error"] == "States.TaskFailed"
    cause = json.loads(execution["cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "Boom", "because")
    assert cause["Input"] == {"n": 1}
    assert cause["ExecutionArn"].endswith(cause["Name"])


def test_a_child_that_timed_out_tells_no_error(local: Local) -> None:
    """Protects readers of causes: neither Error nor Cause is there, not even null."""
    execution = local.run(Task=nested(local.machine(timeout=1, Wait=WAIT)))
    assert execution["error"] == "States.TaskFailed"
    cause = json.loads(execution["cause"])
    assert cause["Status"] == "TIMED_OUT"
    assert cause.keys().isdisjoint({"Error", "Cause"})


@pytest.mark.parametrize(
    ("tags", "kinds"),
    [
        ({}, ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]),
        ({"local:outcome": "failed"}, ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskFailed"]),
        ({"local:fault:StartJobRun": "forever ThrottlingException"}, ["TaskScheduled", "TaskStarted", "TaskFailed"]),
    ],
    ids=["run", "failed run", "refused start"],
)
def test_a_refused_start_leaves_three_events(local: Local, tags: dict[str, str], kinds: list[str]) -> None:
    """Protects the count of what fits into a history."""
    task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "End": True}
    task |= {"Arguments": {"JobName": local.job(tags={"local:seconds": "0"} | tags)}}
    arn = local.start(local.machine(Task=task))
    local.ended(arn)
    events = local.states.get_execution_history(executionArn=arn)["events"]
    assert [event["type"] for event in events if re.match("Task(?!State)", event["type"])] == kinds


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"Name": "not a name"}, "StepFunctions.InvalidNameException"),
        (
            {"StateMachineArn": "arn:aws:states:eu-west-1:000000000000:stateMachine:none"},
            "StepFunctions.StateMachineDoesNotExistException",
        ),
        ({"Name": "taken"}, "StepFunctions.ExecutionAlreadyExistsException"),
    ],
)
@pytest.mark.parametrize("how", ["", ".sync:2"])
def test_errors_of_nested_starts_are_named_as_aws_does(
    local: Local, arguments: dict[str, str], error: str, how: str
) -> None:
    """Protects the trigger: ExecutionAlreadyExistsException means joined."""
    child = local.machine(Pass=PASS)
    local.ended(local.start(child, name="taken"))
    assert local.run(Task=nested(child, how) | {"Arguments": {"StateMachineArn": child, **arguments}})["error"] == error


def stopped_by_stop(local: Local, machine: str) -> None:
    parent = local.start(local.machine(Task=nested(machine, Name="child")))
    eventually(lambda: local.states.list_executions(stateMachineArn=machine)["executions"])
    local.states.stop_execution(executionArn=parent, error="Why", cause="because")
    execution = local.execution(parent)
    assert (execution["status"], execution["error"]) == ("ABORTED", "Why")


def stopped_by_a_neighbour(local: Local, machine: str) -> None:
    wait = {"Type": "Wait", "Seconds": 1, "Next": "Fail"}
    branches = [
        {"StartAt": "Task", "States": {"Task": nested(machine, Name="child")}},
        {"StartAt": "Wait", "States": {"Wait": wait, "Fail": FAIL}},
    ]
    assert local.run(Both={"Type": "Parallel", "Branches": branches, "End": True})["error"] == "Boom"


@pytest.mark.parametrize("stop", [stopped_by_stop, stopped_by_a_neighbour])
def test_a_child_is_stopped_with_its_parent(local: Local, stop: Callable[[Local, str], None]) -> None:
    """Protects money: no crawl is waited for by nobody."""
    child = local.machine(Wait=WAIT)
    stop(local, child)
    assert local.ended(child.replace("stateMachine", "execution") + ":child")["status"] == "ABORTED"


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
    assert time.monotonic() - began < 5


def test_what_is_no_json_cannot_be_parsed(local: Local) -> None:
    """Protects catchers: a cause that is cut off fails the state that reads it whole."""
    for text in ("", "{", '{"a": 1', "Rate exceeded", '{"a": 1} x'):
        assert local.failure(text, Pass=expression("$parse($states.input)"))[0] == "States.QueryEvaluationError"


def test_a_timeout_that_is_caught_has_no_cause(local: Local) -> None:
    """Protects catchers that tell a cause: here there is none, not even null."""
    job = local.job(tags={"local:seconds": "60"})
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Arguments": {"JobName": job},
        "TimeoutSeconds": 1,
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}],
        "End": True,
    }
    assert local.output(Task=task, Caught=PASS) == {"Error": "States.Timeout", "Cause": ""}


@pytest.mark.parametrize("service", ["glue", "sfn", "s3", "dynamodb"])
def test_an_action_that_is_not_there_is_named(local: Local, service: str) -> None:
    """Protects whoever mistypes an action from an error about something else."""
    task = {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{service}:crawlEverything", "End": True}
    error, cause = local.failure(Task=task | {"Arguments": {}})
    assert "crawleverything" in (error + cause).lower()
