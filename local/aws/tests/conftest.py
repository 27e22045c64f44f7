"""A local AWS for all contract tests."""

from collections.abc import Generator, Iterator

import pytest

from local.aws import LocalAws
from local.aws.tests import pages
from local.aws.tests.support import Local


# Errors of collecting are the ones that pytest-xdist tells in full.
@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if found := pages.faults(report.result or []):
        told = "".join(f"\n  {test}: the marker {problem}" for test, problem in found.items())
        report.outcome, report.result = "failed", []
        report.longrepr = f"A contract test names the page of AWS that it follows (pytest --markers):{told}"
    return report


@pytest.fixture(scope="session")
def local() -> Iterator[Local]:
    with LocalAws() as aws:
        yield Local(aws)
