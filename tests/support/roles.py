"""The role of what tests create beside the stack: it may do all, and every service may assume it."""

from contextlib import suppress

from local.aws import ACCOUNT, LocalAws
from local.aws.policies import policy

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
