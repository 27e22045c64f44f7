"""The role of what tests create beside the stack: it may do all, and every service may assume it."""

import json
from collections.abc import Mapping
from contextlib import suppress

from local.aws import ACCOUNT, LocalAws

NAME = "tests"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{NAME}"


def create_role(aws: LocalAws) -> None:
    services = [f"{service}.amazonaws.com" for service in ("events", "glue", "lambda", "states")]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": services}}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam = aws.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=policy(trust))
    iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=policy(everything))


def policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
