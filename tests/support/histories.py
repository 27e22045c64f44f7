"""Records what runs leave behind on the local AWS, for the tests of the command-line tool: `make histories`.

A file each, as Step Functions answers: GetExecutionHistory of the run, and of each crawl that it started.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.aws import LocalAws
from local.demo import ROOT, stand_ins
from local.demo.deploy import QUICK, STACK, deploy
from local.demo.workloads import create_role
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually

FOLDER = ROOT / "cli/tests/histories"
HASH = "0123456789abcdef0123456789abcdef"


class Recorder:
    """Runs of pipelines whose jobs and crawlers are named for how they behave."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.role = create_role(stack.aws, "recorded", *stand_ins.MAY, services=("glue", "lambda", "states"))
        stack.glue.create_database(DatabaseInput={"Name": stand_ins.NAME})
        self.job("load", seconds="1")
        self.job("fail", seconds="0", outcome="failed", error="no space left on /data")
        self.job("busy", seconds="0", **{"fault:StartJobRun": "1 ConcurrentRunsExceededException"})
        self.job("long", seconds="3")
        self.crawler("tables", seconds="1")
        self.crawler("slow", seconds="3")
        self.crawler("broken", seconds="0.2", outcome="failed", error="Insufficient Lake Formation permissions")
        stand_ins.create_function(stack.aws, self.role, "check")
        stand_ins.create_machine(stack.aws, self.role, "publish")
        stand_ins.create_workgroup(stack.aws, self.role, "primary")

    def job(self, name: str, **tags: str) -> None:
        told = {f"local:{tag}": value for tag, value in tags.items()}
        self.stack.glue.create_job(Name=name, Role=ROLE, Command={}, Tags=told)

    def crawler(self, name: str, **tags: str) -> None:
        told = {f"local:{tag}": value for tag, value in tags.items()}
        self.stack.glue.create_crawler(
            Name=name, Role=ROLE, DatabaseName=stand_ins.NAME, Targets={"S3Targets": []}, Tags=told
        )

    def start(self, name: str, steps: list[list[dict[str, Any]]], *, end: int | None = None, **fields: Any) -> str:
        """A run by hand, or of the window that ended then."""
        stages = [{"name": f"part {number}", "steps": each} for number, each in enumerate(steps, start=1)]
        given: dict[str, Any] = {"name": name, "stages": stages} | fields
        named = {"name": f"{name}-by-hand"}
        if end:
            start, until = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (end - 60, end))
            window = {"queue": f"{name}-{HASH}-", "start": start, "end": until}
            named = {"name": f"{window['queue']}{end}"}
            given |= {"window": window}
        return self.stack.states.start_execution(
            stateMachineArn=self.stack.outputs["PipelineStateMachineArn"], input=json.dumps(given), **named
        )["executionArn"]

    def reached(self, arn: str, state: str) -> None:
        eventually(lambda: state in [name for name, _ in self.stack.entered(arn)])

    def record(self, file: str, arn: str) -> None:
        """Writes the run as it is now, and its crawls."""
        executions = {arn: self.events(arn)} | {crawl: self.events(crawl) for crawl in self.crawls(arn)}
        told = (f"{json.dumps(name)}: [\n{lines(events)}\n]" for name, events in executions.items())
        (FOLDER / f"{file}.json").write_text("{" + ",\n".join(told) + "}\n")

    def events(self, arn: str) -> list[dict[str, Any]]:
        return self.stack.history(arn)

    def crawls(self, arn: str) -> Iterator[str]:
        for execution in self.stack.executions("Crawl"):
            given = json.loads(self.stack.states.describe_execution(executionArn=execution["executionArn"])["input"])
            if given["AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"] == arn:
                yield execution["executionArn"]

    def quiet(self) -> None:
        """When all crawls are over."""
        eventually(lambda: all(each["status"] != "RUNNING" for each in self.stack.executions("Crawl")))


def lines(events: list[dict[str, Any]]) -> str:
    """A line an event, as Step Functions tells it: moments as seconds since 1970."""
    return ",\n".join(json.dumps(event, default=lambda moment: moment.timestamp()) for event in events)


END = 1769824800  # of the window: 2026-01-31T02:00:00Z


def record(recorder: Recorder) -> None:
    """Runs of every kind of end."""
    stack = recorder.stack
    work: list[dict[str, Any]] = [
        {"job": "load", "crawler": "tables"},
        {"function": "check"},
        {"query": "SELECT 1"},
        {"machine": "publish", "name": "tell the others"},
    ]
    optional: list[dict[str, Any]] = [{"job": "fail", "optional": True, "retries": 1}, {"job": "busy"}]
    unawaited: list[dict[str, Any]] = [{"crawler": "slow", "await": False}, {"crawler": "tables"}]
    soon = f"{datetime.now(UTC) + timedelta(seconds=2):%Y-%m-%dT%H:%M:%SZ}"
    run = recorder.start("everything", [work, optional, unawaited], end=END, startAfter=soon)
    stack.finish(run)
    recorder.quiet()
    recorder.record("succeeded", run)

    run = recorder.start("late", [[{"job": "load"}, {"job": "fail"}, {"job": "long"}]])
    stack.finish(run)
    recorder.record("job-failed", run)

    arguments = {"--date": "2026-01-30"}
    run = recorder.start("tables", [[{"crawler": "broken"}], [{"job": "load"}]], arguments=arguments)
    stack.finish(run)
    recorder.record("crawl-failed", run)

    run = recorder.start("misspelt", [[{"job": "load", "payload": "{nothing}"}]])
    stack.finish(run)
    recorder.record("refused", run)

    run = recorder.start("too-long", [[{"job": "long"}]], timeoutSeconds=1)
    stack.finish(run)
    recorder.record("timed-out", run)

    run = recorder.start("stopped", [[{"job": "long"}]])
    recorder.reached(run, "Run job")
    recorder.record("running", run)
    stack.states.stop_execution(executionArn=run, error="Stopped", cause="by the night shift")
    stack.finish(run)
    recorder.record("stopped", run)

    first, second, third = (recorder.start("queue", [[{"job": "long"}]], end=END + minute) for minute in (0, 60, 120))
    for arn in (first, second, third):
        stack.finish(arn)
    recorder.record("absorbed", second)
    recorder.record("queued", third)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with LocalAws() as aws:
        parameters = QUICK | stand_ins.PATTERNS | {"PipelinePolicyArn": stand_ins.query_policy(aws)}
        record(Recorder(Stack(aws, deploy(aws, STACK, parameters))))
    for file in sorted(Path(FOLDER).glob("*.json")):
        print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
