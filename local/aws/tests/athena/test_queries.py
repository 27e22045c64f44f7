"""Queries: what they read, where their results go, how they end."""

from typing import Any

import pytest

from local.aws.tests.athena.support import Athena
from local.aws.tests.support import Local, error_code, eventually

pytestmark = pytest.mark.aws(
    "StartQueryExecution",
    url="https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html",
    validated="never",
)


@pytest.fixture(scope="module")
def athena(local: Local) -> Athena:
    return Athena(local)


def test_a_query_reads_what_a_crawler_found(athena: Athena) -> None:
    """Protects pipelines that ask a crawled table something: its partitions are columns."""
    query = athena.succeeded("SELECT day, count(*) AS n FROM orders GROUP BY day ORDER BY day")
    assert athena.rows(query) == [["day", "n"], ["1", "2"], ["2", "1"]]
    assert query["StatementType"] == "DML"
    other = athena.succeeded(f'SELECT id FROM "{athena.database}".orders WHERE amount = 3', context={})
    assert athena.rows(other) == [["id"], ["c"]]


@pytest.mark.aws(
    "Work with query results, recent queries, and output files",
    url="https://docs.aws.amazon.com/athena/latest/ug/querying.html",
    validated="never",
)
def test_results_lie_where_the_query_says(local: Local, athena: Athena) -> None:
    """Protects steps that read a result from S3: values in quotes, a missing one as nothing."""
    query = athena.succeeded("SELECT id, nullif(amount, 3) AS amount FROM orders ORDER BY id")
    location = query["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{athena.bucket}/results/{query['QueryExecutionId']}.csv"
    key = location.removeprefix(f"s3://{athena.bucket}/")
    body = local.s3.get_object(Bucket=athena.bucket, Key=key)["Body"].read().decode()
    assert body == '"id","amount"\n"a","1"\n"b","2"\n"c",\n'


@pytest.mark.aws(
    "Override client-side settings",
    url="https://docs.aws.amazon.com/athena/latest/ug/workgroups-settings-override.html",
    validated="never",
)
def test_a_workgroup_says_where_results_go(athena: Athena) -> None:
    """Protects templates that configure a workgroup: its location is enough, and holds if it enforces it."""
    own = f"s3://{athena.bucket}/own"
    place = {"ResultConfiguration": {"OutputLocation": own}}
    lax = athena.workgroup(place | {"EnforceWorkGroupConfiguration": False})
    strict = athena.workgroup(place | {"EnforceWorkGroupConfiguration": True})

    def output(workgroup: str, **asked: Any) -> str:
        query = athena.succeeded("SELECT 1", WorkGroup=workgroup, **asked)
        return str(query["ResultConfiguration"]["OutputLocation"])

    asked = {"ResultConfiguration": {"OutputLocation": f"s3://{athena.bucket}/asked"}}
    for workgroup, given, location in (
        (lax, {"ResultConfiguration": {}}, own),
        (lax, asked, asked["ResultConfiguration"]["OutputLocation"]),
        (strict, asked, own),
    ):
        assert output(workgroup, **given).startswith(f"{location}/")
    code, message = error_code(athena.start, statement="SELECT 1", ResultConfiguration={})
    assert (code, "No output location provided" in message) == ("InvalidRequestException", True)


@pytest.mark.parametrize(
    ("statement", "more", "message"),
    [
        ("SELECT 1", {"WorkGroup": "nobody"}, "WorkGroup is not found."),
        ("SELEC 1", {}, "mismatched input 'SELEC'"),
        ("SELECT 1 FROM", {}, "line 1:10: mismatched input"),
        ("SELECT 1; SELECT 2", {}, "Only one sql statement is allowed"),
    ],
)
def test_what_is_refused_at_the_start(athena: Athena, statement: str, more: dict[str, Any], message: str) -> None:
    """Protects catchers of the start: a misspelt query never becomes one that fails."""
    code, told = error_code(athena.start, statement=statement, **more)
    assert (code, message in told) == ("InvalidRequestException", True), told


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "SELECT *\nFROM nobody",
            r"TABLE_NOT_FOUND: line 2:6: Table 'awsdatacatalog.{database}.nobody' does not exist",
        ),
        ("SELECT * FROM conn", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{database}.conn' does not exist"),
        (
            "SELECT trim(BOTH '0' FROM day) AS t, date_parse(day, '%Y') AS d FROM orders",
            "Catalog Error: Scalar Function",
        ),
        ("SELECT * FROM nowhere.orders", "SCHEMA_NOT_FOUND: line 1:15: Schema 'nowhere' does not exist"),
        ("SELECT colour FROM orders", "COLUMN_NOT_FOUND: line 1:8: Column 'colour' cannot be resolved"),
        ("MSCK REPAIR TABLE orders", "NOT_SUPPORTED: the local AWS runs SELECT"),
        ("CREATE VIEW v AS SELECT 1 AS one", "NOT_SUPPORTED: the local AWS runs SELECT"),
        ("SHOW TABLES", "NOT_SUPPORTED: the local AWS runs SELECT"),
    ],
)
def test_a_query_that_fails_tells_why(athena: Athena, statement: str, reason: str) -> None:
    """Protects messages, and against queries that only seem to work here."""
    query = athena.ended(athena.start(statement))
    assert query["Status"]["State"] == "FAILED"
    assert query["Status"]["StateChangeReason"].startswith(reason.format(database=athena.database))
    code, message = error_code(athena.client.get_query_results, QueryExecutionId=query["QueryExecutionId"])
    assert (code, message) == (
        "InvalidRequestException",
        "Query did not finish successfully. Final query state: FAILED",
    )


