"""The ways to deploy that docs/operations.md gives, with its tools, to the local AWS. Needs `make guards`."""

import json
import os
import platform
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws import ACCOUNT, LocalAws
from local.demo import ROOT
from local.demo.deploy import unqualified
from tests.support.documents import commands

COMMANDS = commands(ROOT / "docs/operations.md")
HOST = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
EVENT = ROOT / "functions/s3-event-filter/events/native-object-created-putobject.json"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/functions"
PARAMETERS = (ROOT / "template.yaml").read_text().partition("\nParameters:\n")[2].partition("\nConditions:\n")[0]
# What `sam deploy --guided` asks, and what a person answers who takes what is offered but where nothing is.
ANSWERS = {
    "Stack Name": "loads",
    "Parameter JobNamePattern": "etl-*",
    "Parameter CrawlerNamePattern": "etl-*",
    "Confirm changes before deploy": "y",
    "Allow SAM CLI IAM role creation": "y",
    "Save arguments to configuration file": "y",
    "Deploy this changeset?": "y",
}
QUESTIONS = [
    "Stack Name",
    "AWS Region",
    *(f"Parameter {name}" for name in re.findall(r"^  (\w+):\n    Type: ", PARAMETERS, re.MULTILINE)),
    "Confirm changes before deploy",
    "Allow SAM CLI IAM role creation",
    "Disable rollback",
    "Save arguments to configuration file",
    "SAM configuration file",
    "SAM configuration environment",
    "Deploy this changeset?",
]


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as aws:
        yield aws


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the answers are saved: for a further stack, a file that is not there yet."""
    return tmp_path_factory.mktemp("config") / "loads.toml"


def run(aws: LocalAws, *command: str | Path, answers: str = "") -> subprocess.CompletedProcess[str]:
    """Types the answers: each of the tools that a command runs reads no more than its own."""
    tools = os.pathsep.join(str(ROOT / f".venv/{group}/bin") for group in ("build", "checks"))
    environment = aws.environment | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}
    # The make that runs the tests must not hand its variables on.
    for variable in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "ARCHITECTURES"):
        environment.pop(variable, None)
    keyboard, terminal = os.openpty()
    # After the last answer the end: another question fails at once.
    os.write(keyboard, answers.encode() + b"\x04" * 8)
    try:
        return subprocess.run(
            command, cwd=ROOT, env=environment, stdin=terminal, capture_output=True, text=True, check=False
        )
    finally:
        os.close(keyboard)
        os.close(terminal)


def make_deploy(aws: LocalAws, config: Path, *variables: str, answers: str) -> str:
    done = run(aws, "make", "deploy", f"CONFIG={config}", *variables, answers=answers)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def parameters(aws: LocalAws) -> dict[str, str]:
    [stack] = aws.client("cloudformation").describe_stacks(StackName="loads")["Stacks"]
    assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}


def outputs(aws: LocalAws) -> dict[str, str]:
    [stack] = aws.client("cloudformation").describe_stacks(StackName="loads")["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


@pytest.fixture(scope="module")
def deployed(aws: LocalAws, config: Path) -> str:
    """What the first `make deploy` says."""
    answers = "".join(ANSWERS.get(question, "") + "\n" for question in QUESTIONS)
    return make_deploy(aws, config, f"ARCHITECTURE={HOST}", answers=answers + "y\n")


def test_the_first_deployment_asks_for_what_it_needs(aws: LocalAws, deployed: str) -> None:
    """The page alone must lead from nothing to a stack."""
    assert "Successfully created/updated stack - loads" in deployed
    answered = parameters(aws)
    assert (answered["CrawlerNamePattern"], answered["JobNamePattern"]) == ("etl-*", "etl-*")
    assert answered["Architecture"] == HOST
    assert "Successfully created/updated stack - loads-pipelines" in deployed


def test_what_sam_deployed_works(aws: LocalAws, deployed: str) -> None:
    """The zips that SAM packs must start, and the machines call versions that exist."""
    event = json.loads(EVENT.read_text())
    handled = aws.client("stepfunctions").start_sync_execution(
        stateMachineArn=unqualified(outputs(aws)["TriggerStateMachineArn"]),
        input=json.dumps({"event": event, "pipeline": {"name": "p", "stages": [{"steps": [{"job": "etl"}]}]}}),
    )
    assert handled["status"] == "SUCCEEDED", handled
    assert json.loads(handled["output"])["outcome"] == "STARTED"
    answer = aws.client("lambda").invoke(
        FunctionName=outputs(aws)["StartCrawlerFunctionArn"], Payload=json.dumps({"crawlername": "etl-nobody"})
    )
    assert json.load(answer["Payload"])["errorType"] == "EntityNotFoundException"


def test_the_next_deployment_takes_the_answers_from_the_file(aws: LocalAws, config: Path, deployed: str) -> None:
    """A deployment that asked again could be answered differently; one that forgot would deploy defaults."""
    before = parameters(aws)
    config.write_text(config.read_text().replace(r"CoalesceSeconds=\"60\"", r"CoalesceSeconds=\"30\""))
    said = make_deploy(aws, config, answers="y\n")
    assert "Parameter JobNamePattern" not in said
    assert parameters(aws) == before | {"CoalesceSeconds": "30"}


def test_nothing_to_deploy_is_no_failure(aws: LocalAws, config: Path, deployed: str) -> None:
    """A scheduled job deploys whatever has changed, also nothing."""
    make_deploy(aws, config, answers="y\n")
    assert "up to date" in make_deploy(aws, config, answers="y\n")


def test_guided_offers_the_last_answers(aws: LocalAws, config: Path, deployed: str) -> None:
    """To change one answer must not mean to remember the others."""
    make_deploy(aws, config, answers="y\n")
    before = parameters(aws)
    answers = {"Parameter LogRetentionDays": "90"} | {
        question: answer for question, answer in ANSWERS.items() if not question.startswith(("Stack", "Parameter"))
    }
    make_deploy(aws, config, "GUIDED=1", answers="".join(answers.get(each, "") + "\n" for each in QUESTIONS))
    assert parameters(aws) == before | {"LogRetentionDays": "90"}


def test_another_processor_than_the_stack_has_is_refused(aws: LocalAws, config: Path, deployed: str) -> None:
    """Built for one and deployed as the other, every function would end with an exec format error."""
    other = {"x86_64": "arm64", "arm64": "x86_64"}[HOST]
    refused = run(aws, "make", "deploy", f"CONFIG={config}", f"ARCHITECTURE={other}")
    assert refused.returncode != 0
    assert f"{config} says {HOST}" in refused.stderr


@pytest.mark.skipif("arm64" not in os.environ.get("ARCHITECTURES", ""), reason="built for this processor only")
def test_cargo_lambda_deploys_the_functions(aws: LocalAws) -> None:
    """For those who have state machines of their own, and want nothing else."""
    trusting = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    aws.client("iam").create_role(
        RoleName=ROLE.rpartition("/")[2],
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusting]}),
    )
    lines = [command for command in COMMANDS if command.startswith("cargo lambda ")]
    build, *deploys = [command for command in lines if command.split()[2] in ("build", "deploy")]
    for command in (build, *deploys):
        done = run(aws, *command.replace("<role>", ROLE).split())
        assert done.returncode == 0, done.stdout + done.stderr
    for name in ("start-crawler", "get-crawler-state"):
        function = aws.client("lambda").get_function_configuration(FunctionName=name)
        assert (function["Runtime"], function["Handler"]) == ("provided.al2023", "bootstrap")
        assert (function["Architectures"], function["Role"]) == (["arm64"], ROLE)


def until_it_listens(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nothing listens within {seconds} s"
            time.sleep(0.1)


def test_cargo_lambda_invokes_a_function_on_this_machine() -> None:
    """The shortest way to see what a function makes of an event."""
    [watch] = [command for command in COMMANDS if command.startswith("cargo lambda watch")]
    [invoke] = [command for command in COMMANDS if command.startswith("cargo lambda invoke")]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"PATH": f"{ROOT / '.venv/build/bin'}{os.pathsep}{os.environ['PATH']}"}
    option = f"--invoke-port={port}"
    watching = subprocess.Popen([*watch.split(), option], cwd=ROOT, env=environment, start_new_session=True)
    try:
        until_it_listens(port)
        done = subprocess.run(
            [*invoke.split(), option], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    finally:
        os.killpg(watching.pid, signal.SIGTERM)
        watching.wait()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["executionName"]
