"""The server process: ministack with the extensions.

Started by module server, as the leader of a process group of its own, so that the
Lambda functions and Glue jobs it runs can be ended together with it.
"""

import argparse
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import suppress

CHILDREN_SECONDS = 2


def _end_with_parent() -> None:
    """Ends the whole group, by force, when standard input closes.

    The parent holds the other end of the pipe: the kernel closes it however the
    parent dies, on every platform and without a race.
    """
    os.read(sys.stdin.fileno(), 1)
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    shutil.rmtree(os.environ["HOME"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def _end_children() -> None:
    """Ends the rest of the group, and reaps it: nobody need wait for init to do so."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + CHILDREN_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--end-with-parent", action="store_true", help="end when standard input closes")
    arguments, sys.argv[1:] = parser.parse_args(), []
    if arguments.end_with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()

    import ministack.app

    from local.aws import extensions

    extensions.install()
    try:
        ministack.app.main()
    finally:
        _end_children()
    # Threads of running executions must not hold up the end.
    os._exit(0)


if __name__ == "__main__":
    main()
