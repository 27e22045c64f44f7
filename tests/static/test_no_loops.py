"""No pipeline starts itself: rules are confined to a prefix, and no job is told to write where that would follow."""

import copy
import itertools
import json
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.support.definitions import started_by
from tests.support.mutants import NOTHING, Way, mutant

ROOT = Path(__file__).parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
PIPELINES = sorted(set((ROOT / "pipelines").glob("*.json")) - {ROOT / "pipelines/schema.json"})

# Where a branch of a pattern says bucket and key: native events, and CloudTrail's.
PLACES = (
    ("detail.bucket.name", "detail.object.key"),
    ("detail.requestParameters.bucketName", "detail.requestParameters.key"),
)
LOCATION = re.compile(r"s3[an]?://([^/\s\"']+)/?([^\s\"']*)")
# Arguments with such a name are read: only what is written can start anything.
READ = re.compile(r"--.*(source|input)", re.IGNORECASE)
NAME = re.compile(r"\$\{(\w+)}")
# What a name stands for that is no parameter: a name of something, unknown but not empty.
RESOURCE = {"MinLength": 1}

Pattern = dict[str, Any]
# The bucket (None: any, a parameter without a default) and the prefix of the keys that a rule lets through.
Place = tuple[str | None, str]


def problems(template: dict[str, Any]) -> list[str]:
    """What could let a pipeline of the template's rules start itself, if not at once, then through others."""
    found: list[str] = []
    starts: dict[str, list[Place]] = {}
    writes: dict[str, list[tuple[str, str]]] = {}
    for name, rule in template["Resources"].items():
        if rule["Type"] != "AWS::Events::Rule":
            continue
        machine = started_by(rule["Properties"])
        if machine != "trigger":
            # What wake does is to end the waits of crawls that were started anyway: it starts no work.
            found += [] if machine == "wake" else [f"{name} starts neither trigger for S3 nor wake for Glue"]
            continue
        starts[name] = []
        for branch in branches(rule["Properties"]["EventPattern"]):
            places = list(confined(branch, template["Parameters"]))
            found += [] if places else [f"{name}: a branch of its pattern lets through any bucket, or any key"]
            starts[name] += places
        writes[name] = list(written(pipeline_of(rule)))
    followers = {
        name: {other for other, places in starts.items() if any(under(at, place) for at in targets for place in places)}
        for name, targets in writes.items()
    }
    try:
        TopologicalSorter(followers).prepare()
    except CycleError as error:
        found.append(f"{' starts '.join(error.args[1])}")
    return found


def branches(pattern: Pattern, path: str = "") -> list[Pattern]:
    """The pattern without its `$or`s: the ways to match it, each {path of a field: allowed values}."""
    ways: list[list[Pattern]] = []
    for field, value in pattern.items():
        at = f"{path}.{field}".removeprefix(".")
        if field == "$or":
            ways.append([way for alternative in value for way in branches(alternative, path)])
        elif isinstance(value, dict):
            ways.append(branches(value, at))
        else:
            ways.append([{at: value}])
    return [{at: value for part in parts for at, value in part.items()} for parts in itertools.product(*ways)]


def confined(branch: Pattern, parameters: dict[str, Any]) -> Iterator[Place]:
    """The places that the branch is confined to; none if it leaves bucket or key open."""
    for bucket, key in PLACES:
        buckets = [plain(value, parameters) for value in branch.get(bucket, [])]
        prefixes = [prefix(value, parameters) for value in branch.get(key, [])]
        if buckets and prefixes and all(buckets) and all(prefixes):
            yield from ((None if name.startswith("$") else name, start) for name in buckets for start in prefixes)


def prefix(value: Any, parameters: dict[str, Any]) -> str:
    """What every key begins with that matches the value; empty if that is nothing."""
    if isinstance(value, dict) and (len(value) != 1 or not value.keys() <= {"prefix", "wildcard", "Ref", "Fn::Sub"}):
        return ""
    if isinstance(value, dict) and "wildcard" in value:
        return plain(value["wildcard"], parameters).partition("*")[0]
    return plain(value["prefix"] if isinstance(value, dict) and "prefix" in value else value, parameters)


