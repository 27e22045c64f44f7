"""The life of a crawler, as Glue's API tells it."""

import functools
import json
import uuid
from typing import Any

import pytest

from local.aws.tests.support import ACCOUNT, ROLE, Local, at_once, error_code, eventually, unique


def state(local: Local, name: str) -> str:
    return local.get_crawler(name)["State"]


def test_a_crawler_that_never_ran_has_no_last_crawl(local: Local) -> None:
    """Protects the NONE verdict: absent, not null."""
    crawler = local.get_crawler(local.crawler())
    assert crawler["State"] == "READY"
    assert crawler["CrawlElapsedTime"] == 0
    assert "LastCrawl" not in crawler


def test_a_crawl_is_running_then_stopping_then_ready(local: Local) -> None:
    """Protects the poll loop: STOPPING is seen, and the elapsed time grows until READY."""
    name = local.crawler(tags={"local:seconds": "0.3", "local:stopping-seconds": "0.3"})
    local.glue.start_crawler(Name=name)
    first = local.get_crawler(name)
    assert first["State"] == "RUNNING"
    assert "LastCrawl" not in first
    stopping = eventually(lambda: (c := local.get_crawler(name))["State"] == "STOPPING" and c)
    assert stopping["CrawlElapsedTime"] >= 300 > first["CrawlElapsedTime"] >= 0
    assert "LastCrawl" not in stopping
    ready = local.ready(name)
    assert ready["CrawlElapsedTime"] == 0
    assert ready["LastCrawl"].keys() == {"Status", "LogGroup", "LogStream", "MessagePrefix", "StartTime"}
    assert ready["LastCrawl"]["Status"] == "SUCCEEDED"
    assert ready["LastCrawl"]["LogGroup"] == "/aws-glue/crawlers"
    assert ready["LastCrawl"]["LogStream"] == name


def test_while_a_crawl_runs_last_crawl_is_the_previous_one(local: Local) -> None:
    """Protects freshness: an old LastCrawl is not mistaken for the running crawl."""
    name = local.crawler()
    local.crawl(name)
    old = local.get_crawler(name)["LastCrawl"]
    local.glue.tag_resource(ResourceArn=arn(name), TagsToAdd={"local:seconds": "0.3"})
    local.glue.start_crawler(Name=name)
    assert local.get_crawler(name)["LastCrawl"] == old
    new = local.ready(name)["LastCrawl"]
    assert new["StartTime"] > old["StartTime"]
    assert uuid.UUID(new["MessagePrefix"]) != uuid.UUID(old["MessagePrefix"])


def arn(name: str) -> str:
    return f"arn:aws:glue:eu-west-1:000000000000:crawler/{name}"


def test_starts_are_told_apart_by_whole_seconds(local: Local) -> None:
    """Protects the identity of a crawl: GetCrawler leaves out the fractions of its start."""
    name = local.crawler()
    told = []
    for _ in range(3):
        local.crawl(name)
        told.append(local.get_crawler(name)["LastCrawl"]["StartTime"])
    starts = [crawl["StartTime"] for crawl in reversed(local.glue.list_crawls(CrawlerName=name)["Crawls"])]
    assert told == [start.replace(microsecond=0) for start in starts]
    assert len(set(told)) == 3
    assert any(start.microsecond for start in starts)


def test_the_history_may_leave_out_fractions_too(local: Local) -> None:
    """Protects against code that relies on what nobody has documented."""
    name = local.crawler(tags={"local:list-crawls-precision": "seconds"})
    assert not any(local.crawl(name)["StartTime"].microsecond for _ in range(3))


def test_of_fifty_concurrent_starts_one_wins(local: Local) -> None:
    """Protects the group commit: the race that start-crawler resolves is a real one."""
    name = local.crawler(tags={"local:seconds": "1"})

    def start() -> str:
        try:
            local.glue.start_crawler(Name=name)
        except local.glue.exceptions.CrawlerRunningException:
            return "running"
        return "started"

    assert sorted(at_once(*[start] * 50)) == ["running"] * 49 + ["started"]
    assert len(local.glue.list_crawls(CrawlerName=name)["Crawls"]) == 1


@pytest.mark.parametrize("during", ["RUNNING", "STOPPING"])
def test_a_crawler_that_is_not_ready_cannot_be_started_changed_or_deleted(local: Local, during: str) -> None:
    """Protects the retry on CrawlerRunningException, which STOPPING gives too."""
    name = local.crawler(tags={"local:seconds": "0.3", "local:stopping-seconds": "0.3"})
    local.glue.start_crawler(Name=name)
    eventually(lambda: state(local, name) == during)
    for call in (local.glue.start_crawler, local.glue.update_crawler, local.glue.delete_crawler):
        code, message = error_code(call, Name=name)
        assert (code, message) == ("CrawlerRunningException", f"Crawler with name {name} has already started")


