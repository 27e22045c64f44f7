"""States, where ministack's engine differs from AWS.

Follows "Handling errors in Step Functions workflows", "Choice", "Fail", "Parallel", "Map",
"Passing data between states with variables" and "Transforming data with JSONata" in the AWS
Step Functions Developer Guide; of what is too large, the answers of AWS that LocalStack recorded
(tests/aws/services/stepfunctions/v2/error_handling/test_states_errors.snapshot.json).
"""

import json
import random
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import ministack.services.stepfunctions as sfn

from local.aws import patching
from local.aws.stepfunctions import aborts, history, permissions

original = patching.names(
    sfn,
    "_apply_output_path",
    "_error_matches",
    "_execute_choice",
    "_execute_pass",
    "_execute_task",
    "_fail_state_error",
    "_find_matching_retrier",
    "_invoke_resource",
    "_invoke_resource_with_timeout",
    "_run_map_items",
    "_run_parallel_branches",
)
ministack = patching.names(
    sfn,
    "_SFN_WAIT_SCALE",
    "_ExecutionError",
    "_apply_jsonata_arguments",
    "_apply_jsonata_output",
    "_apply_jsonata_template",
    "_jsonata_state_field",
    "_state_query_language",
)

State = dict[str, Any]
Context = dict[str, Any]
Next = tuple[Any, str | None]

# In bytes of JSON: what a state gets or gives, and what it assigns.
MAX_DATA = 256 * 1024
MAX_ERROR, MAX_CAUSE = 256, 32_768  # characters of a Fail state
# What JSONata adds to a Parallel; ministack's runs what is left.
PARALLEL_JSONATA = ("Arguments", "Output", "Assign")


def install() -> None:
    patching.replace(
        sfn,
        _apply_output_path=apply_output_path,
        _apply_state_assign=apply_state_assign,
        _error_matches=error_matches,
        _evaluate_jsonata_choice_rule=matches,
        _execute_choice=execute_choice,
        _execute_pass=execute_pass,
        _execute_task=execute_task,
        _fail_state_error=fail_state_error,
        _find_matching_retrier=find_matching_retrier,
        _invoke_resource=invoke_resource,
        _invoke_resource_with_timeout=invoke_resource_with_timeout,
        _run_map_items=run_map_items,
        _run_parallel_branches=run_parallel_branches,
        _run_sub_machine=run_sub_machine,
        _scaled_sleep=sleep,
    )


def sleep(seconds: float) -> None:
    """Waits and retry delays, ended by an abort."""
    aborts.current.get().sleep(seconds * sfn._SFN_WAIT_SCALE)


def size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def check_size(value: Any, source: str) -> None:
    if size(value) > MAX_DATA:
        text = f"The state/task '{source}' returned a result with a size exceeding the maximum number of bytes"
        raise ministack._ExecutionError("States.DataLimitExceeded", f"{text} service limit.")


def invoke_resource(resource: str, arguments: Any) -> Any:
    """A function without free concurrency is Lambda.TooManyRequestsException; an answer may be too large."""
    aborts.current.get().check()
    permissions.check_task(resource, arguments)
    try:
        answer = original._invoke_resource(resource, arguments)
        check_size(answer, resource.split(":")[5] if ":states:::" in resource else resource)
        return answer
    except ministack._ExecutionError as error:
        if error.error == "Lambda.Unknown" and '"TooManyRequestsException"' in error.cause:
            raise ministack._ExecutionError("Lambda.TooManyRequestsException", error.cause) from error
        raise


def invoke_resource_with_timeout(resource: str, arguments: Any, seconds: float) -> Any:
    """States.Timeout has no cause."""
    try:
        return original._invoke_resource_with_timeout(resource, arguments, seconds)
    except ministack._ExecutionError as error:
        if error.error == "States.Timeout":
            raise ministack._ExecutionError(error.error, "") from error
        raise


def fail_state_error(state: State, raw_input: Any, context: Context | None = None) -> tuple[str, str]:
    """What is longer than AWS allows is an error of the machine."""
    error, cause = original._fail_state_error(state, raw_input, context)
    for field, value, limit in (("Error", error, MAX_ERROR), ("Cause", cause, MAX_CAUSE)):
        if len(value) > limit:
            text = f"The field '{field}' has {len(value)} characters and may have {limit}"
            raise ministack._ExecutionError("States.Runtime", text)
    return error, cause


def error_matches(error_equals: list[str], error: str) -> bool:
    """States.Runtime is never caught. States.ALL catches States.DataLimitExceeded, though its documentation says no."""
    if error in ("States.Runtime", "States.DataLimitExceeded"):
        return error != "States.Runtime" and not {error, "States.ALL"}.isdisjoint(error_equals)
    return original._error_matches(error_equals, error)


