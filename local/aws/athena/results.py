"""What a query leaves in S3.

Follows "Work with query results, recent queries, and output files" in the Amazon Athena User Guide: values stand in
double quotes, and a missing one is nothing at all. A metadata file is written, but is not Athena's.
"""

from typing import Any

import ministack.services.athena as athena
from botocore.exceptions import ClientError

from local.aws import clients, patching
from local.aws.athena.statements import QueryError

ministack = patching.names(athena, "_datum_text")

INVALID = (
    "The S3 location provided to save your query results is invalid. Please check your S3 location is correct and is "
    "in the same region and try again. If you continue to see the issue, contact customer support for further "
    "assistance."
)


def save(execution: dict[str, Any], rows: dict[str, Any]) -> None:
    location = execution["ResultConfiguration"]["OutputLocation"]
    if not location.endswith((".csv", ".txt")):
        return  # the data of a table
    lines = [rows["columns"], *rows["rows"]] if location.endswith(".csv") else []
    put(location, "".join(f"{','.join(map(_quoted, line))}\n" for line in lines).encode())
    put(f"{location}.metadata", "\n".join(rows["column_types"]).encode())


def put(location: str, body: bytes) -> None:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    try:
        clients.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    except ClientError as error:
        raise QueryError(INVALID) from error


def _quoted(value: Any) -> str:
    return "" if value is None else '"' + ministack._datum_text(value).replace('"', '""') + '"'