def plain(value: Any, parameters: dict[str, Any]) -> str:
    """A text with the parameters' defaults filled in; empty if it is none, or if a deployment may leave it empty."""
    match value:
        case {"Ref": name}:
            value = f"${{{name}}}"
        case {"Fn::Sub": str(text)}:
            value = text
    if not isinstance(value, str):
        return ""
    known = {name: parameters.get(name, RESOURCE) for name in NAME.findall(value)}
    if not NAME.sub(lambda name: "x" * least(known[name[1]]), value):
        return ""
    return NAME.sub(lambda name: known[name[1]].get("Default", name[0]), value)


def least(parameter: dict[str, Any]) -> int:
    """How short the parameter may be."""
    pattern = parameter.get("AllowedPattern")
    return parameter.get("MinLength", 1 if pattern and not re.fullmatch(pattern, "") else 0)


def pipeline_of(rule: dict[str, Any]) -> Any:
    [target] = rule["Properties"]["Targets"]
    text = target["InputTransformer"]["InputTemplate"]
    text = text["Fn::Sub"] if isinstance(text, dict) else text
    return json.loads(text.replace("<aws.events.event.json>", "{}"))["pipeline"]


def written(value: Any, argument: str = "") -> Iterator[tuple[str, str]]:
    """The buckets and keys of all S3 locations in a pipeline that its jobs may write to."""
    match value:
        case dict():
            for name, each in value.items():
                yield from written(each, name)
        case list():
            for each in value:
                yield from written(each, argument)
        case str() if not READ.match(argument):
            yield from LOCATION.findall(value)


def under(location: tuple[str, str], place: Place) -> bool:
    """Whether an object at or below the location may be in the place."""
    (bucket, key), (wanted, start) = location, place
    same = wanted is None or bucket.startswith("$") or bucket == wanted
    return same and f"{key.rstrip('/')}/".startswith(start)


def test_no_pipeline_starts_itself() -> None:
    """Each run would start the next, for ever and at Glue's prices."""
    assert problems(TEMPLATE) == []


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_no_example_would_start_itself(path: Path) -> None:
    """The pipelines of the folder are what the next rule is made of."""
    assert problems(carrying(json.loads(path.read_text()))) == []


def carrying(pipeline: Any, prefix_of_rule: Any = None) -> dict[str, Any]:
    """The template, its rule with another pipeline and perhaps another prefix."""
    template = copy.deepcopy(TEMPLATE)
    put(template, "CustomersRule", pipeline, prefix_of_rule)
    return template


def put(template: dict[str, Any], name: str, pipeline: Any, prefix_of_rule: Any = None) -> None:
    rule = template["Resources"][name] = copy.deepcopy(TEMPLATE["Resources"]["CustomersRule"])
    transformer = {"InputTemplate": f'{{"event": <aws.events.event.json>, "pipeline": {json.dumps(pipeline)}}}'}
    rule["Properties"]["Targets"][0]["InputTransformer"] = transformer
    if prefix_of_rule:
        native, trail = rule["Properties"]["EventPattern"]["$or"]
        native["detail"]["object"]["key"] = trail["detail"]["requestParameters"]["key"] = [{"prefix": prefix_of_rule}]


def job(**arguments: str) -> dict[str, Any]:
    named = {f"--{name}": value for name, value in arguments.items()}
    return {"name": "p", "stages": [{"steps": [{"job": "j", "arguments": named}]}]}


@pytest.mark.parametrize(
    "location",
    [
        "s3://lake/landing/",
        "s3://lake/landing",
        "s3://${SourceBucketName}/landing/out/",
        "s3a://lake/landing/a/b.csv",
        'SELECT 1 INTO "s3://lake/landing/x"',
    ],
)
def test_a_location_under_the_own_prefix_is_found(location: str) -> None:
    """The check above must bite, whatever form the location has."""
    assert problems(carrying(job(target=location))) == ["CustomersRule starts CustomersRule"]
    assert problems(carrying({"arguments": {"--out": location}} | job())) == ["CustomersRule starts CustomersRule"]


