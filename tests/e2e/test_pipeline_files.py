"""`make pipeline SPEC=…` as a person runs it: on a pipeline of their own, and on broken files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.aws import ROOT

OWN = {
    "name": "orders",
    "stages": [
        {"steps": [{"job": "load-orders", "crawler": "orders"}, {"job": "load-customers"}]},
        {"name": "report", "steps": [{"job": "report", "crawler": "report", "await": False}]},
    ],
}
STEP = "/properties/stages/items/properties/steps/items"


def run(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.pipeline", str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_pipeline_of_ones_own_runs_with_stand_ins(tmp_path):
    """Whether stages and steps are in the intended order can be seen before any job exists."""
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(OWN))
    result = run(file)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "stand-ins  load-customers, load-orders, orders, report" in result.stdout
    stages = [line.partition(" ─")[0] for line in result.stdout.splitlines() if line.startswith("stage ")]
    assert stages[:2] == ["stage 1 of 2 · 2 steps side by side", "stage 2 of 2 · report"]
    assert "not awaited" in result.stdout


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ('{"name": "x",\n "stages": [}', ["line 2, column 13: Expecting value"]),
        ('{"name": "x"}', ["the whole: 'stages' is a required property (rule /required)"]),
        (
            {"stages": [{"steps": [{"crawler": {"name": "c", "timeoutSeconds": 0.5}}]}]},
            [
                "/stages/0/steps/0/crawler/timeoutSeconds: 0.5 is not of type 'integer', 'null' "
                f"(rule {STEP}/properties/crawler/oneOf/1/properties/timeoutSeconds/type)"
            ],
        ),
        (
            {"stages": [{"steps": [{"job": {"Name": "j"}}]}, {"steps": [{"jb": "j"}]}]},
            [
                "/stages/0/steps/0/job: Additional properties are not allowed ('Name' was unexpected)",
                "/stages/1/steps/0: 'job' is a required property",
                "/stages/1/steps/0: Additional properties are not allowed ('jb' was unexpected)",
            ],
        ),
    ],
    ids=["no JSON", "no stages", "a number", "two places"],
)
def test_a_broken_file_is_refused_by_place_and_rule(tmp_path, text: str | dict[str, Any], complaints: list[str]):
    """All mistakes at once, each with the place in the file and the rule in the schema; nothing is started."""
    file = tmp_path / "broken.json"
    file.write_text(text if isinstance(text, str) else json.dumps({"name": "x"} | text))
    result = run(file)
    assert result.returncode == 1
    for complaint in complaints:
        assert complaint in result.stdout
    assert result.stdout.count(str(file)) >= len(complaints)
    assert "local AWS" not in result.stdout


def test_a_missing_file_is_named():
    """The most likely mistake of all."""
    result = run(Path("nowhere.json"))
    assert (result.returncode, result.stdout.strip()) == (1, "failed: nowhere.json: No such file or directory")
