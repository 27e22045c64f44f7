"""`crawler-sync follow`: a run as it happens, and as it was."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.demo.deploy import TOOL
from tests.support.command import Command, acting, rest
from tests.support.gates import Gate
from tests.support.roles import ROLE
from tests.support.stack import PATIENCE, Stack, eventually


@pytest.fixture(scope="module")
def command(stack: Stack) -> Command:
    return Command(stack.aws, Stack.NAME)


def create_job(stack: Stack, name: str, **tags: str) -> None:
    told = {f"local:{tag}": value for tag, value in tags.items()}
    limit = {"MaxConcurrentRuns": 200}
    stack.glue.create_job(Name=name, Role=ROLE, Command={}, Tags=told, ExecutionProperty=limit)


def start(stack: Stack, name: str, *stages: list[dict[str, Any]], **fields: Any) -> str:
    given = {"name": name, "stages": [{"steps": steps} for steps in stages]} | fields
    return stack.states.start_execution(
        stateMachineArn=stack.outputs["PipelineStateMachineArn"], input=json.dumps(given)
    )["executionArn"]


def test_a_run_is_followed_to_its_end(stack: Stack, command: Command) -> None:
    """Whatever happens is told once, in order, with its step; what came of crawls that nobody awaited, too."""
    create_job(stack, "follow-load", seconds="1")
    for crawler, seconds in (("follow-tables", "0.5"), ("follow-later", "10")):
        stack.glue.create_crawler(
            Name=crawler,
            Role=ROLE,
            DatabaseName="mydatabase",
            Targets={"S3Targets": []},
            Tags={"local:seconds": seconds},
        )
    optional = {"job": "follow-none", "optional": True}
    load = {"job": "follow-load", "crawler": "follow-tables"}
    start(stack, "followed", [load, optional], [{"crawler": "follow-later", "await": False}])
    told = command("follow")
    assert told.code == 0, told.text + told.error
    expected = [
        r"▶ run: started by hand, for \d{4}-\d\d-\d\d",
        r"stage 1 of 2 · 2 steps side by side",
        r"1\.1 +follow-load +▶ job",
        r"1\.1 +follow-load +✓ job: [\d.]+ s",
        r"1\.1 +follow-tables +▶ crawl",
        r"1\.1 +follow-tables +✓ crawl: nothing changed, [\d.]+ s",
        r"stage 2 of 2",
        r"2\.1 +follow-later +▶ crawl: not awaited",
        r"■ run succeeded",
        r"the run is over · waiting for the crawls that it does not await",
        r"2\.1 +follow-later +✓ crawl: nothing changed, [\d.]+ s",
        r"2\.1 follow-later +░+ +[\d.]+ s  not awaited",
    ]
    assert re.search(".*".join(expected), told.text, re.DOTALL), told.text
    assert re.search(r"1\.2 +follow-none +✗ failed, which is optional here: JobFailed: ", told.text), told.text
    assert "\x1b" not in told.text, "colours are for terminals"


def test_a_run_that_is_over_can_be_looked_at_by_any_of_its_names(stack: Stack, command: Command) -> None:
    """By name, ARN or pipeline, for people and for programs; the exit code tells how it ended."""
    create_job(stack, "follow-fails", outcome="failed", error="no space left")
    arn = start(stack, "follow-failed", [{"job": "follow-fails", "name": "load"}])
    name = stack.finish(arn)["name"]
    for run in (name, arn, "follow-failed"):
        told = command("follow", run)
        assert told.code == 1, told.error
        assert "✗ job: no space left" in told.text
        assert "run failed: JobFailed: pipeline follow-failed, stage 1, step 1 (load), job follow-fails: " in told.text
    told = command("follow", name, "--format", "json")
    assert (told.code, told.json["status"], told.json["error"]) == (1, "FAILED", "JobFailed")
    [step] = told.json["stages"][0]["steps"]
    [attempt] = step["work"]["attempts"]
    assert attempt["id"].startswith("jr_")
    assert step["failure"]["cause"] == f"job follow-fails: no space left, run {attempt['id']}"


def test_a_reader_that_leaves_hides_no_failure(stack: Stack, command: Command) -> None:
    """`crawler-sync follow | head` in a script that goes on unless it failed."""
    create_job(stack, "follow-head", outcome="failed")
    name = stack.finish(start(stack, "follow-head", [{"job": "follow-head"}]))["name"]
    for arguments in (["follow", name], ["follow", name, "--format", "json"], ["report", name, "--format", "json"]):
        process = command.begin(*arguments)
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert (process.wait(timeout=PATIENCE), process.stderr.read()) == (1, ""), arguments
        process.stderr.close()


def test_a_refused_pipeline_tells_every_mistake(stack: Stack, command: Command) -> None:
    """It has no steps to tell of."""
    arn = start(stack, "follow-refused", [{"job": "any", "payload": 1}])
    told = command("follow", arn)
    assert told.code == 1
    assert "InvalidPipeline" in told.text
    assert "payload without a function" in told.text


def test_ctrl_c_leaves_the_run_alone(stack: Stack, command: Command, tmp_path: Path) -> None:
    """Who has seen enough must not stop the load."""
    gate = Gate(stack, "follow-long", tmp_path)
    arn = start(stack, "follow-long", [{"job": "follow-long"}])
    process = command.begin("follow", arn)
    assert process.stdout
    while "▶ job" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    ended = rest(process)
    assert ended.code == 130
    assert f"the run goes on. Follow it again: crawler-sync follow {arn.rpartition(':')[2]}" in ended.error
    gate.open()
    assert stack.finish(arn)["status"] == "SUCCEEDED"


def test_a_history_of_many_pages_is_read_whole(stack: Stack, command: Command) -> None:
    """Forty steps side by side, and that three times: each of them is told."""
    create_job(stack, "follow-many", seconds="0")
    steps = [{"job": "follow-many"} for _ in range(40)]
    arn = start(stack, "many", steps, steps, steps)
    stack.finish(arn)
    assert len(stack.history(arn)) > 1_000
    told = command("follow", "many")
    assert told.code == 0, told.error
    assert len(re.findall(r"✓ job", told.text)) == 120


def test_nothing_to_follow_says_what_to_do(stack: Stack, command: Command) -> None:
    """No run at all, none of that name, no such stack, and no permission to look."""
    states = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    stack.states.create_state_machine(name="still-pipeline", definition=json.dumps(states), roleArn=ROLE)
    for where, arguments, words in (
        ("still", [], "there is no run yet in the stack still"),
        (Stack.NAME, ["nope"], "there is no run nope, and none of a pipeline nope"),
        (Stack.NAME, ["no pe"], "there is no run no pe, and none of a pipeline no pe"),
        ("nowhere", [], "there is no stack nowhere in "),
    ):
        told = Command(stack.aws, where)("follow", *arguments)
        assert (told.code, told.text) == (1, ""), told
        assert words in told.error
    start(stack, "follow-denied", [{"job": "none"}])
    told = acting(stack.aws, Stack.NAME, "may-not-follow", "states:ListExecutions")("follow")
    assert told.code == 1
    assert re.search(r"states:GetExecutionHistory on \S+ is denied", told.error), told.error


def test_a_throttled_look_is_tried_again(stack: Stack, command: Command) -> None:
    """Many follow runs at eight in the morning."""
    create_job(stack, "follow-quick", seconds="0")
    machine, tag = stack.machine("Pipeline"), "local:fault:GetExecutionHistory"
    stack.states.tag_resource(resourceArn=machine, tags=[{"key": tag, "value": "3 ThrottlingException"}])
    told = command("follow", start(stack, "follow-throttled", [{"job": "follow-quick"}]))
    stack.states.untag_resource(resourceArn=machine, tagKeys=[tag])
    assert told.code == 0, told.error


def test_a_redrawn_line_of_progress_is_for_terminals(stack: Stack, command: Command, tmp_path: Path) -> None:
    """In a terminal there are colours, and a line of what goes on; NO_COLOR is heeded."""
    gate = Gate(stack, "follow-shown", tmp_path)

    def in_a_terminal(**variables: str) -> subprocess.Popen[bytes]:
        arn = start(stack, "follow-shown", [{"job": "follow-shown"}])
        environment = command.environment | {"TERM": "xterm"} | variables
        script = ["script", "--quiet", "--return", "--command", f"{TOOL} follow {arn}", "/dev/null"]
        return subprocess.Popen(script, env=environment, stdout=subprocess.PIPE)

    with in_a_terminal() as process:
        assert process.stdout
        text = b""
        while not re.search(rb"1\.1 follow-shown \xc2\xb7 [\d.]+ s", text):
            text += (more := os.read(process.stdout.fileno(), 4096))
            assert more, text
        gate.open()
        text += process.stdout.read()
    assert process.returncode == 0, text
    assert "\x1b[34m▶ job".encode() in text
    with in_a_terminal(NO_COLOR="1") as process:
        text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, text
    assert b"\x1b[34m" not in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete_the_commands(command: Command, shell: str) -> None:
    """Nobody remembers options."""
    told = command("completions", shell)
    assert told.code == 0
    assert "parallel" in told.text
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=told.text, text=True, check=False).returncode == 0


def test_runs_end_while_they_are_followed_by_several(stack: Stack, command: Command) -> None:
    """Looking changes nothing."""
    create_job(stack, "follow-shared", seconds="1")
    arn = start(stack, "follow-shared", [{"job": "follow-shared"}])
    processes = [command.begin("follow", arn) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=PATIENCE)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert eventually(lambda: stack.finish(arn)["status"] == "SUCCEEDED")
