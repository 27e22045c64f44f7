"""`crawler-sync explain`: of an object in each state of the chain the right answer, and advice that leads to a run."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.aws import ACCOUNT, REGION, LocalAws
from local.aws.policies import policy
from local.demo import ROOT
from local.demo.deploy import QUICK, TOOL, deploy, deploy_pipelines
from tests.support.command import Command, acting
from tests.support.roles import ROLE
from tests.support.stack import PATIENCE, Stack, eventually

PATH = os.pathsep.join([str(TOOL.parent), str(ROOT / ".venv/build/bin"), os.environ["PATH"]])
BUCKET = "landing"
SILENT = "silent"
DAY = 86_400
# Fields of the trigger, and tags of the only job.
PIPELINES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "covered": ({}, {}),
    "waiting": ({"coalesceSeconds": DAY}, {}),
    "running": ({}, {"seconds": "600"}),
    "failed": ({}, {"outcome": "failed", "error": "the disk is full"}),
    "absorbed": ({"coalesceSeconds": 1}, {"seconds": "600"}),
    "large": ({"minBytes": 100}, {}),
    "csv": ({"suffixes": [".csv"]}, {}),
    "single": ({"coalesceSeconds": 0}, {}),
    "disabled": ({}, {}),
    "forbidden": ({}, {}),
    "refused": ({}, {}),
    "silent": ({"bucket": SILENT}, {}),
    "deleted": ({}, {}),
    "windowed": ({}, {}),
    "shared-all": ({"prefix": "shared/"}, {}),
    "shared-some": ({"prefix": "shared/", "suffixes": [".json"]}, {}),
}


EARLY = ("covered", "failed", "running", "shared", "single", "deleted")
# Written before their bucket told anybody.
UNTOLD = ("windowed/it's a\u202ekey.csv", "csv/lost.csv")


class Chain:
    """Pipelines with one job each, and rules that are in trouble."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.events = stack, stack.aws.client("events")
        self.command = Command(stack.aws, Stack.NAME)
        for bucket in (BUCKET, SILENT):
            stack.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        stack.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.untold = [self.upload(key) for key in UNTOLD]
        stack.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        with tempfile.TemporaryDirectory() as folder:
            for name, (trigger, tags) in PIPELINES.items():
                tagged = {f"local:{tag}": value for tag, value in ({"seconds": "0"} | tags).items()}
                stack.glue.create_job(Name=name, Role=ROLE, Command={}, Tags=tagged)
                given = {
                    "name": name,
                    "trigger": {"bucket": BUCKET, "prefix": f"{name}/"} | trigger,
                    "stages": [{"steps": [{"job": name}]}],
                }
                if name == "windowed":
                    given["arguments"] = {"--from": "{window_start}"}
                Path(folder, f"{name}.json").write_text(json.dumps(given))
            deploy_pipelines(stack.aws, "pipelines", [Path(folder)], {})
        # Runs take seconds: those that several tests ask for begin at once.
        self.early = {key: self.upload(f"{key}/early.csv") for key in EARLY}

    def rule(self, pipeline: str) -> str:
        logical = "".join(word.title() for word in pipeline.split("-"))
        resource = self.stack.aws.client("cloudformation").describe_stack_resource(
            StackName="pipelines", LogicalResourceId=f"{logical}Rule"
        )
        found: str = resource["StackResourceDetail"]["PhysicalResourceId"]
        return found

    def target(self, pipeline: str) -> dict[str, Any]:
        [target] = self.events.list_targets_by_rule(Rule=self.rule(pipeline))["Targets"]
        return target

    def put_target(self, pipeline: str, target: dict[str, Any]) -> None:
        self.events.put_targets(Rule=self.rule(pipeline), Targets=[target])

    def upload(self, key: str, bucket: str = BUCKET) -> str:
        self.stack.s3.put_object(Bucket=bucket, Key=key, Body="id\n1\n")
        return f"s3://{bucket}/{key}"

    def release(self, job: str) -> None:
        """Stops the job's run, and lets those to come end at once."""
        glue, arn = self.stack.glue, f"arn:aws:glue:{REGION}:{ACCOUNT}:job/{job}"
        glue.tag_resource(ResourceArn=arn, TagsToAdd={"local:seconds": "0"})
        [run] = glue.get_job_runs(JobName=job)["JobRuns"]
        glue.batch_stop_job_run(JobName=job, JobRunIds=[run["Id"]])

    def explain(self, url: str, *options: str) -> dict[str, Any]:
        return explained(self.command, url, *options)

    def becomes(self, url: str, verdict: str, told: Callable[[dict[str, Any]], Any] = bool) -> dict[str, Any]:
        """The answer, once it is this one."""

        def look() -> dict[str, Any] | None:
            answer = self.explain(url)
            return answer if answer["verdict"] == verdict and told(answer) else None

        return eventually(look)

    def follow(self, answer: dict[str, Any]) -> None:
        """Does what the answer advises."""
        commands = [each["command"] for each in answer["next"] if each["command"]]
        assert commands, answer
        for command in commands:
            self.type_in(command)

    def type_in(self, command: str) -> str:
        """What a shell makes of a command that was advised."""
        environment = self.command.environment | {"PATH": PATH}
        ended = subprocess.run(
            ["bash", "-euc", command], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended.stdout


def explained(command: Command, url: str, *options: str) -> dict[str, Any]:
    ended = command("explain", url, "--format", "json", *options)
    assert not ended.error
    answer: dict[str, Any] = ended.json
    assert ended.code == (0 if answer["verdict"] in ("covered", "coming") else 1), answer
    return answer


def mark(answer: dict[str, Any], name: str, pipeline: int = 0) -> str:
    """How the answer marks a link, of the object or of one of its pipelines; of runs the last."""
    links = answer["links"] + (answer["pipelines"][pipeline]["links"] if answer["pipelines"] else [])
    return [each["mark"] for each in links if each["name"] == name][-1]


def says(answer: dict[str, Any], name: str, pipeline: int = 0) -> str:
    links = answer["links"] + (answer["pipelines"][pipeline]["links"] if answer["pipelines"] else [])
    return " ".join(each["says"] for each in links if each["name"] == name)


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    with LocalAws() as aws:
        yield Chain(Stack(aws, deploy(aws, Stack.NAME, QUICK)))


def test_an_object_that_a_run_has(chain: Chain) -> None:
    """The good case: every link is fine, from the moment at which the object is there."""
    url = chain.upload("covered/a b+c=d'é.csv")
    assert chain.explain(url)["verdict"] in ("coming", "covered")
    answer = chain.becomes(url, "covered")
    [pipeline] = answer["pipelines"]
    assert pipeline["pipeline"] == "covered"
    assert {each["mark"] for each in answer["links"] + pipeline["links"]} == {"fine"}
    assert [each["name"] for each in pipeline["links"]] == ["rule", "filter", "window", "run"]
    assert answer["next"] == []
    text = chain.command("explain", url).text
    assert text.startswith(url)
    assert re.search(r"^✓ run +covered-[0-9a-f]{32}-\d+ succeeded at ", text, re.MULTILINE)
    assert "\x1b" not in text


def test_a_window_that_is_open(chain: Chain) -> None:
    """Nothing is wrong: the answer says until when."""
    answer = chain.becomes(
        chain.upload("waiting/a.csv"), "coming", lambda answer: "for its window to close" in says(answer, "run")
    )
    assert mark(answer, "run") == "waiting"


def test_a_run_under_way(chain: Chain) -> None:
    """Where it is, and how to watch it."""
    answer = chain.becomes(chain.early["running"], "coming", lambda answer: 'is at "Run job"' in says(answer, "run"))
    assert answer["next"][0]["command"].startswith("crawler-sync follow running-")


def test_a_run_that_failed(chain: Chain) -> None:
    """Where and why; mended and run again, it has the object."""
    answer = chain.becomes(chain.early["failed"], "not_covered")
    assert "stage 1, step 1, job failed: the disk is full" in says(answer, "run")
    chain.stack.glue.untag_resource(
        ResourceArn=f"arn:aws:glue:{REGION}:{ACCOUNT}:job/failed", TagsToRemove=["local:outcome", "local:error"]
    )
    chain.follow(answer)
    answer = chain.becomes(chain.early["failed"], "covered")
    assert "failed at" in says(answer, "run")
    assert "succeeded at" in says(answer, "run")


def test_a_run_that_left_its_objects_to_another(chain: Chain) -> None:
    """The run of its window did nothing, rightly: the answer goes on to the one that did."""
    first = chain.upload("absorbed/1.csv")
    chain.becomes(first, "coming", lambda answer: "Run job" in says(answer, "run"))
    second = chain.upload("absorbed/2.csv")
    chain.becomes(second, "coming", lambda answer: "Wait for the run before" in says(answer, "run"))
    third = chain.upload("absorbed/3.csv")
    answer = chain.becomes(second, "coming", lambda answer: "left its objects to" in says(answer, "run"))
    [newer] = re.findall(r"left its objects to (\S+),", says(answer, "run"))
    assert newer in says(chain.explain(third), "run")
    chain.release("absorbed")
    assert chain.becomes(second, "covered")["says"] == f"the run {newer} has it"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("large/a.csv", "the object has 5 bytes, fewer than 100"),
        ("csv/a.json", "the key ends in none of"),
        ("covered/_SUCCESS", "commit marker"),
        ("covered/_temporary/0/a.csv", "staging folder"),
    ],
)
def test_an_object_that_the_filter_leaves_out(chain: Chain, key: str, reason: str) -> None:
    """The filter's own words, by its own code."""
    answer = chain.explain(chain.upload(key))
    assert answer["verdict"] == "not_covered"
    assert reason in answer["says"]
    assert mark(answer, "filter") == "missing"
    assert "change the trigger" in answer["next"][0]["why"]


