"""What a crawler is, and what Glue refuses."""

import functools

import pytest

from local.aws.tests.support import ROLE, Local, crawler_arn, error_code, unique

pytestmark = pytest.mark.aws(
    "Crawler API",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html",
    validated="never",
)


@pytest.mark.aws(
    "Crawler API",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html",
    validated="messages in https://github.com/iann0036/AWSConsoleRecorder/issues/35 (GetCrawler), "
    "https://github.com/awslabs/aws-customer-churn-pipeline/issues/15 (StartCrawler)",
)
def test_what_does_not_exist_is_named(local: Local) -> None:
    """Protects EntityNotFoundException, with Glue's own words."""
    expected = ("EntityNotFoundException", "Crawler entry with name nobody does not exist")
    for call in (local.glue.get_crawler, local.glue.stop_crawler, local.glue.delete_crawler):
        assert error_code(call, Name="nobody") == expected
    unknown = ("EntityNotFoundException", "Crawler with name nobody does not exist")
    assert error_code(local.glue.start_crawler, Name="nobody") == unknown
    assert error_code(local.glue.list_crawls, CrawlerName="nobody") == expected
    assert local.glue.get_crawler_metrics(CrawlerNameList=["nobody"])["CrawlerMetricsList"] == []
    found = local.glue.batch_get_crawlers(CrawlerNames=["nobody"])
    assert (found["Crawlers"], found["CrawlersNotFound"]) == ([], ["nobody"])


@pytest.mark.aws(
    "Crawler API",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html",
    validated=(
        "GetCrawler's answer in "
        "https://aws-solutions-library-samples.github.io/advertising-marketing/connecting-data-from-adobe-experience-platform.html"
    ),
)
def test_a_crawler_is_described_in_full(local: Local) -> None:
    """Protects readers of GetCrawler: what nobody has said is told too, and the role without its ARN."""
    name = unique("crawler")
    role = local.role("AWSGlueServiceRole-orders", path="/service-role/")
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
    assert local.glue.get_tags(ResourceArn=crawler_arn(name))["Tags"] == {"team": "data"}
    local.glue.update_crawler(Name=name, TablePrefix="clean_")
    crawler = local.get_crawler(name)
    assert (crawler["TablePrefix"], crawler["Version"]) == ("clean_", 2)
    assert crawler in local.glue.get_crawlers()["Crawlers"]
    local.glue.delete_crawler(Name=name)
    assert error_code(local.glue.get_crawler, Name=name)[0] == "EntityNotFoundException"
    create(Name=name)
    assert local.glue.get_tags(ResourceArn=crawler_arn(name))["Tags"] == {}


@pytest.mark.aws(
    "Common data types", url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-common.html", validated="never"
)
@pytest.mark.parametrize("name", ["a" * 256, "line\nbreak"])
def test_a_name_that_glue_refuses_is_refused(local: Local, name: str) -> None:
    """Protects against names that only work locally."""
    code, message = error_code(local.glue.create_crawler, Name=name, Role=ROLE, Targets={})
    assert code == "ValidationException"
    assert "'name' failed to satisfy constraint" in message


@pytest.mark.aws(
    "Tagging APIs in AWS Glue",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-tags.html",
    validated="never",
)
@pytest.mark.parametrize(
    "tags",
    [
        {"local:second": "1"},
        {"local:seconds": "long"},
        {"local:outcome": "maybe"},
        {"local:list-crawls-precision": "hours"},
        {"local:fault:GetCrawler": "often x"},
        {"local:fault:GetJob": "1 x"},
        {"local:fault:GetCrawlres": "1 x"},
        {"local:timeout-seconds": "1"},
    ],
)
def test_a_tag_with_a_typo_is_refused(local: Local, tags: dict[str, str]) -> None:
    """Protects against a scenario that silently does nothing."""
    assert error_code(local.crawler, tags=tags)[0] == "InvalidInputException"
    name = local.crawler()
    assert (
        error_code(local.glue.tag_resource, ResourceArn=crawler_arn(name), TagsToAdd=tags)[0] == "InvalidInputException"
    )
