"""The error names that machines match are names that somebody sends."""

import re
from pathlib import Path

import botocore.session

from tests.support.definitions import (
    ROOT,
    at,
    each_machine,
    integration,
    load,
    machine,
    states,
)

STATES_ERRORS = {"States.ALL", "States.DataLimitExceeded", "States.TaskFailed", "States.Timeout"}
FAILURE = ROOT / "shared/lambda/src/failure.rs"


def modelled(service: str, operation: str) -> set[str]:
    """The error names of an AWS operation, as AWS's own SDK knows them."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    return {shape.name for shape in model.error_shapes}


def errors_of(service: str, operation: str) -> set[str]:
    """What the operation models, and the common one."""
    return modelled(service, operation) | {"ThrottlingException"}


def by_sdk_2(prefix: str, service: str, operation: str) -> set[str]:
    """The names of an `aws-sdk:` integration: the classes of the SDK for Java 2.x.

    One is of what the operation models, or of throttling if any operation of the service models it. All else that the
    service says has its base class, and what nobody answers the SDK's own.
    """
    operations = botocore.session.get_session().get_service_model(service).operation_names
    common = {"ThrottlingException"} & set().union(*(modelled(service, each) for each in operations))
    names = modelled(service, operation) | common | {prefix, "SdkClient"}
    return {f"{prefix}.{name.removesuffix('Exception')}Exception" for name in names}


def allowed_errors(integration: str) -> set[str]:
    """The error names that a task's integration can raise."""
    match integration:
        # Optimized integrations name what the operation does not model after the base class of the SDK for Java 1.x.
        case "glue:startJobRun.sync":
            return {f"Glue.{name}" for name in modelled("glue", "StartJobRun")} | {"Glue.AWSGlueException"}
        case "aws-sdk:glue:stopCrawler":
            return by_sdk_2("Glue", "glue", "StopCrawler")
        case "aws-sdk:dynamodb:putItem.waitForTaskToken":
            return by_sdk_2("DynamoDb", "dynamodb", "PutItem")
        case "aws-sdk:dynamodb:query":
            return by_sdk_2("DynamoDb", "dynamodb", "Query")
        case "aws-sdk:sfn:sendTaskSuccess":
            return by_sdk_2("Sfn", "stepfunctions", "SendTaskSuccess")
        case "states:startExecution" | "states:startExecution.sync" | "states:startExecution.sync:2":
            names = modelled("stepfunctions", "StartExecution") | {"AWSStepFunctions"}
            return {f"StepFunctions.{name.removesuffix('Exception')}Exception" for name in names}
        case "aws-sdk:sfn:listExecutions":
            return by_sdk_2("Sfn", "stepfunctions", "ListExecutions")
        case "athena:startQueryExecution.sync":
            return {f"Athena.{name}" for name in modelled("athena", "StartQueryExecution")} | {
                "Athena.AmazonAthenaException"
            }
        case "sns:publish":
            return {f"SNS.{name}" for name in modelled("sns", "Publish")} | {"SNS.AmazonSNSException"}
        case "sqs:sendMessage":
            return set()
    raise AssertionError(f"{integration} is no integration that this project uses")


# What Lambda and Step Functions send themselves when a function cannot:
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
# https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
PLATFORM = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
}
GLUE = {"InvalidRequest", "GlueUnreachable"}
OWN = {
    "StartCrawler": GLUE,
    "GetCrawlerState": GLUE,
    "S3EventFilter": {"InvalidRequest", "InvalidEvent", "InvalidFilter"},
    "PlanPipeline": {"InvalidRequest", "InvalidPipeline"},
}


def names_in_rust() -> set[str]:
    """The error names of our own and of Glue that the functions' one list has."""
    return set(re.findall(r'"(\w+)"', FAILURE.read_text().partition("#[cfg(test)]")[0]))


def sent_by(function: str) -> set[str]:
    """The error names that an invocation can end with."""
    if function == "{% $step.function %}":
        return PLATFORM  # and whatever that function calls its errors
    named = re.fullmatch(r"\$\{(\w+)FunctionArn\}", function)
    assert named, function
    own = OWN[named[1]]
    calls = ("StartCrawler", "GetCrawler", "ListCrawls") if own is GLUE else ()
    glue = set().union(*(errors_of("glue", call) for call in calls))
    common = {"InternalFailure", "InternalServiceException", "ServiceUnavailable"} if own is GLUE else set()
    return own | glue | common | PLATFORM


@each_machine
def test_error_names_exist(path: Path) -> None:
    """A misspelt name matches nothing, silently."""
    for name, state in states(load(path)):
        if state["Type"] != "Task":
            continue
        called = integration(state)
        can = sent_by(state["Arguments"]["FunctionName"]) if called == "lambda:invoke" else allowed_errors(called)
        for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
            assert set(rule["ErrorEquals"]) <= can | STATES_ERRORS, at(path, name)


def test_the_errors_of_a_throttled_start_exist() -> None:
    """Nor does a misspelt name in a condition match anything."""
    steps = dict(states(machine("pipeline")))
    starts = [state for state in steps.values() if state["Type"] == "Task"]
    can = PLATFORM | {f"Lambda.{name}" for name in modelled("lambda", "Invoke")}
    can |= set().union(*(allowed_errors(called) for called in map(integration, starts) if called != "lambda:invoke"))
    [choice] = steps["Was the start throttled?"]["Choices"]
    named = set(re.findall(r"'(\w+\.\w+)'", choice["Condition"]))
    assert {"Lambda.TooManyRequestsException", "Glue.AWSGlueException"} <= named <= can


def test_what_passes_by_itself_is_waited_for() -> None:
    """The functions log as no error what **crawl** tries again: the two lists must not drift apart."""
    text = FAILURE.read_text()
    constants = dict(re.findall(r'pub const (\w+): &str = "(\w+)";', text))
    [listed] = re.findall(r"pub const PASSING: \[&str; \d+\] = \[(.*?)\];", text, re.DOTALL)
    passing = {constants.get(name, name) for name in re.findall(r"\w+", listed)}
    *retried, _ = machine("crawl")["States"]["Start crawler"]["Catch"]
    assert passing == {name for rule in retried for name in rule["ErrorEquals"]} - PLATFORM - STATES_ERRORS
    assert passing | set().union(*OWN.values()) == names_in_rust()


def test_the_check_of_error_names_bites() -> None:
    """The names that people take from other places, and that never match."""
    names = allowed_errors("glue:startJobRun.sync")
    assert "Glue.ConcurrentRunsExceededException" in names
    assert not names & {
        "ConcurrentRunsExceededException",
        "glue.ConcurrentRunsExceededException",
        "Glue.ThrottlingException",
    }
    names = allowed_errors("aws-sdk:sfn:sendTaskSuccess") | allowed_errors("aws-sdk:dynamodb:query")
    assert {"Sfn.SfnException", "Sfn.TaskTimedOutException", "DynamoDb.RequestLimitExceededException"} <= names
    assert not names & {
        "Sfn.TaskTimedOut",
        "Sfn.ThrottlingException",
        "StepFunctions.TaskTimedOutException",
        "DynamoDb.RequestLimitExceeded",
        "DynamoDB.DynamoDbException",
        "DynamoDb.ConditionalCheckFailedException",
    }
    assert "CrawlerRunningException" in sent_by("${StartCrawlerFunctionArn}")
    assert not sent_by("${S3EventFilterFunctionArn}") & {"CrawlerRunningException", "InvalidPipeline"}
