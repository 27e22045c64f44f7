"""Numbers in the documents come from commands; they must not drift from what the commands say today."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_polling_is_what_the_command_prints():
    """People plan deadlines and costs by it."""
    command = ROOT / "target/debug/examples/polling"
    table = subprocess.run([command], capture_output=True, text=True, check=True).stdout
    assert table.count("\n") > 20
    assert table in (ROOT / "docs/polling.md").read_text()
