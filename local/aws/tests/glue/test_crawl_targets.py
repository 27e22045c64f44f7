"""Which objects in S3 a crawl reads, and which tables and partitions it makes of them."""

import json
from typing import Any

import pytest

from local.aws.tests.support import Local, allow, changes, eventually, table, unique

pytestmark = pytest.mark.aws(
    "How crawlers work", url="https://docs.aws.amazon.com/glue/latest/dg/crawler-running.html", validated="never"
)


def names(local: Local, crawler: str) -> list[str]:
    database = local.get_crawler(crawler)["DatabaseName"]
    return sorted(table["Name"] for table in local.glue.get_tables(DatabaseName=database)["TableList"])


@pytest.mark.aws(
    "How does a crawler determine when to create partitions?",
    url="https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html",
    validated="never",
)
def test_partitions(local: Local) -> None:
    """Protects partitioned pipelines: named and unnamed keys, and one partition a folder."""
    bucket = local.bucket(
        **{
            "t/dt=2024-01-01/eu/a.csv": "id\n1\n",
            "t/dt=2024-01-01/us/a.csv": "id\n2\n",
            "t/dt=2024-01-02/eu/a.csv": "id\n3\n",
        }
    )
    crawler = local.crawler(f"s3://{bucket}/t/")
    assert changes(local.crawl(crawler)) == {"TABLE": {"ADD": 1}, "PARTITION": {"ADD": 3}}
    found = table(local, crawler, "t")
    assert found["PartitionKeys"] == [{"Name": "dt", "Type": "string"}, {"Name": "partition_1", "Type": "string"}]
    database = found["DatabaseName"]
    partitions = local.glue.get_partitions(DatabaseName=database, TableName="t")["Partitions"]
    assert {tuple(p["Values"]): p["StorageDescriptor"]["Location"] for p in partitions} == {
        ("2024-01-01", "eu"): f"s3://{bucket}/t/dt=2024-01-01/eu/",
        ("2024-01-01", "us"): f"s3://{bucket}/t/dt=2024-01-01/us/",
        ("2024-01-02", "eu"): f"s3://{bucket}/t/dt=2024-01-02/eu/",
    }


@pytest.mark.aws(
    "Step 2: Choose data sources and classifiers",
    url="https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html",
    validated="never",
)
def test_what_is_not_data_is_left_out(local: Local) -> None:
    """Protects tables from markers, temporary files, exclusions and neighbours."""
    junk = b"\x00\x01 not data"
    bucket = local.bucket(
        **{
            "t/a.csv": "id\n1\n",
            "t/": "",
            "t/empty.csv": "",
            "t/_SUCCESS": junk,
            "t/_temporary/0/part.csv": junk,
            "t/.hidden/a.csv": junk,
            "t/notes.txt": junk,
            "t/archive/2020/deep/a.csv": junk,
            "t/b1.bak": junk,
            "t/b2.tmp": junk,
            "table/a.csv": junk,
        }
    )
    crawler = local.crawler(f"s3://{bucket}/t/")
    exclusions = ["*.txt", "archive/**", "b[0-9].{bak,tmp}"]
    local.glue.update_crawler(
        Name=crawler, Targets={"S3Targets": [{"Path": f"s3://{bucket}/t/", "Exclusions": exclusions}]}
    )
    assert local.crawl(crawler)["State"] == "COMPLETED"
    assert table(local, crawler, "t")["Parameters"]["objectCount"] == "1"


@pytest.mark.aws(
    "How does a crawler determine when to create partitions?",
    url="https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html",
    validated="never",
)
def test_every_target_makes_a_table_and_an_empty_one_makes_none(local: Local) -> None:
    """Protects crawlers with several targets, and uploads that have not happened yet."""
    bucket = local.bucket(**{"one/a.csv": "id\n1\n", "two/a.csv": "id\n1\n"})
    crawler = local.crawler(*(f"s3://{bucket}/{folder}/" for folder in ("one", "two", "three")))
    assert local.crawl(crawler)["State"] == "COMPLETED"
    assert names(local, crawler) == ["one", "two"]


@pytest.mark.aws(
    "How does a crawler determine when to create partitions?",
    url="https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html",
    validated="never",
)
def test_a_bucket_as_a_target_names_the_table(local: Local) -> None:
    """Protects paths without a folder."""
    bucket = local.bucket(**{"a.csv": "id\n1\n"})
    crawler = local.crawler(f"s3://{bucket}")
    local.crawl(crawler)
    assert names(local, crawler) == [bucket.replace("-", "_")]