def find_matching_retrier(retriers: list[State], error: str, counts: dict[int, int]) -> tuple[State | None, int]:
    """The retrier with its next delay worked out: MaxDelaySeconds and JitterStrategy included."""
    retrier, index = original._find_matching_retrier(retriers, error, counts)
    if retrier is None:
        return None, index
    delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    if retrier.get("JitterStrategy") == "FULL":
        delay = random.uniform(0, delay)
    return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1}, index


@dataclass(frozen=True)
class Task:
    """The Task state that a thread executes."""

    execution: State
    context: Context


_task: ContextVar[Task] = ContextVar("task")


def task() -> Task:
    return _task.get()


def execute_task(state: State, raw_input: Any, execution: State, context: Context) -> Next:
    """TimeoutSeconds may be an expression, and is a positive whole number."""
    if isinstance(state.get("TimeoutSeconds"), str):
        seconds = ministack._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, context)
        if seconds < 1 or seconds % 1:
            text = f"The field 'TimeoutSeconds' must be a positive integer, and is {seconds}"
            raise ministack._ExecutionError("States.QueryEvaluationError", text)
        state = {**state, "TimeoutSeconds": seconds}
    token = _task.set(Task(execution, context))
    try:
        return original._execute_task(state, raw_input, execution, context)
    finally:
        _task.reset(token)


def apply_state_assign(state: State, raw_input: Any, context: Context, **results: Any) -> None:
    """All of an Assign sees the variables as they were before it, and has one limit."""
    if ministack._state_query_language(state, context) == "JSONata":
        values = {
            name: ministack._apply_jsonata_template(template, raw_input, context, **results)
            for name, template in (state.get("Assign") or {}).items()
        }
        if size(values) > MAX_DATA:
            text = f"The variables of one Assign have more than {MAX_DATA} bytes together"
            raise ministack._ExecutionError("States.DataLimitExceeded", text)
        context.setdefault("variables", {}).update(values)


def apply_output_path(state: State, data: Any, context: Context | None = None) -> Any:
    """A Succeed state has an Output too."""
    if state.get("Type") == "Succeed" and ministack._state_query_language(state, context) == "JSONata":
        return ministack._apply_jsonata_output(state, data, context, default=data)
    return original._apply_output_path(state, data, context)


def execute_choice(state: State, raw_input: Any, context: Context) -> Next:
    """The state's own Output belongs to Default, as its Assign does."""
    if ministack._state_query_language(state, context) != "JSONata" or not {"Output", "Default"} <= state.keys():
        return original._execute_choice(state, raw_input, context)
    default = {"Condition": True, "Next": state["Default"], "Output": state["Output"]}
    default |= {"Assign": state["Assign"]} if "Assign" in state else {}
    rules = {**state, "Choices": [*state["Choices"], default]}
    return original._execute_choice(rules, raw_input, context)


def execute_pass(state: State, raw_input: Any, context: Context) -> Next:
    output, following = original._execute_pass(state, raw_input, context)
    check_size(output, context["State"]["Name"])
    return output, following


def matches(rule: State, raw_input: Any, context: Context) -> bool:
    """A Condition that isn't a boolean fails the state, instead of counting as false."""
    return ministack._jsonata_state_field(rule, "Condition", "boolean", raw_input, context)


def run_map_items(state: State, raw_input: Any, execution: State, context: Context) -> Next:
    with aborts.nested():
        output, following = original._run_map_items(state, raw_input, execution, context)
    check_size(output, context["State"]["Name"])
    return output, following


def run_parallel_branches(state: State, raw_input: Any, execution: State, context: Context) -> Next:
    with aborts.nested():
        if ministack._state_query_language(state, context) != "JSONata":
            return original._run_parallel_branches(state, raw_input, execution, context)
        branch_input = ministack._apply_jsonata_arguments(state, raw_input, context)
        bare = {name: value for name, value in state.items() if name not in PARALLEL_JSONATA}
        results, next_state = original._run_parallel_branches(bare, branch_input, execution, context)
        output = ministack._apply_jsonata_output(state, raw_input, context, result=results, default=results)
        apply_state_assign(state, raw_input, context, result=results)
        return output, next_state


def run_sub_machine(states: State, start_at: str, data: Any, execution: State, context: Context) -> Any:
    """A branch or an iteration: its failure aborts its siblings, its variables stay in it."""
    group = aborts.current.get()
    own_context = {**context, "variables": dict(context.get("variables", {}))}
    try:
        group.check()
        return history.run_states(states, start_at, data, execution, own_context)
    except aborts.Aborted:
        return None  # never seen: the sibling's error, or the abort, takes its place
    except ministack._ExecutionError:
        group.abort()
        raise
