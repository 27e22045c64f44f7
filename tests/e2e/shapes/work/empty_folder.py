"""Deletes what lies under a prefix: CREATE TABLE AS wants its folder empty."""

import boto3


def handler(event: dict[str, str], context: object) -> int:
    s3 = boto3.client("s3")
    found = s3.list_objects_v2(Bucket=event["bucket"], Prefix=event["prefix"]).get("Contents", [])
    for item in found:
        s3.delete_object(Bucket=event["bucket"], Key=item["Key"])
    return len(found)
