"""What machines make of errors and their causes: any cause is read, and none is too long to be told."""

import re
from pathlib import Path
from typing import Any

import jsonata
import pytest

from tests.support.causes import CAUSES, TEXT, caught
from tests.support.definitions import (
    at,
    each_machine,
    evaluated,
    load,
    machine,
    states,
    strings,
)

TASK = {"kind": "job", "failure": "JobFailed", "subject": "j" * 255}
READERS = ("Read the error", "Read the step's error", "Read the run's error", "Was the start throttled?")
KNOWN: dict[str, Any] = {
    "doing": TASK,
    "step": {"await": True},
    "late": False,
    "polls": 1,
    "tries": 1,
    "misses": 1,
    "stepDeadline": 0,
    "failure": "Earlier",
    "message": "earlier",
    "request": {},
}


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
@each_machine
def test_every_cause_is_understood(path: Path, cause: str | None) -> None:
    """An expression that fails where an error is read replaces it by its own, past every catcher."""
    output = caught("Lambda.Unknown", cause)
    known = KNOWN | {"states": {"input": output, "errorOutput": output}, "error": output}
    found = 0
    for name, state in states(load(path)):
        readers = [catcher.get(field, {}) for catcher in state.get("Catch", []) for field in ("Assign", "Output")]
        if name in READERS:
            readers += [state["Assign"], *(rule["Condition"] for rule in state.get("Choices", []))]
        for text in [text for reader in readers for text in strings(reader) if "rror" in text]:
            filled = re.sub(r"\$\{Poll(Min|Max)Seconds}", "60", text)
            assert evaluated(jsonata.Jsonata, filled, **known) is not None, f"{at(path, name)}: {text}"
            found += 1
    assert found


FUNCTIONS_SAY = {
    "a function's error": "crawlername: is missing",
    "a function that was killed": "2026-01-31T00:00:00.000Z 1 Task timed out after 30.03 seconds",
    "a cut function's error": 'a "b" é',
    "text": TEXT,
    "no cause": "",
    "braces around no JSON": "{no JSON}",
}


def test_what_a_cause_says_is_told() -> None:
    """Readers want Glue's own words, and no JSON around them."""
    for name, told in {
        "crawl": FUNCTIONS_SAY,
        "trigger": FUNCTIONS_SAY,
    }.items():
        read = machine(name)["States"]["Read the error"]["Assign"]["message"]
        for kind, said in told.items():
            assert evaluated(jsonata.Jsonata, read, error=caught("x", CAUSES[kind])) == said
    read = dict(states(machine("pipeline")))["Read the step's error"]["Assign"]["cause"]
    for kind, said in {
        "a job run": "ValueError: no data",
        "a stopped job run": "the run ended as STOPPED",
        "an execution": "CrawlFailed: crawler c: no data",
        "an aborted execution": "ABORTED",
        "text": f"States.TaskFailed: {TEXT}",
        "no cause": "States.TaskFailed: ",
        "braces around no JSON": "States.TaskFailed: {no JSON}",
    }.items():
        assert evaluated(jsonata.Jsonata, read, **KNOWN | {"error": caught("States.TaskFailed", CAUSES[kind])}) == said
    for kind, cause, said in (
        ("job", "a job run by its id", "no data, run jr_1"),
        ("query", "a query", "the query ended as FAILED, run q-1"),
        ("machine", "an execution by its ARN", "TIMED_OUT, run arn:x"),
        ("crawl", "an execution by its ARN", "TIMED_OUT, run arn:x"),
        ("function", "an execution by its ARN", "TIMED_OUT"),
    ):
        failed = {"error": caught("States.TaskFailed", CAUSES[cause]), "doing": TASK | {"kind": kind}}
        assert evaluated(jsonata.Jsonata, read, **KNOWN | failed) == said
    for error, awaited, said in (
        ({"Error": "States.Timeout", "Cause": ""}, True, "it is still running"),
        ({"Error": "States.Timeout", "Cause": ""}, False, "no answer: the crawl may have been started all the same"),
        (None, True, "it was not started"),
    ):
        crawl = {"error": error, "doing": TASK | {"kind": "crawl"}, "step": {"await": awaited}}
        assert evaluated(jsonata.Jsonata, read, **KNOWN | crawl) == said
    read = dict(states(machine("wake")))["Send the token back"]["Catch"][-1]["Output"]
    for kind, said in {"text": f"Sfn.SfnException: {TEXT}", "no cause": "Sfn.SfnException: "}.items():
        output = caught("Sfn.SfnException", CAUSES[kind])
        assert evaluated(jsonata.Jsonata, read, states={"errorOutput": output}) == said


@pytest.mark.parametrize("error", ["States.Timeout", "States.DataLimitExceeded", "StatesTimeout", "JobFailed"])
def test_no_execution_fails_with_a_name_of_step_functions_own(error: str) -> None:
    """AWS keeps names that begin with States. to itself; a catcher must not take one of ours for theirs."""
    output = {"Error": error, "Cause": "no answer"}
    known = {"states": {"input": output}, "error": output, "message": "no answer"}
    named = {name: dict(states(machine(name))) for name in ("crawl", "pipeline", "trigger")}
    report, trigger = named["crawl"]["Report the error"], named["trigger"]["Read the error"]["Assign"]
    failed = evaluated(jsonata.Jsonata, named["pipeline"]["Read the run's error"]["Assign"]["failed"], **known)
    told = [(evaluated(jsonata.Jsonata, report[field], **known)) for field in ("Error", "Cause")]
    parked = [(evaluated(jsonata.Jsonata, trigger[field], **known)) for field in ("failure", "message")]
    if not error.startswith("States."):
        assert told == parked == [failed["error"], failed["cause"]] == [error, "no answer"]
    else:
        assert told == parked == ["CallFailed", f"{error}: no answer"]
        assert failed == {"error": "RunFailed", "cause": f"{error}: no answer"}


LONG = "x" * 300_000
CUT = "x" * 30_000  # what each reader leaves
FAR: dict[str, Any] = {
    "states": {"context": {"Execution": {"Input": {"crawlername": LONG}, "StartTime": "2026-01-31T00:00:00Z"}}},
    "started": {},
    "crawl": {"errorMessage": LONG, "logGroup": "g" * 512, "logStream": "s" * 512, "startTime": ""},
    "error": {"Error": "e" * 256, "Cause": LONG},
    "failed": {"error": "JobFailed", "cause": CUT},  # what "Read the run's error" leaves
    "untold": ["t" * 1_000] * 2,
    "doing": TASK,
    "message": CUT,
    "cause": LONG,
    "plan": {"name": "p" * 80},
    "step": {"place": "l" * 200},
    "deadline": 0,
    "failure": "JobFailed",
    "crawler": "c" * 255,
    "woken": 10**9,
    "failures": ["e" * 256 + ": " + "x" * 200] * 10,
}


@each_machine
def test_no_cause_is_longer_than_a_fail_may_have(path: Path) -> None:
    """32,768 characters: https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html"""
    for name, state in states(load(path)):
        if state["Type"] == "Fail":
            text = state["Cause"]
            told = evaluated(jsonata.Jsonata, text, **FAR) if text.startswith("{%") else text
            assert len(told) <= 32_768, at(path, name)
