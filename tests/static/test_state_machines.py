"""What can be known of the state machines without running them.

SAM's and cfn-lint's own checks skip the definitions; CreateStateMachine on the local AWS takes anything.
"""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import jsonata
import pytest

from tests.support.causes import CAUSES, TEXT, caught
from tests.support.definitions import (
    ROOT,
    Machine,
    at,
    each_machine,
    evaluated,
    integration,
    load,
    machine,
    machine_of,
    states,
    strings,
)
from tests.support.mutants import NOTHING, Way, mutant

VALIDATOR: list[str | Path] = [
    ROOT / ".venv/checks/bin/node",
    ROOT / "tools/node_modules/.bin/asl-validator",
    "--json-path",
]
STATES_ERRORS = {"States.ALL", "States.DataLimitExceeded", "States.TaskFailed", "States.Timeout"}
FAILURE = ROOT / "shared/lambda/src/failure.rs"


def validate(definition: Machine, folder: Path) -> subprocess.CompletedProcess[str]:
    """The verdict of asl-validator, which takes no expression over several lines and no substitution without quotes."""

    def folded(value: Any) -> Any:
        match value:
            case dict():
                return {key: folded(each) for key, each in value.items()}
            case list():
                return [folded(each) for each in value]
            case str() if value.startswith("{%"):
                return " ".join(value.split())
        return value

    file = folder / "machine.asl.json"
    file.write_text(json.dumps(folded(definition)).replace("${Partition}", "aws"))
    return subprocess.run([*VALIDATOR, file], capture_output=True, text=True, check=False)


@each_machine
def test_the_validator_accepts_the_machine(path: Path, tmp_path: Path) -> None:
    """Fields, JSONata syntax, existing targets, reachable states."""
    result = validate(load(path), tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


START = ("States", "Start crawler")
STEPS = (
    *("States", "Run the stages in order", "ItemProcessor"),
    *("States", "Run the steps side by side", "ItemProcessor", "States"),
)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ((*START, "Next"), "Get crawler status"),
        (("States", "How did the crawl go?", "Choices", 2, "Next"), "Report the failure"),
        ((*START, "Assign", "tries"), "{% $polls + %}"),
        ((*START, "Type"), "Tsk"),
    ],
    ids=["dangling", "unreachable", "broken expression", "unknown type"],
)
def test_the_validator_bites(way: Way, value: Any, tmp_path: Path) -> None:
    """A validator that accepted these would accept anything: folding must not hide what is wrong."""
    assert validate(mutant(machine("crawl"), *way, value=value), tmp_path).returncode != 0


@each_machine
def test_every_machine_and_task_ends(path: Path) -> None:
    """Without a timeout a lost answer is waited for during a year."""
    definition = load(path)
    assert definition["QueryLanguage"] == "JSONata"
    assert definition["TimeoutSeconds"] > 0
    for name, state in states(definition):
        assert state["Type"] != "Task" or "TimeoutSeconds" in state, at(path, name)


def unprepared(definition: Machine) -> Iterator[str]:
    """The tasks that a failure finds unprepared: each tries again what passes, and catches the rest."""
    known = dict(states(definition))
    for name, state in known.items():
        if state["Type"] != "Task":
            continue
        retriers, catchers = state.get("Retry", []), state.get("Catch", [])
        # What knows the deadline tries again in a loop of states.
        loops = any(catcher["Next"] == "Did the start come too soon?" for catcher in catchers)
        if not retriers and not loops and not waits(state, known):
            yield f"{name} does not try again"
        # A cause in plain text needs nobody who reads it, and what was to be read is read next time.
        ends_as_it_is = retriers and integration(state) == "aws-sdk:dynamodb:query"
        if not (catchers and "States.ALL" in catchers[-1]["ErrorEquals"]) and not ends_as_it_is:
            yield f"{name} does not catch the rest"
        # By AWS's documentation States.ALL leaves it out; by what LocalStack recorded on AWS it does not.
        if is_answered_by_others(state) and TOO_LARGE not in [catcher["ErrorEquals"] for catcher in catchers]:
            yield f"{name} does not catch what is too large"
        for rule in itertools.chain(retriers, catchers):
            last = rule in (retriers[-1:] + catchers[-1:])
            if "States.ALL" in rule["ErrorEquals"] and not (last and rule["ErrorEquals"] == ["States.ALL"]):
                yield f"{name} has States.ALL neither last nor alone"


