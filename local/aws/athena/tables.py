"""Tables that a query makes: CREATE TABLE AS.

Follows "CREATE TABLE AS" and "Considerations and limitations for CTAS queries" in the Amazon Athena User Guide. Written
are Parquet, JSON and text, in one file a partition; anything else fails.
"""

import asyncio
import functools
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ministack.services.athena as athena
import ministack.services.glue as glue
from botocore.exceptions import ClientError

from local.aws import clients, patching
from local.aws.athena import results
from local.aws.athena.statements import QueryError

ministack = patching.names(athena, "_CreateTable", "_Cursor", "_STORED_AS", "_create_table_input", "_run_duckdb")
catalog = patching.names(glue, "_tables")

NOTHING: dict[str, Any] = {"columns": [], "rows": [], "column_types": []}
JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"
# Format of the table -> how DuckDB writes it.
FORMATS = {
    "PARQUET": "FORMAT parquet",
    "JSON": "FORMAT json",
    "TEXTFILE": "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '{delimiter}'",
}
PROPERTIES = {"format", "external_location", "partitioned_by", "field_delimiter", "write_compression"}
# DuckDB's types that Hive calls otherwise; `sum` of whole numbers is a BIGINT in Athena.
TYPES = {
    "VARCHAR": "string",
    "INTEGER": "int",
    "HUGEINT": "bigint",
    "BLOB": "binary",
}
PLAIN = {"BOOLEAN", "TINYINT", "SMALLINT", "BIGINT", "FLOAT", "DOUBLE", "DATE", "TIMESTAMP"}
_PROPERTY = re.compile(r"(?P<name>\w+)\s*=\s*(?P<value>'(?:[^']|'')*'|ARRAY\s*\[[^\]]*\]|\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A table that is to be made of what a SELECT gives."""

    database: str | None
    name: str
    properties: dict[str, str]
    select: str
    if_not_exists: bool
    with_data: bool

    @property
    def location(self) -> str:
        return self.properties.get("external_location", "").rstrip("/")

    @property
    def format(self) -> str:
        return self.properties.get("format", "PARQUET").upper()

    @property
    def partitions(self) -> list[str]:
        return re.findall(r"'(\w+)'", self.properties.get("partitioned_by", ""))


@functools.lru_cache(maxsize=256)
def parse(statement: str) -> Table | None:
    """The table of a CREATE TABLE AS; None for any other statement."""
    cursor = ministack._Cursor(statement.rstrip().rstrip(";"))
    if not cursor.keywords("create", "table"):
        return None
    if_not_exists = cursor.keywords("if", "not", "exists")
    name = cursor.dotted_name(3)
    properties: dict[str, str] = {}
    if cursor.keywords("with") and cursor.punct("("):
        start = cursor.peek()[2] or 0
        cursor.skip_group()
        text = cursor.text[start : cursor.tokens[cursor.i - 1][2]]
        properties = {each["name"].lower(): _value(each["value"]) for each in _PROPERTY.finditer(text)}
    if name is None or not cursor.keywords("as"):
        return None
    select = cursor.text[cursor.peek()[2] or len(cursor.text) :]
    without = re.search(r"\s+WITH\s+(?P<no>NO\s+)?DATA\s*$", select, re.IGNORECASE)
    select = select[: without.start()] if without else select
    return Table(name[1], name[2], properties, select, if_not_exists, not (without and without["no"]))


def _value(text: str) -> str:
    return text[1:-1].replace("''", "'") if text.startswith("'") else text


async def create(table: Table, select: str, database: str, source: str | None, location: str) -> dict[str, Any]:
    """Writes what `select` gives to the location, and the table into the catalog."""
    database = table.database or database
    if f"{database}/{table.name}" in catalog._tables:
        if table.if_not_exists:
            return NOTHING
        raise QueryError(f"TABLE_ALREADY_EXISTS: line 1:1: Destination table '{table.name}' already exists")
    if unknown := sorted(table.properties.keys() - PROPERTIES):
        raise QueryError(f"NOT_SUPPORTED: the local AWS knows no table property {', '.join(unknown)}")
    if table.format not in FORMATS:
        raise QueryError(f"NOT_SUPPORTED: the local AWS writes {', '.join(FORMATS)}, and not {table.format}")
    described = await ministack._run_duckdb(f"DESCRIBE {select}", database, source)
    types = {row[0]: row[1] for row in described["rows"]}
    columns = [{"Name": name, "Type": _hive(name, kind)} for name, kind in types.items()]
    if table.partitions != [each["Name"] for each in columns][len(columns) - len(table.partitions) :]:
        raise QueryError("HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table")
    await asyncio.to_thread(_empty, location)
    if table.with_data:
        await _write(table, select, types, database, source, location)
    await asyncio.to_thread(_register, table, columns, database, location)
    return NOTHING


def _hive(name: str, kind: str) -> str:
    if kind in PLAIN or kind.startswith("DECIMAL("):
        return kind.lower()
    if kind not in TYPES:
        raise QueryError(f"NOT_SUPPORTED: the local AWS makes no table with a column {name} of type {kind.lower()}")
    return TYPES[kind]


async def _write(
    table: Table, select: str, types: dict[str, str], database: str, source: str | None, location: str
) -> None:
    narrowed = [f'CAST("{name}" AS BIGINT) AS "{name}"' for name, kind in types.items() if kind == "HUGEINT"]
    replaced = f" REPLACE ({', '.join(narrowed)})" if narrowed else ""
    options = FORMATS[table.format].format(delimiter=table.properties.get("field_delimiter", "\x01"))
    if table.partitions:
        options += f", PARTITION_BY ({', '.join(table.partitions)})"
    with tempfile.TemporaryDirectory() as directory:
        # Partitions become folders; without them it is one file.
        target = Path(directory, "data")
        copy = f"COPY (SELECT *{replaced} FROM ({select}\n)) TO '{target}' ({options})"
        await ministack._run_duckdb(copy, database, source)
        await asyncio.to_thread(_upload, target, location)


def _upload(target: Path, location: str) -> None:
    files = [target] if target.is_file() else sorted(path for path in target.rglob("*") if path.is_file())
    for number, path in enumerate(files):
        folder = "" if path == target else f"/{path.parent.relative_to(target)}"
        results.put(f"{location}{folder}/part-{number:05}", path.read_bytes())


def _empty(location: str) -> None:
    """Athena writes to places without data only."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    try:
        found = clients.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1)
    except ClientError as error:
        raise QueryError(results.INVALID) from error
    if found["KeyCount"]:
        raise QueryError(
            f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{location}' already exists: {location}. "
            "You may need to manually clean the data at this location before retrying."
        )


def _register(table: Table, columns: list[dict[str, str]], database: str, location: str) -> None:
    keys = len(columns) - len(table.partitions)
    stored = table.format.lower()
    input_format, output_format, serde = ministack._STORED_AS["textfile" if stored == "json" else stored]
    definition = ministack._CreateTable(
        database,
        table.name,
        True,
        columns=columns[:keys],
        partition_keys=columns[keys:],
        location=location,
        input_format=input_format,
        output_format=output_format,
        serde=JSON_SERDE if stored == "json" else serde,
        serde_parameters={"field.delim": table.properties.get("field_delimiter", "\x01")}
        if stored == "textfile"
        else {"serialization.format": "1"},
        table_properties={"classification": {"textfile": "csv"}.get(stored, stored)},
    )
    made = ministack._create_table_input(definition)
    client = clients.client("glue")
    try:
        client.create_table(DatabaseName=database, TableInput=made)
        for values, folder in _partitions(location, table.partitions):
            storage = made["StorageDescriptor"] | {"Location": folder}
            partition = {"Values": values, "StorageDescriptor": storage}
            client.create_partition(DatabaseName=database, TableName=table.name, PartitionInput=partition)
    except ClientError as error:
        raise QueryError(f"HIVE_METASTORE_ERROR: {error.response['Error']['Message']}") from error


def _partitions(location: str, keys: list[str]) -> list[tuple[list[str], str]]:
    """The values of each partition that was written, and its folder."""
    if not keys:
        return []
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    pages = clients.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    folders = {each["Key"].rpartition("/")[0] for page in pages for each in page.get("Contents", [])}
    return [
        ([part.partition("=")[2] for part in folder.removeprefix(f"{prefix}/").split("/")], f"s3://{bucket}/{folder}")
        for folder in sorted(folders)
    ]