@pytest.mark.aws(
    "Use execution parameters",
    url="https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements-querying-using-execution-parameters.html",
    validated="never",
)
def test_parameters_fill_question_marks_in_order(athena: Athena) -> None:
    """Protects queries for a given date: a value is put in as it is written, text with its quotes."""
    statement = "SELECT id, '?' AS mark FROM orders WHERE day = ? AND amount > ?"
    query = athena.succeeded(statement, ExecutionParameters=["'1'", "1.5"])
    assert athena.rows(query) == [["id", "mark"], ["b", "?"]]
    assert (query["Query"], query["ExecutionParameters"]) == (statement, ["'1'", "1.5"])
    query = athena.ended(athena.start(statement, ExecutionParameters=["'1'"]))
    assert "Incorrect number of parameters: expected 2 but found 1" in query["Status"]["StateChangeReason"]


@pytest.mark.aws(
    "GetQueryResults",
    url="https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html",
    validated="never",
)
def test_a_query_that_runs_has_no_results_yet(athena: Athena) -> None:
    """Protects those who read a result too early: the error tells the state."""
    query_id = athena.start("SELECT 1 AS one", WorkGroup=athena.workgroup({}, {"local:seconds": "60"}))
    eventually(lambda: athena.query(query_id)["Status"]["State"] == "RUNNING")
    code, message = error_code(athena.client.get_query_results, QueryExecutionId=query_id)
    assert (code, message) == ("InvalidRequestException", "Query has not yet finished. Current state: RUNNING")


@pytest.mark.aws(
    "StopQueryExecution",
    url="https://docs.aws.amazon.com/athena/latest/APIReference/API_StopQueryExecution.html",
    validated="never",
)
def test_a_stopped_query_stays_so(athena: Athena) -> None:
    """Protects aborts: a query that was cancelled neither succeeds later nor leaves a result."""
    workgroup = athena.workgroup({}, {"local:seconds": "0.5"})

    def stopped() -> str | None:
        """A query that was stopped in time."""
        query_id = athena.start("SELECT 1 AS one", WorkGroup=workgroup)
        athena.client.stop_query_execution(QueryExecutionId=query_id)
        return query_id if athena.query(query_id)["Status"]["State"] == "CANCELLED" else None

    query_id = eventually(stopped)
    athena.succeeded("SELECT 1 AS one", WorkGroup=workgroup)
    query = athena.query(query_id)
    assert query["Status"]["State"] == "CANCELLED"
    key = query["ResultConfiguration"]["OutputLocation"].removeprefix(f"s3://{athena.bucket}/")
    assert key not in athena.keys("results/")
    athena.client.stop_query_execution(QueryExecutionId=query_id)
    assert error_code(athena.client.stop_query_execution, QueryExecutionId="nobody")[0] == "InvalidRequestException"


def test_a_token_starts_one_query(athena: Athena) -> None:
    """Protects starts that are repeated because their answer was lost."""
    token = "0" * 32
    first = athena.start("SELECT 1", ClientRequestToken=token)
    assert athena.start("SELECT 1", ClientRequestToken=token) == first
    assert error_code(athena.start, statement="SELECT 2", ClientRequestToken=token)[0] == "InvalidRequestException"


