"""The command-line tool, on a local AWS."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from local.aws import LocalAws
from local.demo import ROOT
from local.demo.command import Failure, console
from local.demo.deploy import STACK, TOOL, unqualified

START_SECONDS = 60
REPORT = ".local/report.html"


class ToolError(Failure):
    """No run came of an upload, or the tool failed, or the run did; it has said why."""


def run(aws: LocalAws, command: str, *arguments: str) -> None:
    """Runs a command of the tool in this terminal. Ctrl-C ends the caller, and the command too."""
    console.file.flush()
    done = subprocess.run(
        [TOOL, command, "--stack", STACK, *arguments], env=aws.environment, start_new_session=True, check=False
    )
    if done.returncode:
        raise ToolError(f"crawler-sync {command} ended with {done.returncode}")


def report(aws: LocalAws, name: str) -> None:
    """Writes the page of a run, however that ended, and says where it is."""
    (ROOT / REPORT).unlink(missing_ok=True)
    command: list[str | Path] = [TOOL, "report", name, "--stack", STACK, "--output", REPORT]
    done = subprocess.run(command, cwd=ROOT, env=aws.environment, capture_output=True, text=True, check=False)
    if not (ROOT / REPORT).exists():
        raise ToolError(f"crawler-sync report: {done.stderr}")
    console.print(f"[bold]report[/]     {REPORT}")


def started(aws: LocalAws, outputs: Mapping[str, str]) -> str:
    """The name of the first run, which trigger starts some time after an upload."""
    states = aws.client("stepfunctions")

    def listed(machine: str, **arguments: str) -> list[dict[str, str]]:
        arn = unqualified(outputs[f"{machine}StateMachineArn"])
        return states.list_executions(stateMachineArn=arn, **arguments)["executions"]

    deadline = time.monotonic() + START_SECONDS
    while not (runs := listed("Pipeline")):
        for failed in listed("Trigger", statusFilter="FAILED"):
            told = states.describe_execution(executionArn=failed["executionArn"])
            raise ToolError(f"the trigger failed: {told.get('error')}: {told.get('cause')}")
        if time.monotonic() > deadline:
            raise ToolError(f"no run within {START_SECONDS} s; see {aws.log}")
        time.sleep(0.1)
    return runs[-1]["name"]