def test_a_stopped_crawl_is_cancelled(local: Local) -> None:
    """Protects the CANCELLED verdict, and the errors of StopCrawler."""
    name = local.crawler(tags={"local:seconds": "60", "local:stopping-seconds": "0.3"})
    assert error_code(local.glue.stop_crawler, Name=name)[0] == "CrawlerNotRunningException"
    local.glue.start_crawler(Name=name)
    local.glue.stop_crawler(Name=name)
    assert error_code(local.glue.stop_crawler, Name=name)[0] == "CrawlerStoppingException"
    eventually(lambda: state(local, name) == "STOPPING")
    assert local.ready(name)["LastCrawl"]["Status"] == "CANCELLED"
    [crawl] = local.glue.list_crawls(CrawlerName=name)["Crawls"]
    assert crawl["State"] == "STOPPED"
    assert error_code(local.glue.stop_crawler, Name=name)[0] == "CrawlerNotRunningException"


@pytest.mark.parametrize(
    ("outcome", "status", "state", "message"),
    [("failed", "FAILED", "FAILED", "no access to s3"), ("cancelled", "CANCELLED", "STOPPED", None)],
)
def test_a_crawl_ends_as_its_tags_say(local: Local, outcome: str, status: str, state: str, message: str | None) -> None:
    """Protects scenarios: a failed crawl carries its message everywhere, and writes no tables."""
    bucket = local.bucket(**{"data/a.csv": "id\n1\n"})
    tags = {"local:outcome": outcome} | ({"local:error": message} if message else {})
    name = local.crawler(f"s3://{bucket}/data/", tags=tags)
    crawl = local.crawl(name)
    last = local.get_crawler(name)["LastCrawl"]
    assert (last["Status"], last.get("ErrorMessage")) == (status, message)
    assert (crawl["State"], crawl.get("ErrorMessage")) == (state, message)
    assert local.glue.get_tables(DatabaseName=local.get_crawler(name)["DatabaseName"])["TableList"] == []


def test_a_start_can_stay_invisible_for_a_while(local: Local) -> None:
    """Protects the PENDING verdict: READY with the old LastCrawl, after an accepted StartCrawler."""
    name = local.crawler(tags={"local:pending-seconds": "0.3", "local:seconds": "0.6"})
    local.glue.start_crawler(Name=name)
    pending = local.get_crawler(name)
    assert pending["State"] == "READY"
    assert "LastCrawl" not in pending
    assert error_code(local.glue.start_crawler, Name=name)[0] == "CrawlerRunningException"
    eventually(lambda: state(local, name) == "RUNNING")


def test_the_history_can_lag_behind(local: Local) -> None:
    """Protects callers of ListCrawls: a crawl may be missing from it."""
    name = local.crawler(tags={"local:list-crawls-lag-seconds": "0.4"})
    local.glue.start_crawler(Name=name)
    assert local.glue.list_crawls(CrawlerName=name)["Crawls"] == []
    eventually(lambda: local.glue.list_crawls(CrawlerName=name)["Crawls"])


def test_the_history_tells_a_running_crawl_from_an_ended_one(local: Local) -> None:
    """Protects JOINED and SATISFIED: state, times and identity of each crawl."""
    name = local.crawler(tags={"local:seconds": "0.3"})
    local.glue.start_crawler(Name=name)
    [running] = local.glue.list_crawls(CrawlerName=name)["Crawls"]
    assert running["State"] == "RUNNING"
    assert "EndTime" not in running
    last = local.ready(name)["LastCrawl"]
    [ended] = local.glue.list_crawls(CrawlerName=name)["Crawls"]
    assert ended["State"] == "COMPLETED"
    assert ended["CrawlId"] == running["CrawlId"] == ended["MessagePrefix"] == last["MessagePrefix"]
    assert ended["StartTime"] == running["StartTime"] < ended["EndTime"]
    assert ended["StartTime"].replace(microsecond=0) == last["StartTime"]
    assert ended["DPUHour"] > 0


@pytest.fixture(scope="module")
def history(local: Local) -> tuple[str, list[dict[str, Any]]]:
    """A crawler with four ended crawls, the second of them failed, newest first."""
    name = local.crawler()
    for outcome in ("succeeded", "failed", "succeeded", "succeeded"):
        local.glue.tag_resource(ResourceArn=arn(name), TagsToAdd={"local:outcome": outcome})
        local.crawl(name)
    return name, local.glue.list_crawls(CrawlerName=name)["Crawls"]


