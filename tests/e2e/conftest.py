"""The template, deployed to a local AWS, with the jobs and crawlers of the pipeline customers."""

from collections.abc import Iterator

import pytest
from stack import BUCKET, Stack

from local import customers
from local.aws import LocalAws
from local.deploy import deploy


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with LocalAws() as aws:
        parameters = {
            "SourceBucketName": BUCKET,
            "JobNamePattern": "*",
            "CrawlerNamePattern": "*",
            "CoalesceSeconds": 2,
            "PollMinSeconds": 1,
            "PollMaxSeconds": 2,
        }
        outputs = deploy(aws, Stack.NAME, parameters)
        customers.set_up(aws, BUCKET)
        yield Stack(aws, outputs)
