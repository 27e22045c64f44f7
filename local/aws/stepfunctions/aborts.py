"""What aborting a state machine reaches: its waits, its `.sync` jobs and its children.

Follows "Run a Job (.sync)" in the AWS Step Functions Developer Guide: a task is aborted,
and Step Functions tries to cancel it, when its execution is stopped, or when a branch of
its Parallel or an iteration of its Map fails with an uncaught error.

A scope is an execution, or a Parallel or Map inside it. ministack starts every thread of
an execution with a copy of the context, so each of them finds its scope in `current`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Aborted(BaseException):
    """Unwinds a thread whose scope was aborted. No Exception: no Retry or Catch may stop it."""


class Scope:
    def __init__(self) -> None:
        self._aborted = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []

    def abort(self) -> None:
        with self._lock:
            self._aborted.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def check(self) -> None:
        self.sleep(0)

    def sleep(self, seconds: float) -> None:
        if self._aborted.wait(seconds):
            raise Aborted

    @contextmanager
    def on_abort(self, callback: Callable[[], object]) -> Iterator[None]:
        """Calls `callback` if the scope is aborted in the block, at once if it already is."""
        with self._lock:
            self._callbacks.append(callback)
            aborted = self._aborted.is_set()
        try:
            if aborted:
                callback()
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)


# Outside of an execution (TestState) nothing is ever aborted.
current: ContextVar[Scope] = ContextVar("current", default=Scope())


@contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    token = current.set(scope)
    try:
        yield scope
    finally:
        current.reset(token)


@contextmanager
def nested() -> Iterator[Scope]:
    """A scope inside the current one, aborted with it."""
    scope = Scope()
    with current.get().on_abort(scope.abort), entered(scope):
        yield scope
