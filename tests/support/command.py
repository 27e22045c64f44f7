"""The command-line tool as the tests use it: the real binary, on a local AWS."""

import json
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.aws import LocalAws
from local.aws.policies import policy
from local.demo.deploy import TOOL
from tests.support.stack import PATIENCE


@dataclass(frozen=True)
class Ended:
    """What a command has printed, and how it ended."""

    code: int
    text: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Command:
    """Runs commands against a stack, as the owner of the keys."""

    def __init__(self, aws: LocalAws, stack: str, keys: Mapping[str, str] | None = None) -> None:
        self.aws = aws
        self.environment = aws.environment | {"CRAWLER_SYNC_STACK": stack} | dict(keys or {})

    def __call__(self, *arguments: str) -> Ended:
        process = self.begin(*arguments)
        text, error = process.communicate(timeout=PATIENCE)
        return Ended(process.returncode, text, error)

    def again(self, command: str) -> Ended:
        """A command that has been printed, in full."""
        program, *arguments = shlex.split(command)
        assert program == "crawler-sync"
        return self(*arguments)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [TOOL, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs the tests in the background has them ignore Ctrl-C; a terminal doesn't.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def rest(process: subprocess.Popen[str]) -> Ended:
    """How a command ends of which lines were read: `communicate` loses what was read ahead of them."""
    assert process.stdout
    with process:
        late = threading.Timer(PATIENCE, process.kill)
        late.start()
        text, error = process.stdout.read(), process.stderr.read() if process.stderr else ""
        code = process.wait()
        late.cancel()
    return Ended(code, text, error)


def acting(aws: LocalAws, stack: str, role: str, *allowed: str) -> Command:
    """As a new role that may do this, and nothing else."""
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    if allowed:
        statement = {"Effect": "Allow", "Action": list(allowed), "Resource": "*"}
        iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=policy(statement))
    keys = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    names = {"AccessKeyId": "AWS_ACCESS_KEY_ID", "SecretAccessKey": "AWS_SECRET_ACCESS_KEY"}
    told = {variable: keys[name] for name, variable in names.items()}
    return Command(aws, stack, told | {"AWS_SESSION_TOKEN": keys["SessionToken"]})
