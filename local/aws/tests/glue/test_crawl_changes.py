"""What a later crawl changes in the catalog."""

import pytest

from local.aws.tests.support import Local, changes, columns, table

pytestmark = pytest.mark.aws(
    "AWS::Glue::Crawler SchemaChangePolicy",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-glue-crawler-schemachangepolicy.html",
    validated="never",
)


def test_a_second_crawl_tells_new_from_changed_from_unchanged(local: Local) -> None:
    """Protects the counts of tables and partitions: only what changed is counted."""
    bucket = local.bucket(**{"t/dt=1/a.csv": "id,a,b\n1,1,1\n"})
    crawler = local.crawler(f"s3://{bucket}/t/", SchemaChangePolicy={"DeleteBehavior": "DELETE_FROM_DATABASE"})
    local.crawl(crawler)
    assert changes(local.crawl(crawler)) == {}
    local.s3.put_object(Bucket=bucket, Key="t/dt=2/a.csv", Body="id,a,b\n1,1,1\n")
    assert changes(local.crawl(crawler)) == {"PARTITION": {"ADD": 1}}
    local.s3.put_object(Bucket=bucket, Key="t/dt=2/a.csv", Body="id,a,b,name\n1,1,1,x\n")
    assert changes(local.crawl(crawler)) == {"TABLE": {"UPDATE": 1}, "PARTITION": {"UPDATE": 2}}
    assert columns(table(local, crawler, "t")) == {"id": "bigint", "a": "bigint", "b": "bigint", "name": "string"}
    local.s3.delete_object(Bucket=bucket, Key="t/dt=1/a.csv")
    assert changes(local.crawl(crawler)) == {"PARTITION": {"DELETE": 1}}
    local.s3.delete_object(Bucket=bucket, Key="t/dt=2/a.csv")
    assert changes(local.crawl(crawler)) == {"TABLE": {"DELETE": 1}}
    metrics = local.glue.get_crawler_metrics(CrawlerNameList=[crawler])["CrawlerMetricsList"][0]
    assert [metrics[f"Tables{what}"] for what in ("Created", "Updated", "Deleted")] == [1, 1, 1]


@pytest.mark.aws(
    "Preventing a crawler from changing an existing schema",
    url="https://docs.aws.amazon.com/glue/latest/dg/crawler-schema-changes-prevent.html",
    validated="never",
)
def test_a_crawler_that_may_only_log_changes_nothing(local: Local) -> None:
    """Protects SchemaChangePolicy LOG."""
    bucket = local.bucket(**{"t/a.csv": "id\n1\n"})
    crawler = local.crawler(f"s3://{bucket}/t/", SchemaChangePolicy={"UpdateBehavior": "LOG"})
    local.crawl(crawler)
    local.s3.put_object(Bucket=bucket, Key="t/a.csv", Body="id,name\n1,x\n")
    assert changes(local.crawl(crawler)) == {}
    assert columns(table(local, crawler, "t")) == {"id": "bigint"}
