"""Pipelines as data: the schema, the files, the template's rules and the machine's own check agree."""

import json
from pathlib import Path
from typing import Any

import jsonata
import jsonschema
import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "statemachine/pipeline.schema.json").read_text())
PIPELINES = sorted((ROOT / "pipelines").glob("*.json"))
STATES = json.loads((ROOT / "statemachine/pipeline.asl.json").read_text())["States"]


def in_schema(pipeline: Any) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(pipeline)


def problem(pipeline: Any) -> str:
    """What the machine's first state finds wrong, in the words of the error's cause."""
    return evaluate(STATES["Read the pipeline"]["Assign"]["problem"], states={"input": pipeline})


def evaluate(text: str, **variables: Any) -> Any:
    """What a `{% … %}` of the machine gives."""
    expression = jsonata.Jsonata(text[2:-2])
    frame = expression.create_frame()
    for name, value in variables.items():
        frame.bind(name, value)
    return expression.evaluate(None, frame)


def pipeline(step: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "p", "stages": [{"steps": [{"job": "first"}]}, {"name": "second", "steps": [step]}]} | fields


def test_the_schema_is_one():
    """A schema with a mistake in it accepts anything."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_the_pipelines_are_valid_and_named_for_their_file(path):
    """What is shipped as an example must run."""
    given = json.loads(path.read_text())
    jsonschema.validate(given, SCHEMA)
    assert problem(given) == ""
    assert given["name"] == path.stem


def test_the_rules_carry_the_pipelines_of_the_folder():
    """A rule holds a copy of its pipeline, because a template cannot include a file without an account."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    rules = [resource for resource in template["Resources"].values() if resource["Type"] == "AWS::Events::Rule"]
    assert rules
    for rule in rules:
        [target] = rule["Properties"]["Targets"]
        text = target["InputTransformer"]["InputTemplate"].replace("<aws.events.event.json>", "{}")
        carried = json.loads(text)["pipeline"]
        assert carried == json.loads((ROOT / "pipelines" / f"{carried['name']}.json").read_text())


@pytest.mark.parametrize(
    "good",
    [
        pipeline({"job": "j"}),
        pipeline({"crawler": "c", "job": None, "await": None}),
        pipeline(
            {"job": {"name": "j", "arguments": {"--day": "2026-01-31"}}, "crawler": {"name": "c"}, "await": False}
        ),
        pipeline({"crawler": {"name": "c", "timeoutSeconds": 86400}}, startAfter="2026-01-31T23:59:59Z"),
        pipeline({"job": {"name": "j", "arguments": None}}, startAfter=None, arguments=None),
        pipeline({"job": "j"}, arguments={"--date": "2026-01-31"}),
        pipeline({"job": "j"}, AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID="arn"),
        {"name": "p", "stages": [{"name": None, "steps": [{"job": "j"}, {"job": "k"}]}]},
    ],
)
def test_good_pipelines_pass_schema_and_machine(good):
    """The two must not drift apart: an editor checks the one, the machine the other."""
    assert in_schema(good)
    assert problem(good) == ""


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ([], "the input must be a JSON object"),
        ({}, "name must be a string that is not empty; stages must be an array that is not empty"),
        (pipeline({"job": "j"}, name=""), "name must be a string that is not empty"),
        (pipeline({"job": "j"}, stages=[]), "stages must be an array that is not empty"),
        (pipeline({"job": "j"}, stage=[]), "stage is not a field here"),
        (pipeline({"job": "j"}, startAfter="tomorrow"), "startAfter must be a moment such as 2026-01-31T23:59:59Z"),
        (pipeline({"job": "j"}, arguments=["--date"]), "arguments must be an object of strings"),
        (pipeline({"job": "j"}, arguments={"--date": 20260131}), "arguments must be an object of strings"),
        (pipeline({"job": "j"}, stages=[{"steps": []}]), "stage 1: steps must be an array that is not empty"),
        (pipeline({"job": "j"}, stages=["j"]), "stage 1: must be an object"),
        (pipeline({"job": "j"}, stages=[{"name": 1, "steps": [{"job": "j"}]}]), "stage 1: name must be a string"),
        (pipeline({}), "stage 2, step 1: needs a job or a crawler"),
        (pipeline({"job": None, "await": True}), "stage 2, step 1: needs a job or a crawler"),
        (pipeline("j"), "stage 2, step 1: must be an object"),
        (pipeline({"job": "j", "crawlr": "c"}), "stage 2, step 1: crawlr is not a field here"),
        (pipeline({"job": ""}), "stage 2, step 1: job must be a name, or an object with a name"),
        (pipeline({"job": {"Name": "j"}}), "stage 2, step 1: job.Name is not a field here; "),
        (pipeline({"job": {"name": "j", "arguments": {"--n": 1}}}), "job.arguments must be an object of strings"),
        (pipeline({"crawler": {"timeoutSeconds": 5}}), "crawler.name must be a string that is not empty"),
        (pipeline({"crawler": {"name": "c", "timeoutSeconds": 0.5}}), "crawler.timeoutSeconds must be a whole number"),
        (
            pipeline({"crawler": {"name": "c", "timeoutSeconds": 86401}}),
            "crawler.timeoutSeconds must be a whole number",
        ),
        (pipeline({"crawler": "c", "await": "no"}), "stage 2, step 1: await must be true or false"),
    ],
)
def test_bad_pipelines_fail_schema_and_machine(bad, complaint):
    """A typo must be found before the first job runs, and be named with its place."""
    assert not in_schema(bad)
    assert complaint in problem(bad)


