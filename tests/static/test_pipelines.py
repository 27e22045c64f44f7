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
READ = json.loads((ROOT / "statemachine/pipeline.asl.json").read_text())["States"]["Read the pipeline"]["Assign"]


def in_schema(pipeline: Any) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(pipeline)


def problem(pipeline: Any) -> str:
    """What the machine's first state finds wrong, in the words of the error's cause."""
    expression = jsonata.Jsonata(READ["problem"][2:-2])
    frame = expression.create_frame()
    frame.bind("states", {"input": pipeline})
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
        pipeline({"job": {"name": "j", "arguments": {"--day": "2026-01-31"}}, "crawler": {"name": "c"}, "await": False}),
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
        (pipeline({"crawler": {"name": "c", "timeoutSeconds": 86401}}), "crawler.timeoutSeconds must be a whole number"),
        (pipeline({"crawler": "c", "await": "no"}), "stage 2, step 1: await must be true or false"),
    ],
)
def test_bad_pipelines_fail_schema_and_machine(bad, complaint):
    """A typo must be found before the first job runs, and be named with its place."""
    assert not in_schema(bad)
    assert complaint in problem(bad)
