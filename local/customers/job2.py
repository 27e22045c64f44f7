"""Cleanses the table --table: trims text, drops empty and repeated rows, writes Parquet under --target."""

import argparse
import tempfile
from pathlib import Path
from urllib.parse import urlparse

import boto3
import duckdb

parser = argparse.ArgumentParser()
parser.add_argument("--database", required=True)
parser.add_argument("--table", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

s3 = boto3.client("s3")
table = boto3.client("glue").get_table(DatabaseName=arguments.database, Name=arguments.table)["Table"]
columns = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
source, target = urlparse(table["StorageDescriptor"]["Location"]), urlparse(arguments.target)
with tempfile.TemporaryDirectory() as folder:
    files = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=source.netloc, Prefix=source.path.lstrip("/")):
        for item in page.get("Contents", []):
            files.append(str(Path(folder, f"{len(files)}.csv")))
            s3.download_file(source.netloc, item["Key"], files[-1])

    # The types are the catalog's, which crawler 1 found: DuckDB understands Hive's names.
    rows = duckdb.read_csv(files, header=True, columns=columns, sep=table["Parameters"]["delimiter"])
    quoted = {name: '"{}"'.format(name.replace('"', '""')) for name in columns}
    cells = [f"trim({quoted[name]}) AS {quoted[name]}" if columns[name] == "string" else quoted[name] for name in columns]
    filled = " OR ".join(f"{name} IS NOT NULL" for name in quoted.values())
    cleansed = rows.filter(filled).project(", ".join(cells)).distinct().order(", ".join(quoted.values()))
    cleansed.write_parquet(f"{folder}/part-0.parquet")
    s3.upload_file(f"{folder}/part-0.parquet", target.netloc, target.path.lstrip("/") + "part-0.parquet")
    print(f"{len(rows)} rows, {len(cleansed)} left")
