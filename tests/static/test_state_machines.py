"""What can be known of the state machines without running them.

SAM's and cfn-lint's own checks skip the definitions; CreateStateMachine on the local AWS takes anything.
"""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonata
import pytest

from tests.support.definitions import (
    ROOT,
    Machine,
    at,
    each_machine,
    evaluated,
    integration,
    load,
    machine,
    machine_of,
    states,
)
from tests.support.mutants import NOTHING, Way, mutant

VALIDATOR: list[str | Path] = [
    ROOT / ".venv/checks/bin/node",
    ROOT / "tools/node_modules/.bin/asl-validator",
    "--json-path",
]


def validate(definition: Machine, folder: Path) -> subprocess.CompletedProcess[str]:
    """The verdict of asl-validator, which takes no expression over several lines and no substitution without quotes."""

    def folded(value: Any) -> Any:
        match value:
            case dict():
                return {key: folded(each) for key, each in value.items()}
            case list():
                return [folded(each) for each in value]
            case str() if value.startswith("{%"):
                return " ".join(value.split())
        return value

    file = folder / "machine.asl.json"
    file.write_text(json.dumps(folded(definition)).replace("${Partition}", "aws"))
    return subprocess.run([*VALIDATOR, file], capture_output=True, text=True, check=False)


@each_machine
def test_the_validator_accepts_the_machine(path: Path, tmp_path: Path) -> None:
    """Fields, JSONata syntax, existing targets, reachable states."""
    result = validate(load(path), tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


START = ("States", "Start crawler")
STEPS = (
    *("States", "Run the stages in order", "ItemProcessor"),
    *("States", "Run the steps side by side", "ItemProcessor", "States"),
)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ((*START, "Next"), "Get crawler status"),
        (("States", "How did the crawl go?", "Choices", 2, "Next"), "Report the failure"),
        ((*START, "Assign", "tries"), "{% $polls + %}"),
        ((*START, "Type"), "Tsk"),
    ],
    ids=["dangling", "unreachable", "broken expression", "unknown type"],
)
def test_the_validator_bites(way: Way, value: Any, tmp_path: Path) -> None:
    """A validator that accepted these would accept anything: folding must not hide what is wrong."""
    assert validate(mutant(machine("crawl"), *way, value=value), tmp_path).returncode != 0


@each_machine
def test_every_machine_and_task_ends(path: Path) -> None:
    """Without a timeout a lost answer is waited for during a year."""
    definition = load(path)
    assert definition["QueryLanguage"] == "JSONata"
    assert definition["TimeoutSeconds"] > 0
    for name, state in states(definition):
        assert state["Type"] != "Task" or "TimeoutSeconds" in state, at(path, name)


def unprepared(definition: Machine) -> Iterator[str]:
    """The tasks that a failure finds unprepared: each tries again what passes, and catches the rest."""
    known = dict(states(definition))
    for name, state in known.items():
        if state["Type"] != "Task":
            continue
        retriers, catchers = state.get("Retry", []), state.get("Catch", [])
        # What knows the deadline tries again in a loop of states.
        loops = any(catcher["Next"] == "Was the start throttled?" for catcher in catchers)
        if not retriers and not loops and not waits(state, known):
            yield f"{name} does not try again"
        # A cause in plain text needs nobody who reads it, and what was to be read is read next time.
        ends_as_it_is = retriers and integration(state) == "aws-sdk:dynamodb:query"
        if not (catchers and "States.ALL" in catchers[-1]["ErrorEquals"]) and not ends_as_it_is:
            yield f"{name} does not catch the rest"
        # By AWS's documentation States.ALL leaves it out; by what LocalStack recorded on AWS it does not.
        if is_answered_by_others(state) and TOO_LARGE not in [catcher["ErrorEquals"] for catcher in catchers]:
            yield f"{name} does not catch what is too large"
        for rule in itertools.chain(retriers, catchers):
            last = rule in (retriers[-1:] + catchers[-1:])
            if "States.ALL" in rule["ErrorEquals"] and not (last and rule["ErrorEquals"] == ["States.ALL"]):
                yield f"{name} has States.ALL neither last nor alone"


TOO_LARGE = ["States.DataLimitExceeded"]


def is_answered_by_others(task: dict[str, Any]) -> bool:
    """Whether the pipeline's own work decides how long the answer is: a function's, or a machine's output."""
    answers = {"lambda:invoke": "FunctionName", "states:startExecution.sync": "StateMachineArn"}
    argument = answers.get(integration(task))
    return argument is not None and "$step" in task["Arguments"][argument]


