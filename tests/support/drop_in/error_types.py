"""The error types of Python Lambdas and of crawler-sync's functions, in every case that there is."""

import json
import re
from collections.abc import Mapping

from tests.support import documents
from tests.support.drop_in.python_lambdas import START, STATE, Functions
from tests.support.drop_in.runs import Ran, Request, Situation, crawling, fault

OPERATIONS = {START: "StartCrawler", STATE: "GetCrawler"}
SIDES = ["python", "crawler-sync"]
UNREACHABLE, SILENT = "Nothing listens at Glue's address", "Glue does not answer; Lambda ends the Python one"

# Longer than anything is tried again.
LONG = crawling(600)
# What each function's call of Glue gets.
FAULTS = {
    "`OperationTimeoutException`": "forever OperationTimeoutException",
    "`ThrottlingException`, once": "1 ThrottlingException",
    "`ThrottlingException`, three times": "3 ThrottlingException",
    "`ThrottlingException`, for ever": "forever ThrottlingException",
    "`AccessDeniedException`": "forever AccessDeniedException",
    "`InvalidInputException`": "forever InvalidInputException",
    "`InternalServiceException`, HTTP 500, for ever": "forever http-500",
    "`InternalFailure`, a code that boto3's model lacks": "forever InternalFailure",
    "The response is lost": "1 lost-response",
    "A proxy's page, HTTP 200": "forever garbage",
    "A proxy's page, HTTP 503, for ever": "forever garbage-503",
    SILENT: "forever hang",
}
CASES = [
    Situation("There is no such crawler", exists=False),
    Situation("A crawl is under way", LONG, crawling=True),
    *(Situation(name, LONG | fault("StartCrawler", what) | fault("GetCrawler", what)) for name, what in FAULTS.items()),
    Situation(UNREACHABLE),
    Situation("The input has no `crawlername`", given={}),
    Situation("`crawlername` is 7", given={"crawlername": 7}),
    Situation("`crawlername` is empty", given={"crawlername": ""}),
]
COLUMNS = ["what happens", "Python Lambdas", "crawler-sync"]


def requests(functions: Mapping[tuple[str, str], Functions]) -> dict[str, Request]:
    """`functions` are those of a side and a case, the side's own ones under ''."""
    return {
        _key(side, case, placeholder): Request(_ask(own[placeholder]), case)
        for case in CASES
        for side in SIDES
        for own in [functions.get((side, case.name)) or functions[side, ""]]
        for placeholder in OPERATIONS
    }


def table(results: Mapping[str, Ran]) -> str:
    rows, same = [COLUMNS, ["---"] * len(COLUMNS)], list[str]()
    for case in CASES:
        python, ours = (_cell(*(results[_key(side, case, each)] for each in OPERATIONS)) for side in SIDES)
        if ours == python:
            same += [error for error in re.findall(r"`\w+`", ours) if error not in same]
        else:
            rows.append([case.name, python, ours])
    return documents.table([*rows, ["AWS's usual errors", ", ".join(same), "the same"]])


def _ask(function: str) -> str:
    return json.dumps({"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": function, "End": True}}})


def _key(side: str, case: Situation, placeholder: str) -> str:
    return f"{OPERATIONS[placeholder]}, {side}: {case.name}"


def _cell(start: Ran, state: Ran) -> str:
    start_says, state_says = (f"`{ran.error}`" if ran.error else "no error" for ran in (start, state))
    return start_says if start_says == state_says else f"start: {start_says}; state: {state_says}"