TOO_LARGE = ["States.DataLimitExceeded"]


def is_answered_by_others(task: dict[str, Any]) -> bool:
    """Whether work of whoever writes pipelines decides how long the answer is: a function's, or a machine's output."""
    answers = {"lambda:invoke": "FunctionName", "states:startExecution.sync": "StateMachineArn"}
    argument = answers.get(integration(task))
    return argument is not None and "$step" in task["Arguments"][argument]


def waits(task: dict[str, Any], known: dict[str, Any]) -> bool:
    """Whether the task only waits to be woken, and needs no second attempt, which would have another token.

    When its time is up it goes where the token leads, and if it cannot wait so, it waits otherwise.
    """
    match task.get("Catch"):
        case [{"ErrorEquals": ["States.Timeout"], "Next": on_time}, {"ErrorEquals": ["States.ALL"], "Next": instead}]:
            by_token = integration(task).endswith(".waitForTaskToken")
            return by_token and on_time == task["Next"] and known[instead]["Type"] == "Wait"
    return False


@each_machine
def test_every_task_expects_failure(path: Path) -> None:
    """Each task tries again what passes, and catches the rest last and alone, as AWS demands of States.ALL."""
    assert list(unprepared(load(path))) == []


WAIT = ("States", "Wait for the crawl to end")
SEND = ("States", "Wake them", "ItemProcessor", "States", "Send the token back")


@pytest.mark.parametrize(
    ("name", "way", "value", "problem"),
    [
        ("crawl", ("States", "Start crawler", "Retry"), NOTHING, "Start crawler does not try again"),
        ("crawl", ("States", "Get crawler state", "Retry"), [], "Get crawler state does not try again"),
        ("crawl", ("States", "Stop crawler", "Catch"), NOTHING, "Stop crawler does not catch the rest"),
        ("crawl", ("States", "Start crawler", "Catch", 0, "ErrorEquals", 0), "States.ALL", "neither last nor alone"),
        ("crawl", ("States", "Start crawler", "Catch", 2, "ErrorEquals"), ["States.ALL", "X"], "neither last nor"),
        ("crawl", ("States", "Stop crawler", "Retry", 0, "ErrorEquals", 0), "States.ALL", "neither last nor alone"),
        ("crawl", (*WAIT, "Catch"), NOTHING, "Wait for the crawl to end does not catch the rest"),
        ("crawl", (*WAIT, "Catch", 0), NOTHING, "Wait for the crawl to end does not try again"),
        ("crawl", (*WAIT, "Catch", 1), NOTHING, "Wait for the crawl to end does not catch the rest"),
        ("crawl", (*WAIT, "Catch", 0, "Next"), "Read the error", "Wait for the crawl to end does not try again"),
        ("crawl", (*WAIT, "Catch", 1, "Next"), "Read the error", "Wait for the crawl to end does not try again"),
        ("crawl", (*WAIT, "Resource"), "arn:${Partition}:states:::aws-sdk:dynamodb:putItem", "does not try again"),
        ("wake", ("States", "Find who waits", "Retry"), NOTHING, "Find who waits does not catch the rest"),
        ("wake", (*SEND, "Retry"), NOTHING, "Send the token back does not try again"),
        ("wake", (*SEND, "Catch"), NOTHING, "Send the token back does not catch the rest"),
        ("pipeline", (*STEPS, "Run job", "Catch", 0), NOTHING, "Run job does not try again"),
        ("pipeline", (*STEPS, "Invoke function", "Catch", 0), NOTHING, "Invoke function does not catch what is too"),
        ("pipeline", (*STEPS, "Run machine", "Catch", 0), NOTHING, "Run machine does not catch what is too large"),
    ],
)
def test_a_task_that_expects_no_failure_is_found(name: str, way: Way, value: Any, problem: str) -> None:
    """The check above bites: what may do without is no way out for the others."""
    assert any(problem in found for found in unprepared(mutant(machine(name), *way, value=value)))