CTAS = pytest.mark.aws(
    "CREATE TABLE AS",
    url="https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html",
    validated="never",
)


@CTAS
@pytest.mark.parametrize("kind", ["PARQUET", "JSON", "TEXTFILE"])
def test_a_query_makes_a_table(local: Local, athena: Athena, kind: str) -> None:
    """Protects pipelines whose step writes a table: it is in the catalog, and its data in S3."""
    name = f"made_{kind.lower()}"
    query = athena.succeeded(
        f"CREATE TABLE {name} WITH (format = '{kind}') AS "
        "SELECT id, nullif(amount, 3) AS amount, sum(1) AS n FROM orders GROUP BY id, amount"
    )
    table = local.glue.get_table(DatabaseName=athena.database, Name=name)["Table"]
    columns = {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"]}
    assert columns == {"id": "string", "amount": "bigint", "n": "bigint"}
    location = table["StorageDescriptor"]["Location"]
    assert location == f"s3://{athena.bucket}/results/tables/{query['QueryExecutionId']}"
    assert query["ResultConfiguration"]["OutputLocation"] == location
    read = athena.rows(athena.succeeded(f"SELECT id, amount, n FROM {name} ORDER BY id"))
    assert read == [["id", "amount", "n"], ["a", "1", "1"], ["b", "2", "1"], ["c", None, "1"]]


@CTAS
def test_a_made_table_may_have_partitions_and_a_place(local: Local, athena: Athena) -> None:
    """Protects tables that are written by day: each partition is in the catalog."""
    place = f"s3://{athena.bucket}/place/"
    statement = (
        f"CREATE TABLE by_day WITH (external_location = '{place}', partitioned_by = ARRAY['day']) "
        "AS SELECT id, day FROM orders"
    )
    athena.succeeded(statement)
    partitions = local.glue.get_partitions(DatabaseName=athena.database, TableName="by_day")["Partitions"]
    assert {each["Values"][0]: each["StorageDescriptor"]["Location"] for each in partitions} == {
        "1": f"{place}day=1",
        "2": f"{place}day=2",
    }
    rows = athena.rows(athena.succeeded("SELECT id, day FROM by_day ORDER BY id"))
    assert rows[1:] == [["a", "1"], ["b", "1"], ["c", "2"]]
    again = athena.ended(athena.start(statement))
    assert "already exists" in again["Status"]["StateChangeReason"]
    full = athena.ended(athena.start(statement.replace("by_day", "by_day_again")))
    assert full["Status"]["StateChangeReason"].startswith("HIVE_PATH_ALREADY_EXISTS: ")


@CTAS
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE odd WITH (format = 'ORC') AS SELECT 1 AS one",
        "CREATE TABLE odd WITH (bucket_count = 3) AS SELECT 1 AS one",
        "CREATE TABLE odd AS SELECT ARRAY[1] AS ones",
    ],
)
def test_a_table_that_cannot_be_made_here_fails(local: Local, athena: Athena, statement: str) -> None:
    """Protects against a green scenario whose table is not there."""
    query = athena.ended(athena.start(statement))
    assert query["Status"]["StateChangeReason"].startswith("NOT_SUPPORTED: the local AWS "), query
    assert error_code(local.glue.get_table, DatabaseName=athena.database, Name="odd")[0] == "EntityNotFoundException"


def test_faults_and_times_are_tags_of_workgroups(local: Local, athena: Athena) -> None:
    """Protects scenarios of a throttled or slow Athena; calls are counted by workgroup."""
    workgroup = athena.workgroup({}, {"local:fault:StartQueryExecution": "1 TooManyRequestsException, 1 http-500"})
    codes = [error_code(athena.start, statement="SELECT 1", WorkGroup=workgroup)[0] for _ in range(2)]
    assert codes == ["TooManyRequestsException", "InternalServerException"]
    athena.succeeded("SELECT 1", WorkGroup=workgroup)
    calls = local.aws.calls()[workgroup]
    assert (calls["StartQueryExecution"], calls["GetQueryExecution"] > 0) == (3, True)
    for tag in ("local:fault:StartQuery", "local:second", "local:outcome"):
        code, message = error_code(athena.workgroup, configuration={}, tags={tag: "1 X"})
        assert (code, tag in message) == ("InvalidRequestException", True), message
