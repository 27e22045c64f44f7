"""Follow the executions of the three state machines, state by state, as they happen."""

import json
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from local.aws import LocalAws

MACHINES = {
    "trigger": "TriggerStateMachineArn",
    "pipeline": "PipelineStateMachineArn",
    "crawl": "CrawlStateMachineArn",
}
# States that are left as soon as they are entered: one line tells both.
INSTANT = ("Pass", "Choice", "Succeed")
COLOURS = {"trigger": "magenta", "pipeline": "blue", "crawl": "green"}


class Follower:
    """Prints each history event once: the time since the first, the machine, the state, what came of it."""

    def __init__(self, aws: LocalAws, outputs: dict[str, str], console: Console) -> None:
        self._sfn = aws.client("stepfunctions")
        self._machines = {machine: outputs[output] for machine, output in MACHINES.items()}
        self._console = console
        self._seen: dict[str, int] = {}
        self._entered: dict[tuple[str, str], datetime] = {}
        self._began: datetime | None = None

    def print_news(self) -> None:
        news = []
        for machine, arn in self._machines.items():
            for execution in self._sfn.list_executions(stateMachineArn=arn)["executions"]:
                news += [(event["timestamp"], machine, execution, event) for event in self._new_events(execution)]
        # Executions nest, so that only the time orders their events.
        for at, machine, execution, event in sorted(news, key=lambda item: item[0]):
            self._began = self._began or at
            self._print(at, machine, execution["executionArn"], event)

    def pipeline(self) -> dict[str, Any] | None:
        """The execution of the pipeline, once the trigger has started one."""
        executions = self._sfn.list_executions(stateMachineArn=self._machines["pipeline"])["executions"]
        if not executions:
            return None
        return self._sfn.describe_execution(executionArn=executions[0]["executionArn"])

    def failed_trigger(self) -> str | None:
        """Why an event could not be handled, if one could not."""
        failed = self._sfn.list_executions(stateMachineArn=self._machines["trigger"], statusFilter="FAILED")
        for execution in failed["executions"]:
            described = self._sfn.describe_execution(executionArn=execution["executionArn"])
            return f"{described.get('error')}: {described.get('cause')}"
        return None

    def _new_events(self, execution: dict[str, Any]) -> list[dict[str, Any]]:
        arn = execution["executionArn"]
        seen, events, token = self._seen.get(arn, 0), [], {}
        while True:
            page = self._sfn.get_execution_history(executionArn=arn, maxResults=1000, **token)
            events += page["events"]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        self._seen[arn] = len(events)
        return events[seen:]

    def _print(self, at: datetime, machine: str, arn: str, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            details = event["stateEnteredEventDetails"]
            self._entered[arn, details["name"]] = at
            if kind.removesuffix("StateEntered") in INSTANT:
                return
            self._line(at, machine, "→", details["name"], note=job(details["name"], details.get("input")))
        elif kind.endswith("StateExited"):
            details = event["stateExitedEventDetails"]
            took = (at - self._entered.get((arn, details["name"]), at)).total_seconds()
            note = summary(details.get("output")) if kind.startswith("Task") else ""
            self._line(at, machine, "✓", details["name"], took, note)
        elif kind == "ExecutionStarted":
            self._line(at, machine, "▶", "started", note=subject(event["executionStartedEventDetails"].get("input")))
        elif kind in ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"):
            details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
            note = ": ".join(filter(None, (details.get("error"), details.get("cause"))))
            self._line(at, machine, "■", kind.removeprefix("Execution").lower(), note=note)

    def _line(
        self, at: datetime, machine: str, mark: str, name: str, took: float | None = None, note: str = ""
    ) -> None:
        since = (at - (self._began or at)).total_seconds()
        duration = "" if took is None else f"{took:.1f} s"
        self._console.print(
            f"{since:6.1f} s  [{COLOURS[machine]}]{machine:8}[/]  {mark} {name:34}  {duration:>7}  [dim]{escape(note)}[/]",
            soft_wrap=True,
        )


def subject(text: str | None) -> str:
    """What an execution is about: its crawler or its pipeline."""
    given = json.loads(text or "{}")
    pipeline = given.get("pipeline", given)
    return given.get("crawlername") or (pipeline.get("name") if isinstance(pipeline, dict) else None) or ""


def job(state: str, text: str | None) -> str:
    """The job that a state of a pipeline is about to run."""
    if state != "Run job":
        return ""
    named = json.loads(text or "{}")["step"]["job"]
    return named if isinstance(named, str) else named["name"]


def summary(text: str | None) -> str:
    """The telling part of a state's output, if it has one."""
    output = json.loads(text or "{}")
    answer = output.get("Payload", output) if isinstance(output, dict) else {}
    match answer:
        case {"crawl": {"status": status}, "elapsedSeconds": elapsed, "pollSeconds": pause, "state": state}:
            if status in ("RUNNING", "PENDING"):
                return f"{state} for {elapsed} s, crawl {status}, next look in {pause} s"
            return f"{state}, crawl {status}"
        case {"outcome": outcome, "previousCrawl": _, "pollSeconds": pause}:
            return f"{outcome}, first look in {pause} s"
        case {"matched": True, "executionName": name}:
            return f"matched → {name}"
        case {"matched": False, "reason": reason}:
            return f"ignored: {reason}"
        case {"JobRunState": state, "Id": run}:
            return f"{state} {run}"
    return ""
