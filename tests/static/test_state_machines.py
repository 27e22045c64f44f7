"""What can be known of the state machines without running them.

SAM's and cfn-lint's own checks skip the definitions; CreateStateMachine on the local AWS takes anything.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import jsonata
import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
MACHINES = sorted((ROOT / "statemachine").glob("*.asl.json"))
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
VALIDATOR = [ROOT / ".venv/checks/bin/node", ROOT / "tools/node_modules/.bin/asl-validator", "--json-path"]
STATES_ERRORS = {"States.ALL", "States.Timeout", "States.TaskFailed"}

each_machine = pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state with its name, those inside of Map and Parallel included."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in [state.get("ItemProcessor"), *state.get("Branches", [])]:
            if inner:
                yield from states(inner)


def integration(task: dict[str, Any]) -> str:
    """The service and operation that a Task calls, in whatever partition it is deployed to."""
    prefix, service = task["Resource"].split(":states:::")
    assert prefix == "arn:${Partition}"
    return service


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def machine_of(path: Path) -> tuple[str, dict[str, Any]]:
    """The machine's logical id, and what the template says of it."""
    [machine] = [
        (name, resource["Properties"])
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::Serverless::StateMachine"
        and resource["Properties"]["DefinitionUri"] == str(path.relative_to(ROOT))
    ]
    return machine


