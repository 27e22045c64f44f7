"""The names of executions."""

import pytest

from local.aws.tests.support import PASS, WAIT, Local, at_once, error_code, unique

pytestmark = pytest.mark.aws(
    "StartExecution",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html",
    validated="never",
)


@pytest.mark.aws(
    "StartExecution",
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html",
    validated="LocalStack snapshot test_start_execution_idempotent, 2024-08-21: while it runs",
)
def test_the_same_start_twice_is_a_success_while_it_runs(local: Local) -> None:
    """Protects coalescing: StartExecution is idempotent by name and input, under a race too."""
    machine, name = local.machine(Wait=WAIT), unique("name")
    arns = at_once(*[lambda: local.start(machine, {"a": 1}, name=name)] * 8)
    assert len(set(arns)) == 1
    again = local.states.start_execution(stateMachineArn=machine, name=name, input='{"a": 1}')
    assert again["startDate"] == local.execution(arns[0])["startDate"]
    other = error_code(local.start, machine=machine, given={"a": 2}, name=name)
    assert other[0] == "ExecutionAlreadyExists"
    local.states.stop_execution(executionArn=arns[0])
    assert error_code(local.start, machine=machine, given={"a": 1}, name=name)[0] == "ExecutionAlreadyExists"


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "a\tb", "{}"])
def test_a_name_that_aws_refuses_is_refused(local: Local, name: str) -> None:
    """Protects executionName: an S3 key is no name."""
    assert error_code(local.start, machine=local.machine(Pass=PASS), name=name)[0] == "InvalidName"
