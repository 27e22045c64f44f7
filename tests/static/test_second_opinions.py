"""What others make of the machines: JSONata's reference engine of the expressions, LocalStack's parser of the rest.

Step Functions documents JSONata 2.0.6, and evaluates by an engine of its own that stops near a depth of 100.
"""

import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonata
import pytest

from tests.support.causes import CAUSES, caught
from tests.support.definitions import (
    ROOT,
    at,
    each_machine,
    evaluated,
    expressions,
    load,
    machine_of,
    states,
)

PARSER = [ROOT / ".venv/localstack/bin/python", ROOT / "tests/support/localstack_parser.py"]
NODE = [ROOT / ".venv/checks/bin/node", ROOT / "tests/support/reference_engine.cjs"]
DEEPEST = 60
NOW = 1_767_226_200_000
NOTHING = "nothing"
NOBODY = {"failed": None, "succeeded": None}
World = dict[str, Any]
TASK = {"kind": "job", "failure": "JobFailed", "subject": "job orders"}


def frozen(text: str) -> str:
    """The expression at one moment, with what a deployment fills in."""
    fixed = {"$millis()": str(NOW), "$now()": "'2026-01-01T00:10:00.000Z'", "$random()": "0.5"}
    fixed |= {"${PollMinSeconds}": "5", "${PollMaxSeconds}": "300", "${CoalesceSeconds}": "60"}
    for name, value in (fixed | {"${WaitersTable}": "table", "${ExecutionsUrl}": "https://console/"}).items():
        text = text.replace(name, value)
    return text


def world(*, size: int, error: Any, given: Any, words: str) -> World:
    """All that expressions of any machine may refer to."""
    name = f"p-0123456789abcdef0123456789abcdef-{NOW // 1000 - 60}"
    names = [f"p-0123456789abcdef0123456789abcdef-{NOW // 1000 - 600 + 60 * number}" for number in range(size)]
    step = {
        "place": f"stage 1 ({words}), step 1",
        "work": TASK,
        "job": words,
        "arguments": {f"--{number}": words for number in range(min(size, 20))},
        "crawl": TASK | {"kind": "crawl"},
        "crawler": words,
        "await": True,
        "timeoutSeconds": 60,
        "function": words,
        "payload": {words: words},
        "request": {"QueryString": words, "WorkGroup": "primary"},
        "machine": words,
        "input": {words: words},
        "retries": min(size, 20),
        "optional": True,
    }
    stages = [{"name": words, "steps": [{"place": words}] * min(size, 40)}] * min(size, 20)
    outcome = {"work": None, "crawl": {"crawlername": words, "crawl": {"status": "SUCCEEDED"}}, "failure": None}
    crawl = {"status": "SUCCEEDED", "errorMessage": words, "logGroup": "g", "logStream": words, "startTime": "then"}
    token = (words * 2_048)[:2_048]
    waiter = {"crawler": {"S": words}, "waiter": {"S": name}}
    started = {"crawlername": words, "outcome": "STARTED", "previousCrawl": None, "pollSeconds": 2}
    context = {
        "Execution": {"Id": f"arn:aws:states:eu-west-1:0:execution:m:{name}", "Name": name, "Input": given},
        "StateMachine": {"Id": "arn:aws:states:eu-west-1:0:stateMachine:m:1"},
        "State": {"EnteredTime": "2026-01-01T00:10:00.000Z"},
        "Task": {"Token": token},
    }
    context["Execution"]["StartTime"] = "2026-01-01T00:09:00.123Z"
    result: dict[str, Any] = {
        "Payload": started | {"crawl": crawl},
        "Executions": [{"Name": each} for each in (*names, "by-hand")],
        "ExecutionArn": "arn",
        "Output": outcome["crawl"],
        "Id": "jr_1",
        "JobRunState": "SUCCEEDED",
        "ExecutionTime": 7,
        "QueryExecution": {"QueryExecutionId": "q"},
        "Items": [{"token": {"S": token}}] * min(size, 50),
    }
    result |= {"LastEvaluatedKey": waiter} if size else {}
    told = {"input": given, "context": context, "result": result, "errorOutput": error}
    return {
        "states": told,
        "request": given,
        "filtered": {"matched": True, "reason": words, "bucket": "b", "key": words, "executionName": name}
        | {"startAfter": "2026-01-01T00:10:05Z", "window": {"queue": name[:-10], "start": "s", "end": "e"}},
        "started": started,
        "crawl": crawl,
        "pollSeconds": 2,
        "deadline": NOW + 60_000,
        "stepDeadline": NOW + 30_000,
        "secondsLeft": 30,
        "readySince": NOW - 60_000,
        "polls": 3,
        "tries": 2,
        "misses": 1,
        "timedOut": False,
        "late": False,
        "error": error,
        "message": words,
        "cause": words,
        "failure": "JobFailed",
        "failed": {"error": "JobFailed", "cause": words} if size else None,
        "untold": [words] * min(size, 2),
        "unlisted": words if size else None,
        "doing": TASK | {"subject": f"job {words}"},
        "plan": {"name": words, "startAfter": "2026-01-01T00:10:05Z", "timeoutSeconds": 86_400, "stages": stages}
        | {"window": {"queue": name[:-10]}, "notify": {"failed": "arn", "succeeded": "arn"} if size else NOBODY},
        "step": step,
        "done": {"job": words, "state": "SUCCEEDED"},
        "attemptsLeft": 0,
        "messages": [{"topic": "arn", "ended": "failed", "details": words}] if size else [],
        "closedRuns": names or [name],
        "crawler": words,
        "page": {"ExclusiveStartKey": waiter} if size else {},
        "woken": 50 * size,
        "failures": [f"Sfn.SfnException: {words[:200]}"] * min(size, 10),
    }


