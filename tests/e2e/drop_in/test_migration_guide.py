"""docs/migration.md: every block of it runs, and its tables say what came of runs."""

import json
import re

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.aws import ACCOUNT, REGION
from local.demo.deploy import TEMPLATE
from tests.support.documents import holds, part
from tests.support.drop_in import error_types, guide, loop_beside_crawl, shapes
from tests.support.drop_in.migrations import Step
from tests.support.drop_in.played import Played, play_all
from tests.support.drop_in.runs import create_machine
from tests.support.stack import Stack, eventually

TABLES = {guide.ERROR_TYPES: error_types.table, guide.BESIDE: loop_beside_crawl.table}


@pytest.fixture(scope="module")
def played(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play_all(stack, tmp_path_factory.mktemp("guide"))


@pytest.mark.generated
@pytest.mark.parametrize("title", TABLES)
def test_the_tables_say_what_ran(played: Played, title: str) -> None:
    """People decide by them what to catch."""
    holds(guide.GUIDE, title, TABLES[title](played.results))


@pytest.mark.parametrize("name", ["swap", "verdict-of-success", "aws-sdk", "fixed-wait"])
def test_the_machine_goes_on_as_before(played: Played, name: str) -> None:
    """Changed and changed back, a machine does what it did; the functions serve it in between and only then."""
    before, after, back = played.steps(name)
    for step in (before, after, back):
        assert (step.ran.status, step.ran.error) == ("SUCCEEDED", None), step.ran.cause
    assert back.ran.once_round == before.ran.once_round
    assert after.lines > 0
    assert name == "verdict-of-success" or (before.lines, back.lines) == (0, 0)


def test_the_swap_keeps_the_machine(played: Played) -> None:
    """Two strings change, and nothing that can be seen from outside but the answer's additions."""
    before, after, _ = played.steps("swap")
    assert after.ran.once_round == before.ran.once_round
    assert after.ran.output.items() > before.ran.output.items()


def test_the_verdict_makes_the_loop_honest(played: Played) -> None:
    """A failed crawl passed for a success until the machine asked."""
    before, after, back = played.steps("verdict")
    assert [_ending(step) for step in (before, after, back)] == ["SUCCEEDED", "CrawlFailed", "SUCCEEDED"]
    assert json.loads(after.ran.cause)["status"] == "FAILED"
    assert "Wait" in after.ran.path


@pytest.mark.parametrize("shape", shapes.SHAPES, ids=lambda shape: shape.name)
def test_other_lambdas_go_after_the_edits_of_the_guide(played: Played, shape: shapes.Shape) -> None:
    """People's Lambdas differ: what the guide says to edit is all that has to be edited."""
    before, after, back = played.steps(shape.name)
    for step in (before, after, back):
        assert (step.ran.status, step.ran.error) == ("SUCCEEDED", None), step.ran.cause
    assert after.ran.once_round == back.ran.once_round == before.ran.once_round
    assert "Wait" in after.ran.path
    assert (before.lines, back.lines) == (0, 0)
    assert after.lines >= 3
    kept = [field for field in shape.given if field != "crawlername"]
    assert {field: after.ran.output[field] for field in kept} == {field: shape.given[field] for field in kept}


def test_a_lambda_that_waits_needs_more_than_another_arn(played: Played) -> None:
    """With start-crawler in its place the machine goes on at once, and nothing tells: the guide has to."""
    before, after, back = played.steps(shapes.WAITING)
    assert [step.ran.status for step in (before, after, back)] == ["SUCCEEDED"] * 3
    assert after.ran.output["crawl"]["status"] == "SUCCEEDED"
    _, swapped, _ = played.steps(f"{shapes.WAITING}-swapped")
    assert (swapped.ran.status, swapped.ran.output["state"]) == ("SUCCEEDED", "RUNNING")


def test_the_guide_has_edits_for_every_shape() -> None:
    """A Lambda that the tests migrate and the guide leaves out helps no reader."""
    rows = {line.split(" | ")[0].strip("| ") for line in part(guide.GUIDE, guide.SHAPES).splitlines()[2:]}
    assert rows == {shape.row for shape in shapes.SHAPES}


@pytest.mark.parametrize("name", ["aws-sdk", "fixed-wait"])
def test_one_state_takes_the_place_of_four(played: Played, name: str) -> None:
    """The calling machine goes on with the crawl itself."""
    _, after, _ = played.steps(name)
    assert after.ran.path == ["Crawl", "Go on"]
    assert (after.ran.output["crawlername"], after.ran.output["crawl"]["status"]) == ("orders", "SUCCEEDED")


@pytest.mark.parametrize(
    ("situation", "error", "last"),
    [
        ("succeeds", None, "Go on"),
        ("missing", None, "There is no such crawler"),
        ("fails", "CrawlFailed", "Crawl failed"),
    ],
)
def test_errors_are_caught_by_name(played: Played, situation: str, error: str | None, last: str) -> None:
    """Who caught errors by name goes on catching them."""
    ran = played.results[f"by name: {situation}"]
    assert (ran.error, ran.path[-1]) == (error, last), ran.cause


def test_an_error_without_a_name_is_caught(stack: Stack) -> None:
    """An execution of crawl that somebody stopped gives no error; a Choice on it must not break."""
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    crawl = create_machine(stack, "slow-crawl", json.dumps({"StartAt": "Wait", "States": {"Wait": wait}}))
    definition = guide.fill(guide.machine(guide.BY_NAME), {"CrawlStateMachineArn": crawl})
    arn = stack.states.start_execution(stateMachineArn=create_machine(stack, "slow-caller", definition))["executionArn"]
    [child] = eventually(lambda: stack.states.list_executions(stateMachineArn=crawl)["executions"])
    stack.states.stop_execution(executionArn=child["executionArn"])
    execution = stack.finish(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "CrawlFailed"), execution["cause"]
    assert json.loads(execution["cause"])["Status"] == "ABORTED"


@pytest.mark.parametrize(
    ("title", "machine", "resources"),
    [(guide.PYTHON, "Crawl", "<StartCrawlerFunctionArn>"), (guide.LOOPS, "Pipeline", "<name of crawl>|:rule/")],
)
def test_the_permissions_are_those_of_the_template(stack: Stack, title: str, machine: str, resources: str) -> None:
    """A reader who grants less is refused on AWS, where no test of ours runs."""
    crawl = stack.machine("Crawl").rpartition(":")[2]
    # The template's own machines call versions, and may call all of them; others call the alias.
    outputs = {name: value.removesuffix(":live") for name, value in stack.outputs.items()}
    values = outputs | {"region": REGION, "account": ACCOUNT, "name of crawl": crawl}
    told = json.loads(guide.fill(guide.blocks(title)[0], values))
    named = re.compile(guide.fill(resources, values))
    any_version = re.compile(r'(:(function|stateMachine):[^":]+):\*"')
    granted = [json.loads(any_version.sub(r'\1"', text)) for text in _statements(stack, machine)]
    assert told == [each for each in granted if named.search(json.dumps(each["Resource"]))]


def test_what_to_watch_is_there(stack: Stack) -> None:
    """Who looks at night for an alarm, a metric or a log group of the guide finds it."""
    text, resources = " ".join(guide.GUIDE.read_text().split()), yaml_parse(TEMPLATE.read_text())["Resources"]
    alarms = set(re.findall(r"`(\w+Alarm)`", text))
    assert alarms
    assert {resources[alarm]["Type"] for alarm in alarms} == {"AWS::CloudWatch::Alarm"}
    filters = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Logs::MetricFilter"]
    metrics = {each["MetricName"] for properties in filters for each in properties["MetricTransformations"]}
    assert re.findall(r"the metric `(\w+)`", text) == ["CrawlRequests"]
    assert "CrawlRequests" in metrics
    groups = {group["logGroupName"] for group in stack.logs.describe_log_groups()["logGroups"]}
    told = {group.replace("<stack>", Stack.NAME) for group in re.findall(r"`(/\S+/<stack>\S+)`", text)}
    assert told
    assert told <= groups


def test_the_log_lines_have_the_fields_of_the_guide(stack: Stack, played: Played) -> None:
    """The query finds what it asks for."""
    [query] = guide.blocks(guide.PYTHON, "text")
    fields = {"level", "crawlername", "outcome", "reason"}
    assert set(re.findall(r"\w+", query)) & fields == fields - {"reason"}
    errors = [line for line in stack.log_lines("start-crawler") if line["level"] == "ERROR"]
    assert errors
    # An input that cannot be read names no crawler.
    assert all(fields <= line.keys() for line in errors if line["outcome"] != "InvalidRequest")


def _ending(step: Step) -> str:
    return step.ran.error or step.ran.status


def _statements(stack: Stack, machine: str) -> list[str]:
    """What the role of a machine of the stack may do, as JSON."""
    iam, arn = stack.aws.client("iam"), stack.outputs[f"{machine}StateMachineArn"]
    role = stack.states.describe_state_machine(stateMachineArn=arn)["roleArn"].rpartition("/")[2]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    return [json.dumps(statement) for document in documents for statement in document["Statement"]]