@each_machine
def test_every_retry_is_bounded_and_spread(path: Path) -> None:
    """Backoff without an upper bound outwaits deadlines; without jitter, many callers come back at once.

    Where that does no harm, tests/static/test_bursts.py shows it.
    """
    for name, state in states(load(path)):
        for retrier in state.get("Retry", []):
            if retrier["MaxAttempts"]:
                may_come_at_once = "StepFunctions.AWSStepFunctionsException" in retrier["ErrorEquals"]
                assert retrier["JitterStrategy"] == ("NONE" if may_come_at_once else "FULL"), at(path, name)
                assert 0 < retrier["IntervalSeconds"] <= retrier["MaxDelaySeconds"], at(path, name)


def longest(task: dict[str, Any]) -> float:
    """How long a task can take with all of its retries: each attempt until its timeout, each pause without luck."""
    seconds = task["TimeoutSeconds"]
    for retrier in task["Retry"]:
        for attempt in range(retrier["MaxAttempts"]):
            pause = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt
            seconds += task["TimeoutSeconds"] + min(pause, retrier["MaxDelaySeconds"])
    return seconds


def test_the_trigger_parks_its_event_before_its_time_is_up() -> None:
    """An express execution that times out has neither handled its event nor parked it."""
    trigger = machine("trigger")
    tasks = [state for _, state in states(trigger) if state["Type"] == "Task"]
    assert len(tasks) == 3
    assert sum(map(longest, tasks)) < trigger["TimeoutSeconds"] < 300


@each_machine
def test_every_failure_says_what_and_why(path: Path) -> None:
    """A Fail without Error and Cause leaves its caller with nothing."""
    for name, state in states(load(path)):
        if state["Type"] == "Fail":
            assert state["Error"], at(path, name)
            assert state["Cause"], at(path, name)


@each_machine
def test_every_choice_has_a_default(path: Path) -> None:
    """What happens to an unmatched Choice differs from document to document."""
    for name, state in states(load(path)):
        assert state["Type"] != "Choice" or state["Default"], at(path, name)


@each_machine
def test_substitutions_match_the_template_both_ways(path: Path) -> None:
    """A `${…}` that nothing substitutes reaches the running machine; one that nothing uses is a mistake too."""
    _, properties = machine_of(path)
    substitutions = properties["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", path.read_text())) == set(substitutions)


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


def test_the_errors_of_a_start_that_comes_too_soon_exist() -> None:
    """So does one in a condition."""
    steps = dict(states(machine("pipeline")))
    starts = [state for state in steps.values() if state["Type"] == "Task"]
    can = PLATFORM | {f"Lambda.{name}" for name in modelled("lambda", "Invoke")}
    can |= set().union(*(allowed_errors(called) for called in map(integration, starts) if called != "lambda:invoke"))
    [choice] = steps["Did the start come too soon?"]["Choices"]
    named = set(re.findall(r"'(\w+\.\w+)'", choice["Condition"]))
    assert {"Lambda.TooManyRequestsException", "Glue.AWSGlueException"} <= named <= can


def test_each_start_asks_for_the_deadline_first() -> None:
    """Work that begins after the deadline runs on with nobody waiting for it: first starts, throttled ones, retries."""
    inner: dict[str, Any] = machine("pipeline")
    for name in STEPS[:-1]:
        inner = inner[name]
    starts = {name for name, state in inner["States"].items() if state["Type"] == "Task"}
    assert len(starts) == 6
    ways = [(name, way) for name, state in inner["States"].items() for way in ways_of(state) if way in starts]
    assert ways == [("What is to be started?", way) for _, way in ways]
    assert {way for _, way in ways} == starts
    # Whoever reads a history tells steps apart by it, where two have the same job.
    to_start = [rule for state in inner["States"].values() for rule in [state, *state.get("Choices", [])]]
    given = [rule.get("Output") for rule in to_start if rule.get("Next") == "What is to be started?"]
    assert given == [None, "{% $step %}", "{% $step %}", "{% $step %}"], "the step itself, which is its first input"
    first, *_ = inner["States"]["What is to be started?"]["Choices"]
    assert "$stepDeadline" in first["Condition"]
    assert inner["StartAt"] not in starts


