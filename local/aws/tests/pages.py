"""The marker `aws`: which page of AWS a contract test follows, and who saw AWS behave so.

A "LocalStack snapshot" is an answer of AWS that the tests of github.com/localstack/localstack recorded, under
tests/aws/services; it has the name of the test and the day on which AWS last gave it. What follows a colon is the part
of our test that the source shows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# AWS's documentation, and the Knowledge Center of its support.
PAGE = re.compile(r"https://(docs\.aws\.amazon\.com|repost\.aws/knowledge-center)/\S+")


def complaint(titles: Sequence[object], details: Mapping[str, object]) -> str | None:
    """What is wrong with the arguments of a marker."""
    if len(titles) != 1 or not filled(titles[0]):
        return "has to begin with the title of one page"
    if details.keys() != {"url", "validated"}:
        return "takes url and validated"
    if not PAGE.fullmatch(str(details["url"])):
        return f"links to no page of AWS: {details['url']!r}"
    if not filled(details["validated"]):
        return 'has to say who saw AWS behave so; if nobody did, validated="never"'
    return None


def filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def faults(items: Iterable[object], tests: Path = TESTS) -> dict[str, str]:
    """The tests in folders of `tests` that do not name their page; those beside the folders need none."""
    found = {}
    for item in items:
        if isinstance(item, pytest.Item) and tests in item.path.parent.parents:
            marker = item.get_closest_marker("aws")
            problem = complaint(marker.args, marker.kwargs) if marker else "is missing"
            if problem:
                found[item.nodeid.partition("[")[0]] = problem
    return found
