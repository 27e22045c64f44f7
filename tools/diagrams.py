"""Diagrams of the state machines, drawn from their definitions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

# How mermaid draws each type of state.
SHAPES = {
    "Task": '["{}"]',
    "Choice": '{{"{}"}}',
    "Wait": '("{}")',
    "Pass": '("{}")',
    "Succeed": '(["{}"])',
    "Fail": '[["{}"]]',
}
# Longer conditions tell a reader of a diagram nothing.
READABLE = 36


def diagram(path: Path) -> str:
    machine = yaml.safe_load(path.read_text())
    return "\n".join(["```mermaid", "flowchart TD", *draw(machine, path.name[0]), "```"])


def draw(machine: dict[str, Any], prefix: str) -> Iterator[str]:
    """The machine's lines, or those of what a Map repeats."""
    ids = {name: f"{prefix}{number}" for number, name in enumerate(machine["States"])}
    for name, state in machine["States"].items():
        if state["Type"] == "Map":
            yield f'subgraph {ids[name]} ["{name}"]'
            yield from (f"  {line}" for line in draw(state["ItemProcessor"], f"{ids[name]}x"))
            yield "end"
        else:
            yield ids[name] + SHAPES[state["Type"]].format(name)
    for name, state in machine["States"].items():
        for target, arrow in edges(state):
            yield f"{ids[name]}{arrow}{ids[target]}"


def edges(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a state leads, each with its arrow."""
    for rule in state.get("Choices", []):
        condition = rule["Condition"][2:-2].strip()
        label = condition.replace('"', "'") if len(condition) <= READABLE else ""
        yield rule["Next"], f'--"{label}"-->' if label else "-->"
    if "Default" in state:
        yield state["Default"], "--else-->"
    if "Next" in state:
        yield state["Next"], "-->"
    for catcher in state.get("Catch", []):
        first, *others = catcher["ErrorEquals"]
        label = f"{first} and {len(others)} others" if others else first
        yield catcher["Next"], "-.->" if first == "States.ALL" else f'-."{label}".->'
