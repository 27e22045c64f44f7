"""The schema of one file, as a Glue crawler would write it; DuckDB does the inference.

Follows "Built-in classifiers" and "Data types" in the AWS Glue Developer Guide, and
"Data types in Amazon Athena" for the names of Hive's types.
"""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
from duckdb import DuckDBPyConnection, DuckDBPyRelation
from duckdb.sqltypes import DuckDBPyType

Columns = dict[str, str]

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
SCALARS = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "integer": "int",
    "bigint": "bigint",
    "utinyint": "smallint",
    "usmallint": "int",
    "uinteger": "bigint",
    "ubigint": "decimal(20,0)",
    "hugeint": "decimal(38,0)",
    "float": "float",
    "double": "double",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_s": "timestamp",
    "timestamp_ms": "timestamp",
    "timestamp_ns": "timestamp",
    "timestamp with time zone": "timestamp",
    "blob": "binary",
}
NESTED = ("list", "array", "struct", "map", "decimal")
WIDER_NUMBERS = ("tinyint", "smallint", "int", "bigint", "double")


class SchemaError(ValueError):
    """The file can't be read as what it looks like."""


@dataclass(frozen=True)
class FileSchema:
    format: str
    compression: str
    columns: Columns
    records: int
    delimiter: str = ""
    header: bool = False


def infer(file: Path) -> FileSchema:
    content = file.read_bytes()
    compressed = content.startswith(GZIP_MAGIC)
    try:
        head = (gzip.decompress(content) if compressed else content).lstrip()[:4]
        compression: Literal["gzip", "none"] = "gzip" if compressed else "none"
        with _connect() as connection:
            if head == PARQUET_MAGIC:
                relation = connection.read_parquet(str(file))
                return FileSchema("parquet", compression, _columns(relation), len(relation))
            if head[:1] in (b"{", b"["):
                relation = connection.read_json(str(file), sample_size=-1, compression=compression)
                return FileSchema("json", compression, _columns(relation), len(relation))
            return _infer_csv(connection, file, compression)
    except (duckdb.Error, gzip.BadGzipFile, EOFError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SchemaError(reason.replace(str(file), file.name)) from error


def merge(first: Columns, second: Columns) -> Columns:
    """The columns of both, in order; a type that differs becomes the narrowest that holds both."""
    merged = dict(first)
    for name, kind in second.items():
        merged[name] = _wider(merged.get(name, kind), kind)
    return merged


def _connect() -> DuckDBPyConnection:
    """A database in memory that reads local files only and downloads nothing."""
    return duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "threads": 1,
        }
    )


def _infer_csv(connection: DuckDBPyConnection, file: Path, compression: str) -> FileSchema:
    [(delimiter, header)] = connection.execute(
        "SELECT Delimiter, HasHeader FROM sniff_csv($1, sample_size = -1)", [str(file)]
    ).fetchall()
    options = {"delimiter": delimiter, "header": header, "sample_size": -1, "compression": compression}
    relation = connection.read_csv(str(file), **options)
    columns = _columns(relation)
    if not header:
        columns = {f"col{index}": kind for index, kind in enumerate(columns.values())}
    return FileSchema("csv", compression, columns, len(relation), delimiter, header)


def _columns(relation: DuckDBPyRelation) -> Columns:
    names = (name.lower() for name in relation.columns)
    return {name: hive_type(kind) for name, kind in zip(names, relation.types, strict=True)}


def hive_type(kind: DuckDBPyType) -> str:
    children: list[tuple[str, Any]] = kind.children if kind.id in NESTED else []
    match kind.id:
        case "list" | "array":
            return f"array<{hive_type(children[0][1])}>"
        case "struct":
            fields = (f"{name.lower()}:{hive_type(child)}" for name, child in children)
            return f"struct<{','.join(fields)}>"
        case "map":
            key, value = (hive_type(child) for _, child in children)
            return f"map<{key},{value}>"
        case "decimal":
            return "decimal({},{})".format(*(value for _, value in children))
        case scalar:
            return SCALARS.get(scalar, "string")


def _wider(first: str, second: str) -> str:
    if first == second:
        return first
    if first in WIDER_NUMBERS and second in WIDER_NUMBERS:
        return max(first, second, key=WIDER_NUMBERS.index)
    return "string"


def table_name(prefix: str, folder: str) -> str:
    """Lower-case letters, digits and underscores, as Glue writes names."""
    return re.sub(r"[^a-z0-9_]", "_", f"{prefix}{folder}".lower())
