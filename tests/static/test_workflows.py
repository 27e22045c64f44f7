"""The workflows for GitHub, which cannot run here: what a linter of them knows, and that they call what there is."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.documents import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ZIZMOR = str(ROOT / ".venv/checks/bin/zizmor")


def test_there_are_workflows() -> None:
    """A glob that finds nothing would let every test below pass."""
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "release.yml"}


def test_the_workflows_are_sound() -> None:
    """Their mistakes show when somebody else's code runs with our token."""
    command = [ZIZMOR, "--offline", "--no-progress", *map(str, WORKFLOWS)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_workflows_call_targets_that_there_are(path: Path) -> None:
    """With the variables that they give."""
    targets = re.findall(r"^ +- run: (make .+)$", path.read_text(), re.MULTILINE)
    assert targets
    for command in targets:
        subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, check=True)
