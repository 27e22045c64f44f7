"""The guide's steps as its readers take them: the machine as it is, changed, and changed back."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.support.drop_in import guide
from tests.support.drop_in.runs import CRAWLER, WAITED_FOR, Ran, create_crawler, create_machine, describe
from tests.support.stack import Stack

PROGRAMS = ["start-crawler", "get-crawler-state"]


@dataclass(frozen=True)
class Migration:
    before: str
    after: str
    tags: Mapping[str, str]
    given: Mapping[str, object] = field(default_factory=dict)  # the input of each execution


@dataclass(frozen=True)
class Step:
    """One run, and how many lines it left in our functions' logs."""

    ran: Ran
    lines: int


def migrations(python: Mapping[str, str], ours: Mapping[str, str], directory: Path) -> dict[str, Migration]:
    """`python` and `ours` are the values of the guide's placeholders before and after."""
    console, loop = guide.machine(guide.TWO_LAMBDAS), guide.machine(guide.LOOP)
    nested = guide.fill(guide.blocks(guide.LOOPS)[1], ours)
    lambdas, swapped = guide.fill(console, python), _sed(guide.fill(console, python), python, ours, directory)
    success, failure = WAITED_FOR, WAITED_FOR | {"local:outcome": "failed"}
    return {
        "swap": Migration(lambdas, swapped, success),
        "verdict": Migration(swapped, _judging(swapped), failure),
        "verdict-of-success": Migration(swapped, _judging(swapped), success),
        "aws-sdk": Migration(loop, nested, success),
        "fixed-wait": Migration(lambdas, nested, success),
    }


def migrate(stack: Stack, name: str, migration: Migration) -> list[Step]:
    """Before, after, and back again."""
    crawler = f"migration-{name}"
    create_crawler(stack, crawler, migration.tags)
    before, after, given = (
        text.replace(f'"{CRAWLER}"', f'"{crawler}"')
        for text in (migration.before, migration.after, json.dumps(migration.given))
    )
    machine, steps = create_machine(stack, crawler, before), []
    for definition in (before, after, before):
        stack.states.update_state_machine(stateMachineArn=machine, definition=definition)
        arn = stack.states.start_execution(stateMachineArn=machine, input=given)["executionArn"]
        run = stack.finish(arn)
        # By their own time: the last line of a run may be read when the next one is under way.
        lines = sum(
            line.get("crawlername") == crawler
            and run["startDate"] <= datetime.fromisoformat(line["timestamp"]) <= run["stopDate"]
            for each in PROGRAMS
            for line in stack.log_lines(each)
        )
        steps.append(Step(describe(stack, crawler, arn), lines))
    return steps


def _sed(definition: str, python: Mapping[str, str], ours: Mapping[str, str], directory: Path) -> str:
    """What the guide's own command makes of a definition."""
    (directory / "before.json").write_text(definition)
    lines = guide.blocks(guide.PYTHON, "console")[0].splitlines()
    [command] = [line.removeprefix("$ ") for line in lines if line.startswith("$ sed")]
    subprocess.run(["bash", "-c", guide.fill(command, {**ours, **python})], cwd=directory, check=True)
    return (directory / "after.json").read_text()


def _judging(definition: str) -> str:
    """The machine with the guide's states in place of its own."""
    machine, [states] = json.loads(definition), guide.blocks(guide.VERDICT)
    return json.dumps(machine | {"States": machine["States"] | json.loads(states)})
