"""What a crawl does: from the S3 objects under its targets to tables and partitions.

Follows "How crawlers work", "Creating a single schema for each Amazon S3 include path",
"Include and exclude patterns" and "Parameters set on Data Catalog tables by crawler" in the
AWS Glue Developer Guide. Only public API calls, to
this very AWS.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from local.aws import clients
from local.aws.glue.classifiers import Columns, FileSchema, SchemaError, infer, merge, table_name
from local.aws.glue.data_catalog import Catalog, Changes, CrawlError, Table
from local.aws.glue.exclude_patterns import glob_to_regex
from local.aws.iam import roles

__all__ = ["Changes", "CrawlError", "crawl"]

SESSION = "AWS-Crawler"
SIMILARITY = 0.7
# The policy of a crawler's Configuration that makes one table of whatever is in one target.
COMBINE = "CombineCompatibleSchemas"


@dataclass(frozen=True)
class Target:
    """One S3Target: a bucket, the folder in it, and what to leave out."""

    path: str
    exclusions: list[str] = field(default_factory=list)

    @property
    def bucket(self) -> str:
        return self.path.removeprefix("s3://").partition("/")[0]

    @property
    def folder(self) -> str:
        return self.path.removeprefix("s3://").partition("/")[2].strip("/")

    def relative(self, key: str) -> str | None:
        """`key` below the folder; None when it is elsewhere, or is not data."""
        if key == self.folder:
            relative = key.rpartition("/")[2]
        elif not self.folder:
            relative = key
        elif key.startswith(f"{self.folder}/"):
            relative = key.removeprefix(f"{self.folder}/")
        else:
            return None
        # Hive's rule, which Glue shares: names beginning with _ or . are not data.
        if any(part.startswith(("_", ".")) for part in relative.split("/")):
            return None
        if any(re.fullmatch(glob_to_regex(pattern), relative) for pattern in self.exclusions):
            return None
        return relative


@dataclass
class DataFile:
    key: str
    folders: list[str]
    size: int
    schema: FileSchema


def crawl(definition: dict[str, Any]) -> Callable[[], Changes]:
    """Reads the targets now; what it returns writes the catalog, later."""
    try:
        s3_targets = definition.get("Targets", {}).get("S3Targets", [])
        targets = [Target(target["Path"], target.get("Exclusions", [])) for target in s3_targets]
        found = [(target, table) for target in targets for table in [_read(definition, target)]]
        catalog = Catalog(_client("glue", definition), definition)
    except ClientError as error:
        raise CrawlError(error.response["Error"]["Message"]) from error

    def commit() -> Changes:
        changes = Changes()
        catalog.check_database()
        for target, table in found:
            if table is None:
                catalog.remove(_name(definition, target), changes)
            else:
                catalog.write(table, changes)
        return changes

    return commit


def _read(definition: dict[str, Any], target: Target) -> Table | None:
    """The table that the objects of `target` make, None when there are none."""
    s3 = _client("s3", definition)
    files: list[DataFile] = []
    with tempfile.TemporaryDirectory(prefix="crawl-") as scratch:
        for key, size, relative in _objects(s3, target):
            local = Path(scratch, str(len(files)), Path(key).name)
            local.parent.mkdir()
            s3.download_file(target.bucket, key, str(local))
            try:
                schema = infer(local)
            except SchemaError as error:
                raise CrawlError(f"s3://{target.bucket}/{key} can't be classified: {error}") from error
            files.append(DataFile(key, relative.split("/")[:-1], size, schema))
    return _table(definition, target, files) if files else None


def _client(service: str, definition: dict[str, Any]) -> BaseClient:
    return clients.client(service, roles.arn(definition["Role"]), SESSION)


def _objects(s3: BaseClient, target: Target) -> Iterator[tuple[str, int, str]]:
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=target.bucket, Prefix=target.folder)
        for page in pages:
            for entry in page.get("Contents", []):
                relative = target.relative(entry["Key"])
                if relative and entry["Size"] and not entry["Key"].endswith("/"):
                    yield entry["Key"], entry["Size"], relative
    except ClientError as error:
        raise CrawlError(f"{target.path}: {error.response['Error']['Message']}") from error


def _table(definition: dict[str, Any], target: Target, files: list[DataFile]) -> Table:
    columns: Columns = {}
    for file in files:
        columns = merge(columns, file.schema.columns)
    first = files[0]
    may_differ = COMBINE in (definition.get("Configuration") or "")
    for file in files[1:]:
        if not may_differ and not _similar(file.schema.columns, first.schema.columns):
            both = (f"{each.key} ({', '.join(each.schema.columns)})" for each in (first, file))
            raise CrawlError(f"{target.path} holds different schemas: {' and '.join(both)}")
        for what, one, other in (
            ("formats", file.schema.format, first.schema.format),
            ("delimiters", file.schema.delimiter, first.schema.delimiter),
            ("folder depths", len(file.folders), len(first.folders)),
        ):
            if one != other:
                raise CrawlError(f"{target.path} holds different {what}: {first.key} ({other}) and {file.key} ({one})")
    keys = [_partition(folder, index)[0] for index, folder in enumerate(first.folders)]
    partitions: dict[tuple[str, ...], str] = {}
    for file in files:
        values = tuple(_partition(folder, index)[1] for index, folder in enumerate(file.folders))
        partitions[values] = _location(target, *file.folders)
    return Table(
        name=_name(definition, target),
        location=target.path if first.key == target.folder else _location(target),
        columns={name: kind for name, kind in columns.items() if name not in keys},
        partition_keys=keys,
        partitions=partitions if keys else {},
        schema=first.schema,
        objects=len(files),
        records=sum(file.schema.records for file in files),
        size=sum(file.size for file in files),
    )


def _similar(one: Columns, other: Columns) -> bool:
    """How much is enough is AWS's figure for columns; Glue weighs more than their names."""
    return len(one.keys() & other.keys()) >= SIMILARITY * max(len(one), len(other))


def _name(definition: dict[str, Any], target: Target) -> str:
    folder = target.folder.rpartition("/")[2] or target.bucket
    return table_name(definition.get("TablePrefix") or "", folder)


def _partition(folder: str, index: int) -> tuple[str, str]:
    """Key and value of a folder: `dt=2026-01-01` names its key, `2026` is in partition_<index>."""
    key, equals, value = folder.partition("=")
    return (key.lower(), value) if equals else (f"partition_{index}", folder)


def _location(target: Target, *folders: str) -> str:
    return f"s3://{'/'.join(part for part in (target.bucket, target.folder, *folders) if part)}/"
