"""What the stack grants, each grant so that it can be taken away for a while."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tests.support.stack import Stack
from tests.support.transformed import listed


class Grant(Protocol):
    """A permission that something of the stack gives."""

    @property
    def name(self) -> str: ...

    def without(self, stack: Stack) -> AbstractContextManager[None]:
        """A context in which it is not given."""


@dataclass(frozen=True)
class Allowed:
    """One action on one resource, in a role's own policy."""

    role: str  # its logical name
    physical: str
    action: str
    resource: str
    policy: str
    statement: int

    @property
    def name(self) -> str:
        resource = ":".join(self.resource.split(":")[5:]) or "*"
        return f"{self.role}: {self.action} on {resource}"

    @contextmanager
    def without(self, stack: Stack) -> Iterator[None]:
        iam, policy = stack.aws.client("iam"), {"RoleName": self.physical, "PolicyName": self.policy}
        whole = iam.get_role_policy(**policy)["PolicyDocument"]
        if rest := list(self._rest(whole)):
            iam.put_role_policy(**policy, PolicyDocument=json.dumps(whole | {"Statement": rest}))
        else:
            iam.delete_role_policy(**policy)
        try:
            yield
        finally:
            iam.put_role_policy(**policy, PolicyDocument=json.dumps(whole))

    def _rest(self, whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The statements, but for this action on this resource."""
        for number, statement in enumerate(whole["Statement"]):
            if number != self.statement:
                yield statement
                continue
            actions, resources = listed(statement["Action"]), listed(statement["Resource"])
            others = [action for action in actions if action != self.action]
            elsewhere = [resource for resource in resources if resource != self.resource]
            if others:
                yield statement | {"Action": others}
            if elsewhere:
                yield statement | {"Action": self.action, "Resource": elsewhere}


@dataclass(frozen=True)
class Attached:
    """A policy of AWS's own, attached to a role."""

    role: str
    physical: str
    arn: str

    @property
    def name(self) -> str:
        return f"{self.role}: {self.arn.rpartition('/')[2]}"

    @contextmanager
    def without(self, stack: Stack) -> Iterator[None]:
        iam, attachment = stack.aws.client("iam"), {"RoleName": self.physical, "PolicyArn": self.arn}
        iam.detach_role_policy(**attachment)
        try:
            yield
        finally:
            iam.attach_role_policy(**attachment)


@dataclass(frozen=True)
class Trust:
    """A service that may take the role on."""

    role: str
    physical: str

    @property
    def name(self) -> str:
        return f"{self.role}: its service may assume it"

    @contextmanager
    def without(self, stack: Stack) -> Iterator[None]:
        iam = stack.aws.client("iam")
        whole = iam.get_role(RoleName=self.physical)["Role"]["AssumeRolePolicyDocument"]
        nobody = json.dumps(whole | {"Statement": []})
        iam.update_assume_role_policy(RoleName=self.physical, PolicyDocument=nobody)
        try:
            yield
        finally:
            iam.update_assume_role_policy(RoleName=self.physical, PolicyDocument=json.dumps(whole))


@dataclass(frozen=True)
class QueuePolicy:
    """What the dead-letter queue's own policy allows."""

    name: str = "DeadLetterQueuePolicy: sqs:SendMessage"

    @contextmanager
    def without(self, stack: Stack) -> Iterator[None]:
        queue = stack.outputs["DeadLetterQueueUrl"]
        whole = stack.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]
        stack.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
        try:
            yield
        finally:
            stack.sqs.set_queue_attributes(QueueUrl=queue, Attributes=whole)


def grants(stack: Stack) -> list[Grant]:
    """Every one that the deployed stack gives."""
    resources = stack.aws.client("cloudformation").describe_stack_resources(StackName=stack.NAME)["StackResources"]
    roles = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in resources
        if each["ResourceType"] == "AWS::IAM::Role"
    }
    found: list[Grant] = [QueuePolicy()]
    for role, physical in roles.items():
        found += [Trust(role, physical), *_of_role(stack, role, physical)]
    return found


def _of_role(stack: Stack, role: str, physical: str) -> Iterator[Grant]:
    iam = stack.aws.client("iam")
    for attached in iam.list_attached_role_policies(RoleName=physical)["AttachedPolicies"]:
        yield Attached(role, physical, attached["PolicyArn"])
    for policy in iam.list_role_policies(RoleName=physical)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=physical, PolicyName=policy)["PolicyDocument"]
        for number, statement in enumerate(document["Statement"]):
            assert statement["Effect"] == "Allow"
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    yield Allowed(role, physical, action, resource, policy, number)