def ways_of(state: dict[str, Any]) -> Iterator[str]:
    """Where the state leads."""
    rules = [state, *state.get("Choices", []), *state.get("Catch", [])]
    yield from (rule[field] for rule in rules for field in ("Next", "Default") if field in rule)


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


TASK = {"kind": "job", "failure": "JobFailed", "subject": "j" * 255}
KNOWN: dict[str, Any] = {
    "doing": TASK,
    "step": {"await": True},
    "late": False,
    "polls": 1,
    "tries": 1,
    "misses": 1,
    "stepDeadline": 0,
    "failure": "Earlier",
    "message": "earlier",
    "request": {},
}


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
@each_machine
def test_every_cause_is_understood(path: Path, cause: str | None) -> None:
    """An expression that fails where an error is read replaces it by its own, past every catcher."""
    output = caught("Lambda.Unknown", cause)
    known = KNOWN | {"states": {"input": output, "errorOutput": output}, "error": output}
    found = 0
    for name, state in states(load(path)):
        readers = [catcher.get(field, {}) for catcher in state.get("Catch", []) for field in ("Assign", "Output")]
        if name in ("Read the error", "Read the failure", "Did the start come too soon?"):
            readers += [state["Assign"], *(rule["Condition"] for rule in state.get("Choices", []))]
        for text in [text for reader in readers for text in strings(reader) if "rror" in text]:
            filled = re.sub(r"\$\{Poll(Min|Max)Seconds}", "60", text)
            assert evaluated(jsonata.Jsonata, filled, **known) is not None, f"{at(path, name)}: {text}"
            found += 1
    assert found


FUNCTIONS_SAY = {
    "a function's error": "crawlername: is missing",
    "a function that was killed": "2026-01-31T00:00:00.000Z 1 Task timed out after 30.03 seconds",
    "a cut function's error": 'a "b" é',
    "text": TEXT,
    "no cause": "",
    "braces around no JSON": "{no JSON}",
}


def test_what_a_cause_says_is_told() -> None:
    """Whoever reads the end of an execution wants Glue's own words, and no JSON around them."""
    for name, told in {
        "crawl": FUNCTIONS_SAY,
        "trigger": FUNCTIONS_SAY,
    }.items():
        read = machine(name)["States"]["Read the error"]["Assign"]["message"]
        for kind, said in told.items():
            assert evaluated(jsonata.Jsonata, read, error=caught("x", CAUSES[kind])) == said
    read = dict(states(machine("pipeline")))["Read the error"]["Assign"]["cause"]
    for kind, said in {
        "a job run": "ValueError: no data",
        "a stopped job run": "the run ended as STOPPED",
        "an execution": "CrawlFailed: crawler c: no data",
        "an aborted execution": "ABORTED",
        "text": f"States.TaskFailed: {TEXT}",
        "no cause": "States.TaskFailed: ",
        "braces around no JSON": "States.TaskFailed: {no JSON}",
    }.items():
        assert evaluated(jsonata.Jsonata, read, **KNOWN | {"error": caught("States.TaskFailed", CAUSES[kind])}) == said
    for error, awaited, said in (
        ({"Error": "States.Timeout", "Cause": ""}, True, "it is still running"),
        ({"Error": "States.Timeout", "Cause": ""}, False, "no answer: the crawl may have been started all the same"),
        (None, True, "it was not started"),
    ):
        crawl = {"error": error, "doing": TASK | {"kind": "crawl"}, "step": {"await": awaited}}
        assert evaluated(jsonata.Jsonata, read, **KNOWN | crawl) == said
    read = dict(states(machine("wake")))["Send the token back"]["Catch"][-1]["Output"]
    for kind, said in {"text": f"Sfn.SfnException: {TEXT}", "no cause": "Sfn.SfnException: "}.items():
        output = caught("Sfn.SfnException", CAUSES[kind])
        assert evaluated(jsonata.Jsonata, read, states={"errorOutput": output}) == said


