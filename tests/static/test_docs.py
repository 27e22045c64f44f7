"""Numbers in the documents come from commands; they must not drift from what the commands say today."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.support.definitions import MACHINES, each_machine, load, states
from tests.support.documents import PAGES, ROOT, commands, holds, titles
from tests.support.faults import page as faults
from tools import diagrams

OPERATIONS = ROOT / "docs/operations.md"
GUIDES = [page for page in PAGES if page.name != "CHANGELOG.md"]


@pytest.mark.generated
@pytest.mark.parametrize("title", titles(faults.PAGE))
def test_the_page_of_faults_lists_what_the_tests_play(title: str) -> None:
    """It must not promise what no test holds."""
    if faults.names(title):
        holds(faults.PAGE, title, faults.made(title))


def test_the_page_of_faults_has_each_ending_once() -> None:
    """Else a situation would be missing from it."""
    headings = [name for title in titles(faults.PAGE) for name in faults.names(title)]
    assert len(headings) == len(set(headings))
    assert faults.endings() <= set(headings)


def test_operations_name_states_that_there_are() -> None:
    """People who look at a run at night look for its state."""
    named = re.findall(r"^\| \*([^*]+)\* \|", OPERATIONS.read_text(), re.MULTILINE)
    assert named
    assert set(named) <= {name for path in MACHINES for name, _ in states(load(path))}


@pytest.mark.generated
@each_machine
def test_the_diagrams_are_drawn_from_the_definitions(path: Path) -> None:
    """A diagram of last month's machine is worse than none."""
    holds(ROOT / "docs/reference.md", path.name.partition(".")[0], diagrams.diagram(path))


def test_operations_know_every_alarm() -> None:
    """People who are woken look for the name in the message."""
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    alarms = {name for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    rows = re.findall(r"^\| `(\w+Alarm)` \|", OPERATIONS.read_text(), re.MULTILINE)
    assert set(rows) == alarms


def errors() -> set[str]:
    """Every name that an execution can end with: those of the Rust crates, and those of the machines."""
    names = set(
        re.findall(r'"(\w+)"', (ROOT / "shared/lambda/src/failure.rs").read_text().partition("#[cfg(test)]")[0])
    )
    for path in MACHINES:
        for _, state in states(load(path)):
            names |= {value for value in (state.get("Error"), *failures(state)) if value and not value.startswith("{%")}
            for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
                names |= {each for each in rule["ErrorEquals"] if each.startswith(("Lambda.", "Runtime.", "Sandbox."))}
    return names


def failures(state: dict[str, Any]) -> Iterator[str]:
    """What the state, or a branch of it, calls the failure that a Fail reports."""
    for rule in [state, *state.get("Choices", []), *state.get("Catch", [])]:
        if "failure" in rule.get("Assign", {}):
            yield rule["Assign"]["failure"]


def test_the_page_of_faults_has_every_error() -> None:
    """An error that the page does not have costs an hour of reading code at night."""
    assert len(errors()) > 20
    assert errors() <= {name for title in titles(faults.PAGE) for name in faults.names(title)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Files move, headings change, and nobody clicks on every link."""
    text = page.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, target


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_make_knows_every_target(page: Path) -> None:
    """With the variables that the page gives it."""
    for command in commands(page):
        if command.startswith("make "):
            given = re.sub(r"<(\w+)>|\$\w+", "customers", command)
            subprocess.run(["bash", "-c", f"{given} --dry-run"], cwd=ROOT, capture_output=True, check=True)


def test_make_help_lists_what_the_readme_names() -> None:
    """It is where people look first."""
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {f"make {name} " for name in ("demo", "test", "deploy")} <= set(re.findall(r"make \w+ ", listed))