def test_an_object_that_one_of_two_pipelines_leaves_out(chain: Chain) -> None:
    """That it does not concern one pipeline is as it should be, where another has it."""
    answer = chain.becomes(chain.early["shared"], "covered")
    verdicts = {each["pipeline"]: each["verdict"] for each in answer["pipelines"]}
    assert verdicts == {"shared-all": "covered", "shared-some": "ignored"}


def test_objects_that_have_a_run_each(chain: Chain) -> None:
    """Another object's run does not have this one, though it began later."""
    chain.upload("single/other.csv")
    answer = chain.becomes(chain.early["single"], "covered")
    name = answer["says"].split()[2]
    described = chain.stack.states.describe_execution(executionArn=chain.stack.pipeline_run(name))
    assert json.loads(described["input"])["object"] == {"bucket": BUCKET, "key": "single/early.csv"}


def test_a_disabled_rule(chain: Chain) -> None:
    """It discards its events: the rule is to be enabled, and the object needs a run of its own."""
    rule = chain.rule("disabled")
    chain.events.disable_rule(Name=rule)
    answer = chain.explain(chain.upload("disabled/a.csv"))
    assert (answer["verdict"], answer["says"]) == ("not_covered", "its rule is disabled")
    assert mark(answer, "rule") == "missing"
    chain.follow(answer)
    assert chain.events.describe_rule(Name=rule)["State"] == "ENABLED"
    chain.becomes(f"s3://{BUCKET}/disabled/a.csv", "covered")


