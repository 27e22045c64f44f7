"""Ten pipelines as people ask for them, each a file in shapes/, deployed, started and run on data."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC

import pytest

from local.demo.deploy import TOOL
from tests.support.roles import ROLE
from tests.support.shop import BUCKET, DATABASE, LAKE, SHAPES, Shop, files, opened, output
from tests.support.stack import eventually


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with opened() as shop:
        yield shop


def test_all_shapes_are_valid() -> None:
    """What is shown to others as an example must not have mistakes."""
    assert len(files()) == 10
    result = subprocess.run([TOOL, "check", SHAPES], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_a_gate_of_quality_lets_good_data_through_and_no_other(shop: Shop) -> None:
    """What a function finds wrong with the data of a job must not be published."""
    name = "orders-quality-gate"
    shop.job("load-orders", "load.py", source=f"s3://{BUCKET}/landing/orders/", target=f"{LAKE}/orders/", kind="csv")
    shop.crawler("orders", "orders")
    shop.function("check-amounts", "check_amounts.py")
    shop.job("publish-orders")
    shop.deploy(name)
    shop.put("landing/orders/1.csv", "id,amount", "1,9.5", "2,3.25")
    [good] = shop.runs(name)
    _, [checked], [published] = output(good)
    assert (checked["work"]["function"], published["work"]["state"]) == ("check-amounts", "SUCCEEDED")
    shop.put("landing/orders/2.csv", "id,amount", "3,-1")
    _, bad = shop.runs(name, 2)
    assert bad["error"] == "FunctionFailed"
    assert bad["cause"].endswith("stage 2 (check), step 1, function check-amounts: ValueError: negative amount: 3,-1")
    assert sorted(shop.rows(DATABASE, "orders")) == ["1 | 9.5", "2 | 3.25", "3 | -1.0"]
    assert len(shop.job_runs("publish-orders")) == 1


def test_a_query_aggregates_what_was_crawled_and_its_result_is_crawled(shop: Shop) -> None:
    """Aggregates by SQL alone, as a table that others may query; and again when there is more."""
    name = "revenue-by-country"
    for folder in ("sales", "revenue"):
        shop.crawler(folder, folder)
    shop.function("empty-folder", "empty_folder.py")
    results = {"OutputLocation": f"s3://{BUCKET}/results/"}
    # A workgroup that enforces its location refuses to create tables elsewhere.
    settings = {"ResultConfiguration": results, "EnforceWorkGroupConfiguration": False}
    shop.aws.client("athena").create_work_group(Name="etl", Configuration=settings)
    shop.put("lake/sales/1.csv", "country,currency,amount", "DE,EUR,2.5", "FR,EUR,4", "DE,EUR,1", "CH,CHF,9")
    shop.deploy(name)
    shop.put("landing/sales/done")
    _, [step] = output(shop.runs(name)[0])
    assert (step["work"]["workgroup"], step["crawl"]["crawl"]["status"]) == ("etl", "SUCCEEDED")
    assert shop.columns(DATABASE, "revenue") == {"country": "string", "revenue": "double"}
    assert sorted(shop.rows(DATABASE, "revenue")) == ["DE | 3.5", "FR | 4.0"]
    shop.put("lake/sales/2.csv", "country,currency,amount", "FR,EUR,3")
    shop.put("landing/sales/done")
    output(shop.runs(name, 2)[1])
    assert sorted(shop.rows(DATABASE, "revenue")) == ["DE | 3.5", "FR | 7.0"]


def test_a_machine_of_ones_own_loads_what_a_job_has_staged(shop: Shop) -> None:
    """Whatever a pipeline has no word for, a warehouse say, is a machine away."""
    name = "customers-to-warehouse"
    source = f"s3://{BUCKET}/landing/customers/"
    shop.job("stage-customers", "load.py", source=source, target=f"{LAKE}/customers/")
    load = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:copyObject",
        "Arguments": {
            "CopySource": "{% $states.input.from %}",
            "Bucket": BUCKET,
            "Key": "{% 'warehouse/' & $states.input.table & '/' & $states.input.asOf %}",
        },
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Load", "States": {"Load": load}}
    machine = shop.states.create_state_machine(name="load-warehouse", roleArn=ROLE, definition=json.dumps(definition))[
        "stateMachineArn"
    ]
    shop.deploy(name)
    shop.put("landing/customers/1.csv", "id,name", "1,Ana")
    [run] = shop.runs(name)
    [[staged], [loaded]] = output(run)
    assert staged["work"]["state"] == "SUCCEEDED"
    [own] = shop.states.list_executions(stateMachineArn=machine)["executions"]
    assert (own["executionArn"], own["status"]) == (loaded["work"]["executionArn"], "SUCCEEDED")
    date = shop.job_runs("stage-customers")[0]["Arguments"]["--date"]
    assert shop.keys("warehouse/") == [f"warehouse/customers/{date}"]


def test_those_who_wait_are_told_and_those_on_call_of_failures_only(shop: Shop) -> None:
    """Success is news for some, failure for others; each hears its own."""
    name = "stock-levels"
    on_call, consumers = shop.listening("data-on-call"), shop.listening("data-consumers")
    shop.job("update-stock")
    shop.deploy(name)
    shop.put("landing/stock/1.csv", "id", "1")
    output(shop.runs(name)[0])
    [(subject, _)] = eventually(lambda: shop.heard(consumers))
    assert subject == "Pipeline stock-levels succeeded"
    assert shop.heard(on_call) == []
    shop.glue.tag_resource(
        ResourceArn=f"arn:aws:glue:{shop.s3.meta.region_name}:000000000000:job/update-stock",
        TagsToAdd={"local:outcome": "failed", "local:error": "no such shelf"},
    )
    shop.put("landing/stock/2.csv", "id", "2")
    _, failed = shop.runs(name, 2)
    assert failed["error"] == "JobFailed"
    [(subject, text)] = eventually(lambda: shop.heard(on_call))
    assert subject == "Pipeline stock-levels failed"
    assert "JobFailed: pipeline stock-levels, stage 1, step 1, job update-stock: no such shelf" in text
    assert failed["executionArn"] in text
    assert len(shop.heard(consumers)) == 1


def test_a_schedule_alone_starts_a_pipeline(shop: Shop) -> None:
    """What no object starts, the clock does; and its jobs can tell the run."""
    name = "monthly-closing"
    shop.put("lake/ledger/1.csv", "account,balance", "a,1.5")
    shop.job("close-month")
    shop.crawler("ledger", "ledger")
    shop.deploy(name)
    shop.fire(name, "MonthlyClosingSchedule")
    [run] = shop.runs(name)
    [[step]] = output(run)
    assert step["crawl"]["crawl"]["status"] == "SUCCEEDED"
    [job] = shop.job_runs("close-month")
    assert job["Arguments"] == {"--run": run["name"], "--date": f"{run['startDate'].astimezone(UTC):%Y-%m-%d}"}
    assert shop.rows(DATABASE, "ledger") == ["a | 1.5"]


def test_a_report_may_fail_and_the_mart_is_there(shop: Shop) -> None:
    """Nobody should be woken because a mail could not be sent; what failed stands in the output and is told."""
    name = "sales-mart"
    owners = shop.listening("mart-owners")
    shop.put("lake/sales_mart/1.csv", "month,amount", "2026-01,7.5")
    shop.job("build-sales-mart")
    shop.crawler("sales-mart", "sales_mart")
    shop.function("mail-report", "mail_report.py")
    shop.deploy(name)
    shop.fire(name, "SalesMartSchedule")
    [[mart], [report]] = output(shop.runs(name)[0])
    assert (mart["failure"], mart["crawl"]["crawl"]["status"]) == (None, "SUCCEEDED")
    cause = "stage 2 (report), step 1, function mail-report: ConnectionError: no mail about sales"
    assert report["failure"] == {"error": "FunctionFailed", "cause": cause}
    [(subject, text)] = eventually(lambda: shop.heard(owners))
    assert subject == "Pipeline sales-mart succeeded, but for optional steps"
    assert f"FunctionFailed: {cause}" in text
    assert shop.rows(DATABASE, "sales_mart") == ["2026-01 | 7.5"]


def test_a_job_that_failed_is_tried_again(shop: Shop) -> None:
    """A lost connection at night is no reason to get up."""
    name, marker = "sessions", f"s3://{BUCKET}/markers/sessions"
    source = f"s3://{BUCKET}/landing/clicks/"
    shop.job("sessionize", "flaky.py", source=source, target=f"{LAKE}/sessions/", marker=marker)
    shop.crawler("sessions", "sessions")
    shop.deploy(name)
    shop.put("landing/clicks/1.csv", "session,clicks", "s1,4")
    [[step]] = output(shop.runs(name)[0])
    assert [each["JobRunState"] for each in shop.job_runs("sessionize")] == ["FAILED", "SUCCEEDED"]
    assert step["work"]["runId"] == shop.job_runs("sessionize")[1]["Id"]
    assert shop.rows(DATABASE, "sessions") == ["s1 | 4"]


def test_a_group_runs_side_by_side_and_then_one(shop: Shop) -> None:
    """Facts need all dimensions; the dimensions do not need each other."""
    name, dimensions = "star-schema", ("customer", "product", "store")
    for dimension in dimensions:
        shop.job(f"dim-{dimension}", seconds="8")
        shop.crawler(f"dim-{dimension}", f"dim_{dimension}")
        shop.put(f"lake/dim_{dimension}/1.csv", "id,name", "1,a")
    source = f"s3://{BUCKET}/landing/erp/"
    shop.job("fact-sales", "load.py", source=source, target=f"{LAKE}/fact_sales/")
    shop.crawler("fact-sales", "fact_sales")
    shop.deploy(name)
    shop.put("landing/erp/sales.csv", "id,amount", "1,2")
    shop.put("landing/erp/sales.ready")
    [run] = shop.runs(name)
    [group, [fact]] = output(run)
    assert [step["crawl"]["crawlername"] for step in (*group, fact)] == [
        *(f"dim-{dimension}" for dimension in dimensions),
        "fact-sales",
    ]
    runs = [shop.job_runs(f"dim-{dimension}")[0] for dimension in dimensions]
    assert max(run["StartedOn"] for run in runs) < min(run["CompletedOn"] for run in runs)
    crawled = [shop.glue.get_table(DatabaseName=DATABASE, Name=f"dim_{each}")["Table"] for each in dimensions]
    [begun] = shop.job_runs("fact-sales")
    assert max(table["CreateTime"] for table in crawled) < begun["StartedOn"]
    assert shop.rows(DATABASE, "fact_sales") == ["1 | 2"]


def test_each_object_has_a_run_of_its_own(shop: Shop) -> None:
    """A document each, whatever its name: keys come as they are, and the file's name without its folders."""
    name = "invoices"
    shop.job("archive-invoice", "copy_object.py")
    shop.deploy(name)
    keys = {"landing/invoices/2026/a 1.txt": "one", "landing/invoices/größe +?%2B{x}.txt": "two"}
    for key, text in keys.items():
        shop.put(key, text)
    runs = shop.runs(name, 2)
    assert [output(run)[0][0]["work"]["state"] for run in runs] == ["SUCCEEDED"] * 2
    date = shop.job_runs("archive-invoice")[0]["Arguments"]["--date"]
    copies = {f"archive/{date}/{key.rpartition('/')[2]}": text for key, text in keys.items()}
    assert set(shop.keys("archive/")) == copies.keys()
    assert {key: shop.get(key) for key in copies} == {key: f"{text}\n" for key, text in copies.items()}
    assert len({run["executionArn"] for run in runs}) == 2


