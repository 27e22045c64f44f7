"""Tables and partitions in the Data Catalog, as a Glue crawler writes and updates them.

Follows "Table structure", "SchemaChangePolicy" and "Parameters set on Data Catalog tables
by crawler" in the AWS Glue documentation.
"""

from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from local.aws.glue.classifiers import Columns, FileSchema

BATCH = 100  # partitions a BatchCreatePartition takes
HADOOP = "org.apache.hadoop.mapred"
HIVE = "org.apache.hadoop.hive"
FORMATS = {
    "csv": (
        f"{HADOOP}.TextInputFormat",
        f"{HIVE}.ql.io.HiveIgnoreKeyTextOutputFormat",
        f"{HIVE}.serde2.lazy.LazySimpleSerDe",
    ),
    "json": (
        f"{HADOOP}.TextInputFormat",
        f"{HIVE}.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.openx.data.jsonserde.JsonSerDe",
    ),
    "parquet": (
        f"{HIVE}.ql.io.parquet.MapredParquetInputFormat",
        f"{HIVE}.ql.io.parquet.MapredParquetOutputFormat",
        f"{HIVE}.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
}


class CrawlError(Exception):
    """The crawl fails, with this ErrorMessage."""


def _by_change() -> dict[str, Any]:
    return {"ADD": [], "UPDATE": [], "DELETE": []}


def _by_change_and_table() -> dict[str, Any]:
    return {"ADD": {}, "UPDATE": {}, "DELETE": {}}


@dataclass
class Changes:
    """What one crawl did to the catalog: names of tables, and of partitions by table."""

    tables: dict[str, list[str]] = field(default_factory=_by_change)
    partitions: dict[str, dict[str, list[str]]] = field(default_factory=_by_change_and_table)

    def counts(self) -> dict[str, int]:
        """How many tables and partitions, in the words of events."""
        words = {"Created": "ADD", "Updated": "UPDATE", "Deleted": "DELETE"}
        tables = {f"tables{word}": len(self.tables[change]) for word, change in words.items()}
        partitions = {f"partitions{word}": self.partitions[change].values() for word, change in words.items()}
        return tables | {name: sum(map(len, by_table)) for name, by_table in partitions.items()}


@dataclass(frozen=True)
class Table:
    """A table as the data shows it."""

    name: str
    location: str
    columns: Columns
    partition_keys: list[str]
    partitions: dict[tuple[str, ...], str]
    schema: FileSchema
    objects: int
    records: int
    size: int

    def table_input(self, crawler: str) -> dict[str, Any]:
        return {
            "Name": self.name,
            "Owner": "owner",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in self.partition_keys],
            "StorageDescriptor": self.storage(self.location),
            "Parameters": self._parameters() | {"UPDATED_BY_CRAWLER": crawler},
        }

    def storage(self, location: str) -> dict[str, Any]:
        input_format, output_format, serde = FORMATS[self.schema.format]
        return {
            "Columns": [{"Name": name, "Type": kind} for name, kind in self.columns.items()],
            "Location": location,
            "InputFormat": input_format,
            "OutputFormat": output_format,
            "Compressed": self.schema.compression != "none",
            "NumberOfBuckets": -1,
            "SerdeInfo": {"SerializationLibrary": serde, "Parameters": self._serde_parameters()},
            "BucketColumns": [],
            "SortColumns": [],
            "Parameters": self._parameters(),
            "StoredAsSubDirectories": False,
        }

    def partition_name(self, values: tuple[str, ...]) -> str:
        return "/".join(f"{key}={value}" for key, value in zip(self.partition_keys, values, strict=True))

    def _serde_parameters(self) -> dict[str, str]:
        match self.schema.format:
            case "csv":
                return {"field.delim": self.schema.delimiter}
            case "json":
                return {"paths": ",".join(self.columns)}
            case _:
                return {"serialization.format": "1"}

    def _parameters(self) -> dict[str, str]:
        parameters = {
            "CrawlerSchemaDeserializerVersion": "1.0",
            "CrawlerSchemaSerializerVersion": "1.0",
            "averageRecordSize": str(self.size // max(self.records, 1)),
            "classification": self.schema.format,
            "compressionType": self.schema.compression,
            "objectCount": str(self.objects),
            "recordCount": str(self.records),
            "sizeKey": str(self.size),
            "typeOfData": "file",
        }
        if self.schema.format == "csv":
            parameters |= {"areColumnsQuoted": "false", "columnsOrdered": "true", "delimiter": self.schema.delimiter}
            if self.schema.header:
                parameters["skip.header.line.count"] = "1"
        return parameters


class Catalog:
    """The crawler's database. Counts as an update what changes a schema, not new statistics."""

    def __init__(self, glue: BaseClient, crawler: dict[str, Any]) -> None:
        self._glue = glue
        self._crawler = crawler["Name"]
        self._database = crawler.get("DatabaseName") or ""
        policy = crawler.get("SchemaChangePolicy") or {}
        self._updates = policy.get("UpdateBehavior", "UPDATE_IN_DATABASE") != "LOG"
        self._deletes = policy.get("DeleteBehavior") == "DELETE_FROM_DATABASE"

    def check_database(self) -> None:
        try:
            self._glue.get_database(Name=self._database)
        except self._glue.exceptions.EntityNotFoundException as error:
            raise CrawlError(f"Database {self._database} does not exist") from error
        except ClientError as error:
            raise CrawlError(error.response["Error"]["Message"]) from error

    def write(self, table: Table, changes: Changes) -> None:
        new = table.table_input(self._crawler)
        old = self._table(table.name)
        try:
            if old is None:
                self._glue.create_table(DatabaseName=self._database, TableInput=new)
                changes.tables["ADD"].append(table.name)
            elif self._updates:
                self._glue.update_table(DatabaseName=self._database, TableInput=new)
                if _schema(old) != _schema(new):
                    changes.tables["UPDATE"].append(table.name)
            self._write_partitions(table, changes)
        except ClientError as error:
            raise CrawlError(f"Table {table.name}: {error.response['Error']['Message']}") from error

    def remove(self, name: str, changes: Changes) -> None:
        """A target without data: its table goes, if this crawler made it and may delete."""
        old = self._table(name)
        if self._deletes and old and old.get("Parameters", {}).get("UPDATED_BY_CRAWLER") == self._crawler:
            self._glue.delete_table(DatabaseName=self._database, Name=name)
            changes.tables["DELETE"].append(name)

    def _table(self, name: str) -> dict[str, Any] | None:
        try:
            return self._glue.get_table(DatabaseName=self._database, Name=name)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            return None

    def _write_partitions(self, table: Table, changes: Changes) -> None:
        where = {"DatabaseName": self._database, "TableName": table.name}
        pages = self._glue.get_paginator("get_partitions").paginate(**where)
        known = {tuple(p["Values"]): p for page in pages for p in page["Partitions"]}
        new = {
            values: {"Values": list(values), "StorageDescriptor": table.storage(location)}
            for values, location in table.partitions.items()
        }
        added = [values for values in new if values not in known]
        for start in range(0, len(added), BATCH):
            batch = [new[values] for values in added[start : start + BATCH]]
            self._glue.batch_create_partition(**where, PartitionInputList=batch)
        changed = [v for v in new if v in known and self._updates and _columns(known[v]) != _columns(new[v])]
        for values in changed:
            entry = {"PartitionValueList": list(values), "PartitionInput": new[values]}
            self._glue.batch_update_partition(**where, Entries=[entry])
        gone = [values for values in known if values not in new and self._deletes]
        for values in gone:
            self._glue.delete_partition(**where, PartitionValues=list(values))
        for change, partitions in (("ADD", added), ("UPDATE", changed), ("DELETE", gone)):
            if partitions:
                changes.partitions[change][table.name] = [table.partition_name(v) for v in partitions]


def _columns(entity: dict[str, Any]) -> list[dict[str, str]]:
    return entity["StorageDescriptor"]["Columns"]


def _schema(table: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two tables the same, statistics apart."""
    storage = table["StorageDescriptor"]
    return (_columns(table), table["PartitionKeys"], storage["Location"], storage["SerdeInfo"])