@pytest.mark.parametrize("location", ["s3://lake/raw/", "s3://lake/landing-zone/", "s3://lake", "landing/"])
def test_a_location_elsewhere_is_fine(location: str) -> None:
    """A check that cries wolf is switched off."""
    assert problems(carrying(job(target=location, source_path="s3://lake/landing/"))) == []


def test_a_loop_through_a_second_pipeline_is_found() -> None:
    """What the first one writes starts the second, which writes where the first one starts."""
    template = carrying(job(target="s3://lake/raw/"))
    put(template, "SecondRule", job(target="s3://lake/cleansed/"), "raw/")
    assert problems(template) == []
    put(template, "SecondRule", job(target="s3://lake/landing/again/"), "raw/")
    [problem] = problems(template)
    assert set(problem.split(" starts ")) == {"CustomersRule", "SecondRule"}


NATIVE = ("$or", 0, "detail")
TRAIL = ("$or", 1, "detail", "requestParameters")


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ((*NATIVE, "bucket"), None),
        ((*NATIVE, "bucket", "name"), [{"anything-but": ["other"]}]),
        ((*NATIVE, "object"), None),
        ((*NATIVE, "object", "key"), [{"suffix": ".csv"}]),
        ((*NATIVE, "object", "key"), [{"prefix": "landing/"}, {"exists": True}]),
        ((*NATIVE, "object", "key"), [{"wildcard": "*.csv"}]),
        ((*NATIVE, "object", "key"), [{"prefix": {"Ref": "AlarmTopicArn"}}]),
        ((*NATIVE, "object", "$or"), [{"key": [{"prefix": "a/"}]}, {"size": [{"numeric": [">", 0]}]}]),
        ((*TRAIL, "bucketName"), None),
        ((*TRAIL, "key"), None),
        ((*TRAIL, "key"), [{"prefix": ""}]),
        (("$or", 2), {"detail-type": ["Object Restore Completed"]}),
        (("$or",), None),
    ],
)
def test_a_pattern_that_is_not_confined_is_found(at: tuple[str | int, ...], value: Any) -> None:
    """One branch of many is enough for every object of the account to start the pipeline."""
    template = copy.deepcopy(TEMPLATE)
    *way, last = at
    place = template["Resources"]["CustomersRule"]["Properties"]["EventPattern"]
    for step in way:
        place = place[step]
    if isinstance(last, int):
        place.insert(last, value)
    elif value is None:
        del place[last]
    else:
        place[last] = value
        place.pop("key", None) if last == "$or" else None
    assert problems(template) == ["CustomersRule: a branch of its pattern lets through any bucket, or any key"]


def test_a_prefix_that_may_be_left_empty_is_found() -> None:
    """An empty prefix is every key of the bucket."""
    template = copy.deepcopy(TEMPLATE)
    del template["Parameters"]["SourcePrefix"]["MinLength"]
    assert len(problems(template)) == 2


RULE = ("Resources", "CrawlEndedRule", "Properties")
WAKE = {"Ref": "WakeStateMachineAliaslive"}
TRIGGER = {"Ref": "TriggerStateMachineAliaslive"}


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ((*RULE, "EventPattern", "source"), ["aws.s3"]),
        ((*RULE, "EventPattern", "source"), ["aws.glue", "aws.s3"]),
        ((*RULE, "EventPattern", "source"), NOTHING),
        ((*RULE, "EventPattern"), NOTHING),
        ((*RULE, "Targets", 0, "Arn"), TRIGGER),
        ((*RULE, "Targets", 0, "Arn"), {"Ref": "PipelineStateMachineAliaslive"}),
        ((*RULE, "Targets", 0, "Arn"), {"Fn::GetAtt": ["StartCrawlerFunction", "Arn"]}),
        ((*RULE, "Targets"), [{"Id": "wake", "Arn": WAKE}, {"Id": "trigger", "Arn": TRIGGER}]),
        ((*RULE, "Targets"), []),
    ],
)
def test_a_rule_for_anything_else_is_found(way: Way, value: Any) -> None:
    """Only what starts wake for Glue may go without the checks above: a rule that nobody knows could start anything."""
    [problem] = problems(mutant(TEMPLATE, *way, value=value))
    assert problem == "CrawlEndedRule starts neither trigger for S3 nor wake for Glue"
