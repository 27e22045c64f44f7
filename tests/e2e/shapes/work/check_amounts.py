"""A gate as people write it: an error, and what comes after does not run."""

from typing import Any

import boto3


def handler(event: dict[str, str], context: object) -> dict[str, Any]:
    s3, found = boto3.client("s3"), 0
    for item in s3.list_objects_v2(Bucket=event["bucket"], Prefix=event["prefix"])["Contents"]:
        if not item["Key"].endswith(".csv"):
            continue
        text = s3.get_object(Bucket=event["bucket"], Key=item["Key"])["Body"].read().decode()
        for row in text.splitlines()[1:]:
            found += 1
            if float(row.rpartition(",")[2]) < 0:
                raise ValueError(f"negative amount: {row}")
    return {"rows": found}
