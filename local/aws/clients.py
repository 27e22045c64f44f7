"""Clients of this very AWS, for what extensions do through the public API."""

from functools import lru_cache

import boto3
from botocore.client import BaseClient
from ministack.core.responses import get_region


def client(service: str) -> BaseClient:
    """A client in the region of the request or thread; endpoint and keys are in the environment."""
    return _client(service, get_region())


@lru_cache
def _client(service: str, region: str) -> BaseClient:
    # A session of its own: boto3's default session must not create clients in two threads at once.
    return boto3.session.Session(region_name=region).client(service)
