"""Drop-in: a machine that was written for Python Lambdas cannot tell that they are gone."""

import json
from typing import Any

import pytest

from tests.support.drop_in.python_lambdas import ours, pythons
from tests.support.drop_in.runs import Ran, play
from tests.support.drop_in.same_path import MACHINES, SITUATIONS, key, requests
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def results(stack: Stack) -> dict[str, Ran]:
    """What came of each machine in each situation, by Python and by our functions."""
    return play(stack, requests({"python": pythons(stack), "crawler-sync": ours(stack)}))


@pytest.fixture(params=SITUATIONS, ids=lambda situation: situation.name)
def situation(request: pytest.FixtureRequest) -> str:
    return request.param.name


@pytest.fixture(params=MACHINES)
def sides(request: pytest.FixtureRequest, situation: str, results: dict[str, Ran]) -> tuple[Ran, Ran]:
    """What came of the machine with Python Lambdas, and with ours."""
    python, own = (results[key(request.param, side, situation)] for side in ("python", "crawler-sync"))
    return python, own


def test_it_takes_the_same_path(sides: tuple[Ran, Ran]) -> None:
    """The same states, in the same order, and the same errors matched by the same Retry and Catch."""
    python, ours = sides
    assert ours.once_round == python.once_round
    assert (ours.status, ours.error) == (python.status, python.error)


def test_its_output_holds_all_that_it_held(sides: tuple[Ran, Ran]) -> None:
    """States that read on find what they read; what is new stands beside it."""
    python, ours = sides
    assert _within(python.output, ours.output), (python.output, ours.output)


def test_it_starts_the_crawler_as_often(sides: tuple[Ran, Ran], situation: str) -> None:
    """A Retry by boto3's name retries; only what the SDKs try again by themselves differs."""
    python, ours = sides
    if situation != "throttled for ever":
        assert ours.calls.get("StartCrawler") == python.calls.get("StartCrawler")


@pytest.mark.parametrize(
    ("situation", "path"),
    [
        ("the crawl succeeds", ["Start crawler", "Get crawler state", "Is it ready?", "Wait", "Get crawler state"]),
        ("a time-out once", ["Start crawler", "failed: OperationTimeoutException", "Get crawler state"]),
        ("no such crawler", ["Start crawler", "failed: EntityNotFoundException", "There is no such crawler"]),
        ("somebody's crawl is under way", ["Start crawler", "failed: CrawlerRunningException", "Get crawler state"]),
        ("may not look", ["Start crawler", "Get crawler state", "failed: AccessDeniedException", "Tell somebody"]),
    ],
)
def test_the_paths_are_those_of_the_situations(results: dict[str, Ran], situation: str, path: list[str]) -> None:
    """Paths that are the same because nothing happened on them would prove nothing."""
    assert results[key("catching", "python", situation)].path[: len(path)] == path


def _within(small: Any, large: Any) -> bool:
    """A cause says the same in other words."""
    if isinstance(small, dict) and isinstance(large, dict):
        return all(name == "Cause" or (name in large and _within(small[name], large[name])) for name in small)
    return small == large


def test_the_outputs_are_compared(results: dict[str, Ran]) -> None:
    """Of the console's machine the last answer, of the other one what its states have made of it."""
    assert results[key("console", "python", "the crawl succeeds")].output == {"state": "READY"}
    told = results[key("catching", "crawler-sync", "throttled for ever")].output
    assert json.dumps(told) == '{"told": "ThrottlingException"}'
