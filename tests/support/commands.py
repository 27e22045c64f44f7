"""The command-line tool, as an operator runs it against a stack."""

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from local.demo import ROOT
from local.demo.deploy import TOOL
from tests.support.roles import policy
from tests.support.stack import Stack

PATH = os.pathsep.join([str(TOOL.parent), str(ROOT / ".venv/build/bin"), os.environ["PATH"]])


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def crawler_sync(stack: Stack, *arguments: str, environment: Mapping[str, str] | None = None) -> Said:
    ended = subprocess.run(
        [str(TOOL), *arguments],
        env=environment or stack.aws.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)


def type_in(stack: Stack, command: str) -> str:
    """What a shell makes of a command that was advised."""
    environment = stack.aws.environment | {"PATH": PATH}
    ended = subprocess.run(
        ["bash", "-euc", command], env=environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def signed_in(stack: Stack, *actions: str) -> dict[str, str]:
    """The environment of an operator whose role allows these actions."""
    iam = stack.aws.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="operator", AssumeRolePolicyDocument=policy(trust))
    allow = {"Effect": "Allow", "Action": ["sts:GetCallerIdentity", *actions], "Resource": "*"}
    iam.put_role_policy(RoleName="operator", PolicyName="operate", PolicyDocument=policy(allow))
    role = iam.get_role(RoleName="operator")["Role"]["Arn"]
    keys = stack.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="operator")["Credentials"]
    names = {"AccessKeyId": "ACCESS_KEY_ID", "SecretAccessKey": "SECRET_ACCESS_KEY", "SessionToken": "SESSION_TOKEN"}
    return stack.aws.environment | {f"AWS_{name}": keys[key] for key, name in names.items()}