def filtered(local: Local, name: str, field: str, operator: str, value: object) -> list[str]:
    condition = {"FieldName": field, "FilterOperator": operator, "FieldValue": str(value)}
    crawls = local.glue.list_crawls(CrawlerName=name, Filters=[condition])["Crawls"]
    return [crawl["CrawlId"] for crawl in crawls]


@pytest.mark.parametrize(
    ("operator", "matching"),
    [("GT", [0, 1]), ("GE", [0, 1, 2]), ("LT", [3]), ("LE", [2, 3]), ("EQ", [2]), ("NE", [0, 1, 3])],
)
@pytest.mark.parametrize("field", ["START_TIME", "END_TIME"])
def test_the_history_can_be_filtered_by_time(
    local: Local, history: Any, field: str, operator: str, matching: list[int]
) -> None:
    """Protects the START_TIME filter of start-crawler: epoch milliseconds, all operators."""
    name, crawls = history
    moment = crawls[2]["StartTime" if field == "START_TIME" else "EndTime"]
    milliseconds = round(moment.timestamp() * 1000)
    assert filtered(local, name, field, operator, milliseconds) == [crawls[i]["CrawlId"] for i in matching]


def test_the_history_can_be_filtered_by_state_id_and_cost(local: Local, history: Any) -> None:
    """Protects the other filters, and their combination."""
    name, crawls = history
    ids = [crawl["CrawlId"] for crawl in crawls]
    assert filtered(local, name, "STATE", "EQ", "FAILED") == [ids[2]]
    assert filtered(local, name, "STATE", "NE", "FAILED") == [ids[0], ids[1], ids[3]]
    assert filtered(local, name, "CRAWL_ID", "EQ", ids[1]) == [ids[1]]
    assert filtered(local, name, "DPU_HOUR", "GE", 0) == ids
    assert filtered(local, name, "DPU_HOUR", "GT", 1) == []
    both = [
        {"FieldName": "STATE", "FilterOperator": "EQ", "FieldValue": "COMPLETED"},
        {"FieldName": "CRAWL_ID", "FilterOperator": "NE", "FieldValue": ids[0]},
    ]
    found = local.glue.list_crawls(CrawlerName=name, Filters=both)["Crawls"]
    assert [crawl["CrawlId"] for crawl in found] == [ids[1], ids[3]]


def test_the_history_comes_in_pages(local: Local, history: Any) -> None:
    """Protects whoever follows NextToken."""
    name, crawls = history
    first = local.glue.list_crawls(CrawlerName=name, MaxResults=3)
    rest = local.glue.list_crawls(CrawlerName=name, MaxResults=3, NextToken=first["NextToken"])
    assert "NextToken" not in rest
    assert first["Crawls"] + rest["Crawls"] == crawls


def test_a_bad_question_about_the_history_is_refused(local: Local, history: Any) -> None:
    """Protects against a filter that silently matches everything, or nothing."""
    name, _ = history
    listing = functools.partial(error_code, local.glue.list_crawls, CrawlerName=name)
    condition = {"FieldName": "START_TIME", "FilterOperator": "GE", "FieldValue": "yesterday"}
    assert listing(Filters=[condition])[0] == "InvalidInputException"
    assert listing(NextToken="nonsense")[0] == "InvalidInputException"


def test_metrics_are_measured(local: Local) -> None:
    """Protects expectedSeconds: median and last run time are real, and so is what is left."""
    name = local.crawler(tags={"local:seconds": "0.4"})

    def metrics() -> dict[str, Any]:
        return local.glue.get_crawler_metrics(CrawlerNameList=[name])["CrawlerMetricsList"][0]

    assert metrics()["MedianRuntimeSeconds"] == 0
    local.glue.start_crawler(Name=name)
    assert metrics()["StillEstimating"] is True
    local.ready(name)
    after = metrics()
    assert 0.4 <= after["LastRuntimeSeconds"] == after["MedianRuntimeSeconds"] < 2
    assert after["TimeLeftSeconds"] == 0
    local.glue.start_crawler(Name=name)
    assert 0 < metrics()["TimeLeftSeconds"] <= after["MedianRuntimeSeconds"]
    assert metrics()["StillEstimating"] is False


