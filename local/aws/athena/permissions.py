"""What a query may read and write: whatever its caller may.

Follows "Configure access to databases and tables in the AWS Glue Data Catalog" and "Control access to Amazon S3 from
Athena" in the Amazon Athena User Guide; the texts are those of "Why do I get the Access Denied error when I run a query
in Amazon Athena?" in the AWS Knowledge Center. Of the catalog, its databases and its tables, only what lies deepest is
asked for.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import ministack.services.athena as athena
import ministack.services.glue as glue
from ministack.core.responses import get_account_id, get_region, new_uuid

from local.aws import clients, patching
from local.aws.answers import ApiError
from local.aws.athena.statements import CATALOG, QueryError
from local.aws.iam import resources
from local.aws.iam.authorization import Denied, Principal, authorize

ministack = patching.names(athena, "_hidden", "_table_references")
catalog = patching.names(glue, "_databases", "_tables")

# Who started the query; nothing for the account's root, who may do all.
caller: ContextVar[Principal | None] = ContextVar("caller", default=None)


def check_start() -> None:
    """Whether the caller may ask for the catalog, as "IAM policies for Amazon Athena" has it.

    That page is of the AWS Step Functions Developer Guide; of whom Athena asks for it, no page tells.
    """
    arn = f"arn:aws:athena:{get_region()}:{get_account_id()}:datacatalog/AwsDataCatalog"
    try:
        _ask("athena:GetDataCatalog", arn)
    except Denied as denied:
        raise ApiError("AccessDeniedException", str(denied)) from denied


def check_output(location: str) -> None:
    """At the start: whether the caller may look at where results go."""
    bucket = _bucket(location)[0]
    try:
        _ask("s3:GetBucketLocation", f"arn:aws:s3:::{bucket}")
    except Denied as denied:
        text = f"Unable to verify/create output bucket {bucket}"
        raise ApiError("InvalidRequestException", text) from denied


def check_reading(statement: str, database: str) -> None:
    """The tables that the statement reads, and their data."""
    for reference in ministack._table_references(statement):
        name = reference.database or database
        table = catalog._tables.get(f"{name}/{reference.table}")
        if table is None or (reference.catalog or CATALOG).lower() != CATALOG:
            continue
        check_catalog("GetDatabase", name)
        check_catalog("GetTable", name, reference.table)
        if table.get("PartitionKeys"):
            check_catalog("GetPartitions", name, reference.table)
        if location := (table.get("StorageDescriptor") or {}).get("Location"):
            _check_data(location.rstrip("/"))


def check_catalog(operation: str, database: str, table: str | None = None) -> None:
    action = f"glue:{operation}"
    about = {"DatabaseName": database} | ({"TableName": table} if table else {})

    def failure(denied: Denied) -> QueryError:
        told = f"Status Code: 400; Error Code: AccessDeniedException; Request ID: {new_uuid()}; Proxy: null"
        return QueryError(f"Insufficient permissions to execute the query. {denied} (Service: AWSGlue; {told})")

    _must(action, resources.of(action, about), failure)


def check_writing(location: str) -> None:
    """Whether the caller may write a result, or the data of a table."""
    bucket, key = _bucket(location)
    text = (
        f"Access denied when writing output to url: {location} . Please ensure you are allowed to access the S3 "
        "bucket. If you are encrypting query results with KMS key, please ensure you are allowed to access your KMS key"
    )
    _must("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", lambda _: QueryError(text))


def _check_data(location: str) -> None:
    bucket, prefix = _bucket(location)
    failure = QueryError(f"Permission denied on S3 path: {location}")
    _must("s3:ListBucket", f"arn:aws:s3:::{bucket}", lambda _: failure, **{"s3:prefix": f"{prefix}/"})
    if caller.get() is None:
        return
    for page in clients.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        for each in page.get("Contents", []):
            if not ministack._hidden(each["Key"].removeprefix(f"{prefix}/")):
                _must("s3:GetObject", f"arn:aws:s3:::{bucket}/{each['Key']}", lambda _: failure)


def _must(action: str, resource: str, failure: Callable[[Denied], QueryError], **conditions: str) -> None:
    try:
        _ask(action, resource, **conditions)
    except Denied as denied:
        raise failure(denied) from denied


def _ask(action: str, resource: str, **conditions: str) -> None:
    if principal := caller.get():
        authorize(principal, action, resource, **conditions)


def _bucket(location: str) -> tuple[str, str]:
    """The bucket and the key of a location."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key


def check_definition(ddl: Any, database: str) -> None:
    """The catalog's part of CREATE EXTERNAL TABLE and DROP TABLE."""
    name = ddl.database or database
    if hasattr(ddl, "columns"):
        check_catalog("CreateTable", name)
    else:
        check_catalog("DeleteTable", name, ddl.table)