def test_a_crawl_reads_at_its_start(local: Local) -> None:
    """Protects the Fresh promise's tests: what lands during a crawl is not part of it."""
    bucket = local.bucket(**{"t/a.csv": "id\n1\n"})
    role = unique("role")
    arn = local.role(role, allow("*", "*"))
    crawler = local.crawler(f"s3://{bucket}/t/", tags={"local:seconds": "1"}, Role=arn)
    local.glue.start_crawler(Name=crawler)
    # It reads an object after it has listed them all.
    eventually(lambda: (role, "s3:GetObject") in local.aws.allowed())
    local.s3.put_object(Bucket=bucket, Key="t/b.csv", Body="id\n2\n")
    local.ready(crawler)
    assert table(local, crawler, "t")["Parameters"]["objectCount"] == "1"


@pytest.mark.parametrize(
    ("objects", "path", "database", "message"),
    [
        ({}, "s3://no-such-bucket/t/", None, "s3://no-such-bucket/t/: The specified bucket does not exist"),
        ({"t/a.csv": "id\n1\n"}, "t/", "nowhere", "Database nowhere does not exist"),
        ({"t/a.csv": "id\n1\n", "t/bad.json": '{"id": \n'}, "t/", None, "/t/bad.json can't be classified: "),
        ({"t/bad.parquet": "PAR1 but not really"}, "t/", None, "/t/bad.parquet can't be classified: "),
        ({"t/a.csv": "id\n1\n", "t/b.json": '{"id": 1}'}, "t/", None, "holds different formats"),
        ({"t/a.csv": "id\n1\n", "t/dt=1/b.csv": "id\n1\n"}, "t/", None, "holds different folder depths"),
        (
            {"t/year=2017/a.json": '{"a": 1, "b": 2}', "t/year=2018/b.json": '{"c": 3, "d": 4}'},
            "t/",
            None,
            "holds different schemas",
        ),
    ],
    ids=["bucket", "database", "json", "parquet", "formats", "depths", "schemas"],
)
def test_a_crawl_that_cannot_work_fails_and_says_why(
    local: Local, objects: dict[str, Any], path: str, database: str | None, message: str
) -> None:
    """Protects the Honest promise's tests: real failures, with messages that name the culprit."""
    path = path if path.startswith("s3:") else f"s3://{local.bucket(**objects)}/{path}"
    crawler = local.crawler(path, database=database)
    crawl = local.crawl(crawler)
    last = local.get_crawler(crawler)["LastCrawl"]
    assert crawl["State"] == last["Status"] == "FAILED"
    assert message in crawl["ErrorMessage"] == last["ErrorMessage"]
    assert "crawl-" not in crawl["ErrorMessage"]


@pytest.mark.aws(
    "Creating a single schema for each Amazon S3 include path",
    url="https://docs.aws.amazon.com/glue/latest/dg/crawler-grouping-policy.html",
    validated="never",
)
def test_schemas_may_differ_where_they_are_to_be_combined(local: Local) -> None:
    """Protects crawlers with a single schema for each path, by the example of Glue's guide."""
    bucket = local.bucket(**{"t/year=2017/a.json": '{"a": 1, "b": 2}', "t/year=2018/b.json": '{"c": 3, "d": 4}'})
    combine = {"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}}
    name = local.crawler(f"s3://{bucket}/t/", Configuration=json.dumps(combine))
    local.crawl(name)
    table = local.glue.get_table(DatabaseName=local.get_crawler(name)["DatabaseName"], Name="t")["Table"]
    assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == ["a", "b", "c", "d"]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["year"]


@pytest.mark.aws(
    "Step 2: Choose data sources and classifiers",
    url="https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html",
    validated="never",
)
def test_an_object_may_be_a_target(local: Local) -> None:
    """Protects crawlers that point at one file."""
    bucket = local.bucket(**{"t/a.csv": "id\n1\n"})
    crawler = local.crawler(f"s3://{bucket}/t/a.csv")
    local.crawl(crawler)
    assert table(local, crawler, "a_csv")["StorageDescriptor"]["Location"] == f"s3://{bucket}/t/a.csv"
