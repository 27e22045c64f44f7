"""Bootstraps, which ministack unpacks while other threads begin processes.

A process inherits what is open for writing until it executes its own program, and Linux refuses to execute a file that
anyone may write (ETXTBSY). ministack's lock keeps its bootstraps out of each other's way, but not Python functions and
jobs out of theirs.
"""

import subprocess
from pathlib import Path
from zipfile import ZipFile

import ministack.services.lambda_svc as lambda_svc

from local.aws import patching

original = patching.names(lambda_svc, "_extract_zip_preserving_mode")


def install() -> None:
    patching.replace(lambda_svc, _extract_zip_preserving_mode=extract)


def extract(archive: ZipFile, directory: str) -> None:
    """Leaves a bootstrap that only a process which has ended ever had open for writing."""
    original._extract_zip_preserving_mode(archive, directory)
    bootstrap = Path(directory, "bootstrap")
    if bootstrap.exists():
        copy = bootstrap.with_suffix(".copy")
        subprocess.run(["cp", "-p", bootstrap, copy], check=True)
        copy.replace(bootstrap)
