"""Queries of Athena as steps of a machine."""

import json
from typing import Any

import pytest

from local.aws.tests.athena.support import Athena
from local.aws.tests.stepfunctions.support import Neighbour
from local.aws.tests.support import Local, eventually

pytestmark = pytest.mark.aws(
    "Run Athena queries with Step Functions",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html",
    validated="never",
)
SYNC = pytest.mark.aws(
    "Run a Job (.sync)",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync",
    validated="never",
)


@pytest.fixture(scope="module")
def athena(local: Local) -> Athena:
    return Athena(local)


def task(arguments: dict[str, Any], operation: str = "startQueryExecution.sync", **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::athena:{operation}",
        "Arguments": arguments,
        "End": True,
        **more,
    }


def query(athena: Athena, statement: str = "SELECT id FROM orders", **more: Any) -> dict[str, Any]:
    return task(athena.arguments(statement, **more.pop("arguments", {})), **more)


def slow(athena: Athena) -> str:
    return athena.workgroup({}, {"local:seconds": "60"})


def queries_of(athena: Athena, workgroup: str) -> list[str]:
    return athena.client.list_query_executions(WorkGroup=workgroup)["QueryExecutionIds"]


@SYNC
def test_sync_gives_the_query(local: Local, athena: Athena) -> None:
    """Protects steps after a query: the output is GetQueryExecution's answer, times in milliseconds."""
    output = local.output(Query=query(athena))
    assert output.keys() == {"QueryExecution"}
    status = output["QueryExecution"]["Status"]
    assert status["State"] == "SUCCEEDED"
    assert status["CompletionDateTime"] >= status["SubmissionDateTime"] > 1_000_000_000_000
    assert athena.rows(output["QueryExecution"])[1:] == [["a"], ["b"], ["c"]]


def test_the_other_integrations_request_and_answer(local: Local, athena: Athena) -> None:
    """Protects machines that start a query, look at it and read its rows."""
    started = local.output(Query=query(athena, operation="startQueryExecution"))
    assert started.keys() == {"QueryExecutionId"}
    athena.ended(started["QueryExecutionId"])
    look = local.output(Look=task(started, "getQueryExecution"))
    assert look["QueryExecution"]["Status"]["CompletionDateTime"] > 1_000_000_000_000
    rows = local.output(Rows=task(started, "getQueryResults"))["ResultSet"]["Rows"]
    assert rows[0] == {"Data": [{"VarCharValue": "id"}]}
    assert local.output(Stop=task(started, "stopQueryExecution")) == {}
    unknown = local.run(Wait=task(started, "getQueryExecution.sync"))
    assert unknown["error"] == "States.Runtime"


@SYNC
def test_a_query_that_fails_fails_the_task(local: Local, athena: Athena) -> None:
    """Protects catchers: States.TaskFailed, whose cause is the query as JSON."""
    error, cause = local.failure(Query=query(athena, "SELECT * FROM nobody"))
    assert error == "States.TaskFailed"
    status = json.loads(cause)["QueryExecution"]["Status"]
    assert (status["State"], status["StateChangeReason"][:16]) == ("FAILED", "TABLE_NOT_FOUND:")
    workgroup = slow(athena)
    arn = local.start(local.machine(Query=query(athena, arguments={"WorkGroup": workgroup})))
    [query_id] = eventually(lambda: queries_of(athena, workgroup))
    athena.client.stop_query_execution(QueryExecutionId=query_id)
    execution = local.ended(arn)
    assert execution["error"] == "States.TaskFailed"
    assert json.loads(execution["cause"])["QueryExecution"]["Status"]["State"] == "CANCELLED"


@pytest.mark.aws(
    "Why does my AWS Glue job fail with a throttling rate exceeded error",
    url="https://repost.aws/knowledge-center/glue-throttling-rate-exceeded",
    validated="never",
)
@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("TooManyRequestsException", "Athena.TooManyRequestsException"),
        ("InvalidRequestException", "Athena.InvalidRequestException"),
        ("http-500", "Athena.InternalServerException"),
        ("ThrottlingException", "Athena.AmazonAthenaException"),
        ("AccessDeniedException", "Athena.AmazonAthenaException"),
    ],
)
def test_errors_of_the_start_are_named_as_aws_does(local: Local, athena: Athena, what: str, error: str) -> None:
    """Protects Retry and Catch by name: what StartQueryExecution does not model is AmazonAthenaException."""
    workgroup = athena.workgroup({}, {"local:fault:StartQueryExecution": f"1 {what}"})
    step = query(athena, arguments={"WorkGroup": workgroup})
    told, cause = local.failure(Query=step)
    assert (told, "Service: AmazonAthena; Status Code: " in cause) == (error, True)
    assert local.output(Query=step)["QueryExecution"]["Status"]["State"] == "SUCCEEDED"


@SYNC
@pytest.mark.parametrize("within", [None, "Parallel", "Map"])
def test_an_abort_stops_the_query(local: Local, athena: Athena, within: str | None) -> None:
    """Protects money: neither a stopped execution nor a failed branch beside it leaves a query running."""
    workgroup = slow(athena)
    step = query(athena, arguments={"WorkGroup": workgroup})
    neighbour = Neighbour(local)
    arn = local.start(local.machine(Query=neighbour.of(step, within) if within else step))
    [query_id] = eventually(lambda: queries_of(athena, workgroup))
    if within:
        neighbour.fail()
    else:
        local.states.stop_execution(executionArn=arn)
    assert local.ended(arn)["status"] == ("FAILED" if within else "ABORTED")
    assert athena.ended(query_id)["Status"]["State"] == "CANCELLED"


@pytest.mark.aws(
    "Handling errors in Step Functions workflows",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
    validated="never",
)
def test_a_timeout_of_the_task_leaves_the_query_running(local: Local, athena: Athena) -> None:
    """Protects retries: after States.Timeout the first query still runs, and may still write."""
    workgroup = slow(athena)
    execution = local.run(Query=query(athena, arguments={"WorkGroup": workgroup}, TimeoutSeconds=1))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")
    [query_id] = eventually(lambda: queries_of(athena, workgroup))
    eventually(lambda: athena.query(query_id)["Status"]["State"] == "RUNNING")
    athena.client.stop_query_execution(QueryExecutionId=query_id)