def test_a_bucket_that_sends_no_events(chain: Chain) -> None:
    """The commonest mistake of all; what is switched on counts for what comes later."""
    url = chain.upload("silent/a.csv", SILENT)
    answer = chain.explain(url)
    assert answer["verdict"] == "unknown", "a trail of CloudTrail may tell of it for twenty minutes"
    assert "sends no events to EventBridge" in answer["says"]
    assert mark(answer, "bucket") == "missing"
    chain.follow(answer)
    found = chain.stack.s3.get_bucket_notification_configuration(Bucket=SILENT)
    assert "EventBridgeConfiguration" in found
    answer = chain.becomes(url, "covered")
    assert mark(answer, "bucket") == "fine"


def test_an_event_that_is_parked(chain: Chain) -> None:
    """The reason that EventBridge gives, and the redrive that handles it."""
    target = chain.target("forbidden")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "events.amazonaws.com"}}
    role = chain.stack.aws.client("iam").create_role(RoleName="may-nothing", AssumeRolePolicyDocument=policy(trust))[
        "Role"
    ]["Arn"]
    chain.put_target("forbidden", target | {"RoleArn": role})
    url = chain.upload("forbidden/a.csv")
    answer = chain.becomes(url, "not_covered", lambda answer: says(answer, "queue"))
    assert "its event is parked: NO_PERMISSIONS" in answer["says"]
    # To look must not keep others from looking.
    again = chain.explain(url)
    assert again["says"] == answer["says"]
    chain.put_target("forbidden", target)
    chain.follow(answer)
    chain.becomes(url, "covered")


