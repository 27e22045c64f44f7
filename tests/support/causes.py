"""Causes that a catcher may get: of every kind, cut off, odd and huge."""

import json

TEXT = "Rate exceeded (Service: Glue, Status Code: 400)"
CAUSES: dict[str, str | None] = {
    "a function's error": json.dumps({"errorType": "InvalidRequest", "errorMessage": "crawlername: is missing"}),
    # What Lambda.Unknown brings: text with JSON at its end.
    "a function that was killed": "The cause could not be determined because Lambda did not return an error type. "
    'Returned payload: {"errorMessage":"2026-01-31T00:00:00.000Z 1 Task timed out after 30.03 seconds"}',
    "a job run": json.dumps({"JobName": "j", "JobRunState": "FAILED", "ErrorMessage": "ValueError: no data"}),
    "a stopped job run": json.dumps({"JobName": "j", "JobRunState": "STOPPED"}),
    "a job run by its id": json.dumps({"Id": "jr_1", "JobRunState": "FAILED", "ErrorMessage": "no data"}),
    "a query": json.dumps({"QueryExecution": {"QueryExecutionId": "q-1", "Status": {"State": "FAILED"}}}),
    "an execution by its ARN": json.dumps({"ExecutionArn": "arn:x", "Input": '{"Id": "x"}', "Status": "TIMED_OUT"}),
    "an execution": json.dumps({"Status": "FAILED", "Error": "CrawlFailed", "Cause": "crawler c: no data"}),
    "an aborted execution": json.dumps({"Status": "ABORTED"}),
    "text": TEXT,
    "an empty cause": "",
    "a cut function's error": '{"errorType":"X","errorMessage":"a \\"b\\" \\u00e9","trace":["' + "x" * 33_000,
    "a cut message": '{"errorType":"X","errorMessage":"' + "x" * 33_000,
    "a cut job run": '{"JobName":"j","Arguments":{"--sql":"}' + "x" * 33_000 + "}",
    "braces around no JSON": "{no JSON}",
    "odd escapes": r'{"errorMessage": "a\q", "ErrorMessage": "\u12", "Error": "\x", "Cause": "' + "\n" + '"}',
    "no strings": '{"errorMessage": null, "ErrorMessage": 7, "Error": {}}',
    "an array": '["errorMessage", "ErrorMessage"]',
    "two messages": '{"errorMessage": "one", "ErrorMessage": "one"} {"errorMessage": "two", "ErrorMessage": "two"}',
    "a long message": '{"errorType": "X", "errorMessage": "' + "x" * 20_000 + r"\u00e9\n" * 2_000 + '"}',
    "no cause": None,
}


def caught(error: str, cause: str | None) -> dict[str, str]:
    """What a catcher gets of an error."""
    return {"Error": error} | ({} if cause is None else {"Cause": cause})