GIVEN = {
    "crawlername": "orders",
    "timeoutSeconds": 60,
    "pipeline": {"name": "p"},
    "event": {},
    "steps": [1],
    "retries": 2,
    "work": TASK,
} | {"detail": {"crawlerName": "orders", "state": "Succeeded"}}
REALISTIC = world(
    size=2, error={"Error": "JobFailed", "Cause": CAUSES["a function's error"]}, given=GIVEN, words="orders"
)
# A page of ListExecutions and one of tokens, an input of nearly 256 KiB, and a cause that AWS has cut.
LARGEST = world(
    size=200,
    error={"Error": "e" * 256, "Cause": CAUSES["a cut job run"]},
    given=GIVEN | {"text": "x" * 250_000},
    words="w" * 2_000,
)
ODD = "\"'\\/{}[]$%&|\u00e9\u4e2d\n"
HOSTILE = [
    world(size=0, error=caught("x", cause), given=given, words=ODD)
    for cause, given in zip(
        CAUSES.values(),
        [
            None,
            "text",
            7,
            [],
            {},
            {"timeoutSeconds": 1e306},
            {"timeoutSeconds": -1e306},
            {"timeoutSeconds": "60"},
            *[[GIVEN]] * len(CAUSES),
        ],
        strict=False,
    )
]
WORLDS = [REALISTIC, LARGEST, *HOSTILE]


def reference(texts: list[str], worlds: list[World]) -> list[list[dict[str, Any]]]:
    question = json.dumps({"texts": texts, "worlds": worlds})
    return json.loads(subprocess.run(NODE, input=question, capture_output=True, text=True, check=True).stdout)


def local(text: str, known: World) -> Any:
    """What the local engine makes of the expression; a tuple is an error."""
    try:
        value = evaluated(jsonata.Jsonata, text, **known)
        if value is None and not evaluated(jsonata.Jsonata, f"{{%$exists(({text[2:-2]}))%}}", **known):
            return NOTHING
        return json.loads(json.dumps(value))
    except Exception as error:
        return ("error", str(error))


def objections(texts: list[str], worlds: list[World]) -> Iterator[tuple[str, str]]:
    """What speaks against an expression, in any world."""
    for text, row in zip(texts, reference([text[2:-2] for text in texts], worlds), strict=True):
        if max(each["deepest"] for each in row) > DEEPEST:
            yield text, f"goes {max(each['deepest'] for each in row)} deep"
        for known, told in zip(worlds, row, strict=True):
            value = local(text, known)
            if "error" in told:
                yield text, f"is {told['error']} for the reference engine, and here {value!r}"
            elif value != told.get("value", NOTHING):
                yield text, f"is {told.get('value', NOTHING)!r} for the reference engine, and here {value!r}"
        if "value" not in row[0]:
            yield text, f"has no value where all is well: {row[0]}"


