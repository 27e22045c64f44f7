"""Pipelines as the tutorials have them: a machine of their own, with a loop of 5 s around each awaited crawler."""

import json
from typing import Any

from tests.support.roles import ROLE
from tests.support.stack import Stack


def create(stack: Stack, pipeline: dict[str, Any], *, functions: bool) -> str:
    """The ARN of the machine; with `functions` it waits by two Lambdas, else by `aws-sdk:glue`."""
    arn: str = stack.states.create_state_machine(
        name=f"tutorial-{pipeline['name']}",
        definition=json.dumps(definition(stack, pipeline, functions=functions)),
        roleArn=ROLE,
    )["stateMachineArn"]
    return arn


def definition(stack: Stack, pipeline: dict[str, Any], *, functions: bool) -> dict[str, Any]:
    """Stages one after the other; a stage of several steps is a Parallel."""
    states: dict[str, Any] = {}
    stages = [[chain(stack, step, functions=functions) for step in stage["steps"]] for stage in pipeline["stages"]]
    for number, branches in enumerate(stages):
        name = f"Stage {number}"
        states[name] = {
            "Type": "Parallel",
            "Branches": [{"StartAt": next(iter(branch)), "States": branch} for branch in branches],
        }
        states[name] |= {"Next": f"Stage {number + 1}"} if number + 1 < len(stages) else {"End": True}
        if len(branches) == 1:
            # Spliced in: a single step needs no Parallel.
            del states[name]
            (first, *_), branch = list(branches[0]), branches[0]
            for state in branch.values():
                if state.pop("End", False):
                    state |= {"Next": f"Stage {number + 1}"} if number + 1 < len(stages) else {"End": True}
            states = {(name if each == first else each): state for each, state in {**states, **branch}.items()}
    return {"StartAt": "Stage 0", "States": states}


def chain(stack: Stack, step: dict[str, Any], *, functions: bool) -> dict[str, Any]:
    crawler = step["crawler"]

    def call(operation: str) -> dict[str, Any]:
        if not functions:
            resource = f"arn:aws:states:::aws-sdk:glue:{operation}"
            return {"Type": "Task", "Resource": resource, "Parameters": {"Name": crawler}}
        output = {"startCrawler": "StartCrawlerFunctionArn", "getCrawler": "GetCrawlerStateFunctionArn"}[operation]
        parameters = {"FunctionName": stack.outputs[output], "Payload": {"crawlername": crawler}}
        resource = "arn:aws:states:::lambda:invoke"
        return {"Type": "Task", "Resource": resource, "Parameters": parameters, "OutputPath": "$.Payload"}

    job = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": step["job"]}}
    start, look, choice, wait = (f"{what} {crawler}" for what in ("Start", "Get", "Is it ready?", "Wait"))
    states = {f"Run {step['job']}": job | {"Next": start}}
    if not step.get("await", True):
        return states | {start: call("startCrawler") | {"End": True}}
    running = {"Variable": "$.state" if functions else "$.Crawler.State", "StringEquals": "RUNNING", "Next": wait}
    # A Choice cannot end a machine: the tutorials' go on to the next state from it, which costs as much.
    return states | {
        start: call("startCrawler") | {"Next": look},
        look: call("getCrawler") | {"Next": choice},
        choice: {"Type": "Choice", "Choices": [running], "Default": f"Done {crawler}"},
        wait: {"Type": "Wait", "Seconds": 5, "Next": look},
        f"Done {crawler}": {"Type": "Pass", "End": True},
    }
