"""Start, reach and stop a local AWS: one child process bound to 127.0.0.1.

with LocalAws() as aws:
    aws.client("s3").create_bucket(...)
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from local.aws import ports
from local.aws.ports import HOST, LocalAwsError

# Where `local` is, which the server process imports.
ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".local"
REGION = "eu-west-1"
ACCOUNT = "000000000000"
START_SECONDS = 120
GRACE_SECONDS = 5


class LocalAws:
    """A local AWS of its own: state in memory, gone on stop.

    `port` None takes 4566, or the next free one when that is taken; from start on it is the
    port, and `endpoint`, `directory` and `log` follow from it. A `detached` server outlives
    this process; any other ends with it, however this process ends. With `permissions` every call of a function, a
    machine, a rule, a job or a crawler is held against its role; the calls of this process are the root's.
    """

    port: int
    endpoint: str
    directory: Path
    log: Path

    def __init__(self, port: int | None = None, *, detached: bool = False, permissions: bool = True) -> None:
        self._wanted_port = port
        self._detached, self._permissions = detached, permissions
        self._process: subprocess.Popen[bytes] | None = None
        self._claim: BinaryIO | None = None
        self._clients: dict[str, BaseClient] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        if self._process is None:
            raise LocalAwsError("the local AWS has not been started")
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """What a child process needs to reach this AWS, and no other."""
        return child_environment(os.environ, self.endpoint)

    def start(self) -> Self:
        self.port, self._claim = ports.claim(self._wanted_port)
        self.endpoint = f"http://{HOST}:{self.port}"
        self.directory = STATE / f"aws-{self.port}"
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / "server.log"
        scratch = self._clear_scratch()
        environment = self.environment | {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "LAMBDA_EXECUTOR": "local",
            "AUTH": str(self._permissions).lower(),
            # Further listeners, which nothing here needs.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "PYTHONUNBUFFERED": "1",
        }
        for variable in ("TMPDIR", "HOME"):
            directory = scratch / variable.lower()
            directory.mkdir(parents=True)
            environment[variable] = str(directory)
        command = [sys.executable, "-m", "local.aws.process"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command if self._detached else [*command, "--end-with-parent"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL if self._detached else subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self._claim.fileno()],
            )
        try:
            self._await_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends the server and everything it runs; the log stays."""
        if self._process is None:
            return
        process, self._process = self._process, None
        end_process(process.pid, lambda: process.poll() is not None)
        if process.stdin:
            process.stdin.close()
        self._clear_scratch()
        if self._claim:
            self._claim.close()

    def client(self, service: str) -> BaseClient:
        """A boto3 client that shows every error at once: nothing is retried.

        Made once a service: that costs 0.1 s, and clients may be shared by threads.
        """
        with self._lock:
            if service not in self._clients:
                self._clients[service] = boto3.session.Session(
                    aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION
                ).client(
                    service,
                    endpoint_url=self.endpoint,
                    config=Config(
                        retries={"total_max_attempts": 1},
                        inject_host_prefix=False,
                        max_pool_connections=64,
                        proxies={},
                    ),
                )
            return self._clients[service]

    def calls(self) -> dict[str, dict[str, int]]:
        """How often each operation was called, by the name of a crawler, a job, a machine, a table and so on."""
        return self._local("GET", "/_local/calls")

    def forget_calls(self) -> None:
        self._local("DELETE", "/_local/calls")

    def allowed(self) -> set[tuple[str, str]]:
        """What roles have been allowed: the role's name, and the action.

        A service that takes a role on does `sts:AssumeRole`; what a resource's own policy allows a service has no role.
        """
        return {(role, action) for role, action in self._local("GET", "/_local/allowed")}

    def denied(self) -> set[tuple[str, str]]:
        """What they have been denied."""
        return {(role, action) for role, action in self._local("GET", "/_local/denied")}

    def forget_permissions(self) -> None:
        for noted in ("allowed", "denied"):
            self._local("DELETE", f"/_local/{noted}")

    def put_event(self, event: Mapping[str, Any]) -> None:
        """Puts an event on the default bus as it is: source, id and time included."""
        self._local("POST", "/_local/events", event)

    def fire_schedule(self, name: str, at: datetime | None = None, *, group: str = "default") -> None:
        """Delivers a schedule of EventBridge Scheduler now, as if it were due at this time."""
        path = f"/_local/schedules/{quote(group)}/{quote(name)}"
        self._local("POST", path, {"at": at.isoformat() if at else None})

    def _local(self, method: str, path: str, body: object = None) -> Any:
        try:
            return request(self.port, method, path, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LocalAwsError(f"{method} {path}: {error}; see {self.log}") from error

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LocalAwsError(self._failure(f"the local AWS ended with exit code {process.returncode}"))
            # The pid tells our server from another one on the same port.
            if server_pid(self.port, timeout=1) == process.pid:
                return
            time.sleep(0.05)
        raise LocalAwsError(self._failure(f"the local AWS did not answer within {START_SECONDS} s"))

    def _failure(self, what: str) -> str:
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return f"{what} (port {self.port}); log {self.log} ends with:\n{tail}"

    def _clear_scratch(self) -> Path:
        scratch = self.directory / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        return scratch


def child_environment(inherited: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """`inherited` without anything that could lead to a real AWS account."""
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.upper().startswith("AWS_") or name == "AWS_CA_BUNDLE"
    }
    return kept | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        # StartSyncExecution would go to sync-127.0.0.1.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "NO_PROXY": HOST,
        "no_proxy": HOST,
    }


def request(port: int, method: str, path: str, body: object = None, *, timeout: float = 60) -> Any:
    """One JSON request to the server's own endpoints, past any proxy."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise ValueError(f"HTTP {response.status} {answer.decode(errors='replace')}")
        return json.loads(answer)
    finally:
        connection.close()


def server_pid(port: int, *, timeout: float = 30) -> int | None:
    """The process id of the local AWS on `port`, None when none answers in time."""
    try:
        return request(port, "GET", "/_local/server", timeout=timeout)["pid"]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None


def end_process(pid: int, has_ended: Callable[[], bool]) -> None:
    """Ends a server by its process id, and by force whatever is left of its group."""
    if not has_ended():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    _wait_until(has_ended)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
        _wait_until(lambda: has_ended() and not _group_exists(pid))


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)
