"""`python -m local.aws up|status|down`: a local AWS in the background."""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from local.aws.ports import LocalAwsError
from local.aws.server import STATE, LocalAws, end_process, server_pid

STATE_FILE = STATE / "server.json"


def _up(port: int | None) -> str:
    if running := _running():
        raise LocalAwsError(f"already running: {_line(running)}")
    aws = LocalAws(port, detached=True).start()
    state = {"pid": aws.pid, "port": aws.port, "endpoint": aws.endpoint, "log": str(aws.log)}
    STATE_FILE.write_text(json.dumps(state))
    return _line(state)


def _status() -> str:
    state = _running()
    if state is None:
        raise LocalAwsError("not running")
    return _line(state)


def _down() -> str:
    state = _running()
    if state is None:
        return "not running"
    end_process(state["pid"], lambda: not _exists(state["pid"]))
    shutil.rmtree(Path(state["log"]).parent / "scratch", ignore_errors=True)
    STATE_FILE.unlink(missing_ok=True)
    return f"stopped; log {state['log']}"


def _running() -> dict[str, Any] | None:
    """The server of the state file, if the process answering there is still that one."""
    try:
        state = json.loads(STATE_FILE.read_text())
    except FileNotFoundError:
        return None
    return state if server_pid(state["port"]) == state["pid"] else None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _line(state: dict[str, Any]) -> str:
    return f"{state['endpoint']}  pid {state['pid']}  log {state['log']}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it in the background")
    up.add_argument("--port", type=int, help="default: 4566, or the next free one when that is taken")
    commands.add_parser("status", help="say where it runs")
    commands.add_parser("down", help="stop it and all it runs")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "up":
                print(_up(arguments.port))
            case "status":
                print(_status())
            case "down":
                print(_down())
    except LocalAwsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
