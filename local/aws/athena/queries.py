"""Queries: where their results go, and how they end.

Follows "StartQueryExecution", "StopQueryExecution" and "GetQueryResults" in the Amazon Athena API Reference, and
"Override client-side settings" in the User Guide.
"""

import asyncio
import logging
import threading
import time
from contextlib import suppress
from typing import Any

import duckdb
import ministack.services.athena as athena
from ministack.core.responses import AccountRegionScopedDict

from local.aws import patching
from local.aws.answers import ApiError, Request, call, handler
from local.aws.athena import permissions, results, tables, workgroups
from local.aws.athena.statements import READING, RUN_HERE, QueryError, check, first_word, reason, with_parameters

original = patching.names(athena, "_get_query_results", "_start_query_execution", "reset")
ministack = patching.names(
    athena, "_CreateTable", "_executions", "_parse_ddl", "_run_ddl", "_run_duckdb", "_workgroups"
)

logger = logging.getLogger("athena")

OVER = ("SUCCEEDED", "FAILED", "CANCELLED")
# How soon a query that takes its time learns that it was stopped.
LOOK = 0.02

CENTRAL = (
    "The Create Table As Select query failed because it was submitted with an 'external_location' property to an "
    "Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
    "'external_location' property and resubmit the query."
)

# Query id -> set when it is over.
_ended: dict[str, threading.Event] = {}
_ending = threading.Lock()
# A start's token -> its request and the query's id.
_tokens = AccountRegionScopedDict()


def install() -> None:
    patching.replace(
        athena,
        _start_query_execution=handler(start_query_execution),
        _execute_query=execute_query,
        _stop_query_execution=handler(stop_query_execution),
        _get_query_execution=handler(get_query_execution),
        _get_query_results=handler(get_query_results),
        _execution_out=described,
        reset=reset,
    )


def start_query_execution(request: Request) -> dict[str, Any]:
    token = request.get("ClientRequestToken")
    if token in _tokens:
        first, query_id = _tokens[token]
        if first != request:
            raise ApiError("InvalidRequestException", "Idempotent parameters do not match")
        return {"QueryExecutionId": query_id}
    workgroup, statement = _workgroup(request), request["QueryString"]
    table = tables.parse(statement)
    check(table.select if table else statement)
    permissions.check_start()
    location = _location(request, workgroup)
    if location:
        permissions.check_output(location)
    given = request.get("ResultConfiguration", {}) | {"OutputLocation": location}
    answer = call(original._start_query_execution, request | {"ResultConfiguration": given})
    query_id = answer["QueryExecutionId"]
    execution = ministack._executions[query_id]
    execution["ResultConfiguration"] = given | {"OutputLocation": _output(execution, location)}
    execution["ExecutionParameters"] = request.get("ExecutionParameters")
    execution["Status"]["SubmissionDateTime"] = round(time.time(), 3)
    _ended[query_id] = threading.Event()
    if token:
        _tokens[token] = (request, query_id)
    return answer


def _workgroup(request: Request) -> dict[str, Any]:
    workgroup: dict[str, Any] | None = ministack._workgroups.get(request.get("WorkGroup") or workgroups.PRIMARY)
    if workgroup is None:
        raise ApiError("InvalidRequestException", "WorkGroup is not found.")
    if workgroup.get("State") == "DISABLED":
        raise ApiError("InvalidRequestException", "WorkGroup is disabled.")
    return workgroup


def _location(request: Request, workgroup: dict[str, Any]) -> str:
    """Where results go: as the workgroup says, if it enforces that or the request says nothing."""
    configuration = workgroup.get("Configuration", {})
    own = configuration.get("ResultConfiguration", {}).get("OutputLocation")
    asked = request.get("ResultConfiguration", {}).get("OutputLocation")
    location: str = (own if _enforces(workgroup) else asked or own) or ""
    return location.rstrip("/") + "/" if location else ""


def _enforces(workgroup: dict[str, Any]) -> bool:
    """Whether the workgroup's location holds whatever a request says."""
    configuration = workgroup.get("Configuration", {})
    by_default = workgroup["Name"] != workgroups.PRIMARY
    enforced = str(configuration.get("EnforceWorkGroupConfiguration", by_default)).lower() == "true"
    return enforced and bool(configuration.get("ResultConfiguration", {}).get("OutputLocation"))


def _output(execution: dict[str, Any], location: str) -> str:
    query_id = execution["QueryExecutionId"]
    if table := tables.parse(execution["Query"]):
        return table.location or f"{location}tables/{query_id}"
    return f"{location}{query_id}.{'txt' if execution['StatementType'] == 'DDL' else 'csv'}"


