"""The template, deployed to a local AWS, with the jobs and crawlers of the pipelines."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.aws import LocalAws
from local.demo.deploy import deploy
from local.demo.workloads import Workload, names, set_up
from tests.support.redriving import Parked
from tests.support.stack import CUSTOMERS, Stack
from tests.support.triggers import HASTE


@contextmanager
def deployed(*workloads: Workload) -> Iterator[Stack]:
    parameters = {
        "JobNamePattern": "*",
        "CrawlerNamePattern": "*",
        "CoalesceSeconds": 2,
        "PollMinSeconds": 1,
        "PollMaxSeconds": 2,
    }
    with LocalAws() as aws:
        outputs = deploy(aws, Stack.NAME, parameters)
        for workload in workloads:
            set_up(aws, workload)
        yield Stack(aws, outputs)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """With the pipeline customers."""
    with deployed(CUSTOMERS) as stack:
        yield stack


@pytest.fixture(scope="session")
def pipelines() -> Iterator[Stack]:
    """With all pipelines of the folder, a rule each. Their own: other tests count what happens on the stack."""
    with deployed(*map(Workload.load, names())) as stack:
        yield stack


@pytest.fixture
def parked(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Parked]:
    """A stack of its own, as far as a redrive can see; its trigger in haste, or as the test's parameter says."""
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_").replace("_", "-"))[:40]
    parked = Parked(stack, name, getattr(request, "param", HASTE))
    yield parked
    parked.rule.delete()