def test_the_summary_is_json_in_json(local: Local) -> None:
    """Protects the counts: the shape of a public sample, and absent what did not change."""
    bucket = local.bucket(**{"orders/dt=1/a.csv": "id\n1\n", "orders/dt=2/a.csv": "id\n1\n"})
    name = local.crawler(f"s3://{bucket}/orders/")
    summary = json.loads(local.crawl(name)["Summary"])
    assert summary.keys() == {"TABLE", "PARTITION"}
    assert json.loads(summary["TABLE"]["ADD"]) == {"Details": {"names": ["orders"]}, "Count": 1}
    assert json.loads(summary["PARTITION"]["ADD"]) == {"Details": {"orders": ["dt=1", "dt=2"]}, "Count": 2}
    assert json.loads(local.crawl(name)["Summary"]) == {}


def test_what_does_not_exist_is_named(local: Local) -> None:
    """Protects EntityNotFoundException, with Glue's own words."""
    expected = ("EntityNotFoundException", "Crawler entry with name nobody does not exist")
    for call in (local.glue.get_crawler, local.glue.start_crawler, local.glue.stop_crawler, local.glue.delete_crawler):
        assert error_code(call, Name="nobody") == expected
    assert error_code(local.glue.list_crawls, CrawlerName="nobody") == expected
    assert local.glue.get_crawler_metrics(CrawlerNameList=["nobody"])["CrawlerMetricsList"] == []
    found = local.glue.batch_get_crawlers(CrawlerNames=["nobody"])
    assert (found["Crawlers"], found["CrawlersNotFound"]) == ([], ["nobody"])


def test_a_crawler_is_described_in_full(local: Local) -> None:
    """Protects readers of GetCrawler: what nobody has said is told too, and the role without its ARN."""
    name = unique("crawler")
    role = f"arn:aws:iam::{ACCOUNT}:role/service-role/AWSGlueServiceRole-orders"
    targets = {"S3Targets": [{"Path": "s3://bucket/orders/"}]}
    local.glue.create_crawler(Name=name, Role=role, DatabaseName="bronze", Targets=targets)
    crawler = local.get_crawler(name)
    assert crawler["Role"] == "service-role/AWSGlueServiceRole-orders"
    assert crawler["Targets"].pop("S3Targets") == [{"Path": "s3://bucket/orders/", "Exclusions": []}]
    kinds = local.glue.meta.service_model.shape_for("CrawlerTargets").members
    assert crawler["Targets"] == {kind: [] for kind in kinds if kind != "S3Targets"}
    assert crawler["LineageConfiguration"] == {"CrawlerLineageSettings": "DISABLE"}
    assert crawler["LakeFormationConfiguration"] == {"UseLakeFormationCredentials": False, "AccountId": ""}
    assert crawler["SchemaChangePolicy"]["DeleteBehavior"] == "DEPRECATE_IN_DATABASE"


def test_crawlers_are_created_updated_and_deleted(local: Local) -> None:
    """Protects deployments: definition and tags survive, and go."""
    name = unique("crawler")
    create = functools.partial(local.glue.create_crawler, Role=ROLE, Targets={"S3Targets": []})
    create(Name=name, Tags={"team": "data"}, TablePrefix="raw_")
    assert error_code(create, Name=name)[0] == "AlreadyExistsException"
    assert local.glue.get_tags(ResourceArn=arn(name))["Tags"] == {"team": "data"}
    local.glue.update_crawler(Name=name, TablePrefix="clean_")
    crawler = local.get_crawler(name)
    assert (crawler["TablePrefix"], crawler["Version"]) == ("clean_", 2)
    assert crawler in local.glue.get_crawlers()["Crawlers"]
    local.glue.delete_crawler(Name=name)
    assert error_code(local.glue.get_crawler, Name=name)[0] == "EntityNotFoundException"
    create(Name=name)
    assert local.glue.get_tags(ResourceArn=arn(name))["Tags"] == {}


@pytest.mark.parametrize("name", ["a" * 256, "line\nbreak"])
def test_a_name_that_glue_refuses_is_refused(local: Local, name: str) -> None:
    """Protects against names that only work locally."""
    code, message = error_code(local.glue.create_crawler, Name=name, Role=ROLE, Targets={})
    assert code == "ValidationException"
    assert "'name' failed to satisfy constraint" in message


@pytest.mark.parametrize(
    "tags",
    [
        {"local:second": "1"},
        {"local:seconds": "long"},
        {"local:outcome": "maybe"},
        {"local:list-crawls-precision": "hours"},
        {"local:fault:GetCrawler": "often x"},
    ],
)
def test_a_tag_with_a_typo_is_refused(local: Local, tags: dict[str, str]) -> None:
    """Protects against a scenario that silently is none."""
    assert error_code(local.crawler, tags=tags)[0] == "InvalidInputException"
    name = local.crawler()
    assert error_code(local.glue.tag_resource, ResourceArn=arn(name), TagsToAdd=tags)[0] == "InvalidInputException"
