"""Lambda's part: it starts a function process, hands it invocations over the Runtime API, and looks on."""

import json
import os
import selectors
import signal
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from benches.contestants import Contestant
from benches.glue import GlueStub
from benches.wire import Connection, Request
from local.demo.command import Failure

SECONDS = 30
MEMORY_MIB = 128
# The calls after the first that still find new ground: pools fill, pages are touched.
SETTLING_CALLS = 5
# Of 700 characters, as those of roles are: it is signed and sent with every call.
SESSION_TOKEN = "IQoJb3JpZ2luX2VjE" + "Qx7" * 228

CORES = sorted(os.sched_getaffinity(0))
OWN_CORE, FUNCTION_CORE = CORES[0], CORES[-1]


class BenchError(Failure):
    """Something is not as it has to be for figures to mean anything; the message says what."""


@dataclass
class Sample:
    """What one process showed. Times in seconds, memory in bytes."""

    init: float
    init_cpu: float
    first: float
    first_cpu: float
    warm: list[float] = field(default_factory=list)
    warm_cpu: list[float] = field(default_factory=list)
    peak_memory: int = 0


def environment(contestant: Contestant, api: str, glue: GlueStub) -> dict[str, str]:
    """As Lambda sets it, and the way to the Glue stub."""
    return {
        "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": str(contestant.directory),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": "bootstrap" if contestant.bootstrap else contestant.command[-1],
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_FUNCTION_NAME": contestant.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MIB),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{contestant.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/31/[$LATEST]0123456789abcdef0123456789abcdef",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": SESSION_TOKEN,
        "AWS_ENDPOINT_URL": glue.endpoint,
        "AWS_CA_BUNDLE": str(glue.bundle),
        "SSL_CERT_FILE": str(glue.bundle),
    }


def measure(contestant: Contestant, glue: GlueStub, calls: int) -> Sample:
    """A cold start and `calls` warm calls of one new process."""
    with Function(contestant, glue) as function:
        init, init_cpu = function.start()
        first, first_cpu = function.invoke()
        sample = Sample(init, init_cpu, first, first_cpu)
        for _ in range(SETTLING_CALLS if calls else 0):
            function.invoke()
        for _ in range(calls):
            seconds, cpu = function.invoke()
            sample.warm.append(seconds)
            sample.warm_cpu.append(cpu)
        sample.peak_memory = function.peak_memory()
        return sample


class Function:
    """One process of a contestant, and its Runtime API."""

    def __init__(self, contestant: Contestant, glue: GlueStub) -> None:
        self._contestant = contestant
        # In memory: writing a log to the disk would delay the logger's next start.
        self._log = os.memfd_create("log")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._api = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._environment = environment(contestant, self._api, glue)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._event = contestant.event
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Function":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        for key in list(self._selector.get_map().values()):
            match key.fileobj:
                case int(pidfd):
                    os.close(pidfd)
                case socket.socket() | Connection() as stream:
                    stream.close()
        self._selector.close()
        os.close(self._log)

    def start(self) -> tuple[float, float]:
        """From the start of the process to its first request for an invocation: seconds, and CPU seconds."""
        # The child inherits the core; to set it between fork and exec would need the slower fork.
        os.sched_setaffinity(0, {FUNCTION_CORE})
        began = time.perf_counter()
        self._process = subprocess.Popen(
            self._contestant.command,
            cwd=self._contestant.directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        os.sched_setaffinity(0, {OWN_CORE})
        self._pid = self._process.pid
        self._selector.register(os.pidfd_open(self._pid), selectors.EVENT_READ)
        self._next = self._request("/2018-06-01/runtime/invocation/next")
        return time.perf_counter() - began, self._cpu()

    def invoke(self) -> tuple[float, float]:
        """From handing over an invocation to its answer: seconds; and to the next request: CPU seconds."""
        cpu = self._cpu()
        request_id = str(uuid.uuid4())
        deadline = int((time.time() + SECONDS) * 1000)
        began = time.perf_counter()
        self._next.answer(
            200,
            self._event,
            Content_Type="application/json",
            Lambda_Runtime_Aws_Request_Id=request_id,
            Lambda_Runtime_Deadline_Ms=str(deadline),
            Lambda_Runtime_Invoked_Function_Arn=f"arn:aws:lambda:eu-west-1:111122223333:function:{self._contestant.name}",
            Lambda_Runtime_Trace_Id="Root=1-65ba0000-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0",
        )
        response = self._request(f"/2018-06-01/runtime/invocation/{request_id}/response")
        seconds = time.perf_counter() - began
        response.answer(202, {"status": "OK"})
        if not self._contestant.is_right(json.loads(response.body)):
            raise BenchError(f"{self._contestant.name} answered {response.body.decode()}")
        self._next = self._request("/2018-06-01/runtime/invocation/next")
        return seconds, self._cpu() - cpu

    def peak_memory(self) -> int:
        status = Path(f"/proc/{self._pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def _cpu(self) -> float:
        """User and system time of all threads, by clock_getcpuclockid(3): /proc counts in hundredths of a second."""
        return time.clock_gettime(~self._pid << 3 | 2)

    def _request(self, path: str) -> Request:
        """The next request, which has to be for `path`."""
        while True:
            ready = self._selector.select(SECONDS)
            if not ready:
                raise self._failure(f"did nothing for {SECONDS} s")
            for key, _ in ready:
                if key.fileobj is self._listener:
                    self._selector.register(Connection(self._listener.accept()[0]), selectors.EVENT_READ)
                elif not isinstance(key.fileobj, Connection):
                    raise self._failure("ended")
                elif (requests := key.fileobj.receive()) is None:
                    self._selector.unregister(key.fileobj)
                    key.fileobj.close()
                elif requests:
                    [request] = requests
                    if request.path != path:
                        raise self._failure(f"asked for {request.path} with {request.body.decode()}")
                    return request

    def _failure(self, what: str) -> BenchError:
        log = os.pread(self._log, os.fstat(self._log).st_size, 0).decode(errors="replace")
        tail = "\n".join(log.splitlines()[-5:])
        return BenchError(f"{self._contestant.name} {what}; its log ends with:\n{tail}")
