"""What pipelines can do beside jobs and crawls, and how schedules start them."""

import json
from typing import Any

from tests.support.grants.looks import granted, run, started, succeeded, under_way
from tests.support.grants.things import (
    FUNCTION,
    LONG_MACHINE,
    LONG_WORKGROUP,
    MACHINE,
    TOPIC,
    WORKGROUP,
    machine_arn,
    queries,
    query_state,
)
from tests.support.stack import Stack


def a_function_is_invoked(stack: Stack) -> None:
    """By its name, and by an alias of it."""
    done(stack, {"function": FUNCTION})
    done(stack, {"function": f"{FUNCTION}:live"})


def a_machine_runs_to_its_end(stack: Stack) -> None:
    """By its name, and by an alias of it."""
    done(stack, {"machine": MACHINE})
    done(stack, {"machine": f"{MACHINE}:live"})


def a_query_runs_to_its_end(stack: Stack) -> None:
    done(stack, {"query": "SELECT 1", "workgroup": WORKGROUP})


def a_run_that_is_stopped_stops_its_machine(stack: Stack) -> None:
    begun = start(stack, {"machine": LONG_MACHINE})
    [child] = granted(stack, lambda: under_way(stack, machine_arn(LONG_MACHINE)))
    stack.states.stop_execution(executionArn=begun)
    granted(stack, lambda: stack.states.describe_execution(executionArn=child)["status"] == "ABORTED")


def a_run_that_is_stopped_stops_its_query(stack: Stack) -> None:
    begun = start(stack, {"query": "SELECT 1", "workgroup": LONG_WORKGROUP})
    [query] = granted(stack, lambda: queries(stack))
    stack.states.stop_execution(executionArn=begun)
    granted(stack, lambda: query_state(stack, query) == "CANCELLED")


def a_topic_is_told_how_a_run_ended(stack: Stack) -> None:
    """Best effort: without it the run goes on without the message."""
    arn = done(stack, {"machine": MACHINE}, notify={"succeeded": TOPIC})
    entered = {state for state, _ in stack.entered(arn)}
    assert "Publish message" in entered
    assert "Go on without the message" not in entered


def a_schedule_starts_a_run(stack: Stack) -> None:
    before = {execution["executionArn"] for execution in stack.executions("Pipeline")}
    stack.aws.fire_schedule(schedule(stack))
    [begun] = granted(stack, lambda: started(stack, "Pipeline", before))
    succeeded(stack, begun)


def a_start_that_a_schedule_is_refused_is_parked(stack: Stack) -> None:
    machine, fault = stack.machine("Pipeline"), "local:fault:StartExecution"
    # Another refusal would be tried again for a day, and one for want of a grant would be told as denied.
    tags = [{"key": fault, "value": "forever AccessDeniedException"}]
    stack.states.tag_resource(resourceArn=machine, tags=tags)
    try:
        stack.aws.fire_schedule(schedule(stack))
        granted(stack, stack.parked)
    finally:
        stack.states.untag_resource(resourceArn=machine, tagKeys=[fault])


CHECKS = (
    a_function_is_invoked,
    a_machine_runs_to_its_end,
    a_query_runs_to_its_end,
    a_run_that_is_stopped_stops_its_machine,
    a_run_that_is_stopped_stops_its_query,
    a_topic_is_told_how_a_run_ended,
    a_schedule_starts_a_run,
    a_start_that_a_schedule_is_refused_is_parked,
)


def pipeline(step: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "granted-work", "stages": [{"steps": [step]}], **more}


def start(stack: Stack, step: dict[str, Any]) -> str:
    machine, given = stack.outputs["PipelineStateMachineArn"], json.dumps(pipeline(step))
    arn: str = stack.states.start_execution(stateMachineArn=machine, input=given)["executionArn"]
    return arn


def done(stack: Stack, step: dict[str, Any], **more: Any) -> str:
    """The execution of a pipeline of this step, which has succeeded."""
    ended = run(stack, "Pipeline", pipeline(step, **more))
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    arn: str = ended["executionArn"]
    return arn


def schedule(stack: Stack) -> str:
    """The name of the pipeline's schedule."""
    described = stack.aws.client("cloudformation").describe_stack_resource(
        StackName=f"{stack.NAME}-granted", LogicalResourceId="GrantedSchedule"
    )
    name: str = described["StackResourceDetail"]["PhysicalResourceId"]
    return name
