"""The pipeline extract-transform-load on data: three jobs, each of which finds what the one before has written."""

import json

import pytest

from local.demo.workloads import Workload, tables
from tests.support.stack import Stack, lines

ETL = Workload.load("extract-transform-load")


@pytest.fixture(scope="module", autouse=True)
def run(pipelines: Stack) -> None:
    """The run that the upload of the orders sets in motion, ended."""
    execution = pipelines.upload(ETL)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    steps = [step for stage in json.loads(execution["output"])["stages"] for step in stage["steps"]]
    assert [step["work"]["job"] for step in steps] == ["extract", "transform", "load"]
    assert [step["crawl"] for step in steps] == [None] * 3


def test_what_came_is_kept_as_it_came(pipelines: Stack) -> None:
    """Whatever a later job makes of it, the original can be shown."""
    kept = pipelines.s3.get_object(Bucket=ETL.bucket, Key="extracted/orders.csv")["Body"].read()
    assert kept == ETL.files[0].read_bytes()


def test_the_orders_are_loaded_clean(pipelines: Stack) -> None:
    """Brazilian dates and amounts, double rows, names in any case, a row without a number: none of it gets through."""
    loaded = tables.read_parquet(f"s3://{ETL.bucket}/loaded/orders/", pipelines.aws.client)
    assert lines(loaded.order("order_id")) == [
        "1001 | ANA SOUZA | 2026-01-05 | 1234.50 | SP",
        "1002 | BRUNO LIMA | 2026-01-07 | 89.90 | RJ",
        "1003 | CARLA DIAS | 2026-01-12 | 450.00 | SP",
        "1004 | DAVI ROCHA | 2026-01-31 | 15.25 | MG",
        "1005 | ELISA RAMOS | 2026-02-01 | - | RJ",
        "1006 | FÁBIO ALVES | 2026-02-03 | 2000.00 | SP",
    ]


def test_each_state_has_a_folder(pipelines: Stack) -> None:
    """A query for one state reads no other."""
    folders = {key.split("/")[2] for key in tables.keys(f"s3://{ETL.bucket}/loaded/", pipelines.aws.client)}
    assert folders == {"state=MG", "state=RJ", "state=SP"}
