"""What the jobs share: tables of the Data Catalog and objects on S3 as DuckDB relations, and back.

Glue adds this file to the Python path of a job: --extra-py-files.
"""

# Glue runs Python 3.9, for which some annotations here are too new.
from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3
import duckdb
from duckdb import DuckDBPyRelation

# Makes a client of the service that is named.
MakeClient = Callable[[str], Any]

# Relations are read when they are used: what they read is kept as long as the process.
_scratch = tempfile.TemporaryDirectory()


def read(database: str, name: str, client: MakeClient = boto3.client) -> DuckDBPyRelation:
    """The rows of a table, in the types of the catalog."""
    table = client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    files = _download(table["StorageDescriptor"]["Location"], client)
    if table["Parameters"]["classification"] == "parquet":
        return duckdb.read_parquet(files)
    # DuckDB understands Hive's names of types.
    columns = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    return duckdb.read_csv(files, header=True, columns=columns, sep=table["Parameters"]["delimiter"])


def read_csv(location: str, client: MakeClient = boto3.client) -> DuckDBPyRelation:
    """The rows of the CSV files under `location`, as text: nothing is lost or changed on the way."""
    return duckdb.read_csv(_download(location, client, ".csv"), all_varchar=True, union_by_name=True)


def read_parquet(location: str, client: MakeClient = boto3.client) -> DuckDBPyRelation:
    """The rows of the Parquet files under `location`; folders such as state=SP are columns."""
    return duckdb.read_parquet(_download(location, client, ".parquet"), hive_partitioning=True)


def write(
    rows: DuckDBPyRelation,
    location: str,
    kind: str = "parquet",
    partition_by: list[str] | None = None,
    client: MakeClient = boto3.client,
) -> None:
    """Replaces what lies under `location` by `rows`, so that a job may run again, for another date too."""
    folder = Path(tempfile.mkdtemp(dir=_scratch.name))
    if partition_by:
        rows.write_parquet(str(folder), partition_by=partition_by, overwrite=True)
    elif kind == "parquet":
        rows.write_parquet(str(folder / "part-0.parquet"))
    else:
        rows.write_csv(str(folder / "part-0.csv"), header=True)
    s3, (bucket, prefix) = client("s3"), _parts(location)
    stale = set(keys(location, client))
    for file in filter(Path.is_file, folder.rglob("*")):
        key = prefix + file.relative_to(folder).as_posix()
        s3.upload_file(str(file), bucket, key)
        stale.discard(key)
    for key in stale:
        s3.delete_object(Bucket=bucket, Key=key)


def keys(location: str, client: MakeClient = boto3.client) -> Iterator[str]:
    """The keys of the objects under `location`."""
    bucket, prefix = _parts(location)
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            yield item["Key"]


def _parts(location: str) -> tuple[str, str]:
    parsed = urlparse(location)
    return parsed.netloc, parsed.path.lstrip("/")


def _download(location: str, client: MakeClient, suffix: str = "") -> list[str]:
    """Local copies of the objects under `location`, in folders only where these tell a partition."""
    bucket, _ = _parts(location)
    folder = tempfile.mkdtemp(dir=_scratch.name)
    files: list[str] = []
    for key in keys(location, client):
        *folders, name = key.split("/")
        if name.lower().endswith(suffix):
            partition = [part for part in folders if "=" in part]
            # Numbers for names: DuckDB takes a * or a ? in a name for a pattern.
            file = Path(folder, *partition, str(len(files))).with_suffix(suffix)
            file.parent.mkdir(parents=True, exist_ok=True)
            client("s3").download_file(bucket, key, str(file))
            files.append(str(file))
    if not files:
        raise FileNotFoundError("no {} file under {}".format(suffix.lstrip(".").upper() or "data", location))
    return files
