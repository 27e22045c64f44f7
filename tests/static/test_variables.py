"""No expression reads what nothing has assigned: Step Functions alone would notice, and not before the state runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonata
import pytest
from jsonata.parser import Parser

from tests.support.definitions import at, each_machine, expressions, load, machine
from tests.support.mutants import NOTHING, Way, mutant

# What Step Functions adds to JSONata and what it takes away:
# https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
ADDED = {"partition", "range", "hash", "random", "uuid", "parse"}
FUNCTIONS = jsonata.Jsonata.static_frame.bindings.keys() - {"eval"} | ADDED
ALWAYS = FUNCTIONS | {"states", "states.input", "states.context"}
# What is below these is about the value before them: its fields need no variable.
BELOW = {"predicate", "stages", "group"}

Machine = dict[str, Any]
Names = frozenset[str]


def problems(machine: Machine, outer: Names = frozenset(), taken: Names = frozenset()) -> Iterator[str]:
    """What is read before every way there has assigned it, and what hides a variable of a scope around it."""
    rules = [rule for state in machine["States"].values() for rule in [state, *branches(state)]]
    assigned = {name for rule in rules for name in rule.get("Assign", {})}
    yield from (f"${name} hides a variable of an outer scope" for name in sorted(assigned & taken))
    for name, known in assigned_before(machine, outer).items():
        state = machine["States"][name]
        for part, here in parts(state):
            for text in expressions(part):
                for unknown in unbound(jsonata.Jsonata(text[2:-2]).ast, set(ALWAYS | known | here)):
                    yield f"{name}: {unknown} in {text}"
        for inner in [state.get("ItemProcessor"), *state.get("Branches", [])]:
            if inner and inner.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
                yield from problems(inner)
            elif inner:
                yield from problems(inner, known, taken | assigned)


def assigned_before(machine: Machine, outer: Names) -> dict[str, Names]:
    """For each state that can be reached, the variables that are assigned whichever way the execution came to it."""
    known = {machine["StartAt"]: outer}
    changed = [machine["StartAt"]]
    while changed:
        name = changed.pop()
        for target, names in ways(machine["States"][name]):
            sure = known[name] | names
            sure &= known.get(target, sure)
            if sure != known.get(target):
                known[target] = sure
                changed.append(target)
    return known


def ways(state: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Where the state can lead, and what is assigned on the way: a branch's Assign is taken instead of the state's."""
    for rule in branches(state):
        yield rule["Next"], set(rule.get("Assign", {}))
    for field in {"Next", "Default"} & state.keys():
        yield state[field], set(state.get("Assign", {}))


def branches(state: dict[str, Any]) -> list[dict[str, Any]]:
    return [*state.get("Choices", []), *state.get("Catch", [])]


def parts(state: dict[str, Any]) -> Iterator[tuple[Any, set[str]]]:
    """The state's own fields, each with what `$states` has in it beside input and context."""
    for field, value in state.items():
        if field == "Catch":
            yield value, {"states.errorOutput"}
        elif field in {"Assign", "Output"} and state["Type"] in {"Task", "Map", "Parallel"}:
            yield value, {"states.result"}
        elif field not in {"ItemProcessor", "Branches"}:
            yield value, set()


def unbound(node: Any, bound: set[str], *, below: bool = False) -> Iterator[str]:
    """The names that a syntax tree reads and that are neither in `bound` nor bound by itself before."""
    if isinstance(node, list | tuple):
        for each in node:
            yield from unbound(each, bound, below=below)
        return
    if not isinstance(node, Parser.Symbol):
        return
    children = dict(vars(node))
    match node.type:
        # `$` alone is the value that a predicate is about.
        case "variable" if node.value not in bound and not (below and node.value == ""):
            yield f"${node.value}"
        case "path":
            first, *others = children.pop("steps")
            if first.type == "name" and not below:
                yield first.value
            if first.value == "states" and others and f"states.{others[0].value}" not in bound:
                yield f"$states.{others[0].value}"
            yield from unbound(first, bound, below=below)
            yield from unbound(others, bound, below=True)
        case "bind":
            name = children.pop("lhs").value
            # Only a function can name itself.
            yield from unbound(children.pop("rhs"), bound | {name} if node.rhs.type == "lambda" else bound, below=below)
            bound.add(name)
        case "lambda":
            bound = bound | {parameter.value for parameter in children.pop("arguments")}
        case "block":
            bound = set(bound)
    for field, child in children.items():
        yield from unbound(child, bound, below=below or field in BELOW)