def test_a_rule_that_trigger_refuses(chain: Chain) -> None:
    """A template that was changed by hand: the field is named, before an event and after."""
    target = chain.target("refused")
    template = target["InputTransformer"]["InputTemplate"]
    bad = template.rstrip().removesuffix("}") + ', "filter": {"sufixes": [".csv"]}}'
    chain.put_target("refused", target | {"InputTransformer": {"InputTemplate": bad}})
    url = chain.upload("refused/a.csv")
    answer = chain.becomes(url, "not_covered", lambda answer: says(answer, "queue"))
    assert "filter.sufixes" in says(answer, "filter")
    assert "InvalidFilter" in says(answer, "queue")
    chain.put_target("refused", target)
    chain.follow(answer)
    chain.becomes(url, "covered")
    assert len(chain.stack.parked()) == 1


def test_a_key_that_no_rule_takes(chain: Chain) -> None:
    """What the rules do take, so that the right prefix is found."""
    answer = chain.explain(chain.upload("elsewhere/a.csv"))
    assert (answer["verdict"], answer["says"]) == ("not_covered", "no rule takes it")
    assert f"s3://{BUCKET}/covered/*" in says(answer, "rule")
    assert "crawler-sync template" in answer["next"][0]["command"]


def test_an_object_that_is_not_there(chain: Chain) -> None:
    """Misspelt most often: the folder's list shows it."""
    answer = chain.explain(f"s3://{BUCKET}/covered/never.csv")
    assert (answer["verdict"], answer["says"]) == ("not_covered", "there is no such object")
    chain.upload("covered/there.csv")
    assert "there.csv" in chain.type_in(answer["next"][0]["command"])


def test_a_bucket_that_is_not_there(chain: Chain) -> None:
    """Nothing behind it is looked at."""
    answer = chain.explain("s3://nobody/a.csv")
    assert (answer["verdict"], answer["says"]) == ("not_covered", "there is no bucket nobody")
    assert BUCKET in chain.type_in(answer["next"][0]["command"])


def test_an_object_that_was_deleted_since(chain: Chain) -> None:
    """Jobs clear away what they have read: its last version tells when it was there."""
    url = chain.early["deleted"]
    chain.becomes(url, "covered")
    chain.stack.s3.delete_object(Bucket=BUCKET, Key="deleted/early.csv")
    answer = chain.explain(url)
    assert answer["verdict"] == "covered"
    assert "deleted since" in says(answer, "object")


