"""`make demo` as a person runs it: on a file of their own, with a broken one, and interrupted."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.aws.server import server_pid
from local.demo import ROOT, tool
from tests.support.command import rest
from tests.support.stack import PATIENCE

OWN_CSV = """Order No;Day;Postcode;Amount
1;2026-01-31;00123;9.50
2;2026-02-01;04567;12.00
2;2026-02-01;04567;12.00
"""

# A shell says 130 of both. Python ends by the signal if that came while it ran code from a string, as imports do.
INTERRUPTED = (130, -signal.SIGINT)


def demo(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "local.demo", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that runs the tests in the background has them ignore Ctrl-C; a terminal doesn't.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What the demo has said, with the line that has the words."""
    assert process.stdout
    output = ""
    while words not in output:
        output += (line := process.stdout.readline())
        assert line, output
    return output


def server(output: str) -> int:
    """The process id of the demo's local AWS, which runs now."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)", output)
    assert found, output
    pid = server_pid(int(found[1]))
    assert pid
    return pid


def has_ended(pid: int) -> bool:
    """Its port tells nothing: another test's server may have it by now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_demo_runs_on_a_file_of_ones_own(tmp_path: Path) -> None:
    """Other names, delimiters and types than the sample's: numbers that begin with 0 are no numbers."""
    csv = tmp_path / "orders.csv"
    csv.write_text(OWN_CSV)
    process = demo("--csv", csv)
    output = read_until(process, "local AWS")
    pid = server(output)
    ended = rest(process)
    output += ended.text
    assert ended.code == 0, output
    assert len(re.findall(r"order no +day +postcode +amount\s+bigint +date +string +double", output)) == 2, output
    assert "3 rows of csv" in output
    assert "2 rows of parquet" in output
    assert output.rstrip().endswith(tool.REPORT)
    assert "job job1" in (ROOT / tool.REPORT).read_text()
    assert has_ended(pid)


def test_the_demo_shows_any_pipeline() -> None:
    """Which step each line is of, that the marts run side by side, and what nobody waited for: all to be read off."""
    process = demo("--pipeline", "medallion")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert re.search(r"stage 3 of 3 · gold · 4 steps side by side", output), output
    assert re.search(r"3\.2 +jb_de_enhancement_t2_salesbycustomer_s2s +✓ job: ", output), output
    assert re.search(r"3\.2 +cr_de_enhancement_t2_salesbycustomer +▶ crawl: not awaited", output), output
    assert re.search(r"the run is over · waiting for the crawls that it does not await", output), output
    assert len(re.findall(r"░.* not awaited", output)) == 4, output
    assert re.search(r"106 +Farid Haddad +0", output), output


def test_an_unknown_pipeline_is_named_with_those_that_there_are() -> None:
    """Nobody knows them by heart."""
    process = demo("--pipeline", "nope")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    choices = "customers, extract-transform-load, find-matches, medallion"
    assert output.strip() == f"failed: there is no pipeline nope here; there are {choices}"


def test_a_failing_part_is_named(tmp_path: Path) -> None:
    """Exit code and message must tell which part failed, and why."""
    csv = tmp_path / "picture.csv"
    csv.write_bytes(bytes(range(256)) * 8)
    process = demo("--csv", csv)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "■ run failed: JobFailed: pipeline customers, stage 1 (raw), step 1, job job1: " in output, output


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("nowhere.csv", "nowhere.csv is not a file"),
        ("README.md", "README.md: the job reads files whose names end in .csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(file: str, problem: str) -> None:
    """The most likely mistakes of all: the demo would run to its end and find nothing."""
    process = demo("--csv", file)
    output, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output.strip()) == (1, f"failed: {problem}")


@pytest.mark.parametrize("moment", ["local AWS", "▶ job"])
def test_ctrl_c_leaves_nothing_running(moment: str) -> None:
    """Whenever it comes, while deploying or in the middle of a run."""
    process = demo()
    pid = server(read_until(process, moment))
    process.send_signal(signal.SIGINT)
    ended = rest(process)
    assert ended.code in INTERRUPTED, ended.text
    assert "nothing is left running" in ended.text
    assert "goes on" not in ended.text
    assert has_ended(pid)


def test_kept_it_can_be_looked_around_in() -> None:
    """What a newcomer copies from the demo's last lines has to work, until Ctrl-C."""
    process = demo("--keep")
    output = read_until(process, "--follow")
    pid = server(output)
    commands = [line for line in output.splitlines() if " AWS_ENDPOINT_URL=" in line]
    environment = os.environ | {"PATH": f"{ROOT / '.venv/build/bin'}{os.pathsep}{os.environ['PATH']}"}
    for command in commands:
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert re.search("customers|crawler-sync-pipeline", done.stdout), done.stdout
    assert len(commands) == 5
    process.send_signal(signal.SIGINT)
    ended = rest(process)
    assert ended.code in INTERRUPTED, ended.text
    assert has_ended(pid)
