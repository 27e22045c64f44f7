"""Which format and which columns a crawl finds in a file."""

import gzip
import json
from pathlib import Path

import duckdb
import pytest

from local.aws.tests.support import Local, changes, columns, table

pytestmark = pytest.mark.aws(
    "Defining and managing classifiers",
    url="https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html",
    validated="never",
)


@pytest.mark.aws(
    "Parameters set on Data Catalog tables by crawler",
    url="https://docs.aws.amazon.com/glue/latest/dg/table-properties-crawler.html",
    validated="never",
)
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


@pytest.mark.aws(
    "How crawlers work", url="https://docs.aws.amazon.com/glue/latest/dg/crawler-running.html", validated="never"
)
def test_compressed_data(local: Local) -> None:
    """Protects gzip, which jobs like to write."""
    bucket = local.bucket(**{"t/a.csv.gz": gzip.compress(b"id\n1\n2\n")})
    crawler = local.crawler(f"s3://{bucket}/t/")
    local.crawl(crawler)
    found = table(local, crawler, "t")
    assert columns(found) == {"id": "bigint"}
    assert found["Parameters"]["compressionType"] == "gzip"
    assert found["StorageDescriptor"]["Compressed"] is True


@pytest.mark.aws(
    "How crawlers work", url="https://docs.aws.amazon.com/glue/latest/dg/crawler-running.html", validated="never"
)
def test_types_that_differ_between_files_are_widened(local: Local) -> None:
    """Protects tables of many files: the narrowest type that holds all values."""
    bucket = local.bucket(**{"t/a.csv": "n,m,l\n1,1,1\n", "t/b.csv": "n,m,l,o\n1.5,x,2,2024-01-01\n"})
    crawler = local.crawler(f"s3://{bucket}/t/")
    local.crawl(crawler)
    found = table(local, crawler, "t")
    assert columns(found) == {"n": "double", "m": "string", "l": "bigint", "o": "date"}
    assert found["Parameters"]["objectCount"] == "2"
