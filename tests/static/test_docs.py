"""Numbers in the documents come from commands; they must not drift from what the commands say today."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("local/*.md")])


def test_the_table_of_polling_is_what_the_command_prints():
    """People plan deadlines and costs by it."""
    command = ROOT / "target/debug/examples/polling"
    table = subprocess.run([command], capture_output=True, text=True, check=True).stdout
    assert table.count("\n") > 20
    assert table in (ROOT / "docs/polling.md").read_text()


def test_the_diagrams_are_drawn_from_the_definitions():
    """A diagram of last month's machine is worse than none."""
    spec = importlib.util.spec_from_file_location("diagrams", ROOT / "tools/diagrams.py")
    diagrams = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(diagrams)
    assert diagrams.PAGE.read_text() == diagrams.page(), "make diagrams"


def test_the_runbook_knows_every_alarm():
    """Whoever is woken looks for the name that the message has."""
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    alarms = {name for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    rows = re.findall(r"^\| `(\w+Alarm)` \|", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert set(rows) == alarms


def errors() -> set[str]:
    """Every name that an execution can end with: those of the Rust crates, and those of the machines."""
    names = set(re.findall(r'"(\w+)"', (ROOT / "shared/src/error_name.rs").read_text().partition("#[cfg(test)]")[0]))
    for path in (ROOT / "statemachine").glob("*.asl.json"):
        text = path.read_text()
        names |= set(re.findall(r'"Error": "(\w+)"', text)) | set(re.findall(r'"failure": "(\w+)"', text))
        for listed in re.findall(r'"ErrorEquals": (\[[^]]*\])', text):
            names |= {name for name in json.loads(listed) if name.startswith(("Lambda.", "Runtime.", "Sandbox."))}
    return names


def test_the_runbook_knows_every_error():
    """An error that the page does not have costs an hour of reading code at night."""
    known = set(re.findall(r"`([\w.]+)`", (ROOT / "docs/runbook.md").read_text()))
    assert len(errors()) > 20
    assert errors() <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
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