@each_machine
def test_every_variable_is_assigned_before_it_is_read(path: Path) -> None:
    """On every way to the state, those through catchers included: most are never walked in a test run."""
    assert [f"{at(path, found.partition(': ')[0])}: {found}" for found in problems(load(path))] == []


STEP = (
    *("States", "Run the stages in order", "ItemProcessor"),
    *("States", "Run the steps side by side", "ItemProcessor"),
)
INNER = (*STEP, "States")
MUTANTS = {
    "nowhere assigned": ("crawl", ("States", "Read the request", "Assign", "polls"), NOTHING, "$polls"),
    "misspelt": ("crawl", ("States", "Wait without being woken", "Seconds"), "{% $pollSecond %}", "$pollSecond"),
    "not by a catcher": (
        "pipeline",
        ("States", "Plan pipeline", "Catch", 0, "Assign", "plan"),
        NOTHING,
        "$plan",
    ),
    "passed by": (
        "crawl",
        ("States", "Start crawler", "Catch", 0, "Next"),
        "Wait for the crawl to end",
        "$pollSeconds",
    ),
    "not by a choice": (
        "pipeline",
        ("States", "Is this the run of a window?", "Choices", 0, "Assign", "readySince"),
        NOTHING,
        "$readySince",
    ),
    "not by the state of a choice": (
        "pipeline",
        ("States", "Is this the run of a window?", "Assign", "deadline"),
        NOTHING,
        "$deadline",
    ),
    "read in its own state": ("crawl", ("States", "Start crawler", "Output"), "{% $pollSeconds %}", "$pollSeconds"),
    "of an inner scope": ("pipeline", ("States", "Run the stages in order", "Output"), "{% $done %}", "$done"),
    "of a scope cut off": ("pipeline", (*STEP, "ProcessorConfig", "Mode"), "DISTRIBUTED", "$deadline"),
    "hidden": ("pipeline", (*INNER, "Read the step", "Assign", "plan"), "x", "$plan hides a variable"),
    "hidden at the end": ("pipeline", (*INNER, "Crawl", "Assign"), {"failed": "x"}, "$failed hides a variable"),
    "no result yet": ("crawl", ("States", "Start crawler", "Arguments"), "{% $states.result %}", "$states.result"),
    "no error": ("crawl", ("States", "Stop crawler", "Output"), "{% $states.errorOutput %}", "$states.errorOutput"),
}


@pytest.mark.parametrize(("name", "way", "value", "problem"), MUTANTS.values(), ids=MUTANTS)
def test_a_variable_that_may_be_unassigned_is_found(name: str, way: Way, value: Any, problem: str) -> None:
    """The check above must bite."""
    broken = mutant(machine(name), *way, value=value)
    assert any(problem in found for found in problems(broken))


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("($x := 1; $y := $x + 1; $y)", []),
        ("($x := $x; 1)", ["$x"]),
        ("(($x := 1); $x)", ["$x"]),
        ("($f := function($n) { $n ? $f($n - 1) : 0 }; $f(3))", []),
        ("$map([1], function($n) { $n }) ~> $append($n)", ["$n"]),
        ("$states.input.list[size > 1 and $x].name", ["$x"]),
        ("$states.input.list{name: $sum(size)}", []),
        ("$states.input.list[($x := $; $x = 'a')]", []),
        ("{'a': [$x], $y: 1}", ["$x", "$y"]),
        ("$states.inptu", ["$states.inptu"]),
        ("$range(1, 3, 1) & $uuid() & $parse('1')", []),
        ("$eval('1')", ["$eval"]),
        ("input.x", ["input"]),
        ("$ & $$", ["$", "$$"]),
    ],
)
def test_unbound_follows_the_scopes_of_jsonata(expression: str, names: list[str]) -> None:
    """Blocks and functions have names of their own; fields without a variable have nothing to be fields of."""
    assert list(unbound(jsonata.Jsonata(expression).ast, set(ALWAYS))) == names
