"""Whose permissions a query needs: its caller's, for the workgroup, the catalog, the data and the result."""

from typing import Any

import pytest

from local.aws import ACCOUNT, REGION
from local.aws.tests.athena.support import Athena
from local.aws.tests.support import Local, acting, allow, before_a_wait, denied, error_code, eventually, unique

pytestmark = pytest.mark.aws(
    "Configure access to databases and tables in the AWS Glue Data Catalog",
    url="https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html",
    validated="never",
)
REFUSED = "Insufficient permissions to execute the query. User: "


@pytest.fixture(scope="module")
def athena(local: Local) -> Athena:
    return Athena(local)


class Grants:
    """What a role needs to query the table of orders in a workgroup, by action."""

    def __init__(self, athena: Athena) -> None:
        self.workgroup = athena.workgroup({})
        arn, glue = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{self.workgroup}", f"arn:aws:glue:{REGION}:{ACCOUNT}"
        bucket, table = f"arn:aws:s3:::{athena.bucket}", f"{glue}:table/{athena.database}/orders"
        self.resources = {
            "athena:StartQueryExecution": arn,
            "athena:GetQueryExecution": arn,
            "athena:StopQueryExecution": arn,
            "athena:GetDataCatalog": f"arn:aws:athena:{REGION}:{ACCOUNT}:datacatalog/AwsDataCatalog",
            "glue:GetDatabase": f"{glue}:database/{athena.database}",
            "glue:GetTable": table,
            "glue:GetPartitions": table,
            "s3:GetBucketLocation": bucket,
            "s3:ListBucket": bucket,
            "s3:GetObject": f"{bucket}/orders/*",
            "s3:PutObject": f"{bucket}/results/*",
        }

    def role(self, local: Local, *without: str) -> str:
        granted = {action: arn for action, arn in self.resources.items() if action not in without}
        return local.role(unique("role"), *(allow(action, arn) for action, arn in granted.items()))


@pytest.fixture(scope="module")
def grants(athena: Athena) -> Grants:
    return Grants(athena)


def task(athena: Athena, grants: Grants, statement: str = "SELECT * FROM orders", **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
        "Arguments": athena.arguments(statement, WorkGroup=grants.workgroup),
        "End": True,
        **more,
    }


def test_a_query_needs_no_more_than_this(local: Local, athena: Athena, grants: Grants) -> None:
    """Protects least privilege: these grants are enough for a machine that waits for its query."""
    execution = local.run(role=grants.role(local, "athena:StopQueryExecution"), Step=task(athena, grants))
    assert execution["status"] == "SUCCEEDED", execution


@pytest.mark.parametrize(
    ("action", "error", "told"),
    [
        ("athena:StartQueryExecution", "Athena.AmazonAthenaException", "perform: athena:StartQueryExecution on"),
        ("athena:GetQueryExecution", "Athena.AmazonAthenaException", "perform: athena:GetQueryExecution on"),
        ("athena:GetDataCatalog", "Athena.AmazonAthenaException", "perform: athena:GetDataCatalog on"),
        ("s3:GetBucketLocation", "Athena.InvalidRequestException", "Unable to verify/create output bucket"),
        ("glue:GetDatabase", "States.TaskFailed", REFUSED),
        ("glue:GetTable", "States.TaskFailed", REFUSED),
        ("glue:GetPartitions", "States.TaskFailed", REFUSED),
        ("s3:ListBucket", "States.TaskFailed", "Permission denied on S3 path: s3://"),
        ("s3:GetObject", "States.TaskFailed", "Permission denied on S3 path: s3://"),
        ("s3:PutObject", "States.TaskFailed", "Access denied when writing output to url: s3://"),
    ],
)
def test_each_of_them_is_needed(
    local: Local, athena: Athena, grants: Grants, action: str, error: str, told: str
) -> None:
    """Protects deployments: a grant that is missing fails the query, and says so."""
    execution = local.run(role=grants.role(local, action), Step=task(athena, grants))
    assert (execution["error"], told in execution["cause"]) == (error, True), execution["cause"]
    assert action.startswith("s3:") or f"is not authorized to perform: {action} on resource: " in execution["cause"]


def test_a_query_that_may_not_be_stopped_goes_on(local: Local, athena: Athena, grants: Grants) -> None:
    """Protects aborts: without StopQueryExecution the query outlives its execution."""
    arn = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{grants.workgroup}"
    for missing, seconds, state in ((["athena:StopQueryExecution"], "1", "SUCCEEDED"), ([], "60", "CANCELLED")):
        athena.client.tag_resource(ResourceARN=arn, Tags=[{"Key": "local:seconds", "Value": seconds}])
        before = set(athena.client.list_query_executions(WorkGroup=grants.workgroup)["QueryExecutionIds"])
        machine = local.machine(role=grants.role(local, *missing), **before_a_wait(task(athena, grants)))
        execution = local.start(machine)

        def started(before: set[str] = before) -> set[str]:
            listed = athena.client.list_query_executions(WorkGroup=grants.workgroup)["QueryExecutionIds"]
            return set(listed) - before

        [query_id] = eventually(started)
        local.states.stop_execution(executionArn=execution)
        assert athena.ended(query_id)["Status"]["State"] == state
        athena.client.untag_resource(ResourceARN=arn, TagKeys=["local:seconds"])


def test_a_table_is_made_by_its_caller(local: Local, athena: Athena, grants: Grants) -> None:
    """Protects queries that write tables: they need the catalog and the table's place."""
    statement = "CREATE TABLE mine AS SELECT id FROM orders"
    execution = local.run(role=grants.role(local), Step=task(athena, grants, statement))
    assert "is not authorized to perform: glue:CreateTable on resource: " in execution["cause"]
    code = error_code(local.glue.get_table, DatabaseName=athena.database, Name="mine")[0]
    assert code == "EntityNotFoundException"


def test_calls_by_http_are_held_against_their_role(local: Local, athena: Athena, grants: Grants) -> None:
    """Protects functions that query: what they may read is what their role may, and a query is its workgroup's."""
    client = acting(local, grants.role(local, "athena:StopQueryExecution", "glue:GetTable"), "athena")
    query_id = client.start_query_execution(**athena.arguments("SELECT * FROM orders", WorkGroup=grants.workgroup))[
        "QueryExecutionId"
    ]
    assert athena.ended(query_id)["Status"]["StateChangeReason"].startswith(REFUSED)
    assert client.get_query_execution(QueryExecutionId=query_id)
    text = f"perform: athena:StopQueryExecution on resource: arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/"
    assert text + grants.workgroup in denied(client.stop_query_execution, QueryExecutionId=query_id)
    asked = athena.arguments("SELECT 1")
    assert f"{REGION}:{ACCOUNT}:workgroup/primary" in denied(client.start_query_execution, **asked)
