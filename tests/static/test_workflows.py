"""The workflows for GitHub, which cannot run here: what a linter of them knows, and that they call what there is."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.documents import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ZIZMOR: list[str | Path] = [ROOT / ".venv/checks/bin/zizmor", "--offline", "--no-progress"]
INSECURE = {
    "an action by its tag": (
        "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2",
        "actions/checkout@v4",
    ),
    "every permission": ("permissions:\n  contents: read", "permissions: write-all"),
    "a title that is run": ("run: make advisories", "run: echo ${{ github.event.pull_request.title }}"),
    "a trigger that gives strangers the token": ("  pull_request:\n", "  pull_request_target:\n"),
}


def zizmor(*workflows: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ZIZMOR, *workflows], capture_output=True, text=True, check=False)


def test_there_are_workflows() -> None:
    """A glob that finds nothing would let every test below pass."""
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "release.yml"}


def test_the_workflows_are_sound() -> None:
    """Their mistakes show when somebody else's code runs with our token."""
    found = zizmor(*WORKFLOWS)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", INSECURE)
def test_the_linter_bites(name: str, tmp_path: Path) -> None:
    """A linter that accepts these accepts anything."""
    sound, insecure = INSECURE[name]
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    assert sound in text
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text(text.replace(sound, insecure))
    assert zizmor(folder / "ci.yml").returncode != 0


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_workflows_call_targets_that_there_are(path: Path) -> None:
    """With the variables that they give."""
    targets = re.findall(r"^ +- run: (make .+)$", path.read_text(), re.MULTILINE)
    assert targets
    for command in targets:
        subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, check=True)
