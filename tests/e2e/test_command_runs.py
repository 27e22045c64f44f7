"""`crawler-sync runs`: what ran, what went wrong and why, at the price of a call a thousand runs."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.command import Command, acting
from tests.support.gates import Gate
from tests.support.roles import ROLE
from tests.support.stack import PATIENCE, Stack, eventually

HASH = "0123456789abcdef0123456789abcdef"
DONE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
END = 1_769_824_800  # 2026-01-31T02:00:00Z


@pytest.fixture(scope="module")
def command(stack: Stack) -> Command:
    return Command(stack.aws, Stack.NAME)


def machine(stack: Stack, name: str) -> str:
    """The pipeline machine of a stack that has nothing else."""
    return stack.states.create_state_machine(name=f"{name}-pipeline", definition=json.dumps(DONE), roleArn=ROLE)[
        "stateMachineArn"
    ]


@pytest.fixture(scope="module")
def crowd(stack: Stack) -> Iterator[str]:
    """A stack of 1,200 runs of three pipelines, one an object: its name."""
    arn = machine(stack, "crowd")

    def start(number: int) -> None:
        name = f"{('orders', 'customers', 'stock')[number % 3]}-{number:032x}"
        stack.states.start_execution(stateMachineArn=arn, name=name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(1_200)))
    running = {"stateMachineArn": arn, "statusFilter": "RUNNING"}
    eventually(lambda: not stack.states.list_executions(**running)["executions"])
    yield "crowd"


def test_a_day_of_1200_runs_costs_two_calls(stack: Stack, crowd: str) -> None:
    """Step Functions serves five lists and fifteen descriptions a second: names have to be enough."""
    stack.aws.forget_calls()
    told = Command(stack.aws, crowd)("runs", "--format", "json")
    assert told.code == 0, told.error
    assert len(told.json) == 1_200
    assert {row["pipeline"] for row in told.json} == {"orders", "customers", "stock"}
    assert stack.aws.calls()["crowd-pipeline"] == {"ListExecutions": 2}


def test_one_pipeline_can_be_asked_for(stack: Stack, crowd: str) -> None:
    """The owner of a pipeline wants no other."""
    told = Command(stack.aws, crowd)("runs", "stock", "--format", "json")
    assert len(told.json) == 400
    assert {row["status"] for row in told.json} == {"SUCCEEDED"}
    nothing = Command(stack.aws, crowd)("runs", "stoc")
    assert (nothing.code, nothing.text[:15]) == (0, "no runs of stoc"), nothing


def test_what_went_wrong_is_told_with_where_and_why(stack: Stack, command: Command) -> None:
    """At eight in the morning that is the question."""
    stack.glue.create_job(
        Name="runs-fails", Role=ROLE, Command={}, Tags={"local:outcome": "failed", "local:error": "no space left"}
    )
    for name in ("täglich", "runs-b"):
        stages = [{"name": "raw", "steps": [{"job": "runs-fails"}]}]
        arguments = {"--date": "2026-01-30"}
        stack.run("Pipeline", {"name": name, "stages": stages, "arguments": arguments})
    stack.run("Pipeline", {"name": "runs-b", "stages": []})
    told = command("runs", "täglich", "--failed")
    assert told.code == 0, told.error
    row = r"^täglich +2026-01-30 +failed +\d\d:\d\d:\d\d +[\d.]+ s +\S+\n"
    why = r"  ↳ JobFailed: stage 1 \(raw\), step 1, job runs-fails: no space left, run jr_\w+$"
    assert re.search(row + why, told.text, re.MULTILINE), told.text
    assert len(told.text.splitlines()) == 3, told.text
    [refused, failed] = command("runs", "runs-b", "--failed", "--format", "json").json
    assert (refused["error"], failed["error"]) == ("InvalidPipeline", "JobFailed")
    assert "\x1b" not in told.text, "colours are for terminals"


def test_absorbed_runs_stand_below_the_one_that_took_them(stack: Stack, command: Command, tmp_path: Path) -> None:
    """They succeeded, and did nothing: a window's data has to be looked for there."""
    gate = Gate(stack, "runs-slow", tmp_path)
    queue = f"absorbing-{HASH}-"
    arns = []
    for number in range(3):
        end = f"2026-01-31T02:0{number}:00Z"
        window = {"queue": queue, "start": "2026-01-31T01:59:00Z", "end": end}
        given = {"name": "absorbing", "stages": [{"steps": [{"job": "runs-slow"}]}], "window": window}
        machine = stack.outputs["PipelineStateMachineArn"]
        name = f"{queue}{END + 60 * number}"
        arns.append(
            stack.states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))["executionArn"]
        )
    stack.finish(arns[1])
    gate.open()
    for arn in arns:
        stack.finish(arn)
    told = command("runs", "absorbing").text
    order = re.findall(r"^(└ )?absorbing +window to 2026-01-31 02:0(\d):00 +(\w+)", told, re.MULTILINE)
    assert order == [("", "2", "succeeded"), ("└ ", "1", "absorbed"), ("", "0", "succeeded")], told
    rows = {row["name"]: row for row in command("runs", "absorbing", "--format", "json").json}
    assert rows[f"{queue}{END + 60}"]["absorbedBy"] == f"{queue}{END + 120}"


