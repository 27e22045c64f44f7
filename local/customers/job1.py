"""Copies the CSV files under --source into one under --target: the raw layer, as it came."""

import argparse
import tempfile
from pathlib import Path
from urllib.parse import urlparse

import boto3
import duckdb

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

s3 = boto3.client("s3")
source, target = urlparse(arguments.source), urlparse(arguments.target)
with tempfile.TemporaryDirectory() as folder:
    files = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=source.netloc, Prefix=source.path.lstrip("/")):
        for item in page.get("Contents", []):
            if item["Key"].lower().endswith(".csv"):
                files.append(str(Path(folder, f"{len(files)}.csv")))
                s3.download_file(source.netloc, item["Key"], files[-1])
    if not files:
        raise FileNotFoundError(f"no CSV file under {arguments.source}")

    # Text, so that nothing is lost or changed on the way: what the columns are, the crawler finds out.
    rows = duckdb.read_csv(files, all_varchar=True, union_by_name=True)
    rows.write_csv(f"{folder}/part-0.out", header=True)
    s3.upload_file(f"{folder}/part-0.out", target.netloc, target.path.lstrip("/") + "part-0.csv")
    print(f"{len(files)} files, {len(rows)} rows")
