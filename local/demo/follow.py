"""Follow a run of a pipeline, from what starts it to its last crawl, as it happens."""

import json
import time
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.aws import LocalAws
from local.demo.command import Failure
from local.demo.deploy import unqualified
from local.demo.steps import Step, Steps
from local.demo.timeline import Span, Spans, timeline

MACHINES = {
    "trigger": "TriggerStateMachineArn",
    "pipeline": "PipelineStateMachineArn",
    "crawl": "CrawlStateMachineArn",
}
COLOURS = {"trigger": "magenta", "pipeline": "blue", "crawl": "green"}
WINDOW = "Wait for the window to close"
# States whose time counts; what comes of them, only time tells.
WORK = {"Run job": "job", "Invoke function": "function", "Run query": "query", "Run machine": "machine"}
LONG = (*WORK, "Crawl", WINDOW, "Wait for the run before")
STAGE = "Run the steps side by side"
PAUSE = 0.2


class FollowError(Failure):
    """The run did not come, or did not end; the message says why."""


@dataclass(eq=False)
class Run:
    """An execution of pipeline: its steps, and the work and crawls of them."""

    arn: str
    name: str
    steps: Steps
    span: Span
    window: Span | None = None
    spans: Spans = field(default_factory=dict)

    def crawled(self) -> list[Step]:
        """The steps whose crawls have begun."""
        return [step for step, kind in self.spans if kind == "crawl"]

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, and if it succeeded, the crawls that it did not await too."""
        done = all(self.spans[step, "crawl"].ended for step in self.crawled())
        return self.span.ended is not None and (self.span.problem != "" or done)

    @property
    def problem(self) -> str:
        """Why the run failed, or crawls that it did not await; empty if all is well."""
        crawls = [f"{step.crawler}: {span.problem}" for (step, _), span in self.spans.items() if span.problem]
        return f"{self.name}: {self.span.problem}" if self.span.problem else "; ".join(crawls)

    def timeline(self) -> Table:
        return timeline(self.name, self.steps, self.spans, self.span, self.window)


@dataclass(frozen=True)
class Subject:
    """What the lines of an execution are about; of a step if there is one."""

    machine: str
    name: str
    run: Run | None = None
    step: Step | None = None


class Follower:
    """Prints each telling event of the three state machines once, in order: when, which step, what came of it."""

    def __init__(
        self, aws: LocalAws, outputs: Mapping[str, str], console: Console, pipeline: Mapping[str, Any]
    ) -> None:
        self._sfn, self._log = aws.client("stepfunctions"), aws.log
        self._machines = {machine: unqualified(outputs[output]) for machine, output in MACHINES.items()}
        self._console = console
        stages = Steps(pipeline).stages
        names = [name for steps in stages for step in steps for name in (step.work, step.crawler)]
        self._width = max(map(len, [pipeline["name"], *names]))
        self._runs: dict[str, Run] = {}
        self._subjects: dict[str, Subject] = {}
        self._seen: dict[str, int] = {}
        self._over: set[str] = set()
        # By execution and state, for each step: when the state was entered, and when left.
        self._entered: defaultdict[tuple[str, str], dict[Step | None, datetime]] = defaultdict(dict)
        self._left: defaultdict[tuple[str, str], dict[Step | None, datetime]] = defaultdict(dict)
        self._began: datetime | None = None
        self._last: dict[Subject, str] = {}

    def follow(self, arn: str | None = None, seconds: float = 300) -> Run:
        """Prints what happens until a run has ended, and the crawls that it did not await.

        Without `arn` it is the first run that the trigger starts.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._print_news()
            run = self._runs.get(arn) if arn else next(iter(self._runs.values()), None)
            if run is None:
                self._check_trigger()
            elif run.is_over:
                return run
            time.sleep(PAUSE)
        raise FollowError(f"not over within {seconds:.0f} s; see {self._log}")

    def _check_trigger(self) -> None:
        failed = self._sfn.list_executions(stateMachineArn=self._machines["trigger"], statusFilter="FAILED")
        for execution in failed["executions"]:
            described = self._sfn.describe_execution(executionArn=execution["executionArn"])
            raise FollowError(f"the trigger failed: {described.get('error')}: {described.get('cause')}")

    def _print_news(self) -> None:
        # What happens while this reads is left for the next time, or a crawl would be told before the step it is of.
        until = datetime.now(UTC)
        news = []
        for machine, arn in self._machines.items():
            for execution in self._sfn.list_executions(stateMachineArn=arn)["executions"]:
                if execution["executionArn"] not in self._over:
                    for event in self._new_events(execution["executionArn"], until):
                        news.append((event["timestamp"], machine, execution["executionArn"], event))
        for at, machine, arn, event in sorted(news, key=lambda item: item[0]):
            self._began = self._began or at
            self._tell(at, machine, arn, event)

    def _new_events(self, arn: str, until: datetime) -> Iterator[dict[str, Any]]:
        pages = self._sfn.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"] if event["timestamp"] <= until]
        yield from events[self._seen.get(arn, 0) :]
        self._seen[arn] = len(events)

    def _tell(self, at: datetime, machine: str, arn: str, event: dict[str, Any]) -> None:
        kind = event["type"]
        match kind:
            case "ExecutionStarted":
                self._begin(at, machine, arn, json.loads(event["executionStartedEventDetails"].get("input") or "{}"))
            case "ExecutionSucceeded" | "ExecutionFailed" | "ExecutionTimedOut" | "ExecutionAborted":
                self._end(at, arn, kind, event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {}))
            case "MapStateEntered" if event["stateEnteredEventDetails"]["name"] == STAGE:
                self._enter_stage(arn, json.loads(event["stateEnteredEventDetails"]["input"]))
            case "TaskStateEntered" | "WaitStateEntered":
                details = event["stateEnteredEventDetails"]
                self._enter(at, arn, details["name"], json.loads(details.get("input") or "{}"))
            case "TaskStateExited" | "WaitStateExited":
                details = event["stateExitedEventDetails"]
                self._leave(at, arn, details["name"], json.loads(details.get("output") or "{}"))

    def _begin(self, at: datetime, machine: str, arn: str, given: dict[str, Any]) -> None:
        subject = Subject(machine, key(given))
        if machine == "pipeline":
            run = self._runs[arn] = Run(arn, str(given.get("name")), Steps(given), Span(at))
            subject = Subject(machine, run.name, run)
        elif machine == "crawl":
            caller = self._runs.get(given.get("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID", ""))
            step = caller.steps.of(given, caller.crawled()) if caller else None
            subject = Subject(machine, given.get("crawlername", ""), caller if step else None, step)
            if caller and step:
                caller.spans[step, "crawl"] = Span(at)
        self._subjects[arn] = subject
        self._line(at, subject, "▶", machine)

    def _end(self, at: datetime, arn: str, kind: str, details: dict[str, Any]) -> None:
        self._over.add(arn)
        subject, ending = self._subjects[arn], kind.removeprefix("Execution").lower()
        reason = ": ".join(filter(None, (details.get("error"), details.get("cause"))))
        problem = "" if kind == "ExecutionSucceeded" else reason or ending
        if subject.run:
            span = subject.run.spans[subject.step, "crawl"] if subject.step else subject.run.span
            span.ended, span.problem = at, problem
        if problem or subject.machine == "pipeline":
            self._line(at, subject, "■", f"{subject.machine} {ending}", reason)
        if subject.run and subject.run.span.ended == at and not subject.run.is_over:
            self._rule("[bold]the run is over[/]", "waiting for the crawls that it does not await")

    def _enter_stage(self, arn: str, given: dict[str, Any]) -> None:
        steps = self._runs[arn].steps
        number = steps.number(given)
        count = len(steps.enter(number))
        title = [f"[bold]stage {number} of {len(steps.stages)}[/]", escape(steps.names[number - 1])]
        self._rule(*title, f"{count} steps side by side" if count > 1 else "")

    def _enter(self, at: datetime, arn: str, state: str, given: object) -> None:
        subject = self._about(arn, given, besides=self._entered[arn, state], work=state in WORK)
        self._entered[arn, state][subject.step] = at
        if state in WORK and subject.run and subject.step:
            subject.run.spans[subject.step, "work"] = Span(at)
        if state == WINDOW and subject.run:
            subject.run.window = Span(at)
        if state in LONG and state != "Crawl":  # that has a line of its own
            self._line(at, subject, "→", state)

    def _leave(self, at: datetime, arn: str, state: str, output: object) -> None:
        subject = self._about(arn, output, besides=self._left[arn, state], work=state in WORK)
        self._left[arn, state][subject.step] = at
        note, failed = summary(output)
        if state in WORK and subject.run and subject.step:
            span = subject.run.spans.setdefault((subject.step, "work"), Span(at))
            span.ended, span.problem = at, note if failed else ""
        if state == WINDOW and subject.run and subject.run.window:
            subject.run.window.ended = at
        if state in LONG:
            took = (at - self._entered[arn, state].get(subject.step, at)).total_seconds()
            note = ", ".join(filter(None, (note, f"{took:.1f} s")))
        if not (subject.machine == "crawl" and state.startswith("Wait")):
            self._line(at, subject, "✗" if failed else "✓", state, note)

    def _about(self, arn: str, told: object, besides: Container[Step | None], *, work: bool) -> Subject:
        """The execution, or the work or the crawler of the step that the state's input or output tells of."""
        subject = self._subjects[arn]
        step = subject.run.steps.of(told, besides) if subject.run and not subject.step else None
        if step is None:
            return subject
        return Subject(subject.machine, step.work if work else step.crawler, subject.run, step)

    def _rule(self, *parts: str) -> None:
        self._console.rule(" · ".join(filter(None, parts)), align="left", style="dim")

    def _line(self, at: datetime, subject: Subject, mark: str, what: str, note: str = "") -> None:
        since = (at - (self._began or at)).total_seconds()
        colour = COLOURS[subject.machine]
        label = subject.step.label if subject.step else ""
        told = f"[{colour}]{mark} {what}[/]" + (f"[dim]: {escape(note)}[/]" if note else "")
        # That a crawl runs on is no news.
        if self._last.get(subject) == told and subject.machine == "crawl":
            return
        self._last[subject] = told
        self._width = max(self._width, len(subject.name))
        line = f"{since:6.1f}  {label:3}  {escape(subject.name):{self._width}}  {told}"
        if self._console.is_terminal:
            self._console.print(line, no_wrap=True, overflow="ellipsis")
        else:
            self._console.print(line, soft_wrap=True)