QUEUE = "p-0123456789abcdef0123456789abcdef-"
NOW = "2026-01-01T00:10:00.000Z"
# Ends of windows: all but the last have closed at NOW.
FIRST, SECOND, THIRD, OPEN = (1_767_225_600 + seconds for seconds in (420, 480, 540, 660))


def turn(running: list[str]) -> tuple[str, str | None]:
    """Where the run of the window SECOND goes next, and to whom it leaves its work."""
    known: dict[str, Any] = {"queue": QUEUE, "windowEnd": SECOND}
    told = {"result": {"Executions": [{"Name": name} for name in running]}, "context": {"State": {"EnteredTime": NOW}}}
    look = STATES["Look for other runs of the pipeline"]
    known["closedWindows"] = evaluate(look["Assign"]["closedWindows"], states=told, **known)
    choice = STATES["Is it this run's turn?"]
    chosen = [rule["Next"] for rule in choice["Choices"] if evaluate(rule["Condition"], **known)]
    state = (chosen or [choice["Default"]])[0]
    absorbed = STATES[state].get("Output", {}).get("absorbedBy") if state == "Leave it to a newer run" else None
    return state, evaluate(absorbed, **known) if absorbed else None


@pytest.mark.parametrize(
    ("others", "state", "absorbed_by"),
    [
        ([], "Run the stages in order", None),
        ([THIRD], "Run the stages in order", None),
        ([FIRST], "Wait for the run before", None),
        ([FIRST, OPEN], "Wait for the run before", None),
        ([FIRST, THIRD], "Leave it to a newer run", THIRD),
        ([FIRST, THIRD - 1, THIRD, OPEN], "Leave it to a newer run", THIRD),
    ],
)
@pytest.mark.parametrize("listed", [True, False], ids=["listed itself", "not listed itself"])
def test_a_run_leaves_its_window_only_to_a_later_one_that_has_closed(others, state, absorbed_by, listed):
    """Else objects of its window are in no run, or it waits for ever; its own name may be missing from the list."""
    strangers = ["p-by-hand", "q" + QUEUE + str(FIRST), QUEUE + "x", QUEUE, QUEUE[:-2] + f"0-{FIRST}"]
    running = [f"{QUEUE}{end}" for end in others] + strangers + [f"{QUEUE}{SECOND}"] * listed
    assert turn(running) == (state, absorbed_by and f"{QUEUE}{absorbed_by}")


@pytest.mark.parametrize(
    ("waited", "pause"), [(0, 5), (20, 5), (60, 12), (3_600, 300), (345_600, 300)], ids=lambda value: f"{value}s"
)
def test_the_pauses_of_a_waiting_run_grow(waited, pause):
    """Four days of waiting have to fit into a history: 9 events a look, 25,000 in all."""
    text = STATES["Wait for the run before"]["Seconds"].replace("${PollMinSeconds}", "5")
    since = 1_767_226_200_000 - waited * 1000
    assert evaluate(text, states={"context": {"State": {"EnteredTime": NOW}}}, readySince=since) == pause
