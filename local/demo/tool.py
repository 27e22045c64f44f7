"""The command-line tool, on a local AWS."""

import subprocess
import time
from collections.abc import Mapping

from local.aws import LocalAws
from local.demo.command import Failure, console
from local.demo.deploy import STACK, TOOL, unqualified

START_SECONDS = 60


class ToolError(Failure):
    """No run came of an upload, or the tool failed, or the run did; it has said why."""


def run(aws: LocalAws, command: str, *arguments: str) -> None:
    """Runs a command of the tool in this terminal. Ctrl-C is for whoever runs this, and ends the command too."""
    console.file.flush()
    done = subprocess.run(
        [TOOL, command, "--stack", STACK, *arguments], env=aws.environment, start_new_session=True, check=False
    )
    if done.returncode:
        raise ToolError(f"crawler-sync {command} ended with {done.returncode}")


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
