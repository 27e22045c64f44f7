"""JSONata, where the machines of this project lean on it."""

import json
import re

import pytest

from local.aws.tests.support import Local, expression

pytestmark = pytest.mark.aws(
    "Transforming data with JSONata in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
    validated="never",
)


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


@pytest.mark.aws(
    "Context object",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html",
    validated="never",
)
def test_the_context_names_and_dates_the_execution(local: Local) -> None:
    """Protects requestedAt: the execution's start, as RFC 3339 in UTC."""
    machine = local.machine(Pass=expression("$states.context.Execution"))
    execution = local.ended(local.start(machine, name="named"))
    context = json.loads(execution["output"])
    assert context["Name"] == "named"
    assert context["Id"] == execution["executionArn"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", context["StartTime"])


@pytest.mark.aws(
    "Transforming data with JSONata in Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
    validated="LocalStack snapshot test_undefined_reference, 2024-11-21: what returns nothing",
)
@pytest.mark.parametrize("text", ["$states.input.gone", "$parse('nope')", "$toMillis('nope')", "$error('no')"])
def test_an_expression_without_a_result_fails_the_state(local: Local, text: str) -> None:
    """Protects guards: a missing field is an error, not null."""
    assert local.run({}, Pass=expression(text))["error"] == "States.QueryEvaluationError"


def test_what_is_no_json_cannot_be_parsed(local: Local) -> None:
    """Protects catchers: a cause that is cut off fails the state that reads it whole."""
    for text in ("", "{", '{"a": 1', "Rate exceeded", '{"a": 1} x'):
        assert local.failure(text, Pass=expression("$parse($states.input)"))[0] == "States.QueryEvaluationError"