def test_a_job_reads_what_was_crawled_and_its_result_is_crawled(shop: Shop) -> None:
    """A chain in which each needs the one before, each with its own time."""
    name = "events-curated"
    shop.crawler("raw-events", "raw_events")
    shop.crawler("curated-events", "curated_events")
    shop.job("curate-events", "curate.py", database=DATABASE, table="raw_events", target=f"{LAKE}/curated_events/")
    shop.deploy(name)
    shop.put("lake/raw_events/1.csv", "user_id,event", "7,login", ",ping", "8,buy")
    [run] = shop.runs(name)
    [[raw], [job], [curated]] = output(run)
    assert [each["crawl"]["crawl"]["status"] for each in (raw, curated)] == ["SUCCEEDED"] * 2
    assert job["work"]["state"] == "SUCCEEDED"
    assert shop.columns(DATABASE, "curated_events") == {"user_id": "bigint", "event": "string"}
    assert shop.rows(DATABASE, "curated_events") == ["7 | login", "8 | buy"]
    given = [
        json.loads(shop.states.describe_execution(executionArn=each["executionArn"])["input"])
        for each in shop.executions("Crawl")
    ]
    seconds = {each["crawlername"]: each["timeoutSeconds"] for each in given}
    for crawler, own in {"raw-events": 900, "curated-events": 1200}.items():
        # What has passed of the step's own time by then.
        assert 0 <= own - seconds[crawler] < 60
