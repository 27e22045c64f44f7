"""A local AWS for all contract tests."""

from collections.abc import Iterator

import pytest

from local.aws import LocalAws
from local.aws.tests.support import Local


@pytest.fixture(scope="session")
def local() -> Iterator[Local]:
    with LocalAws() as aws:
        yield Local(aws)
