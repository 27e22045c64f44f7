"""The definitions of the state machines as the checks read them, each state with its place in the file."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonata.utils import Utils
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
MACHINES = sorted((ROOT / "statemachine").glob("*.asl.yaml"))
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())

LONGEST_LINE = 120
LONGEST_EXPRESSION = 100  # in one line
# What YAML 1.2's core schema, and Jackson after it, take for no string; for YAML 1.1 PyYAML answers itself.
NO_TEXT = re.compile(r"~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+")
NO_TEXT_EITHER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
# What all readers read alike, as what it looks like.
PLAIN = re.compile(r"true|false|0|[1-9][0-9]*")
# CloudFormation puts values into the text before anybody reads it: only these are sure to stay text.
NAMES_OF_TEXTS = re.compile(r"arn:.*|\$\{\w+(Arn|Url)\}")

Machine = dict[str, Any]

each_machine = pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)


def load(path: Path) -> Machine:
    return yaml.safe_load(path.read_text())


def machine(name: str) -> Machine:
    return load(ROOT / f"statemachine/{name}.asl.yaml")


def states(definition: Machine) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state with its name, those inside of Map and Parallel included."""
    for name, state in definition["States"].items():
        yield name, state
        for inner in [state.get("ItemProcessor"), *state.get("Branches", [])]:
            if inner:
                yield from states(inner)


def at(path: Path, state: str) -> str:
    """Where a state is: its file, line and name."""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.strip() == f"{state}:":
            return f"{path.relative_to(ROOT)}:{number}: {state}"
    raise AssertionError(f"{path.relative_to(ROOT)} has no state {state}")


def integration(task: dict[str, Any]) -> str:
    """The service and operation that a Task calls, in whatever partition it is deployed to."""
    prefix, service = task["Resource"].split(":states:::")
    assert prefix == "arn:${Partition}"
    return service


def machine_of(path: Path) -> tuple[str, dict[str, Any]]:
    """The machine's logical id, and what the template says of it."""
    [found] = [
        (name, resource["Properties"])
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::Serverless::StateMachine"
        and resource["Properties"]["DefinitionUri"] == str(path.relative_to(ROOT))
    ]
    return found


# By the source of the events, and the target: an alias, so that new work takes the newest version.
STARTED = {
    ("aws.s3", "TriggerStateMachineAliaslive"): "trigger",
    ("aws.glue", "WakeStateMachineAliaslive"): "wake",
}


def started_by(rule: dict[str, Any]) -> str | None:
    """The machine that the rule of these properties starts; None if it does anything else, or more."""
    match rule:
        case {"EventPattern": {"source": [str(source)]}, "Targets": [{"Arn": {"Ref": str(target)}}]}:
            return STARTED.get((source, target))
    return None


def strings(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for each in value.values():
                yield from strings(each)
        case list():
            for each in value:
                yield from strings(each)
        case str():
            yield value


def expressions(value: Any) -> Iterator[str]:
    return (text for text in strings(value) if text.startswith("{%"))


def evaluated(compiler: Callable[[str], Any], text: str, /, **variables: Any) -> Any:
    """What a `{% … %}` gives, compiled by `compiler`, such as the class of JSONata expressions."""
    compiled = compiler(text[2:-2])
    # Step Functions' own addition to JSONata.
    compiled.register_lambda("parse", json.loads)
    frame = compiled.create_frame()
    for name, value in variables.items():
        # The engine takes a None for a variable that is not there.
        frame.bind(name, Utils.NULL_VALUE if value is None else value)
    return compiled.evaluate(None, frame)


def form(text: str) -> list[str]:
    """What keeps the text from being read alike by PyYAML, YAML 1.2 and AWS's reader, or by a person; by line."""
    found = [
        (number, f"has {len(line)} characters")
        for number, line in enumerate(text.splitlines())
        if len(line) > LONGEST_LINE
    ]
    found += [(event.start_mark.line, problem) for event in yaml.parse(text) for problem in problems(event, text)]
    found += repeated(yaml.compose(text))
    return [f"line {number + 1} {problem}" for number, problem in sorted(found)]


def problems(event: yaml.Event, text: str) -> Iterator[str]:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        yield "has an anchor or an alias"
    if getattr(event, "tag", None):
        yield "has a tag"
    if not isinstance(event, yaml.ScalarEvent):
        return
    value, start = event.value, event.start_mark.index
    if event.style in ("|", ">") and not text[start:].startswith("|-\n"):
        yield "has a block scalar that is not |-"
    if event.style is None and not PLAIN.fullmatch(value) and not is_text(value):
        yield f"has {value}, which not everybody reads as text"
    if "{%" in value or "%}" in value:
        if not re.fullmatch(r"\{%((?!%\}).)*%\}", value, re.DOTALL):
            yield "has an expression with something around it"
        if event.style != "|" and len(value) > LONGEST_EXPRESSION:
            yield f"has an expression of {len(value)} characters that is no block scalar"


def is_text(value: str) -> bool:
    """Whether all readers take the plain scalar for a string, whatever is put into it."""
    resolved = yaml.SafeLoader.yaml_implicit_resolvers
    by_pyyaml = any(pattern.match(value) for _, pattern in resolved.get(value[:1], []))
    by_others = NO_TEXT.fullmatch(value) or NO_TEXT_EITHER.fullmatch(value)
    return not by_pyyaml and not by_others and ("${" not in value or bool(NAMES_OF_TEXTS.fullmatch(value)))


def repeated(node: yaml.Node | None) -> list[tuple[int, str]]:
    """The keys that a mapping has twice."""
    found, seen = [], set()
    for each in node.value if isinstance(node, yaml.CollectionNode) else []:
        if isinstance(node, yaml.MappingNode):
            key, each = each
            if key.value in seen:
                found.append((key.start_mark.line, f"repeats {key.value}"))
            seen.add(key.value)
        found += repeated(each)
    return found