def waits(task: dict[str, Any], known: dict[str, Any]) -> bool:
    """Whether the task only waits to be woken, and needs no second attempt, which would have another token.

    When its time is up it goes where the token leads, and if it cannot wait so, it waits otherwise.
    """
    match task.get("Catch"):
        case [{"ErrorEquals": ["States.Timeout"], "Next": on_time}, {"ErrorEquals": ["States.ALL"], "Next": instead}]:
            by_token = integration(task).endswith(".waitForTaskToken")
            return by_token and on_time == task["Next"] and known[instead]["Type"] == "Wait"
    return False


@each_machine
def test_every_task_expects_failure(path: Path) -> None:
    """Each task tries again what passes, and catches the rest last and alone, as AWS demands of States.ALL."""
    assert list(unprepared(load(path))) == []


WAIT = ("States", "Wait for the crawl to end")
SEND = ("States", "Wake them", "ItemProcessor", "States", "Send the token back")


@pytest.mark.parametrize(
    ("name", "way", "value", "problem"),
    [
        ("crawl", ("States", "Start crawler", "Retry"), NOTHING, "Start crawler does not try again"),
        ("crawl", ("States", "Get crawler state", "Retry"), [], "Get crawler state does not try again"),
        ("crawl", ("States", "Stop crawler", "Catch"), NOTHING, "Stop crawler does not catch the rest"),
        ("crawl", ("States", "Start crawler", "Catch", 0, "ErrorEquals", 0), "States.ALL", "neither last nor alone"),
        ("crawl", ("States", "Start crawler", "Catch", 2, "ErrorEquals"), ["States.ALL", "X"], "neither last nor"),
        ("crawl", ("States", "Stop crawler", "Retry", 0, "ErrorEquals", 0), "States.ALL", "neither last nor alone"),
        ("crawl", (*WAIT, "Catch"), NOTHING, "Wait for the crawl to end does not catch the rest"),
        ("crawl", (*WAIT, "Catch", 0), NOTHING, "Wait for the crawl to end does not try again"),
        ("crawl", (*WAIT, "Catch", 1), NOTHING, "Wait for the crawl to end does not catch the rest"),
        ("crawl", (*WAIT, "Catch", 0, "Next"), "Read the error", "Wait for the crawl to end does not try again"),
        ("crawl", (*WAIT, "Catch", 1, "Next"), "Read the error", "Wait for the crawl to end does not try again"),
        ("crawl", (*WAIT, "Resource"), "arn:${Partition}:states:::aws-sdk:dynamodb:putItem", "does not try again"),
        ("wake", ("States", "Find who waits", "Retry"), NOTHING, "Find who waits does not catch the rest"),
        ("wake", (*SEND, "Retry"), NOTHING, "Send the token back does not try again"),
        ("wake", (*SEND, "Catch"), NOTHING, "Send the token back does not catch the rest"),
        ("pipeline", (*STEPS, "Run job", "Catch", 0), NOTHING, "Run job does not try again"),
        ("pipeline", (*STEPS, "Invoke function", "Catch", 0), NOTHING, "Invoke function does not catch what is too"),
        ("pipeline", (*STEPS, "Run machine", "Catch", 0), NOTHING, "Run machine does not catch what is too large"),
    ],
)
def test_a_task_that_expects_no_failure_is_found(name: str, way: Way, value: Any, problem: str) -> None:
    """The check above bites: what may do without is no way out for the others."""
    assert any(problem in found for found in unprepared(mutant(machine(name), *way, value=value)))


@each_machine
def test_every_retry_is_bounded_and_spread(path: Path) -> None:
    """Backoff without an upper bound outwaits deadlines; without jitter, many callers come back at once.

    Where that does no harm, tests/static/test_bursts.py shows it.
    """
    for name, state in states(load(path)):
        for retrier in state.get("Retry", []):
            if retrier["MaxAttempts"]:
                throttled = "StepFunctions.AWSStepFunctionsException" in retrier["ErrorEquals"]
                may_come_at_once = throttled and name == "Start pipeline"
                assert retrier["JitterStrategy"] == ("NONE" if may_come_at_once else "FULL"), at(path, name)
                assert 0 < retrier["IntervalSeconds"] <= retrier["MaxDelaySeconds"], at(path, name)


REFUSALS = {"Lambda.TooManyRequestsException", "StepFunctions.AWSStepFunctionsException"}
REFUSAL = 0.5  # seconds until a throttled call is refused: nothing is done before


def longest(task: dict[str, Any]) -> float:
    """How long a task can take with all of its retries: each pause without luck, each attempt until its end.

    That is its timeout, or a refusal.
    """
    seconds: float = task["TimeoutSeconds"]
    for retrier in task["Retry"]:
        attempt_takes = REFUSAL if REFUSALS & set(retrier["ErrorEquals"]) else task["TimeoutSeconds"]
        for attempt in range(retrier["MaxAttempts"]):
            pause = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt
            seconds += attempt_takes + min(pause, retrier["MaxDelaySeconds"])
    return seconds


