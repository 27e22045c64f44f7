"""A local AWS for all contract tests."""

from collections.abc import Iterator

import pytest
from contract_helpers import Local

from local.aws import LocalAws


@pytest.fixture(scope="session")
def local() -> Iterator[Local]:
    with LocalAws() as aws:
        yield Local(aws)
