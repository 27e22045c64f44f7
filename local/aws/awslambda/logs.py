"""Logs of functions with a bootstrap of their own: all that a function wrote before it answered.

Follows "Building a custom runtime" in the AWS Lambda Developer Guide: whatever a function writes to its standard
streams reaches its logs. ministack has a thread read them, and on a busy machine an answer is quicker than that thread.
"""

import os
from contextlib import suppress
from io import BufferedReader
from queue import Empty, Queue
from select import POLLIN, poll
from threading import Lock

import ministack.core.lambda_runtime as lambda_runtime

from local.aws import patching

original = patching.names(lambda_runtime.Worker, "_drain_stderr")

# One for all functions: nobody waits while holding it.
reading = Lock()
# The line that each has begun.
begun: dict[BufferedReader, bytes] = {}


def install() -> None:
    patching.replace(lambda_runtime.ProvidedWorker, _pump_output=pump, _drain_stderr_bounded=drain)


def pump(_worker: lambda_runtime.ProvidedWorker, stream: BufferedReader, lines: Queue[str]) -> None:
    """Reads until the process has ended, lest it waits for room to write."""
    written = poll()
    written.register(stream, POLLIN)
    while read(stream, lines):
        written.poll()
    with reading:
        stream.close()


def drain(worker: lambda_runtime.ProvidedWorker, first_line_wait: float = 0) -> str:
    """What is in the pipe now belongs to this invocation."""
    if process := worker._proc:
        read(process.stdout, worker._stderr_queue)
    log: str = original._drain_stderr(worker)
    return log


def read(stream: BufferedReader, lines: Queue[str]) -> bool:
    """Takes what has been written, and says whether more may come."""
    with reading:
        if stream.closed:
            return False
        os.set_blocking(stream.fileno(), False)
        # None if there is nothing yet.
        found = stream.read()
        *whole, rest = (begun.pop(stream, b"") + (found or b"")).split(b"\n")
        if found != b"":
            begun[stream] = rest
        elif rest:
            whole.append(rest)
        for line in whole:
            if lines.full():
                with suppress(Empty):
                    lines.get_nowait()
            lines.put(line.decode(errors="replace"))
    return found != b""