@pytest.mark.parametrize(
    ("results", "woken", "failures"),
    [
        ([], 2, ["before"]),
        (["woken"], 3, ["before"]),
        (["gone"], 2, ["before"]),
        (["no"], 2, ["before", "no"]),
        (["woken", "gone", "no", "woken", "never"], 4, ["before", "no", "never"]),
        (["no"] * 50, 2, ["before", *["no"] * 9]),
    ],
)
def test_a_page_of_tokens_adds_to_those_before(results: list[str], woken: int, failures: list[str]) -> None:
    """Whom nobody could wake must raise the alarm, and a token that is gone must not."""
    added = machine("wake")["States"]["Wake them"]["Assign"]
    known = {"states": {"result": results}, "woken": 2, "failures": ["before"]}
    told = {name: evaluated(jsonata.Jsonata, text, **known) for name, text in added.items()}
    assert told == {"woken": woken, "failures": failures}


def test_tokens_are_read_from_any_page() -> None:
    """One token is a list of one, and an empty page is followed by the next."""
    find = machine("wake")["States"]["Find who waits"]
    last = {"crawler": {"S": "c"}, "waiter": {"S": "w"}}
    for tokens in ([], ["a"], ["a", "b"]):
        for more, page in (({}, {}), ({"LastEvaluatedKey": last}, {"ExclusiveStartKey": last})):
            told = {"states": {"result": {"Items": [{"token": {"S": token}} for token in tokens]} | more}}
            assert evaluated(jsonata.Jsonata, find["Output"], **told) == tokens
            assert evaluated(jsonata.Jsonata, find["Assign"]["page"], **told) == page


@pytest.mark.parametrize("error", ["States.Timeout", "States.DataLimitExceeded", "StatesTimeout", "JobFailed"])
def test_no_execution_fails_with_a_name_of_step_functions_own(error: str) -> None:
    """AWS keeps names that begin with States. to itself; whoever catches one of ours must not take it for theirs."""
    output = {"Error": error, "Cause": "no answer"}
    known = {"states": {"input": output}, "error": output, "message": "no answer"}
    named = {name: dict(states(machine(name))) for name in ("crawl", "pipeline", "trigger")}
    report, trigger = named["crawl"]["Report the error"], named["trigger"]["Read the error"]["Assign"]
    failed = evaluated(jsonata.Jsonata, named["pipeline"]["Read the failure"]["Assign"]["failed"], **known)
    told = [(evaluated(jsonata.Jsonata, report[field], **known)) for field in ("Error", "Cause")]
    parked = [(evaluated(jsonata.Jsonata, trigger[field], **known)) for field in ("failure", "message")]
    if not error.startswith("States."):
        assert told == parked == [failed["error"], failed["cause"]] == [error, "no answer"]
    else:
        assert told == parked == ["CallFailed", f"{error}: no answer"]
        assert failed == {"error": "RunFailed", "cause": f"{error}: no answer"}


LONG = "x" * 300_000
CUT = "x" * 30_000  # what "Read the error" leaves
FAR: dict[str, Any] = {
    "states": {"context": {"Execution": {"Input": {"crawlername": LONG}, "StartTime": "2026-01-31T00:00:00Z"}}},
    "started": {},
    "crawl": {"errorMessage": LONG, "logGroup": "g" * 512, "logStream": "s" * 512, "startTime": ""},
    "error": {"Error": "e" * 256, "Cause": LONG},
    "failed": {"error": "JobFailed", "cause": CUT},  # what "Read the failure" leaves
    "untold": ["t" * 1_000] * 2,
    "doing": TASK,
    "message": CUT,
    "cause": LONG,
    "plan": {"name": "p" * 80},
    "step": {"place": "l" * 200},
    "deadline": 0,
    "failure": "JobFailed",
    "crawler": "c" * 255,
    "woken": 10**9,
    "failures": ["e" * 256 + ": " + "x" * 200] * 10,
}


@each_machine
def test_no_cause_is_longer_than_a_fail_may_have(path: Path) -> None:
    """32,768 characters: https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html"""
    for name, state in states(load(path)):
        if state["Type"] == "Fail":
            text = state["Cause"]
            told = evaluated(jsonata.Jsonata, text, **FAR) if text.startswith("{%") else text
            assert len(told) <= 32_768, at(path, name)


def test_states_reads_nested_machines() -> None:
    """The checks above must reach into Map: most of the pipeline is there."""
    assert {"Plan pipeline", "Run job", "Crawl"} <= {name for name, _ in states(machine("pipeline"))}
