"""The bounds of an expression of JSONata: its depth, and its time.

Follows "Transforming data with JSONata" in the AWS Step Functions Developer Guide: a second.
AWS's depth is undocumented; people met it between 95 and 125, and the published time box of
the engine has 100.
"""

import time
from typing import Any

import jsonata
import jsonata.timebox
from jsonata.jexception import JException

from local.aws import patching

MAX_DEPTH = 100

original = patching.names(jsonata.Jsonata, "jsonata")


class Timebox(jsonata.timebox.Timebox):  # type: ignore[misc] # jsonata-python has no types
    """Counts the time that the expression computes. It may wait longer for its turn: all of AWS is one process here."""

    def __init__(self, frame: Any, timeout: int | None = None, max_depth: int | None = None) -> None:
        self._began = time.thread_time()
        super().__init__(frame, timeout, max_depth)

    def check_runaway(self) -> None:
        if self.max_depth is not None and self.depth > self.max_depth:
            raise JException("D1011", -1)
        if self.timeout is not None and (time.thread_time() - self._began) * 1000 > self.timeout:
            raise JException("D1012", -1, self.timeout)


def install() -> None:
    patching.replace(jsonata.Jsonata, jsonata=expression)
    patching.replace(jsonata.timebox, Timebox=Timebox)


def expression(text: str, timeout: int | None = None) -> Any:
    return original.jsonata(text, timeout=timeout, stack=MAX_DEPTH)