def test_a_stack_without_runs_says_so(stack: Stack) -> None:
    """An empty table could be a misspelt pipeline, Region or stack."""
    machine(stack, "quiet")
    told = Command(stack.aws, "quiet")("runs", "--since", "7d")
    assert told.code == 0
    assert re.match(r"no runs since \S+ \S+ UTC in the stack quiet in eu-west-1 of account \d{12}$", told.text)


def test_a_stack_that_is_not_there_is_named(stack: Stack) -> None:
    """Stack, Region and account: one of them is wrong."""
    told = Command(stack.aws, "nowhere")("runs")
    assert (told.code, told.text) == (1, "")
    assert "there is no stack nowhere in eu-west-1 of account 000000000000" in told.error


def test_a_denied_call_names_the_permission(stack: Stack) -> None:
    """A person who lacks it has to ask for it by its name."""
    arn = stack.machine("Pipeline")
    told = acting(stack.aws, Stack.NAME, "may-nothing")("runs")
    assert told.code == 1
    assert f"states:ListExecutions on {arn} is denied: ask for that permission" in told.error
    stack.run("Pipeline", {"name": "denied"})
    told = acting(stack.aws, Stack.NAME, "may-list", "states:ListExecutions")("runs")
    assert told.code == 1
    assert re.search(r"states:DescribeExecution on \S+ is denied", told.error), told.error


def test_throttled_calls_are_tried_again(stack: Stack) -> None:
    """Others ask Step Functions too; a moment later there is an answer."""
    arn = machine(stack, "throttled")
    stack.states.start_execution(stateMachineArn=arn, name="by-hand")
    faults = {"ListExecutions": "2 ThrottlingException", "DescribeExecution": "2 ThrottlingException"}
    tags = [{"key": f"local:fault:{operation}", "value": value} for operation, value in faults.items()]
    stack.states.tag_resource(resourceArn=arn, tags=tags)
    told = Command(stack.aws, "throttled")("runs", "--format", "json")
    assert told.code == 0, told.error
    assert [row["name"] for row in told.json] == ["by-hand"]


def test_whoever_is_not_signed_in_is_told_how(stack: Stack) -> None:
    """The first thing that goes wrong on a new machine."""
    command = Command(stack.aws, Stack.NAME)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del command.environment[variable]
    command.environment |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
    told = command("runs")
    assert told.code == 1
    assert "no credentials" in told.error
    assert "aws sso login" in told.error
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        command.environment.pop(variable, None)
    assert "no Region: pass --region" in command("runs").error


def test_wrong_use_is_2(command: Command) -> None:
    """Scripts tell a mistake of theirs from a failure."""
    for arguments in (["--since", "yesterday"], ["--format", "xml"], ["a", "b"]):
        assert command("runs", *arguments).code == 2


def test_a_reader_that_has_seen_enough_is_no_failure(stack: Stack, crowd: str) -> None:
    """`crawler-sync runs | head`."""
    process = Command(stack.aws, crowd).begin("runs")
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline()
    process.stdout.close()
    assert (process.wait(timeout=PATIENCE), process.stderr.read()) == (0, "")
    process.stderr.close()
