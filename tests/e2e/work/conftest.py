"""A stack that may run every kind of work, and who plays the work."""

from collections.abc import Iterator

import pytest

from tests.support.faults.runs import all_kinds
from tests.support.faults.workers import Workers
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with all_kinds() as stack:
        yield stack


@pytest.fixture(scope="module")
def workers(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Workers:
    return Workers(stack, tmp_path_factory.mktemp("notes"))
