"""`make pipeline SPEC=…` as a person runs it: on a pipeline of their own, and on broken files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.demo import ROOT
from tests.support.stack import PATIENCE

OWN = {
    "name": "orders",
    "stages": [
        {"steps": [{"job": "load-orders", "crawler": "orders"}, {"job": "load-customers"}]},
        {"name": "report", "steps": [{"job": "report", "crawler": "report", "await": False}]},
    ],
}


def run(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.demo.pipeline", str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_a_pipeline_of_ones_own_runs_with_stand_ins(tmp_path: Path) -> None:
    """Whether stages and steps are in the intended order can be seen before any job exists."""
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(OWN))
    result = run(file)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "stand-ins  load-customers, load-orders, orders, report" in result.stdout
    stages = [line.partition(" ─")[0] for line in result.stdout.splitlines() if line.startswith("stage ")]
    assert stages[:2] == ["stage 1 of 2 · 2 steps side by side", "stage 2 of 2 · report"]
    assert "not awaited" in result.stdout


def test_each_kind_of_work_has_a_stand_in(tmp_path: Path) -> None:
    """Texts have what a run of the trigger has, queries need no tables, and nobody is told."""
    pipeline = {
        "name": "kinds",
        "trigger": {"prefix": "in/", "coalesceSeconds": 0},
        "notify": {"failed": "arn:aws:sns:eu-west-1:123456789012:on-call"},
        "stages": [
            {
                "steps": [
                    {"function": "check:live", "payload": {"file": "{file}"}},
                    {"query": "SELECT * FROM orders WHERE key = ?", "parameters": ["{key}"], "workgroup": "etl"},
                    {"machine": "load", "crawler": "orders"},
                ]
            }
        ],
    }
    file = tmp_path / "kinds.json"
    file.write_text(json.dumps(pipeline))
    result = run(file)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "stand-ins  check:live, etl, load, orders" in result.stdout
    for done in ("check:live  ✓ function", "etl         ✓ query", "load        ✓ machine"):
        assert done in result.stdout


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ('{"name": "x",\n "stages": [}', ["expected value at line 2 column 13"]),
        ('{"name": "x"}', ["stages: is missing"]),
        (
            {"stages": [{"steps": [{"crawler": "c", "timeoutSeconds": 0.5}]}]},
            ["stage 1, step 1: timeoutSeconds: must be a whole number from 1 to 172800"],
        ),
        (
            {"stages": [{"name": "raw", "steps": [{"job": {"Name": "j"}}]}, {"steps": [{"jb": "j"}]}]},
            [
                "stage 1 (raw), step 1: job: must be a string",
                "stage 2, step 1: jb: is not one of the fields name, job, ",
                "stage 2, step 1: needs a job, a function, a query, a machine or a crawler",
            ],
        ),
    ],
    ids=["no JSON", "no stages", "a number", "two places"],
)
def test_a_broken_file_is_refused_by_place_and_rule(
    tmp_path: Path, text: str | dict[str, Any], complaints: list[str]
) -> None:
    """All mistakes at once, each with its place and rule; nothing is started."""
    file = tmp_path / "broken.json"
    file.write_text(text if isinstance(text, str) else json.dumps({"name": "x"} | text))
    result = run(file)
    assert result.returncode == 1
    for complaint in complaints:
        assert complaint in result.stdout
    assert result.stdout.count(str(file)) >= len(complaints)
    assert "local AWS" not in result.stdout


def test_a_missing_file_is_named() -> None:
    """The most likely mistake of all."""
    result = run(Path("nowhere.json"))
    assert result.returncode == 1
    assert result.stdout.startswith("failed: nowhere.json:1: the file: cannot be read: No such file or directory")
