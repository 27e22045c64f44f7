"""Logs of functions with a bootstrap of their own: ministack gives up on a line after 50 ms, and loses it.

Follows "Building a custom runtime" in the AWS Lambda Developer Guide: whatever a function writes to its standard
streams reaches its logs, however busy the machine is.
"""

import ministack.core.lambda_runtime as lambda_runtime

from local.aws import patching

original = patching.names(lambda_runtime.Worker, "_drain_stderr_bounded")

# A function that writes nothing takes that long to answer.
PATIENCE = 1.0


def install() -> None:
    patching.replace(lambda_runtime.ProvidedWorker, _drain_stderr_bounded=drain)


def drain(worker: lambda_runtime.ProvidedWorker, first_line_wait: float = PATIENCE) -> str:
    log: str = original._drain_stderr_bounded(worker, first_line_wait=first_line_wait, hard_cap=2 * PATIENCE)
    return log
