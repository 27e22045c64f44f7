"""Copies of the trigger machine, of its function and of its rule, to be played with without harm to the stack's own."""

import json
from collections.abc import Mapping
from typing import Any

from local.aws import ACCOUNT, REGION
from local.aws.awslambda.package import package
from tests.support.roles import ROLE
from tests.support.stack import Stack

EVENT = "<aws.events.event.json>"
PAUSES = ("IntervalSeconds", "MaxDelaySeconds")
# Two minutes of patience are a second of a test.
HASTE = 100
# Seconds of a task: what is in haste leaves no time for an attempt that a busy machine has kept waiting.
LIMIT = 10


def copy_of_trigger(stack: Stack, name: str, replaced: Mapping[str, str], haste: float) -> str:
    """The machine as it was deployed, some ARNs and URLs in it replaced, its pauses divided by `haste`."""
    trigger = stack.states.describe_state_machine(stateMachineArn=stack.outputs["TriggerStateMachineArn"])
    definition = trigger["definition"]
    for original, copy in replaced.items():
        assert original in definition
        definition = definition.replace(json.dumps(original), json.dumps(copy))
    machine = stack.states.create_state_machine(
        name=name,
        definition=json.dumps(hurried(json.loads(definition), haste)),
        roleArn=ROLE,
        type=trigger["type"],
    )
    return machine["stateMachineArn"]


def hurried(value: Any, haste: float) -> Any:
    """A definition with shorter pauses between its attempts, each of which may take longer."""
    match value:
        case dict():
            hasty = {name: each / haste if name in PAUSES else hurried(each, haste) for name, each in value.items()}
            return hasty | ({"TimeoutSeconds": LIMIT} if value.get("Type") == "Task" else {})
        case list():
            return [hurried(each, haste) for each in value]
    return value


def filter_arn(stack: Stack) -> str:
    trigger = stack.states.describe_state_machine(stateMachineArn=stack.outputs["TriggerStateMachineArn"])
    return json.loads(trigger["definition"])["States"]["Filter event"]["Arguments"]["FunctionName"]


def copy_of_filter(stack: Stack, name: str, bootstrap: str, timeout: int) -> str:
    """The function with a script in place of its program."""
    original = stack.functions.get_function_configuration(FunctionName=filter_arn(stack))
    kept = {key: original[key] for key in ("Runtime", "Handler", "Role", "Environment", "LoggingConfig")}
    code = {"ZipFile": package("bootstrap", bootstrap)}
    return stack.functions.create_function(FunctionName=name, Code=code, Timeout=timeout, **kept)["FunctionArn"]


class Rule:
    """The rule of customers once more: for another prefix, pipeline and machine."""

    def __init__(
        self, stack: Stack, name: str, prefix: str, pipeline: Mapping[str, Any], machine: str, queue: str
    ) -> None:
        self._events, self.name, self.pipeline = stack.aws.client("events"), name, pipeline
        resource = stack.aws.client("cloudformation").describe_stack_resource(
            StackName=f"{stack.NAME}-customers", LogicalResourceId="CustomersRule"
        )
        original = resource["StackResourceDetail"]["PhysicalResourceId"]
        described = self._events.describe_rule(Name=original)
        pattern = described["EventPattern"]
        assert '"landing/"' in pattern
        [target] = self._events.list_targets_by_rule(Rule=original)["Targets"]
        template = target["InputTransformer"]["InputTemplate"]
        given = json.loads(template.replace(EVENT, json.dumps(EVENT))) | {"pipeline": pipeline}
        target["InputTransformer"]["InputTemplate"] = json.dumps(given).replace(json.dumps(EVENT), EVENT)
        target |= {"Arn": machine, "RoleArn": ROLE}
        target["DeadLetterConfig"] = {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.rpartition('/')[2]}"}
        pattern = pattern.replace('"landing/"', json.dumps(prefix))
        self.arn = self._events.put_rule(Name=name, EventPattern=pattern)["RuleArn"]
        self._events.put_targets(Rule=name, Targets=[target])

    def sends(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """What the rule makes of the event."""
        return {"event": event, "pipeline": self.pipeline}

    def delete(self) -> None:
        self._events.remove_targets(Rule=self.name, Ids=["trigger"])
        self._events.delete_rule(Name=self.name)