async def execute_query(query_id: str, statement: str, database: str, ddl: Any, catalog: str | None = None) -> None:
    execution = ministack._executions[query_id]
    began, status = time.time(), execution["Status"]
    if status["State"] == "QUEUED":
        status["State"] = "RUNNING"
    try:
        ends = began + workgroups.seconds(execution["WorkGroup"])
        while time.time() < ends and status["State"] == "RUNNING":
            await asyncio.sleep(LOOK)
        if status["State"] != "RUNNING":
            return
        rows = await _rows(execution, statement, database, ddl, catalog)
        if status["State"] == "RUNNING":
            await asyncio.to_thread(results.save, execution, rows)
    except (QueryError, ValueError, duckdb.Error) as error:
        why = error.args[0] if isinstance(error, QueryError) else reason(error, statement, database)
        _end(execution, "FAILED", why)
        return
    except Exception as error:
        # A caller that waits for the query must not wait for ever.
        logger.exception("query %s", query_id)
        _end(execution, "FAILED", f"GENERIC_INTERNAL_ERROR: {error}")
        return
    execution["_results"] = {"columns": rows["columns"], "rows": rows["rows"]}
    execution["_column_types"] = rows["column_types"]
    took = round((time.time() - began) * 1000)
    read = sum(len(str(row)) for row in rows["rows"])
    execution["Statistics"] |= {
        "EngineExecutionTimeInMillis": took,
        "TotalExecutionTimeInMillis": took,
        "DataScannedInBytes": read,
    }
    _end(execution, "SUCCEEDED")


async def _rows(execution: dict[str, Any], statement: str, database: str, ddl: Any, catalog: str | None) -> Any:
    output = execution["ResultConfiguration"]["OutputLocation"]
    if ddl is not None:
        permissions.check_definition(ddl, database)
        permissions.check_writing(output)
        return ministack._run_ddl(ddl, database)
    table = tables.parse(statement)
    values = execution.get("ExecutionParameters") or []
    if table:
        if table.location and _enforces(ministack._workgroups[execution["WorkGroup"]]):
            raise QueryError(CENTRAL)
        select = with_parameters(table.select, values)
        permissions.check_catalog("CreateTable", table.database or database)
        await asyncio.to_thread(permissions.check_reading, select, database)
        permissions.check_writing(f"{output}/part-00000")
        return await tables.create(table, select, database, catalog, output)
    if first_word(statement) not in READING:
        raise QueryError(f"NOT_SUPPORTED: the local AWS runs {RUN_HERE}, and not {first_word(statement).upper()}")
    filled = with_parameters(statement, values)
    await asyncio.to_thread(permissions.check_reading, filled, database)
    permissions.check_writing(output)
    return await ministack._run_duckdb(filled, database, catalog)


def _end(execution: dict[str, Any], state: str, why: str = "") -> None:
    """Ends a query, unless it has ended already."""
    status = execution["Status"]
    with _ending:
        if status["State"] in OVER:
            return
        status["State"] = state
        status["CompletionDateTime"] = round(time.time(), 3)
        if why:
            status["StateChangeReason"] = why
        if state == "FAILED":
            # The category is that of errors which the caller makes.
            status["AthenaError"] = {"ErrorCategory": 2, "Retryable": False, "ErrorMessage": why}
    _ended[execution["QueryExecutionId"]].set()


def stop_query_execution(request: Request) -> dict[str, Any]:
    _end(execution_of(request["QueryExecutionId"]), "CANCELLED", "Query cancelled by user")
    return {}


def get_query_execution(request: Request) -> dict[str, Any]:
    return {"QueryExecution": described(execution_of(request["QueryExecutionId"]))}


def get_query_results(request: Request) -> dict[str, Any]:
    execution = execution_of(request["QueryExecutionId"])
    state = execution["Status"]["State"]
    if state not in OVER:
        raise ApiError("InvalidRequestException", f"Query has not yet finished. Current state: {state}")
    if state != "SUCCEEDED":
        raise ApiError("InvalidRequestException", f"Query did not finish successfully. Final query state: {state}")
    return call(original._get_query_results, request)


def execution_of(query_id: str) -> dict[str, Any]:
    execution: dict[str, Any] | None = ministack._executions.get(query_id)
    if execution is None:
        raise ApiError("InvalidRequestException", f"QueryExecution {query_id} was not found")
    return execution


def ended(query_id: str) -> threading.Event:
    return _ended[query_id]


def described(execution: dict[str, Any]) -> dict[str, Any]:
    """The query as it is told: without what it does not have, or not yet."""
    told = {name: value for name, value in execution.items() if not name.startswith("_") and value is not None}
    status = {name: value for name, value in told["Status"].items() if value not in (None, "")}
    return told | {"Status": status}


def reset() -> None:
    for execution in ministack._executions.values():
        with suppress(KeyError):
            _end(execution, "CANCELLED")
    original.reset()
    _ended.clear()
    _tokens.clear()
