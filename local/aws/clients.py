"""Clients of this very AWS, for what extensions do through the public API: as a role, or as the account's root."""

from functools import lru_cache

import boto3
from botocore.client import BaseClient
from ministack import app
from ministack.core.lambda_runtime import execution_credentials
from ministack.core.responses import get_account_id, get_region


def client(service: str, role: str | None = None, session: str = "") -> BaseClient:
    """A client in the region of the request or thread; the endpoint, and the root's keys, are in the environment."""
    keys = credentials(role, session) if role else {}
    return _client(service, get_region(), *keys.values())


def credentials(role: str, session: str) -> dict[str, str]:
    """What a process that works under the role has in its environment; nothing where permissions are not enforced."""
    if not app.AUTH:
        return {}
    account, region = get_account_id(), get_region()
    # A session a role and name, as ministack gives it to functions.
    arn = f"arn:aws:lambda:{region}:{account}:function:{session}"
    keys = execution_credentials({"Role": role, "FunctionArn": arn, "FunctionName": session})
    return {name: keys[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}


@lru_cache(maxsize=256)
def _client(service: str, region: str, *keys: str) -> BaseClient:
    # A session of its own: boto3's default session must not create clients in two threads at once.
    return boto3.session.Session(*keys, region_name=region).client(service)