def validate(definition: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The validator's verdict on the definition as it is in the partition aws: it knows resources of no other form."""
    file = folder / "machine.asl.json"
    file.write_text(definition.replace("${Partition}", "aws"))
    return subprocess.run([*VALIDATOR, file], capture_output=True, text=True, check=False)


def test_there_are_four_machines():
    """A glob that finds nothing would let every test below pass."""
    assert [path.name.removesuffix(".asl.json") for path in MACHINES] == ["crawl", "pipeline", "trigger", "watch"]


@each_machine
def test_the_validator_accepts_the_machine(path, tmp_path):
    """JSON, fields, JSONata syntax, existing targets, reachable states."""
    result = validate(path.read_text(), tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def _not_json(text: str) -> str:
    return text.replace('"TimeoutSeconds": 40', '"TimeoutSeconds": ${Seconds}')


def _dangling_target(text: str) -> str:
    return text.replace('"Next": "Get crawler state"', '"Next": "Get crawler status"')


def _unreachable_state(text: str) -> str:
    return text.replace('"Next": "Report the cancellation"', '"Next": "Report the failure"')


def _broken_expression(text: str) -> str:
    return text.replace("{% $polls + 1 %}", "{% $polls + %}")


@pytest.mark.parametrize("mutate", [_not_json, _dangling_target, _unreachable_state, _broken_expression])
def test_the_validator_bites(mutate, tmp_path):
    """A validator that accepted these would accept anything."""
    text = (ROOT / "statemachine/crawl.asl.json").read_text()
    assert mutate(text) != text
    assert validate(mutate(text), tmp_path).returncode != 0


@each_machine
def test_every_machine_and_task_ends(path):
    """Without a timeout a lost answer is waited for during a year."""
    machine = load(path)
    assert machine["QueryLanguage"] == "JSONata"
    assert machine["TimeoutSeconds"] > 0
    for name, state in states(machine):
        assert state["Type"] != "Task" or "TimeoutSeconds" in state, name


@each_machine
def test_every_task_expects_failure(path):
    """Each task retries what passes, and catches the rest last and alone, as AWS demands of States.ALL."""
    for name, state in states(load(path)):
        if state["Type"] == "Task":
            assert state["Retry"], name
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
            for rule in [*state["Retry"][:-1], *state["Catch"][:-1]]:
                assert "States.ALL" not in rule["ErrorEquals"], name
            assert state["Retry"][-1]["ErrorEquals"] == ["States.ALL"] or "States.ALL" not in str(state["Retry"]), name


@each_machine
def test_every_retry_is_bounded_and_spread(path):
    """Backoff without an upper bound outwaits deadlines; without jitter, many callers come back at once."""
    for name, state in states(load(path)):
        for retrier in state.get("Retry", []):
            if retrier["MaxAttempts"]:
                assert retrier["JitterStrategy"] == "FULL", name
                assert 0 < retrier["IntervalSeconds"] <= retrier["MaxDelaySeconds"], name


def longest(task: dict[str, Any]) -> float:
    """How long a task can take with all of its retries: each attempt until its timeout, each pause without luck."""
    seconds = task["TimeoutSeconds"]
    for retrier in task["Retry"]:
        for attempt in range(retrier["MaxAttempts"]):
            pause = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt
            seconds += task["TimeoutSeconds"] + min(pause, retrier["MaxDelaySeconds"])
    return seconds


def test_the_trigger_parks_its_event_before_its_time_is_up():
    """An express execution that times out has neither handled its event nor parked it."""
    machine = load(ROOT / "statemachine/trigger.asl.json")
    tasks = [state for _, state in states(machine) if state["Type"] == "Task"]
    assert len(tasks) == 3
    assert sum(map(longest, tasks)) < machine["TimeoutSeconds"] < 300


@each_machine
def test_every_failure_says_what_and_why(path):
    """A Fail without Error and Cause leaves its caller with nothing."""
    for name, state in states(load(path)):
        if state["Type"] == "Fail":
            assert state["Error"], name
            assert state["Cause"], name


@each_machine
def test_every_choice_has_a_default(path):
    """What happens to an unmatched Choice differs from document to document."""
    for name, state in states(load(path)):
        assert state["Type"] != "Choice" or state["Default"], name


@each_machine
def test_expressions_fill_their_strings(path):
    """`{% … %}` inside of other text is no expression: it would be passed on as it stands."""

    def strings(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for item in value.values():
                yield from strings(item)
        elif isinstance(value, list):
            for item in value:
                yield from strings(item)
        elif isinstance(value, str):
            yield value

    for text in strings(load(path)):
        if "{%" in text or "%}" in text:
            assert re.fullmatch(r"\{%((?!%\}).)*%\}", text, re.DOTALL), text


@each_machine
def test_substitutions_match_the_template_both_ways(path):
    """A `${…}` that nothing substitutes reaches the running machine; one that nothing uses is a mistake too."""
    _, properties = machine_of(path)
    substitutions = properties["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", path.read_text())) == set(substitutions)


def errors_of(service: str, operation: str) -> set[str]:
    """The modelled error names of an AWS operation, as AWS's own SDK knows them, and the common one."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    return {shape.name for shape in model.error_shapes} | {"ThrottlingException"}


def allowed_errors(integration: str) -> set[str]:
    """The error names that a task's integration can raise."""
    match integration:
        case "glue:startJobRun.sync":
            return {f"Glue.{name}" for name in errors_of("glue", "StartJobRun")}
        case "aws-sdk:glue:stopCrawler":
            return {f"Glue.{name}" for name in errors_of("glue", "StopCrawler")}
        case "states:startExecution" | "states:startExecution.sync:2":
            names = errors_of("stepfunctions", "StartExecution")
            return {f"StepFunctions.{name.removesuffix('Exception')}Exception" for name in names}
        case "aws-sdk:sfn:listExecutions":
            return {f"Sfn.{name}" for name in errors_of("stepfunctions", "ListExecutions")}
        case "aws-sdk:cloudwatch:putMetricData":
            return {f"CloudWatch.{name}" for name in errors_of("cloudwatch", "PutMetricData")}
        case "sqs:sendMessage":
            return set()
    raise AssertionError(f"{integration} is no integration that this project uses")


@each_machine
def test_error_names_exist(path):
    """A misspelt name matches nothing, silently. Those of the functions are checked beside the functions."""
    for name, state in states(load(path)):
        if state["Type"] != "Task" or (called := integration(state)) == "lambda:invoke":
            continue
        known = allowed_errors(called) | STATES_ERRORS
        for rule in [*state["Retry"], *state["Catch"]]:
            assert set(rule["ErrorEquals"]) <= known, name


def test_the_check_of_error_names_bites():
    """The names that people take from other places, and that never match."""
    names = allowed_errors("glue:startJobRun.sync")
    assert "Glue.ConcurrentRunsExceededException" in names
    assert not names & {"ConcurrentRunsExceededException", "glue.ConcurrentRunsExceededException"}


CAUSES = {
    "a function's error": json.dumps({"errorType": "InvalidRequest", "errorMessage": "crawlername: is missing"}),
    # What Lambda.Unknown brings: text with JSON at its end.
    "a function that was killed": "The cause could not be determined because Lambda did not return an error type. "
    'Returned payload: {"errorMessage":"2026-01-31T00:00:00.000Z 1 Task timed out after 30.03 seconds"}',
    "a job run": json.dumps({"JobName": "j", "JobRunState": "FAILED", "ErrorMessage": "ValueError: no data"}),
    "a stopped job run": json.dumps({"JobName": "j", "JobRunState": "STOPPED"}),
    "an execution": json.dumps({"Status": "FAILED", "Error": "CrawlFailed", "Cause": "crawler c: no data"}),
    "an aborted execution": json.dumps({"Status": "ABORTED"}),
    "text": "Rate exceeded (Service: Glue, Status Code: 400)",
    "an empty cause": "",
    "no cause": None,
}


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
@each_machine
def test_every_catcher_understands_every_cause(path, cause):
    """An expression that fails inside of a catcher replaces the error by its own, past every other catcher."""
    output = {"Error": "Lambda.Unknown"} | ({} if cause is None else {"Cause": cause})
    evaluated = 0
    for name, state in states(load(path)):
        for catcher in state.get("Catch", []):
            for text in catcher.get("Assign", {}).values():
                if not text.startswith("{%"):
                    continue
                expression = jsonata.Jsonata(text[2:-2])
                # Step Functions' own addition to JSONata.
                expression.register_lambda("parse", json.loads)
                frame = expression.create_frame()
                frame.bind("states", {"input": {}, "errorOutput": output})
                for variable in ("polls", "tries", "misses"):
                    frame.bind(variable, 1)
                for variable in ("failure", "cause"):
                    frame.bind(variable, "earlier")
                assert expression.evaluate(None, frame) is not None, f"{name}: {text}"
                evaluated += 1
    assert evaluated


def test_states_reads_nested_machines():
    """The checks above must reach into Map: most of the pipeline is there."""
    machine = load(ROOT / "statemachine/pipeline.asl.json")
    names = {name for name, _ in states(machine)}
    assert {"Read the pipeline", "Run job", "Crawl"} <= names
