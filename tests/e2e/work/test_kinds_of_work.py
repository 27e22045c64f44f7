"""Each kind of work: how its step ends, what the cause says, and that nothing is started more often than it should.

The cases are rows of docs/faults.md.
"""

import json
from contextlib import suppress
from typing import Any

import pytest

from tests.support.faults.runs import Played, play
from tests.support.faults.work import WORK, Case, Does
from tests.support.faults.workers import Workers
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def results(workers: Workers) -> dict[str, Played]:
    return play(workers, WORK)


@pytest.fixture
def played(results: dict[str, Played], case: Case) -> Played:
    return results[case.name]


def each(*cases: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@each(*WORK)
def test_a_step_ends_as_it_should(case: Case, played: Played) -> None:
    """No failure passes as success; each has its kind's error, and says where, what, and the service's own words."""
    cause = played.execution.get("cause", "")
    assert played.ends == case.ends, cause
    if case.ends not in ("SUCCEEDED", "ABORTED"):
        subject = case.kind.subject if case.ends != "CrawlFailed" else "crawler {name}"
        where = f"pipeline {played.worker}, stage 1, step 1, {subject.format(name=played.worker)}: "
        assert cause.startswith(where)
        for words in case.says:
            assert words.format(table=played.worker.replace("-", "_")) in cause


@each(*(case for case in WORK if case.ends == "SUCCEEDED"))
def test_a_run_tells_what_each_step_did(case: Case, played: Played) -> None:
    """The output of a run that succeeded must show what failed in it; all the rest ran."""
    step, *others = played.steps
    failure = step["failure"]
    assert (failure or {}).get("error", "") == case.failure
    for words in case.says:
        assert words.format(table=played.worker.replace("-", "_")) in failure["cause"]
    worked = not case.failure or case.crawls > 0
    assert (step["work"] is not None) == worked
    assert len(others) == (2 if case.failure else 0)
    assert all(other["work"] and not other["failure"] for other in others)


@each(*WORK)
def test_work_begins_as_often_as_it_should(case: Case, played: Played) -> None:
    """Work that is done twice may load twice; what was not started must not be taken for done."""
    began = len(played.begun)
    assert (began, played.retries) == (case.begun, max(0, case.begun - 1) + case.pauses)
    if case.starts is not None:
        assert played.starts == case.starts
    assert played.crawls == case.crawls


@each(*(case for case in WORK if case.then))
def test_what_is_stopped_is_over(case: Case, played: Played) -> None:
    """A run that somebody stops must not leave work behind that nobody waits for."""
    assert played.begun == ["STOPPED"]


KEY = "landing/a \"b\" {key} {{x}} \\ ' OR '1'='1'; DROP TABLE work.orders -- {% 1 %} ${x} é\n.csv"
ASKED = {"key": "{key}", "day": "at {date} {{date}", "nested": [{"deep": ["{pipeline}", 7, None]}]}
ANSWERED = {"key": KEY, "day": "at 2026-01-31 {date}", "nested": [{"deep": ["texts", 7, None]}]}
RUN = {
    "name": "texts",
    "object": {"bucket": "data", "key": KEY},
    "arguments": {"--date": "2026-01-31"},
}


def run(stack: Stack, step: dict[str, Any]) -> dict[str, Any]:
    """The execution of a run about an object with an odd key."""
    execution = stack.run("Pipeline", RUN | {"stages": [{"steps": [step]}]})
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return execution


def facts(execution: dict[str, Any]) -> dict[str, Any]:
    """All that is known of the run."""
    known = {"bucket": "data", "key": KEY, "file": KEY.rpartition("/")[2]}
    return known | {"date": "2026-01-31", "pipeline": "texts", "execution": execution["name"]}


@pytest.mark.parametrize(
    ("given", "got"),
    [(ASKED, ANSWERED), ("{key}", KEY), (["{date}", True], ["2026-01-31", True]), (7, 7), (None, None)],
    ids=["object", "text", "list", "number", "absent"],
)
def test_a_payload_reaches_its_function_as_it_was_meant(workers: Workers, given: Any, got: Any) -> None:
    """Uploaders choose keys: a key must act as no template, expression or JSON on its way."""
    name = f"payload-{type(given).__name__}"
    step = workers.create("function", name, Does.SUCCEEDS, {})
    execution = run(workers.stack, step | {"payload": given})
    assert workers.noted(name) == [facts(execution) if given is None else got]


@pytest.mark.parametrize("given", [ASKED, None], ids=["object", "absent"])
def test_an_input_reaches_its_machine_as_it_was_meant(workers: Workers, given: Any) -> None:
    """So with machines; the console finds the run that started one."""
    name = f"input-{type(given).__name__}"
    step = workers.create("machine", name, Does.SUCCEEDS, {})
    execution = run(workers.stack, step | {"input": given})
    [nested] = workers.executions(name)
    got = json.loads(workers.stack.states.describe_execution(executionArn=nested["executionArn"])["input"])
    assert got.pop("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID") == execution["executionArn"]
    assert got == (facts(execution) if given is None else ANSWERED)


def test_arguments_reach_their_job_as_they_were_meant(workers: Workers) -> None:
    """So with jobs."""
    step = workers.create("job", "arguments", Does.SUCCEEDS, {})
    run(workers.stack, step | {"arguments": {"--key": "{key}", "--day": "at {date} {{date}"}})
    [job_run] = workers.runs("arguments")
    assert {"--key": KEY, "--day": "at 2026-01-31 {date}"}.items() <= job_run["Arguments"].items()


@pytest.mark.parametrize(
    ("query", "parameters", "rows"),
    [
        ("SELECT ? AS key, ? AS day, ? AS n, ? AS b", ["{key}", "{date}", 7, True], [[KEY, "2026-01-31", "7", "true"]]),
        ("SELECT id FROM work.orders WHERE id = ?", ["{key}"], []),
        ("SELECT id FROM work.orders WHERE id = ?", ["x' OR '1'='1"], []),
        ("SELECT id FROM work.orders WHERE id = ?", ["a"], [["a"]]),
        ("SELECT '{key} {{date}}' AS text", None, [["{key} {{date}}"]]),
    ],
    ids=["values", "key", "injection", "plain", "not in the query"],
)
def test_parameters_reach_their_query_and_are_no_sql(
    workers: Workers, query: str, parameters: Any, rows: list[list[str]]
) -> None:
    """An uploader must not be able to read or drop a table by a file's name."""
    name = f"parameters-{abs(hash(query + str(parameters)))}"
    workers.create("query", name, Does.SUCCEEDS, {})
    with suppress(workers.stack.glue.exceptions.AlreadyExistsException):
        workers.table("orders")
    run(workers.stack, {"query": query, "parameters": parameters, "workgroup": name})
    [done] = workers.queries(name)
    answer = workers.athena.get_query_results(QueryExecutionId=done["QueryExecutionId"])["ResultSet"]["Rows"]
    assert [[cell.get("VarCharValue") for cell in row["Data"]] for row in answer][1:] == rows


def test_an_alias_names_what_runs(workers: Workers) -> None:
    """Who deploys function and machine by aliases decides with them what the pipeline runs."""
    stack = workers.stack
    function = workers.create("function", "aliased", Does.SUCCEEDS, {})["function"]
    version = stack.functions.publish_version(FunctionName=function)["Version"]
    stack.functions.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    run(stack, {"function": f"{function}:live", "payload": "aliased"})
    assert workers.noted("aliased") == ["aliased"]
    workers.create("machine", "aliased", Does.SUCCEEDS, {})
    arn = stack.machine("Pipeline").rpartition(":")[0] + ":aliased"
    stack.states.publish_state_machine_version(stateMachineArn=arn)
    stack.states.create_state_machine_alias(
        name="live", routingConfiguration=[{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    )
    run(stack, {"machine": "aliased:live"})
    [nested] = workers.executions("aliased")
    alias = stack.states.describe_execution(executionArn=nested["executionArn"])["stateMachineAliasArn"]
    assert alias == f"{arn}:live"


def test_names_tell_cases_apart(results: dict[str, Played]) -> None:
    """Two rows of one name would share their work, and one would not be tested."""
    assert len({played.worker for played in results.values()}) == len(WORK)
