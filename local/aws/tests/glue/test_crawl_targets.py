"""What a crawl finds in S3, and what it writes to the catalog."""

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from local.aws.tests.support import Local, eventually


def table(local: Local, crawler: str, name: str) -> dict[str, Any]:
    database = local.get_crawler(crawler)["DatabaseName"]
    return local.glue.get_table(DatabaseName=database, Name=name)["Table"]


def columns(table: dict[str, Any]) -> dict[str, str]:
    return {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}


def names(local: Local, crawler: str) -> list[str]:
    database = local.get_crawler(crawler)["DatabaseName"]
    return sorted(table["Name"] for table in local.glue.get_tables(DatabaseName=database)["TableList"])


def changes(crawl: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The counts of a crawl's Summary."""
    summary = json.loads(crawl["Summary"])
    return {
        kind: {change: json.loads(leaf)["Count"] for change, leaf in by_change.items()}
        for kind, by_change in summary.items()
    }


def test_csv(local: Local) -> None:
    """Protects the demo's customers.csv: header, types, and everything else Glue writes."""
    body = (
        "Id,name,signed_up,last seen,active,balance\n"
        "1,Ann,2024-01-31,2024-02-01 10:00:00,true,1.50\n"
        "2,Bob,2024-02-28,2024-03-01 11:30:00,false,2\n"
    )
    bucket = local.bucket(**{"landing/Customers-2/a.csv": body})
    crawler = local.crawler(f"s3://{bucket}/landing/Customers-2/", TablePrefix="raw_")
    assert changes(local.crawl(crawler)) == {"TABLE": {"ADD": 1}}
    found = table(local, crawler, "raw_customers_2")
    assert columns(found) == {
        "id": "bigint",
        "name": "string",
        "signed_up": "date",
        "last seen": "timestamp",
        "active": "boolean",
        "balance": "double",
    }
    storage = found["StorageDescriptor"]
    assert storage["Location"] == f"s3://{bucket}/landing/Customers-2/"
    assert storage["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
    assert storage["OutputFormat"] == "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    assert storage["SerdeInfo"]["SerializationLibrary"] == "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    assert storage["SerdeInfo"]["Parameters"] == {"field.delim": ","}
    size = len(body)
    assert (
        found["Parameters"].items()
        >= {
            "classification": "csv",
            "delimiter": ",",
            "skip.header.line.count": "1",
            "recordCount": "2",
            "objectCount": "1",
            "sizeKey": str(size),
            "averageRecordSize": str(size // 2),
            "CrawlerSchemaSerializerVersion": "1.0",
            "UPDATED_BY_CRAWLER": crawler,
        }.items()
    )
    assert found["PartitionKeys"] == []
    assert found["TableType"] == "EXTERNAL_TABLE"


@pytest.mark.parametrize(
    ("body", "expected", "delimiter"),
    [
        ("id;n\n1;x\n2;y\n", {"id": "bigint", "n": "string"}, ";"),
        ("id\tn\n1\tx\n2\ty\n", {"id": "bigint", "n": "string"}, "\t"),
        ("1,x\n2,y\n", {"col0": "bigint", "col1": "string"}, ","),
        ("id,n\n007,x\n8,y\n", {"id": "string", "n": "string"}, ","),
        ("id,n\n1,x\nA2,y\n", {"id": "string", "n": "string"}, ","),
    ],
    ids=["semicolon", "tab", "no header", "leading zeros", "mixed"],
)
def test_kinds_of_csv(local: Local, body: str, expected: dict[str, str], delimiter: str) -> None:
    """Protects inference: delimiters, a missing header, and ids that only look like numbers."""
    bucket = local.bucket(**{"t/a.csv": body})
    crawler = local.crawler(f"s3://{bucket}/t/")
    local.crawl(crawler)
    found = table(local, crawler, "t")
    assert columns(found) == expected
    assert found["Parameters"]["delimiter"] == delimiter
    assert ("skip.header.line.count" in found["Parameters"]) == ("col0" not in expected)


def test_json_lines(local: Local) -> None:
    """Protects nested data: arrays and structs in Hive's notation."""
    lines = [{"id": 1, "tags": ["a"], "who": {"Name": "x", "n": 1.5}}, {"id": 2, "tags": [], "who": None}]
    bucket = local.bucket(**{"t/a.json": "\n".join(map(json.dumps, lines))})
    crawler = local.crawler(f"s3://{bucket}/t")
    local.crawl(crawler)
    found = table(local, crawler, "t")
    assert columns(found) == {"id": "bigint", "tags": "array<string>", "who": "struct<name:string,n:double>"}
    assert found["Parameters"]["classification"] == "json"
    assert found["StorageDescriptor"]["SerdeInfo"] == {
        "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
        "Parameters": {"paths": "id,tags,who"},
    }


def test_parquet(local: Local, tmp_path: Path) -> None:
    """Protects exact types: Parquet says what they are, down to decimals and maps."""
    file = tmp_path / "a.parquet"
    duckdb.connect().sql(
        "SELECT 1::INT AS i, 2::BIGINT AS b, 1.5::DECIMAL(9, 2) AS d, DATE '2024-01-01' AS day,"
        " MAP {'k': 1::BIGINT} AS m, [1.5::DOUBLE] AS l, TIMESTAMP '2024-01-01 00:00:00' AS t, true AS ok"
    ).write_parquet(str(file))
    bucket = local.bucket(**{"t/a.parquet": file.read_bytes()})
    crawler = local.crawler(f"s3://{bucket}/t/")
    local.crawl(crawler)
    found = table(local, crawler, "t")
    assert columns(found) == {
        "i": "int",
        "b": "bigint",
        "d": "decimal(9,2)",
        "day": "date",
        "m": "map<string,bigint>",
        "l": "array<double>",
        "t": "timestamp",
        "ok": "boolean",
    }
    assert found["Parameters"]["classification"] == "parquet"
    assert "parquet.serde.ParquetHiveSerDe" in found["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]


def test_compressed_data(local: Local) -> None:
    """Protects gzip, which jobs like to write."""
    bucket = local.bucket(**{"t/a.csv.gz": gzip.compress(b"id\n1\n2\n")})
    crawler = local.crawler(f"s3://{bucket}/t/")
    local.crawl(crawler)
    found = table(local, crawler, "t")
    assert columns(found) == {"id": "bigint"}
    assert found["Parameters"]["compressionType"] == "gzip"
    assert found["StorageDescriptor"]["Compressed"] is True


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


def test_a_crawler_that_may_only_log_changes_nothing(local: Local) -> None:
    """Protects SchemaChangePolicy LOG."""
    bucket = local.bucket(**{"t/a.csv": "id\n1\n"})
    crawler = local.crawler(f"s3://{bucket}/t/", SchemaChangePolicy={"UpdateBehavior": "LOG"})
    local.crawl(crawler)
    local.s3.put_object(Bucket=bucket, Key="t/a.csv", Body="id,name\n1,x\n")
    assert changes(local.crawl(crawler)) == {}
    assert columns(table(local, crawler, "t")) == {"id": "bigint"}


def test_types_that_differ_between_files_are_widened(local: Local) -> None:
    """Protects tables of many files: the narrowest type that holds all values."""
    bucket = local.bucket(**{"t/a.csv": "n,m,l\n1,1,1\n", "t/b.csv": "n,m,l,o\n1.5,x,2,2024-01-01\n"})
    crawler = local.crawler(f"s3://{bucket}/t/")
    local.crawl(crawler)
    found = table(local, crawler, "t")
    assert columns(found) == {"n": "double", "m": "string", "l": "bigint", "o": "date"}
    assert found["Parameters"]["objectCount"] == "2"


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


def test_every_target_makes_a_table_and_an_empty_one_makes_none(local: Local) -> None:
    """Protects crawlers with several targets, and uploads that have not happened yet."""
    bucket = local.bucket(**{"one/a.csv": "id\n1\n", "two/a.csv": "id\n1\n"})
    crawler = local.crawler(*(f"s3://{bucket}/{folder}/" for folder in ("one", "two", "three")))
    assert local.crawl(crawler)["State"] == "COMPLETED"
    assert names(local, crawler) == ["one", "two"]


def test_a_bucket_as_a_target_names_the_table(local: Local) -> None:
    """Protects paths without a folder."""
    bucket = local.bucket(**{"a.csv": "id\n1\n"})
    crawler = local.crawler(f"s3://{bucket}")
    local.crawl(crawler)
    assert names(local, crawler) == [bucket.replace("-", "_")]


def test_a_crawl_reads_at_its_start(local: Local) -> None:
    """Protects the Fresh promise's tests: what lands during a crawl is not part of it."""
    bucket = local.bucket(**{"t/a.csv": "id\n1\n"})
    crawler = local.crawler(f"s3://{bucket}/t/", tags={"local:seconds": "1"})
    local.glue.start_crawler(Name=crawler)
    eventually(lambda: local.get_crawler(crawler)["CrawlElapsedTime"] > 500)
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


def test_schemas_may_differ_where_they_are_to_be_combined(local: Local) -> None:
    """Protects crawlers with a single schema for each path, by the example of Glue's guide."""
    bucket = local.bucket(**{"t/year=2017/a.json": '{"a": 1, "b": 2}', "t/year=2018/b.json": '{"c": 3, "d": 4}'})
    combine = {"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}}
    name = local.crawler(f"s3://{bucket}/t/", Configuration=json.dumps(combine))
    local.crawl(name)
    table = local.glue.get_table(DatabaseName=local.get_crawler(name)["DatabaseName"], Name="t")["Table"]
    assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == ["a", "b", "c", "d"]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["year"]


def test_an_object_may_be_a_target(local: Local) -> None:
    """Protects crawlers that point at one file."""
    bucket = local.bucket(**{"t/a.csv": "id\n1\n"})
    crawler = local.crawler(f"s3://{bucket}/t/a.csv")
    local.crawl(crawler)
    assert table(local, crawler, "a_csv")["StorageDescriptor"]["Location"] == f"s3://{bucket}/t/a.csv"
