"""`crawler-sync run`: a run by hand, of what is deployed or of a file; and backfills, day after day."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Command, acting
from tests.support.gates import Gate
from tests.support.pipelines import deploy_pipeline
from tests.support.roles import ROLE
from tests.support.stack import PATIENCE, Stack, eventually

TRIGGER = {"bucket": "run-landing", "prefix": "in/", "coalesceSeconds": 60}
SCHEDULE = {"expression": "cron(0 2 * * ? 2099)"}
# Fails for the days that lie under the prefix.
DAILY = """
import sys
from pathlib import Path
day = sys.argv[sys.argv.index("--date") + 1]
if Path(sys.argv[sys.argv.index("--bad") + 1], day).exists():
    raise SystemExit(f"no file for {day}")
"""


@pytest.fixture(scope="module")
def command(stack: Stack) -> Command:
    return Command(stack.aws, Stack.NAME)


@pytest.fixture(scope="module")
def job(stack: Stack) -> Iterator[str]:
    stack.glue.create_job(
        Name="run-quick",
        Role=ROLE,
        Command={},
        Tags={"local:seconds": "0"},
        ExecutionProperty={"MaxConcurrentRuns": 20},
    )
    yield "run-quick"


@contextmanager
def faults(stack: Stack, operation: str, fault: str) -> Iterator[None]:
    """Some calls about the machine of pipelines fail."""
    arn, tag = stack.machine("Pipeline"), f"local:fault:{operation}"
    stack.states.tag_resource(resourceArn=arn, tags=[{"key": tag, "value": fault}])
    try:
        yield
    finally:
        stack.states.untag_resource(resourceArn=arn, tagKeys=[tag])


def one_step(name: str, job: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "stages": [{"steps": [{"job": job}]}], **fields}


def told_to_jobs(stack: Stack, job: str, argument: str) -> list[str]:
    """What runs of the job were told, the oldest first."""
    runs = stack.glue.get_job_runs(JobName=job)["JobRuns"]
    return [run["Arguments"][argument] for run in sorted(runs, key=lambda run: run["StartedOn"])]


def execution(stack: Stack, name: str) -> dict[str, Any]:
    return stack.finish(stack.pipeline_run(name))


@pytest.mark.parametrize("start", [{"trigger": TRIGGER}, {"schedule": SCHEDULE}], ids=["rule", "schedule"])
def test_a_deployed_pipeline_runs_by_its_name(stack: Stack, command: Command, job: str, start: dict[str, Any]) -> None:
    """What the rule or the schedule would start, and nothing older: an edit is in the next run by hand, too."""
    name = f"run-{next(iter(start))}"
    for layout in ("slim", "wide"):
        deploy_pipeline(stack, one_step(name, job, arguments={"--layout": layout}, **start))
    told = command("run", name, "--date", "2026-01-31", "--argument", "day=the {date}", "--format", "json")
    assert told.code == 0, told.error
    assert told.json["name"].startswith(f"{name}-2026-01-31-")
    run = execution(stack, told.json["name"])
    assert run["status"] == "SUCCEEDED"
    given = json.loads(run["input"])
    assert given["arguments"] == {"--layout": "wide", "--date": "2026-01-31", "--day": "the {date}"}
    assert "scheduledTime" not in given
    assert told_to_jobs(stack, job, "--day")[-1] == "the 2026-01-31"


def test_an_unknown_pipeline_is_named_with_those_that_there_are(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows them by heart. A file that happens to have the name is not meant."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "custmers").write_text("{}")
    told = command("run", "custmers")
    assert told.code == 1
    assert re.search(r"no rule and no schedule starts a pipeline custmers .*; there are .*customers", told.error)


def test_a_file_is_checked_and_followed(stack: Stack, command: Command, job: str, tmp_path: Path) -> None:
    """What is not deployed yet can be tried; a mistake is found before anything starts."""
    file = tmp_path / "own.json"
    file.write_text(json.dumps(one_step("own", job)))
    told = command("run", str(file), "--follow")
    assert told.code == 0, told.error
    assert re.search(r"1\.1 +run-quick +✓ job", told.text), told.text
    file.write_text(json.dumps(one_step("own", job) | {"stagse": []}))
    told = command("run", str(file))
    assert (told.code, told.text) == (1, "")
    assert f"{file}:1: stagse: is not one of the fields" in told.error
    assert "cannot be read" in command("run", str(tmp_path / "none.json")).error


def test_what_only_an_objects_run_has_cannot_be_run_by_hand(command: Command, job: str, tmp_path: Path) -> None:
    """Said at once: the run would fail in its plan."""
    file = tmp_path / "object.json"
    steps = [{"job": job, "arguments": {"--file": "{key}"}}]
    file.write_text(json.dumps({"name": "object", "stages": [{"steps": steps}]}))
    told = command("run", str(file))
    assert told.code == 1
    assert "cannot be run by hand" in told.error
    assert "stage 1, step 1" in told.error


def test_a_failed_run_that_is_followed_ends_with_1(stack: Stack, command: Command, tmp_path: Path) -> None:
    """A script goes on only after a success."""
    file = tmp_path / "gone.json"
    file.write_text(json.dumps(one_step("gone", "no-such-job")))
    told = command("run", str(file), "--follow")
    assert told.code == 1
    assert "run failed: JobFailed: pipeline gone, stage 1, step 1, job no-such-job" in told.text
    assert command("run", str(file)).code == 0, "a start that nobody follows has succeeded"


@pytest.mark.parametrize("fault", ["2 ThrottlingException", "1 lost-response"])
def test_a_start_that_is_tried_again_happens_once(
    stack: Stack, command: Command, job: str, tmp_path: Path, fault: str
) -> None:
    """A second run of a day would load it twice."""
    file = tmp_path / "once.json"
    name = f"once-{fault[2:6]}"
    file.write_text(json.dumps(one_step(name, job)))
    with faults(stack, "StartExecution", fault):
        told = command("run", str(file), "--follow")
    assert told.code == 0, told.error
    assert len([run for run in stack.executions("Pipeline") if run["name"].startswith(name)]) == 1


def test_denied_starts_name_the_permission(stack: Stack, job: str, tmp_path: Path) -> None:
    """Each call that a run by hand needs, by its name in IAM."""
    file = tmp_path / "denied.json"
    file.write_text(json.dumps(one_step("denied", job)))
    alias = stack.outputs["PipelineStateMachineArn"]
    told = acting(stack.aws, Stack.NAME, "may-not-start")("run", str(file))
    assert told.code == 1
    assert f"states:StartExecution on {alias} is denied" in told.error
    told = acting(stack.aws, Stack.NAME, "may-not-look")("run", "customers")
    assert told.code == 1
    assert "events:ListRuleNamesByTarget on " in told.error
    told = Command(stack.aws, "nowhere")("run", str(file))
    assert told.code == 1
    assert "there is no stack nowhere in " in told.error


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from", "2026-02-02", "--to", "2026-02-01"],
        ["--from", "2026-02-02"],
        ["--date", "2026-02-30"],
        ["--date", "2026-02-01", "--from", "2026-02-01", "--to", "2026-02-02"],
        ["--parallel", "2"],
        ["--argument", "layout"],
        ["--from", "2026-02-01", "--to", "2026-02-02", "--parallel", "0"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_2(command: Command, arguments: list[str]) -> None:
    """Before any call: half a backfill is worse than none."""
    told = command("run", "customers", *arguments)
    assert (told.code, told.text) == (2, ""), told


class Daily:
    """A pipeline whose job fails for some days."""

    def __init__(self, stack: Stack, folder: Path, name: str) -> None:
        self.stack, self.name, self.bad = stack, name, folder / "bad"
        self.bad.mkdir()
        bucket = f"{name}-scripts"
        stack.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        stack.s3.put_object(Bucket=bucket, Key="daily.py", Body=DAILY.encode())
        script = {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/daily.py"}
        limit = {"MaxConcurrentRuns": 20}
        stack.glue.create_job(Name=name, Role=ROLE, Command=script, ExecutionProperty=limit)
        self.file = folder / f"{name}.json"
        self.file.write_text(json.dumps(one_step(name, name, arguments={"--bad": str(self.bad)})))

    def days(self) -> list[str]:
        """The days that the job was run for, in order."""
        return [day.removeprefix("2026-02-0") for day in told_to_jobs(self.stack, self.name, "--date")]

    def overlaps(self) -> int:
        """How many runs went on at once, at most."""
        own = [run for run in self.stack.executions("Pipeline") if run["name"].startswith(f"{self.name}-")]
        return max(sum(one["startDate"] <= other["startDate"] < one["stopDate"] for one in own) for other in own)


def test_a_backfill_stops_at_a_failure_and_says_how_to_go_on(stack: Stack, command: Command, tmp_path: Path) -> None:
    """What ran, what failed and why, what did not run; and the rest by the very command that is printed."""
    daily = Daily(stack, tmp_path, "one-by-one")
    (daily.bad / "2026-02-03").touch()
    told = command("run", str(daily.file), "--from", "2026-02-01", "--to", "2026-02-07")
    assert told.code == 1, told.error
    assert re.findall(r"^2026-02-0(\d)  (.)", told.text, re.MULTILINE) == [("1", "✓"), ("2", "✓"), ("3", "✗")]
    assert "no file for 2026-02-03" in told.text
    assert "5 days are left." in told.text
    assert daily.days() == ["1", "2", "3"]
    assert daily.overlaps() == 1, "in order, one after the other"

    (daily.bad / "2026-02-03").unlink()
    [resume] = re.findall(r"^To go on: (.*)$", told.text, re.MULTILINE)
    told = command.again(resume)
    assert told.code == 0, told.text + told.error
    assert daily.days() == ["1", "2", "3", "3", "4", "5", "6", "7"]
    assert "To go on" not in told.text


def test_a_backfill_side_by_side_begins_no_more_after_a_failure(stack: Stack, command: Command, tmp_path: Path) -> None:
    """Those that had begun are waited for; the command keeps what it was given."""
    daily = Daily(stack, tmp_path, "side-by-side")
    (daily.bad / "2026-02-01").touch()
    days = ["--from", "2026-02-01", "--to", "2026-02-09", "--parallel", "3"]
    told = command("run", str(daily.file), *days, "--argument", "note=it's", "--format", "json")
    assert told.code == 1, told.error
    by_day = {day["date"][-1]: day["status"] for day in told.json["days"]}
    assert by_day["1"] == "FAILED"
    assert {by_day[day] for day in "23"} == {"SUCCEEDED"}
    assert len(by_day) < 9
    assert 1 < daily.overlaps() <= 3
    (daily.bad / "2026-02-01").unlink()
    told = command.again(told.json["resume"])
    assert told.code == 0, told.text + told.error
    assert set(daily.days()) == set("123456789")
    assert told_to_jobs(stack, daily.name, "--note") == ["it's"] * len(daily.days())


def test_a_backfill_that_cannot_start_a_day_says_how_to_go_on(stack: Stack, job: str, tmp_path: Path) -> None:
    """A permission that is missing is no reason to count days by hand."""
    file = tmp_path / "denied.json"
    file.write_text(json.dumps(one_step("denied", job)))
    days = ["--from", "2026-02-01", "--to", "2026-02-03"]
    told = acting(stack.aws, Stack.NAME, "may-not-fill")("run", str(file), *days)
    assert told.code == 1
    assert "3 days are left." in told.text
    assert "--from 2026-02-01 --to 2026-02-03" in told.text
    assert "states:StartExecution" in told.error


def test_a_backfill_goes_on_though_nobody_reads_it(stack: Stack, command: Command, tmp_path: Path) -> None:
    """`| head -1` must not pass for a month that was loaded; the exit code tells how the days ended."""
    daily = Daily(stack, tmp_path, "unread")
    (daily.bad / "2026-02-03").touch()
    process = command.begin("run", str(daily.file), "--from", "2026-02-01", "--to", "2026-02-04")
    assert process.stdout
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 1
    assert daily.days() == ["1", "2", "3"]


def test_a_followed_run_ends_with_its_code_though_nobody_reads_it(
    stack: Stack, command: Command, tmp_path: Path
) -> None:
    """`run --follow | head -1` in a script must not pass for a load."""
    file = tmp_path / "unread.json"
    file.write_text(json.dumps(one_step("unread-followed", "no-such-job")))
    process = command.begin("run", str(file), "--follow")
    assert process.stdout
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 1


def test_ctrl_c_leaves_a_day_to_itself(stack: Stack, command: Command, tmp_path: Path) -> None:
    """It goes on: to begin it again beside itself would load it twice."""
    gate = Gate(stack, "run-long", tmp_path)
    file = tmp_path / "long.json"
    file.write_text(json.dumps(one_step("long", "run-long")))
    stack.aws.forget_calls()
    process = command.begin("run", str(file), "--from", "2026-02-01", "--to", "2026-02-03")
    # It looks at the run once it knows that there is one.
    eventually(lambda: stack.aws.calls().get("crawler-sync-pipeline", {}).get("GetExecutionHistory"))
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "2 days are left." in text
    assert "--from 2026-02-02 --to 2026-02-03" in text
    [follow] = re.findall(r"^2026-02-01 goes on by itself: (.*)$", text, re.MULTILINE)
    gate.open()
    assert command.again(follow).code == 0


def test_a_backfill_outlasts_failures_that_pass(stack: Stack, command: Command, job: str, tmp_path: Path) -> None:
    """The day goes on, whether or not a call about it has an answer."""
    file = tmp_path / "passing.json"
    file.write_text(json.dumps(one_step("passing", job)))
    with faults(stack, "GetExecutionHistory", "2 KmsThrottlingException"):
        told = command("run", str(file), "--from", "2026-02-01", "--to", "2026-02-02")
    assert (told.code, told.error) == (0, ""), told.text
    assert len(re.findall("✓", told.text)) == 2


def test_a_backfill_counts_crawls_that_its_days_do_not_await(stack: Stack, command: Command, tmp_path: Path) -> None:
    """As `run --follow` does: a table without its partitions is no day that has succeeded."""
    stack.glue.create_crawler(
        Name="run-later",
        Role=ROLE,
        DatabaseName="mydatabase",
        Targets={"S3Targets": []},
        Tags={"local:seconds": "0", "local:outcome": "failed"},
    )
    file = tmp_path / "later.json"
    steps = [{"crawler": "run-later", "await": False}]
    file.write_text(json.dumps({"name": "later", "stages": [{"steps": steps}]}))
    told = command("run", str(file), "--from", "2026-02-01", "--to", "2026-02-02")
    assert told.code == 1, told.error
    assert re.search(r"^2026-02-01  ✗ .*\n  ↳ \S", told.text, re.MULTILINE), told.text
    assert "2 days are left." in told.text


def test_a_day_whose_start_has_no_answer_may_have_begun(
    stack: Stack, command: Command, job: str, tmp_path: Path
) -> None:
    """It is named with its run, for a person to look at before it is begun again."""
    file = tmp_path / "unsure.json"
    file.write_text(json.dumps(one_step("unsure", job)))
    with faults(stack, "StartExecution", "8 lost-response"):
        told = command("run", str(file), "--from", "2026-02-01", "--to", "2026-02-02")
    assert (told.code, "no answer to states:StartExecution" in told.error) == (1, True)
    assert "2 days are left." in told.text
    [follow] = re.findall(r"^2026-02-01 may have begun; .*: (crawler-sync .*)$", told.text, re.MULTILINE)
    assert command.again(follow).code == 0
