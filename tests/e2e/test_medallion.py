"""The pipeline medallion on data: bronze, silver and four marts, each from what the stage before has catalogued."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from local.aws import ACCOUNT, REGION
from local.demo.workloads import Workload
from tests.support.stack import Stack

MEDALLION = Workload.load("medallion")
STAGES = {stage["name"]: stage["steps"] for stage in MEDALLION.pipeline["stages"]}

BRONZE = {
    "bronze_customers": [
        "101 | Ana Costa | 1996-01-20 | 01307 | Dresden",
        "102 | Ben Weber | 1985-11-30 | 20095 | Hamburg",
        "103 | Chloé Petit | 2003-07-01 | 75011 | Paris",
        "104 | Dmitri Berg | 1958-02-17 | 01307 | Dresden",
        "105 | Elif Kaya | 1999-12-31 | 10115 | Berlin",
        "106 | Farid Haddad | 1972-06-05 | 69001 | Lyon",
    ],
    "bronze_products": [
        "1 | Tea | Drinks | 3.5",
        "2 | Coffee | Drinks | 6.0",
        "3 | Honey | Food | 8.25",
        "4 | Mug | Kitchen | 12.0",
    ],
    "bronze_purchases": [
        "1 | 101 | 1 | 2 | 2026-01-05 09:15:00",
        "2 | 102 | 2 | 1 | 2026-01-05 18:40:00",
        "3 | 103 | 3 | 1 | 2026-01-12 12:05:00",
        "4 | 104 | 1 | 4 | 2026-01-15 09:50:00",
        "5 | 101 | 2 | 1 | 2026-01-25 16:30:00",
        "6 | 105 | 9 | 1 | 2026-01-27 20:10:00",
        "7 | 102 | 1 | 1 | 2026-01-31 23:30:00",
        "8 | 103 | 2 | 2 | 2026-02-01 00:10:00",
        "9 | 104 | 3 | 2 | 2026-02-03 11:20:00",
        "10 | 105 | 1 | 1 | 2026-02-03 14:45:00",
        "11 | 101 | 3 | 1 | 2026-02-10 09:05:00",
        "12 | 102 | 2 | 3 | 2026-02-14 18:55:00",
    ],
}
# Ana turns 30 on 20 January; nobody knows product 9; Farid has bought nothing, and nobody a mug.
SILVER = [
    "1 | 2026-01-05 09:15:00 | 2026-01 | 101 | Ana Costa | 20 | 01307 | Dresden | 1 | Tea | 2 | 7.0",
    "2 | 2026-01-05 18:40:00 | 2026-01 | 102 | Ben Weber | 40 | 20095 | Hamburg | 2 | Coffee | 1 | 6.0",
    "3 | 2026-01-12 12:05:00 | 2026-01 | 103 | Chloé Petit | 20 | 75011 | Paris | 3 | Honey | 1 | 8.25",
    "4 | 2026-01-15 09:50:00 | 2026-01 | 104 | Dmitri Berg | 60 | 01307 | Dresden | 1 | Tea | 4 | 14.0",
    "5 | 2026-01-25 16:30:00 | 2026-01 | 101 | Ana Costa | 30 | 01307 | Dresden | 2 | Coffee | 1 | 6.0",
    "6 | 2026-01-27 20:10:00 | 2026-01 | 105 | Elif Kaya | 20 | 10115 | Berlin | 9 | - | 1 | -",
    "7 | 2026-01-31 23:30:00 | 2026-01 | 102 | Ben Weber | 40 | 20095 | Hamburg | 1 | Tea | 1 | 3.5",
    "8 | 2026-02-01 00:10:00 | 2026-02 | 103 | Chloé Petit | 20 | 75011 | Paris | 2 | Coffee | 2 | 12.0",
    "9 | 2026-02-03 11:20:00 | 2026-02 | 104 | Dmitri Berg | 60 | 01307 | Dresden | 3 | Honey | 2 | 16.5",
    "10 | 2026-02-03 14:45:00 | 2026-02 | 105 | Elif Kaya | 20 | 10115 | Berlin | 1 | Tea | 1 | 3.5",
    "11 | 2026-02-10 09:05:00 | 2026-02 | 101 | Ana Costa | 30 | 01307 | Dresden | 3 | Honey | 1 | 8.25",
    "12 | 2026-02-14 18:55:00 | 2026-02 | 102 | Ben Weber | 40 | 20095 | Hamburg | 2 | Coffee | 3 | 18.0",
    "- | - | - | 106 | Farid Haddad | - | 69001 | Lyon | - | - | - | -",
    "- | - | - | - | - | - | - | - | 4 | Mug | - | -",
]
GOLD = {
    "gold_salesbyageproducts": [
        "20 | Coffee | 1 | 2 | 12.0",
        "20 | Honey | 1 | 1 | 8.25",
        "20 | Tea | 2 | 3 | 10.5",
        "20 | - | 1 | 1 | -",
        "30 | Coffee | 1 | 1 | 6.0",
        "30 | Honey | 1 | 1 | 8.25",
        "40 | Coffee | 2 | 4 | 24.0",
        "40 | Tea | 1 | 1 | 3.5",
        "60 | Honey | 1 | 2 | 16.5",
        "60 | Tea | 1 | 4 | 14.0",
        "- | Mug | 0 | - | -",
    ],
    "gold_salesbycustomer": [
        "101 | Ana Costa | 3 | 4 | 21.25",
        "102 | Ben Weber | 3 | 5 | 27.5",
        "103 | Chloé Petit | 2 | 3 | 20.25",
        "104 | Dmitri Berg | 2 | 6 | 30.5",
        "105 | Elif Kaya | 2 | 2 | 3.5",
        "106 | Farid Haddad | 0 | - | -",
    ],
    "gold_salesbydatetime": ["2026-01 | 7 | 11 | 44.75", "2026-02 | 5 | 9 | 58.25"],
    "gold_salesbyresidence": [
        "01307 | Dresden | 5 | 10 | 51.75",
        "10115 | Berlin | 2 | 2 | 3.5",
        "20095 | Hamburg | 3 | 5 | 27.5",
        "69001 | Lyon | 0 | - | -",
        "75011 | Paris | 2 | 3 | 20.25",
    ],
}
COUNTS = {"purchases": "bigint", "quantity": "bigint", "amount": "double"}
COLUMNS = {
    "bronze_customers": {
        "customer_id": "bigint",
        "name": "string",
        "birth_date": "date",
        "postcode": "string",
        "city": "string",
    },
    "silver_purchase_all": {
        "purchase_id": "bigint",
        "purchased_at": "timestamp",
        "month": "string",
        "customer_id": "bigint",
        "customer": "string",
        "age_group": "bigint",
        "postcode": "string",
        "city": "string",
        "product_id": "bigint",
        "product": "string",
        "quantity": "bigint",
        "amount": "double",
    },
    "gold_salesbyageproducts": {"age_group": "bigint", "product": "string"} | COUNTS,
    "gold_salesbycustomer": {"customer_id": "bigint", "customer": "string"} | COUNTS,
    "gold_salesbydatetime": {"month": "string"} | COUNTS,
    "gold_salesbyresidence": {"postcode": "string", "city": "string"} | COUNTS,
}


@dataclass(frozen=True)
class Run:
    """A run that has ended, and what the tables held when the crawls that nobody awaited had ended too."""

    execution: Mapping[str, Any]
    tables: Mapping[str, list[str]]
    columns: Mapping[str, dict[str, str]]


def run(stack: Stack, execution: dict[str, Any]) -> Run:
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    for step in json.loads(execution["output"])["stages"][-1]["steps"]:
        crawl = stack.finish(step["crawl"]["executionArn"])
        assert crawl["status"] == "SUCCEEDED", crawl.get("cause")
    tables = [each["Name"] for each in stack.glue.get_tables(DatabaseName=MEDALLION.database)["TableList"]]
    return Run(
        execution,
        {name: stack.rows(MEDALLION.database, name) for name in tables},
        {name: stack.columns(MEDALLION.database, name) for name in tables},
    )


@pytest.fixture(scope="module")
def today(pipelines: Stack) -> Run:
    """What the upload of the three exports sets in motion; its marts take long enough to be seen side by side."""
    for step in STAGES["gold"]:
        arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:job/{step['job']}"
        pipelines.glue.tag_resource(ResourceArn=arn, TagsToAdd={"local:seconds": "8"})
    return run(pipelines, pipelines.upload(MEDALLION))


@pytest.fixture(scope="module")
def january(pipelines: Stack, today: Run) -> Run:
    """The same once more, by hand, for the last day of January."""
    return run(pipelines, pipelines.run("Pipeline", MEDALLION.pipeline | {"arguments": {"--date": "2026-01-31"}}))


def test_every_table_is_right(today: Run) -> None:
    """From the exports to the marts nothing is lost, doubled or changed, and rows that fit nowhere are still there."""
    assert today.tables == BRONZE | {"silver_purchase_all": SILVER} | GOLD


def test_every_table_is_catalogued_as_it_is(today: Run) -> None:
    """A postcode is no number, and what a CSV tells of a time stays one in Parquet."""
    assert {name: today.columns[name] for name in COLUMNS} == COLUMNS


def test_a_run_for_an_earlier_day_knows_nothing_later(january: Run) -> None:
    """To load a day again gives that day: the whole of it, and no purchase from ten minutes after."""
    assert january.tables["bronze_purchases"] == BRONZE["bronze_purchases"][:7]
    # Without the purchases of February nobody has bought honey twice.
    assert january.tables["silver_purchase_all"] == SILVER[:7] + SILVER[12:]
    assert {name: january.tables[name] for name in GOLD} == {
        "gold_salesbyageproducts": [
            "20 | Honey | 1 | 1 | 8.25",
            "20 | Tea | 1 | 2 | 7.0",
            "20 | - | 1 | 1 | -",
            "30 | Coffee | 1 | 1 | 6.0",
            "40 | Coffee | 1 | 1 | 6.0",
            "40 | Tea | 1 | 1 | 3.5",
            "60 | Tea | 1 | 4 | 14.0",
            "- | Mug | 0 | - | -",
        ],
        "gold_salesbycustomer": [
            "101 | Ana Costa | 2 | 3 | 13.0",
            "102 | Ben Weber | 2 | 2 | 9.5",
            "103 | Chloé Petit | 1 | 1 | 8.25",
            "104 | Dmitri Berg | 1 | 4 | 14.0",
            "105 | Elif Kaya | 1 | 1 | -",
            "106 | Farid Haddad | 0 | - | -",
        ],
        "gold_salesbydatetime": ["2026-01 | 7 | 11 | 44.75"],
        "gold_salesbyresidence": [
            "01307 | Dresden | 3 | 7 | 27.0",
            "10115 | Berlin | 1 | 1 | -",
            "20095 | Hamburg | 2 | 2 | 9.5",
            "69001 | Lyon | 0 | - | -",
            "75011 | Paris | 1 | 1 | 8.25",
        ],
    }


def moments(stack: Stack, run: Run) -> tuple[dict[str, datetime], dict[str, datetime], dict[str, datetime]]:
    """When each job was started, when it had ended, and when each step with a crawl was left, by job or crawler."""
    started, ended, left = {}, {}, {}
    for event in stack.history(run.execution["executionArn"]):
        details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
        match event["type"], details.get("name"):
            case "TaskStateEntered", "Run job":
                started[json.loads(details["input"])["job"]] = event["timestamp"]
            case "TaskStateExited", "Run job":
                ended[json.loads(details["output"])["JobName"]] = event["timestamp"]
            case "TaskStateExited", "Crawl" | "Start a crawl and go on":
                left[json.loads(details["output"])["crawl"]["crawlername"]] = event["timestamp"]
    return started, ended, left


def crawls(stack: Stack, run: Run, stage: str) -> list[dict[str, Any]]:
    """The executions of crawl that the steps of a stage started, in their order."""
    executions = [
        stack.states.describe_execution(executionArn=each["executionArn"]) for each in stack.executions("Crawl")
    ]
    given = {
        (told["crawlername"], told["AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"]): execution
        for execution in executions
        for told in [json.loads(execution["input"])]
    }
    return [given[step["crawler"], run.execution["executionArn"]] for step in STAGES[stage]]


@pytest.mark.parametrize("name", ["today", "january"])
def test_silver_begins_when_both_crawls_of_bronze_are_proven_done(
    pipelines: Stack, name: str, request: pytest.FixtureRequest
) -> None:
    """Its job reads the tables that these crawls make."""
    run = request.getfixturevalue(name)
    started, ended, _ = moments(pipelines, run)
    for step, crawl in zip(STAGES["bronze"], crawls(pipelines, run, "bronze"), strict=True):
        assert json.loads(crawl["output"])["crawl"]["status"] == "SUCCEEDED"
        assert ended[step["job"]] <= crawl["startDate"] < crawl["stopDate"]
        assert crawl["stopDate"] <= started["jb_de_enhancement_t1_fulljoin_s2s"]


def test_the_marts_are_made_side_by_side(pipelines: Stack, today: Run) -> None:
    """Four jobs that take turns would take four times as long."""
    started, ended, _ = moments(pipelines, today)
    marts = [step["job"] for step in STAGES["gold"]]
    assert len(marts) == 4
    assert max(started[job] for job in marts) < min(ended[job] for job in marts)
    assert min(started[job] for job in marts) > crawls(pipelines, today, "silver")[0]["stopDate"]


def test_nothing_waits_for_a_crawl_that_nobody_awaits(pipelines: Stack, today: Run) -> None:
    """The last crawls go on when their steps are over, and fill the catalog in their own time."""
    _, ended, left = moments(pipelines, today)
    for step, crawl in zip(STAGES["gold"], crawls(pipelines, today, "gold"), strict=True):
        assert ended[step["job"]] <= left[step["crawler"]] < crawl["stopDate"]