def key(given: dict[str, Any]) -> str:
    """The name of the object that an event tells of."""
    detail = given.get("event", {}).get("detail", {})
    found = detail.get("object", {}).get("key") or detail.get("requestParameters", {}).get("key") or ""
    return found.rpartition("/")[2]


def summary(output: object) -> tuple[str, bool]:
    """The telling part of a state's output, if it has one, and whether it tells of a failure."""
    answer = output.get("Payload", output) if isinstance(output, dict) else {}
    match answer:
        case {"crawl": {"status": status}, "state": _, "pollSeconds": pause}:
            return (f"{status}, again in {pause} s", False) if status in ("RUNNING", "PENDING") else (status, False)
        case {"crawl": {"status": status}}:
            return status, False
        case {"outcome": "BUSY", "pollSeconds": pause}:
            return f"BUSY, again in {pause} s", False
        case {"outcome": outcome, "previousCrawl": _, "pollSeconds": pause}:
            return f"{outcome}, look in {pause} s", False
        case {"matched": True, "executionName": name}:
            return f"matched → {name}", False
        case {"matched": False, "reason": reason}:
            return f"ignored: {reason}", False
        case {"JobRunState": state}:
            return state, state != "SUCCEEDED"
        case {"Error": error, "Cause": cause}:
            failed = json.loads(cause) if cause.startswith("{") else {}
            return failed.get("ErrorMessage") or failed.get("Cause") or f"{error}: {cause}", True
    return "", False
