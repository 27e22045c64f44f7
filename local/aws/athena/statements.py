"""Statements: what is refused, what runs here, and why one fails, in Athena's words.

Follows "StartQueryExecution" in the Amazon Athena API Reference, "Use execution parameters" in the User Guide, and
messages of Athena that people published. DuckDB parses and runs SQL; what its grammar does not know is refused as
Athena refuses what its own does not know.
"""

import re
from collections.abc import Sequence

import duckdb
import ministack.services.athena as athena
import ministack.services.glue as glue

from local.aws import patching
from local.aws.answers import ApiError

ministack = patching.names(athena, "_data_catalogs", "_sql_tokens", "_table_references")
catalog = patching.names(glue, "_databases", "_tables")

CATALOG = "awsdatacatalog"
# What begins a statement that only reads.
READING = ("select", "with", "values", "(")
# What begins the other statements that Athena knows.
OTHER = {
    *("alter", "analyze", "create", "deallocate", "delete", "desc", "describe", "drop", "execute", "explain"),
    *("insert", "merge", "msck", "optimize", "prepare", "show", "unload", "update", "vacuum"),
}
RUN_HERE = "SELECT, CREATE EXTERNAL TABLE, CREATE TABLE AS and DROP TABLE"
_POSITION = re.compile(r"LINE (?P<line>\d+): (?P<text>.*)\n(?P<indent> *)\^")


class QueryError(Exception):
    """The query fails, for this reason."""


def check(statement: str) -> None:
    """Refuses what is no statement, or several; of those that do not run here, only the first word is looked at."""
    first = first_word(statement)
    if first not in READING:
        if first not in OTHER:
            word = (statement.split() or ["<EOF>"])[0]
            raise ApiError("InvalidRequestException", f"line 1:1: mismatched input '{word}'")
        return
    try:
        count = len(duckdb.extract_statements(statement))
    except duckdb.ParserException as error:
        raise ApiError("InvalidRequestException", _mismatch(str(error))) from error
    if count > 1:
        raise ApiError("InvalidRequestException", f"Only one sql statement is allowed. Got: {statement}")


def first_word(statement: str) -> str:
    return next((text for _, text, *_ in ministack._sql_tokens(statement)), "")


def with_parameters(statement: str, values: Sequence[str]) -> str:
    """The statement with its question marks replaced, in order, by the values as they are written."""
    places = [(start, end) for kind, text, start, end in ministack._sql_tokens(statement) if (kind, text) == _MARK]
    if len(places) != len(values):
        text = f"Incorrect number of parameters: expected {len(places)} but found {len(values)}"
        raise QueryError(f"INVALID_PARAMETER_USAGE: line 1:1: {text}")
    for (start, end), value in reversed(list(zip(places, values, strict=True))):
        statement = statement[:start] + value + statement[end:]
    return statement


_MARK = ("punct", "?")


def reason(error: Exception, statement: str, database: str) -> str:
    """Why a statement failed, in Athena's words where they are known."""
    text = str(error)
    # Of a name that is also one of Python's, DuckDB says that it cannot scan that.
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException) or "replacement scan" in text:
        if absent := _absent(statement, database, text.partition("\n")[0]):
            return absent
        if column := re.search(r'Referenced column "(.*?)" (?:was )?not found', text):
            return f"COLUMN_NOT_FOUND: {_position(text)}Column '{column[1]}' cannot be resolved"
    return text.partition("\n\nLINE")[0]


def _absent(statement: str, database: str, error: str) -> str | None:
    """The first table of the statement that is not in the catalog, of those that the error is about."""
    for reference in ministack._table_references(statement):
        name = reference.database or database
        named = re.search(rf"(?<!\w){re.escape(reference.table)}(?!\w)", error, re.IGNORECASE)
        if f"{name}/{reference.table}" in catalog._tables or not named:
            continue
        before = statement[: reference.start]
        place = f"line {before.count(chr(10)) + 1}:{reference.start - before.rfind(chr(10))}"
        if (reference.catalog or CATALOG).lower() not in {each.lower() for each in ministack._data_catalogs}:
            return f"CATALOG_NOT_FOUND: {place}: Catalog '{reference.catalog}' not found"
        if name != "default" and name not in catalog._databases:
            return f"SCHEMA_NOT_FOUND: {place}: Schema '{name}' does not exist"
        return f"TABLE_NOT_FOUND: {place}: Table '{CATALOG}.{name}.{reference.table}' does not exist"
    return None


def _mismatch(text: str) -> str:
    near = re.search(r'at or near "(.*?)"', text, re.DOTALL)
    return f"{_position(text) or 'line 1:1: '}mismatched input '{near[1] if near else '<EOF>'}'"


def _position(text: str) -> str:
    found = _POSITION.search(text)
    if found is None or found["text"].startswith("..."):
        return ""
    prompt = f"LINE {found['line']}: "
    return f"line {found['line']}:{len(found['indent']) - len(prompt) + 1}: "