def test_a_filter_without_room_is_waited_for() -> None:
    """Bulk loads that exceed the concurrency of functions are as usual as those that exceed the rate of starts."""
    refused = next(rule for rule in machine("trigger")["States"]["Filter event"]["Retry"] if rule["MaxAttempts"])
    assert refused["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
    only = {"TimeoutSeconds": 0, "Retry": [refused]}
    assert longest(only) > 50


def test_the_trigger_parks_its_event_before_its_time_is_up() -> None:
    """An express execution that times out has neither handled its event nor parked it."""
    trigger = machine("trigger")
    tasks = [state for _, state in states(trigger) if state["Type"] == "Task"]
    assert len(tasks) == 3
    assert sum(map(longest, tasks)) < trigger["TimeoutSeconds"] < 300


@each_machine
def test_every_failure_says_what_and_why(path: Path) -> None:
    """A Fail without Error and Cause leaves its caller with nothing."""
    for name, state in states(load(path)):
        if state["Type"] == "Fail":
            assert state["Error"], at(path, name)
            assert state["Cause"], at(path, name)


@each_machine
def test_every_choice_has_a_default(path: Path) -> None:
    """What happens to an unmatched Choice differs from document to document."""
    for name, state in states(load(path)):
        assert state["Type"] != "Choice" or state["Default"], at(path, name)


@each_machine
def test_substitutions_match_the_template_both_ways(path: Path) -> None:
    """A `${…}` that nothing substitutes reaches the running machine; one that nothing uses is a mistake too."""
    _, properties = machine_of(path)
    substitutions = properties["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", path.read_text())) == set(substitutions)


def test_each_start_asks_for_the_deadline_first() -> None:
    """Work that begins after the deadline runs on with nobody waiting for it: first starts, throttled ones, retries."""
    inner: dict[str, Any] = machine("pipeline")
    for name in STEPS[:-1]:
        inner = inner[name]
    starts = {name for name, state in inner["States"].items() if state["Type"] == "Task"}
    assert len(starts) == 6
    ways = [(name, way) for name, state in inner["States"].items() for way in ways_of(state) if way in starts]
    assert ways == [("What is to be started?", way) for _, way in ways]
    assert {way for _, way in ways} == starts
    # Readers of a history tell steps apart by it, where two have the same job.
    to_start = [rule for state in inner["States"].values() for rule in [state, *state.get("Choices", [])]]
    given = [rule.get("Output") for rule in to_start if rule.get("Next") == "What is to be started?"]
    assert given == [None, "{% $step %}", "{% $step %}", "{% $step %}"], "the step itself, which is its first input"
    first, *_ = inner["States"]["What is to be started?"]["Choices"]
    assert "$stepDeadline" in first["Condition"]
    assert inner["StartAt"] not in starts


def ways_of(state: dict[str, Any]) -> Iterator[str]:
    """Where the state leads."""
    rules = [state, *state.get("Choices", []), *state.get("Catch", [])]
    yield from (rule[field] for rule in rules for field in ("Next", "Default") if field in rule)


@pytest.mark.parametrize(
    ("results", "woken", "failures"),
    [
        ([], 2, ["before"]),
        (["woken"], 3, ["before"]),
        (["gone"], 2, ["before"]),
        (["no"], 2, ["before", "no"]),
        (["woken", "gone", "no", "woken", "never"], 4, ["before", "no", "never"]),
        (["no"] * 50, 2, ["before", *["no"] * 9]),
    ],
)
def test_a_page_of_tokens_adds_to_those_before(results: list[str], woken: int, failures: list[str]) -> None:
    """Whom nobody could wake must raise the alarm, and a token that is gone must not."""
    added = machine("wake")["States"]["Wake them"]["Assign"]
    known = {"states": {"result": results}, "woken": 2, "failures": ["before"]}
    told = {name: evaluated(jsonata.Jsonata, text, **known) for name, text in added.items()}
    assert told == {"woken": woken, "failures": failures}


def test_tokens_are_read_from_any_page() -> None:
    """One token is a list of one, and an empty page is followed by the next."""
    find = machine("wake")["States"]["Find who waits"]
    last = {"crawler": {"S": "c"}, "waiter": {"S": "w"}}
    for tokens in ([], ["a"], ["a", "b"]):
        for more, page in (({}, {}), ({"LastEvaluatedKey": last}, {"ExclusiveStartKey": last})):
            told = {"states": {"result": {"Items": [{"token": {"S": token}} for token in tokens]} | more}}
            assert evaluated(jsonata.Jsonata, find["Output"], **told) == tokens
            assert evaluated(jsonata.Jsonata, find["Assign"]["page"], **told) == page


def test_states_reads_nested_machines() -> None:
    """The checks above must reach into Map: most of the pipeline is there."""
    assert {"Plan pipeline", "Run job", "Crawl"} <= {name for name, _ in states(machine("pipeline"))}