@each_machine
def test_both_engines_agree_on_every_expression(path: Path) -> None:
    """What is tested here must be what runs on AWS: in a usual run, with the largest and with hostile input."""
    found, count = [], 0
    for name, state in states(load(path)):
        texts = [frozen(text) for text in expressions(own(state))]
        count += len(texts)
        found += [f"{at(path, name)}: {text}: {why}" for text, why in objections(texts, worlds_of(name))]
    assert not found, "\n\n".join(found)
    assert count > 10


# By then start-crawler or plan-pipeline has refused what is hostile.
CHECKED = ("Get crawler state", "Read the step", "Wait for the crawl to end", "Wait for the older crawl to end")
# What the iterations of a Map made, from all is well to the worst.
FAILED = f"{'e' * 256}: {'x' * 200}"
WOKEN = [["woken", "gone", "woken"], [FAILED] * 50, [], ["woken"], ["gone"], [ODD], ["woken", *[FAILED] * 11, "gone"]]


# What the stages made, the steps of each: nothing failed, as much as can be, something, odd words.
MADE = [{"work": None, "crawl": None, "failure": None}]
SOME = {"work": None, "crawl": None, "failure": {"error": "JobFailed", "cause": ODD}}
STAGES = [[MADE, MADE], [[SOME | {"failure": {"error": "JobFailed", "cause": "x" * 2_000}}] * 40] * 2, [MADE, [SOME]]]

MADE_OF: dict[str, list[Any]] = {
    "Run the stages in order": STAGES,
    "Publish message": STAGES,
    "Tell how the run ended": [[None], [ODD * 50, "x" * 1_000], [], [None, ODD]],
    "Wake them": WOKEN,
}


def worlds_of(state: str) -> list[World]:
    """The worlds that the state may be entered in."""
    if state in ("Was the start throttled?", "Read the run's error"):
        return [known | {"states": known["states"] | {"input": known["error"]}} for known in WORLDS]
    if state in ("Read the error", "Read the step's error", "Report the error"):
        return [*WORLDS, REALISTIC | {"error": None}]
    if state in MADE_OF:
        results = itertools.islice(itertools.cycle(MADE_OF[state]), len(WORLDS))
        item = {"topic": "arn", "ended": "failed", "details": ODD}
        return [
            known | {"states": known["states"] | {"input": item, "result": result}}
            for known, result in zip(WORLDS, results, strict=True)
        ]
    return [REALISTIC, LARGEST] if state in CHECKED else WORLDS


def own(state: dict[str, Any]) -> dict[str, Any]:
    """A state without the states in it."""
    return {field: value for field, value in state.items() if field not in ("ItemProcessor", "Branches")}


@pytest.mark.parametrize(
    ("text", "objection"),
    [
        ("{%" + "+".join(["1"] * (DEEPEST + 5)) + "%}", "deep"),
        ("{%$map([1..50], function($n) { [$string($n), $string($n)] })%}", "deep"),
        ("{%$replace('abc', /x*/, '-')%}", "reference engine"),
        ("{%$nobody%}", "no value"),
        ("{%$number('x')%}", "is D3030"),
    ],
    ids=["a long sum", "calls in arrays", "a difference", "an unknown variable", "an error"],
)
def test_an_expression_that_would_surprise_is_found(text: str, objection: str) -> None:
    """The checks bite."""
    assert objection in " ".join(why for _, why in objections([text], [REALISTIC]))


@each_machine
def test_localstack_accepts_the_machine(path: Path) -> None:
    """A parser that others have held against AWS: types of states, their fields, retriers, what EXPRESS may call."""
    text, kind = json.dumps(load(path)).replace("${Partition}", "aws"), machine_of(path)[1].get("Type", "STANDARD")
    result = subprocess.run([*PARSER, kind], input=text, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
