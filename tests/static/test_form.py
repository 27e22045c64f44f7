"""The definitions are YAML that every reader reads alike, and that a person can review line by line."""

from pathlib import Path

import pytest

from tests.support.definitions import MACHINES, ROOT, each_machine, form

SOUND = (ROOT / "statemachine/crawl.asl.yaml").read_text()


def test_there_are_four_machines() -> None:
    """A glob that finds nothing would let every check of the machines pass."""
    assert [path.name.removesuffix(".asl.yaml") for path in MACHINES] == ["crawl", "pipeline", "trigger", "wake"]


def test_no_second_copy_lies_beside_them() -> None:
    """What is not deployed is not kept right."""
    assert {path for path in (ROOT / "statemachine").iterdir() if path.is_file()} == set(MACHINES)


@each_machine
def test_every_definition_keeps_the_form(path: Path) -> None:
    """Four readers of YAML see these files, and AWS's is one that nobody here can ask."""
    assert [f"{path.relative_to(ROOT)}, {problem}" for problem in form(path.read_text())] == []


LONG = "x" * 101


@pytest.mark.parametrize(
    ("sound", "broken", "problem"),
    [
        ("Comment: ", f"Comment: '{'x' * 120}' # ", "has"),
        ('"{% $request %}"', f'"{{% {LONG} %}}"', "that is no block scalar"),
        ('"{% $request %}"', f"|\n        {{% {LONG} %}}", "has a block scalar that is not |-"),
        ('"{% $request %}"', "|-\n        {% $request %} # what for", "has an expression with something around it"),
        ('"{% $request %}"', '"the request: {% $request %}"', "has an expression with something around it"),
        ('"{% $request %}"', ">-\n        {% $request %}", "has a block scalar that is not |-"),
        ('"{% $request %}"', "${Request}", "not everybody reads as text"),
        ("Error: CrawlFailed", "Error: No", "has No, which not everybody reads as text"),
        ("Error: CrawlFailed", "Error: 2026-01-31", "has 2026-01-31, which"),
        ("Error: CrawlFailed", "Error: 1e3", "has 1e3, which"),
        ("Error: CrawlFailed", "Error: 0o17", "has 0o17, which"),
        ("Error: CrawlFailed", "Error: ~", "has ~, which"),
        ("Error: CrawlFailed", "Error:", "which not everybody reads as text"),
        ("Error: CrawlFailed", "Error: !!str CrawlFailed", "has a tag"),
        ("Error: CrawlFailed", "Error: &failed CrawlFailed", "has an anchor or an alias"),
        ("tries: 0", "tries: 010", "has 010, which"),
        ("tries: 0", "tries: 1_000", "has 1_000, which"),
        ("tries: 0", "tries: 1:30", "has 1:30, which"),
        ("timedOut: false", "timedOut: False", "has False, which"),
        ("timedOut: false", "timedOut: false\n      timedOut: true", "repeats timedOut"),
    ],
)
def test_a_line_out_of_form_is_found(sound: str, broken: str, problem: str) -> None:
    """The check must bite, and say in which line."""
    assert form(SOUND) == []
    text = SOUND.replace(sound, broken, 1)
    assert text != SOUND
    number = SOUND[: SOUND.index(sound)].count("\n") + 1
    found = form(text)
    assert any(problem in each for each in found), found
    assert any(each.startswith((f"line {number} ", f"line {number + 1} ")) for each in found), found
