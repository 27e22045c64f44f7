"""Who makes a call: the role that the execution of a machine works under, or the one that signed the request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.router import extract_access_key_id

from local.aws.iam import roles
from local.aws.iam.authorization import Principal

# The role of the execution that a thread works for; outside of one (TestState) nothing is checked.
_role: ContextVar[Principal | None] = ContextVar("role", default=None)


@contextmanager
def acting(role: str, session: str) -> Iterator[None]:
    token = _role.set(Principal(role, session))
    try:
        yield
    finally:
        _role.reset(token)


def current() -> Principal | None:
    return _role.get()


def of_request(headers: Mapping[str, str], query: Mapping[str, Any]) -> Principal | None:
    """The role that calls, by HTTP or as a task of a machine, whose requests are signed by nobody."""
    return current() or of_key(extract_access_key_id(headers, query))


def of_key(access_key: str) -> Principal | None:
    """The role that the key is of; nothing for the account's root, a user, and their sessions."""
    caller = iam_evaluator.resolve_caller_identity(access_key)
    kind, *names = caller["userArn"].rpartition(":")[2].split("/") if caller else [""]
    return Principal(roles.arn(names[0]), names[1]) if kind == "assumed-role" else None
