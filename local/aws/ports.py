"""Ports of 127.0.0.1, each for one local AWS."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import BinaryIO

HOST = "127.0.0.1"
DEFAULT_PORT = 4566
PORTS = 100  # tried in turn from the default on


class LocalAwsError(RuntimeError):
    """The server did not start, died, or does not answer; the message names its log."""


def claim(wanted: int | None) -> tuple[int, BinaryIO]:
    """A port, and a lock on it that lasts as long as somebody, we or the server, keeps it open.

    Without the lock two starts at once, in one clone or in two, would find the same port free.
    """
    ports = range(DEFAULT_PORT, DEFAULT_PORT + PORTS) if wanted is None else [wanted]
    for port in ports:
        if wanted is None and not _is_free(port):
            continue
        file = Path(tempfile.gettempdir(), f"local-aws-{port}.lock")
        if file.exists() and not os.access(file, os.W_OK):
            continue  # another user's
        lock = file.open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return port, lock
    raise LocalAwsError(f"no port left of {ports} on {HOST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