def test_advice_for_what_only_an_event_can_start(chain: Chain) -> None:
    """A run by hand has no window: the advice is an event of the object, and that leads to a run."""
    url, _ = chain.untold
    later = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    answer = chain.explain(url, "--now", later)
    assert answer["verdict"] == "not_covered"
    assert answer["next"][0]["command"].startswith("aws s3 cp ")
    chain.follow(answer)
    chain.becomes(url, "covered")
    chain.stack.s3.delete_object(Bucket=BUCKET, Key=UNTOLD[0])


def test_an_event_that_never_came(chain: Chain) -> None:
    """A rule that is younger than the object: on the way for minutes, then lost; a run by hand has it."""
    _, url = chain.untold
    answer = chain.explain(url, "--now", "2100-01-01T00:00:00Z")
    assert (answer["verdict"], mark(answer, "run")) == ("unknown", "unknown")
    assert "90 days" in answer["says"]
    [written] = re.findall(r"written at (.+) UTC", says(answer, "object"))
    soon, later = (
        (datetime.fromisoformat(f"{written}+00:00") + timedelta(minutes=minutes)).isoformat() for minutes in (1, 6)
    )
    answer = chain.explain(url, "--now", soon)
    assert (answer["verdict"], answer["says"]) == ("coming", "its event may be on its way")
    answer = chain.explain(url, "--now", later)
    assert (answer["verdict"], mark(answer, "run")) == ("not_covered", "missing")
    assert "no event of it has come" in answer["says"]
    assert chain.command("run", "csv", "--date", "2020-01-01", "--follow").code == 0
    answer = chain.explain(url, "--now", later)
    assert (answer["verdict"], mark(answer, "run")) == ("unknown", "unknown")
    assert "is for 2020-01-01" in answer["says"]
    chain.follow(answer)
    chain.becomes(url, "covered")


def test_denied_calls_are_links_that_nobody_could_look_at(chain: Chain) -> None:
    """Who may look at little learns what that tells, and which permission is missing for the rest."""
    url = chain.early["covered"]
    chain.becomes(url, "covered")

    def told(role: str, *actions: str) -> dict[str, Any]:
        return explained(acting(chain.stack.aws, Stack.NAME, role, *actions), url)

    nothing = told("may-look-at-nothing")
    assert nothing["verdict"] == "unknown"
    for link, action in {"bucket": "s3:GetBucketNotification", "object": "s3:ListBucket"}.items():
        assert (mark(nothing, link), action in says(nothing, link)) == ("unknown", True)
    assert "events:ListRuleNamesByTarget" in says(nothing, "rule")
    rules = told("may-look-at-rules", "events:*", "s3:GetBucketNotification")
    assert (rules["verdict"], mark(rules, "rule"), mark(rules, "filter")) == ("unknown", "fine", "fine")
    no_runs = told("may-not-look-at-runs", "events:*", "s3:*", "states:DescribeStateMachine", "states:ListExecutions")
    assert (no_runs["verdict"], mark(no_runs, "window"), mark(no_runs, "run")) == ("unknown", "fine", "unknown")
    assert "states:DescribeExecution" in says(no_runs, "run")
    assert "sqs:GetQueueUrl" in says(no_runs, "queue")
    looking = ("states:DescribeStateMachine", "states:ListExecutions", "states:DescribeExecution")
    enough = told("may-look-at-enough", "events:*", "s3:ListBucket", *looking)
    assert enough["verdict"] == "covered"


def test_wrong_use(chain: Chain) -> None:
    """A misspelt stack must not pass for an object that nobody has."""
    ended = chain.command("explain", f"s3://{BUCKET}/covered/a.csv", "--stack", "nobody")
    assert (ended.code, ended.text) == (1, "")
    assert "there is no stack nobody" in ended.error
    for url in ("a.csv", "s3://", f"s3://{BUCKET}", f"s3://{BUCKET}/", "https://landing/a.csv"):
        ended = chain.command("explain", url)
        assert (ended.code, ended.text) == (2, "")
        assert "s3://landing/orders/a.csv" in ended.error
