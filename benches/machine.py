"""What a reader of the figures has to know of the machine."""

import os
import platform
import re
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from benches.host import FUNCTION_CORE, OWN_CORE

ROOT = Path(__file__).parents[1]
PROCESSORS = os.sysconf("SC_NPROCESSORS_ONLN")


@contextmanager
def ahead_of_others() -> Iterator[str]:
    """Real-time priority for this thread and what it starts, if that is allowed; says what came of it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        yield "that of all others"
        return
    try:
        yield "real-time, so that others wait"
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@contextmanager
def without_halting() -> Iterator[str]:
    """Has idle cores wait without halting, if that is allowed; says what came of it.

    To wake a halted core takes an interrupt, in a virtual machine by way of the hypervisor. The guest counts that
    as work of the function's, nearly half of a warm call, and it varies with what the neighbours do. Zero
    microseconds to wake are asked for while the file is open: <https://docs.kernel.org/power/pm_qos_interface.html>.
    """
    latency = Path("/dev/cpu_dma_latency")
    if not os.access(latency, os.W_OK):
        yield "halt, as the system decides"
        return
    with latency.open("wb", buffering=0) as file:
        file.write(struct.pack("i", 0))
        yield "wait without halting"


class OtherWork:
    """How much of the machine others take, from now on."""

    def __init__(self) -> None:
        self._load = os.getloadavg()[0]
        self._began, self._all, self._own = time.monotonic(), busy_seconds(), own_seconds()

    def __str__(self) -> str:
        there_was = (time.monotonic() - self._began) * PROCESSORS
        others = max(0.0, busy_seconds() - self._all - (own_seconds() - self._own))
        return f"load average {self._load:.2f} before; others took {others / there_was:.0%} of the machine meanwhile"


def busy_seconds() -> float:
    """All work since the machine started, that of other virtual machines on its cores included."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, irq, softirq, steal))) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """This process and all functions that it has ended."""
    return sum(os.times()[:4])


def circumstances(runs: int, calls: int, priority: str, idle: str, others: OtherWork) -> dict[str, str]:
    def output(*command: str) -> str:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": ", ".join([*models[:1], platform.machine(), f"{PROCESSORS} cores"]),
        "system": f"Linux {platform.release()}, {' '.join(platform.libc_ver())}",
        "Rust": output("rustc", "--version"),
        "Python": f"{platform.python_version()}, boto3 {version('boto3')}, awslambdaric {version('awslambdaric')}",
        "cold starts": f"{runs} of each, in turn",
        "warm calls": f"{calls // runs * runs} of each, {calls // runs} after each cold start",
        "cores": f"the function on core {FUNCTION_CORE}, Runtime API and Glue on core {OWN_CORE}",
        "idle cores": idle,
        "priority": priority,
        "other work": str(others),
    }
