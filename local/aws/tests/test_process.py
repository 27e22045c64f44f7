"""Starting and stopping: nothing but 127.0.0.1, nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local.aws import HOST, LocalAws, LocalAwsError
from local.aws import server as module
from local.aws.server import ROOT, child_environment, server_pid
from local.aws.tests.support import Local, at_once, error_code, eventually


def alive(pid: int) -> bool:
    """Whether a process runs; one that merely waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def group(pid: int) -> set[int]:
    """The processes in the process group `pid`."""
    members = set()
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(directory.name)) == pid and alive(int(directory.name)):
                members.add(int(directory.name))
        except ProcessLookupError:
            continue
    return members


def listening_addresses(pid: int) -> set[str]:
    """The local addresses on which a process listens, IPv4 and IPv6, in the kernel's notation."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                addresses.add(fields[1].partition(":")[0])
    return addresses


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@linux
def test_it_listens_on_the_loopback_address_only(local: Local) -> None:
    """Protects the machine: nobody else may reach an AWS without passwords."""
    assert listening_addresses(local.aws.pid) == {"0100007F"}


def test_a_second_one_runs_beside_the_first_and_stops_alone(local: Local) -> None:
    """Protects parallel test runs: a taken port is not an error, and states don't mix."""
    with LocalAws() as second:
        assert second.port != local.aws.port
        pid = second.pid
        second.client("sqs").create_queue(QueueName="second")
        assert not local.sqs.list_queues(QueueNamePrefix="second").get("QueueUrls")
    assert server_pid(local.aws.port) == local.aws.pid
    assert server_pid(second.port) != pid


@linux
def test_stop_leaves_no_process_and_no_file_but_the_log() -> None:
    """Protects the machine: a job that runs for ever ends with its AWS."""
    with LocalAws() as aws:
        pid, scratch = aws.pid, aws.directory / "scratch"
        second = Local(aws)
        job = second.job("import time; time.sleep(600)")
        second.glue.start_job_run(JobName=job)
        eventually(lambda: len(group(pid)) > 1)
        assert scratch.is_dir()
    assert not group(pid)
    assert not scratch.exists()
    assert aws.log.is_file()


@linux
def test_it_ends_with_a_parent_that_is_killed() -> None:
    """Protects the machine: SIGKILL to a test run leaves nothing behind either."""
    program = "from local.aws import LocalAws; import time; print(LocalAws().start().pid, flush=True); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not group(pid))


def test_a_server_that_dies_at_start_is_noticed_at_once_and_its_log_named() -> None:
    """Protects debugging: no waiting for a time-out, and the reason is at hand."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalAwsError, match=rf"exit code 1 .*(?s:.)*aws-{port}/server.log(?s:.)*already in use"):
            LocalAws(port).start()


@linux
def test_a_server_that_died_is_named_with_its_log_and_leaves_nothing() -> None:
    """Protects debugging of a server that dies later, and the machine from its orphans."""
    with LocalAws() as aws:
        pid, local = aws.pid, Local(aws)
        local.glue.start_job_run(JobName=local.job("import time; time.sleep(600)"))
        eventually(lambda: len(group(pid)) > 1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(LocalAwsError, match=r"server\.log"):
            eventually(lambda: aws.calls() and None)
    assert not group(pid)


def test_two_started_at_once_take_different_ports() -> None:
    """Protects parallel test runs from taking the same free port, and each other's files."""
    both = [LocalAws(), LocalAws()]
    try:
        at_once(*(aws.start for aws in both))
        assert both[0].port != both[1].port
        assert [server_pid(aws.port) for aws in both] == [aws.pid for aws in both]
    finally:
        for aws in both:
            aws.stop()


def test_no_real_credentials_reach_the_server() -> None:
    """Protects real accounts: neither keys nor a profile are inherited."""
    inherited = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "x", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_CA_BUNDLE": "ca"}
    environment = child_environment(inherited | {"PATH": "/bin"}, "http://127.0.0.1:1")
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["AWS_CA_BUNDLE"] == "ca"
    assert environment["PATH"] == "/bin"


@linux
def test_up_status_and_down() -> None:
    """Protects the commands: up outlives its process, down ends what up started."""

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "local.aws", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
        )

    if command("status").returncode == 0:
        pytest.skip("a local AWS of the developer's is up")
    try:
        up = command("up")
        assert up.returncode == 0, up.stderr
        endpoint, _, pid, _, _ = up.stdout.split()
        assert command("status").stdout == up.stdout
        assert "already running" in command("up").stderr
        assert endpoint.startswith(f"http://{HOST}:")
    finally:
        assert "stopped" in command("down").stdout
    assert not group(int(pid))
    assert command("status").returncode == 1


@linux
def test_reset_forgets_and_ends_everything() -> None:
    """Protects isolation: after ministack's reset no crawl, job or execution goes on."""
    with LocalAws() as aws:
        local = Local(aws)
        crawler = local.crawler(tags={"local:seconds": "60"})
        local.glue.start_crawler(Name=crawler)
        job = local.job("import time; time.sleep(600)")
        task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Arguments": {"JobName": job}}
        local.start(local.machine(Job=task | {"End": True}))
        eventually(lambda: len(group(aws.pid)) > 1)
        module.request(aws.port, "POST", "/_ministack/reset")
        eventually(lambda: group(aws.pid) == {aws.pid})
        assert error_code(local.glue.get_crawler, Name=crawler)[0] == "EntityNotFoundException"
        assert aws.calls() == {crawler: {"GetCrawler": 1}}
        assert local.states.list_state_machines()["stateMachines"] == []
