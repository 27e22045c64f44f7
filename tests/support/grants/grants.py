"""What the stack grants, each grant so that it can be taken away for a while."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tests.support.stack import Stack
from tests.support.transformed import listed, transformed


class Grant(Protocol):
    """A permission that something of the stack gives."""

    @property
    def name(self) -> str: ...

    @property
    def permission(self) -> tuple[str, str] | None:
        """The role and the action, as the local AWS notes them; None of what nothing can ask for here."""

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

    @property
    def permission(self) -> tuple[str, str]:
        return self.physical, self.action

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
    """A managed policy, attached to a role: AWS's own, or one that a parameter names."""

    role: str
    physical: str
    arn: str
    action: str | None  # what is asked for first of the latter

    @property
    def name(self) -> str:
        return f"{self.role}: {self.arn.rpartition('/')[2]}"

    @property
    def permission(self) -> tuple[str, str] | None:
        return (self.physical, self.action) if self.action else None

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
    service: str
    statement: int

    @property
    def name(self) -> str:
        return f"{self.role}: {self.service} may assume it"

    @property
    def permission(self) -> tuple[str, str]:
        return self.physical, "sts:AssumeRole"

    @contextmanager
    def without(self, stack: Stack) -> Iterator[None]:
        iam = stack.aws.client("iam")
        whole = iam.get_role(RoleName=self.physical)["Role"]["AssumeRolePolicyDocument"]
        rest = [each for number, each in enumerate(whole["Statement"]) if number != self.statement]
        iam.update_assume_role_policy(RoleName=self.physical, PolicyDocument=json.dumps(whole | {"Statement": rest}))
        try:
            yield
        finally:
            iam.update_assume_role_policy(RoleName=self.physical, PolicyDocument=json.dumps(whole))


@dataclass(frozen=True)
class QueuePolicy:
    """An action that a queue's own policy allows."""

    policy: str  # its logical name
    queue: str  # its URL
    action: str
    statement: int

    @property
    def name(self) -> str:
        return f"{self.policy}: {self.action}"

    @property
    def permission(self) -> tuple[str, str]:
        return "", self.action

    @contextmanager
    def without(self, stack: Stack) -> Iterator[None]:
        whole = queue_policy(stack, self.queue)
        rest = [each for number, each in enumerate(whole["Statement"]) if number != self.statement]
        put = json.dumps(whole | {"Statement": rest}) if rest else ""
        stack.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": put})
        try:
            yield
        finally:
            stack.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": json.dumps(whole)})


def queue_policy(stack: Stack, queue: str) -> dict[str, Any]:
    attributes = stack.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"]).get("Attributes", {})
    found: dict[str, Any] = json.loads(attributes.get("Policy") or '{"Statement": []}')
    return found


def grants(stack: Stack) -> list[Grant]:
    """Every one that the deployed stack gives; fails at a type of resource of which nobody has said what it grants."""
    found: list[Grant] = []
    for each in stack.aws.client("cloudformation").describe_stack_resources(StackName=stack.NAME)["StackResources"]:
        kind = each["ResourceType"]
        assert kind in GRANTING or kind in GRANTING_NOTHING, f"write a Grant for {kind}"
        if kind in GRANTING:
            given = list(GRANTING[kind](stack, each["LogicalResourceId"], each["PhysicalResourceId"]))
            assert given, f"{each['LogicalResourceId']} grants nothing"
            found += given
    return found


def _of_role(stack: Stack, role: str, physical: str) -> Iterator[Grant]:
    iam = stack.aws.client("iam")
    trust = iam.get_role(RoleName=physical)["Role"]["AssumeRolePolicyDocument"]
    for number, statement in enumerate(trust["Statement"]):
        assert (statement["Effect"], listed(statement["Action"])) == ("Allow", ["sts:AssumeRole"])
        assert statement["Principal"].keys() == {"Service"}
        [service] = listed(statement["Principal"]["Service"])
        yield Trust(role, physical, service, number)
    for attached in iam.list_attached_role_policies(RoleName=physical)["AttachedPolicies"]:
        yield Attached(role, physical, attached["PolicyArn"], _first_action(iam, attached["PolicyArn"]))
    for policy in iam.list_role_policies(RoleName=physical)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=physical, PolicyName=policy)["PolicyDocument"]
        for number, statement in enumerate(document["Statement"]):
            assert statement["Effect"] == "Allow"
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    yield Allowed(role, physical, action, resource, policy, number)


def _first_action(iam: Any, arn: str) -> str | None:
    if arn.startswith("arn:aws:iam::aws:"):
        return None
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    action: str = listed(document["Statement"][0]["Action"])[0]
    return action


def _of_queue_policy(stack: Stack, policy: str, _: str) -> Iterator[Grant]:
    for queue in transformed()["Resources"][policy]["Properties"]["Queues"]:
        url = stack.aws.client("cloudformation").describe_stack_resource(
            StackName=stack.NAME, LogicalResourceId=queue["Ref"]
        )["StackResourceDetail"]["PhysicalResourceId"]
        for number, statement in enumerate(queue_policy(stack, url)["Statement"]):
            assert statement["Effect"] == "Allow"
            [action] = listed(statement["Action"])
            yield QueuePolicy(policy, url, action, number)


# The types of resource that let somebody do something, and how to find what each grants.
GRANTING: dict[str, Callable[[Stack, str, str], Iterator[Grant]]] = {
    "AWS::IAM::Role": _of_role,
    "AWS::SQS::QueuePolicy": _of_queue_policy,
}
# Those without a policy of their own, as tests/static/test_permissions.py sees to. A new type belongs here or above.
GRANTING_NOTHING = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Function",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::SQS::Queue",
    "AWS::StepFunctions::StateMachine",
    "AWS::StepFunctions::StateMachineAlias",
    "AWS::StepFunctions::StateMachineVersion",
}
