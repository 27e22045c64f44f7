"""Plays scenarios, all at once, each on a crawler of its own, and collects what came of them."""

import json
import re
import signal
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from botocore.exceptions import ClientError

from local.aws import ACCOUNT, REGION
from tests.support.faults.copies import PROGRAMS, FrailFunction, WakingCopy, copy_of_crawl
from tests.support.faults.scenario import Before, Meanwhile, Scenario, crawling
from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack, eventually
from tests.support.waits import waits_of

# A process that was ended logs nothing, nor does one that never ran; the local AWS calls the latter Lambda.Unknown.
SILENT = {"Runtime.ExitError", "Sandbox.Timedout", "Lambda.TooManyRequestsException", "Lambda.Unknown"}

SIGNALS = {Meanwhile.KILLS: signal.SIGKILL, Meanwhile.FREEZES: signal.SIGSTOP}

COLD = 8  # requests at once that have not reached Glue yet

Calls = Mapping[str, int]
Lines = list[dict[str, Any]]


@dataclass
class Ending:
    """How a request ended, and the answer of each invocation: its outcome, and the reason if it failed."""

    ends: str
    cause: str
    output: dict[str, Any]
    seconds: float
    answers: list[tuple[str, str]]
    # How each of its waits ended: woken or not.
    waits: list[bool] = field(default_factory=list)


@dataclass
class Result:
    """What came of a scenario: `crawls` are the states of the crawler's crawls, the newest first."""

    crawler: str
    ending: Ending
    calls: Calls
    crawls: list[str]
    lines: Lines


def play(stack: Stack, scenarios: Iterable[Scenario], directory: Path) -> dict[str, Result]:
    # Other tests count the executions of the stack's own machine.
    crawl = copy_of_crawl(stack, "faults", {})
    plays = [Play(stack, scenario, crawl, directory) for scenario in scenarios]
    eventually(lambda: all(each.is_prepared() for each in plays))
    stack.aws.forget_calls()
    waiting, running, ended = list(plays), list[Play](), Event()

    # Beside all else: what is due must not wait until this has looked after everybody.
    def interfere() -> None:
        while not ended.wait(0.1):
            calls = stack.aws.calls()
            # Signals first: they must find the call that they are meant for, and take no time.
            for each in sorted(running, key=lambda each: each.scenario.meanwhile not in SIGNALS):
                each.interfere(calls.get(each.crawler, {}))

    with ThreadPoolExecutor(COLD + 1) as pool:
        interfering = pool.submit(interfere)

        def over() -> bool:
            if interfering.done():
                interfering.result()
            calls = stack.aws.calls()
            # Processes that start compete for the processors, and the deadlines of their executions pass.
            cold = [each for each in running if not calls.get(each.crawler)]
            for each in waiting[: COLD - len(cold)]:
                each.start(pool)
                running.append(each)
                waiting.remove(each)
            executions = running_executions(stack, {each.machine for each in running})
            running[:] = [each for each in running if not each.is_over(executions)]
            return not running and not waiting

        try:
            eventually(over)
        finally:
            ended.set()
        interfering.result()
    calls = stack.aws.calls()
    lines = all_lines(stack)
    return {each.scenario.name: each.result(calls.get(each.crawler, {}), lines) for each in plays}


def all_lines(stack: Stack) -> Lines:
    """What the functions have logged."""
    return [line for program in PROGRAMS.values() for line in stack.log_lines(program)]


def running_executions(stack: Stack, machines: Iterable[str]) -> set[str]:
    return {
        execution["executionArn"]
        for machine in machines
        for execution in stack.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    }


class Play:
    """One scenario on its way."""

    def __init__(self, stack: Stack, scenario: Scenario, crawl: str, directory: Path) -> None:
        self.stack, self.scenario = stack, scenario
        self.crawler = re.sub(r"[^a-z0-9]+", "-", scenario.name.lower())
        self._frail = FrailFunction(stack, self.crawler[:60], scenario.frail, directory) if scenario.frail else None
        waking = WakingCopy(stack, self.crawler, scenario.waking) if scenario.waking else None
        own = self._frail or waking
        self.machine = own.machine if own else crawl
        self._is_due = scenario.meanwhile is not None
        self._execution = ""
        self._answer: Future[Ending] | None = None
        self._crawls: list[str] | None = None
        self._late: ClientError | None = None
        if scenario.before is Before.MISSING:
            return
        outcome = {"local:outcome": "failed" if scenario.before is Before.FAILED else "succeeded"}
        stack.glue.create_crawler(
            Name=self.crawler,
            Role=ROLE,
            DatabaseName=CUSTOMERS.database,
            Targets={"S3Targets": []},
            Tags=crawling(0, stopping=0) | outcome,
        )
        if scenario.before in (Before.SUCCEEDED, Before.FAILED):
            stack.glue.start_crawler(Name=self.crawler)

    def is_prepared(self) -> bool:
        missing = self.scenario.before is Before.MISSING
        return missing or self.stack.glue.get_crawler(Name=self.crawler)["Crawler"]["State"] == "READY"

    def start(self, pool: ThreadPoolExecutor) -> None:
        """The request, on a crawler that is as the scenario wants it."""
        if self.scenario.before is not Before.MISSING:
            self._tag({**crawling(1), "local:outcome": "succeeded", **self.scenario.tags})
        if self.scenario.before is Before.RUNNING:
            self.stack.glue.start_crawler(Name=self.crawler)
            # Glue and Step Functions tell milliseconds: the request has to come in a later one than the crawl.
            began = time.time()
            eventually(lambda: time.time() > began + 0.002)
        given = {"crawlername": self.crawler, **self.scenario.given}
        if self.scenario.call == "Crawl":
            self._execution = self.stack.states.start_execution(
                stateMachineArn=self.machine, input=json.dumps({"timeoutSeconds": self.scenario.deadline} | given)
            )["executionArn"]
        else:
            self._answer = pool.submit(self._invoke, given)

    def is_over(self, running: set[str]) -> bool:
        return self._answer.done() if self._answer else self._execution not in running

    def interfere(self, calls: Calls) -> None:
        """Does what is due meanwhile."""
        if self._is_due and calls.get(self.scenario.when):
            try:
                self._is_due = not self._intervene()
            except ClientError as late:
                self._is_due, self._late = False, late

    def _intervene(self) -> bool:
        """Whether that is all."""
        glue = self.stack.glue
        match self.scenario.meanwhile:
            case Meanwhile.STARTS:
                glue.start_crawler(Name=self.crawler)
            case Meanwhile.STARTS_BADLY:
                self._tag({"local:outcome": "failed"})
                glue.start_crawler(Name=self.crawler)
                self._tag({"local:outcome": "succeeded"})
            case Meanwhile.STOPS:
                glue.stop_crawler(Name=self.crawler)
            case Meanwhile.TAGS:
                self._tag(self.scenario.later)
            case Meanwhile.DELETES:
                self._tag(self.scenario.later)
                self._crawls = self._history()
                if self._crawls != ["COMPLETED"]:
                    return False
                glue.delete_crawler(Name=self.crawler)
            case Meanwhile.ABORTS:
                self.stack.states.stop_execution(executionArn=self._execution)
            case Meanwhile.KILLS | Meanwhile.FREEZES as how:
                assert self._frail
                self._frail.send(SIGNALS[how])
        return True

    def result(self, calls: Calls, lines: Lines) -> Result:
        if self._crawls is None and self.scenario.before is not Before.MISSING:
            hiding = [tag for tag in self.scenario.tags if tag.endswith((":ListCrawls", "-lag-seconds"))]
            self.stack.glue.untag_resource(ResourceArn=self._arn, TagsToRemove=hiding)
            self._crawls = self._history()
        ending = self._answer.result() if self._answer else self._describe()
        if self._late:
            ending.ends = f"{self.scenario.meanwhile}, too late: {self._late}"
        own, deadline = self._own(lines), time.monotonic() + 5
        # A function's line may come to the log after its answer came to the machine.
        while len([line for line in own if line["outcome"] != "incomplete"]) < len(ending.answers):
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
            own = self._own(all_lines(self.stack))
        return Result(self.crawler, ending, calls, self._crawls or [], own)

    def _own(self, lines: Lines) -> Lines:
        own = [line for line in lines if line.get("crawlername") == self.crawler]
        return sorted(own, key=lambda line: line["timestamp"])

    def _invoke(self, given: dict[str, Any]) -> Ending:
        began = time.monotonic()
        answer = self.stack.invoke(self.scenario.call, given)
        outcome, message = answer.get("errorType") or outcome_of(answer), answer.get("errorMessage", "")
        return Ending(outcome, message, answer, time.monotonic() - began, [(outcome, message)])

    def _describe(self) -> Ending:
        execution = self.stack.finish(self._execution)
        output = json.loads(execution.get("output") or "{}")
        ends = output.get("outcome") or execution.get("error") or execution["status"]
        seconds = (execution["stopDate"] - execution["startDate"]).total_seconds()
        answers = [answer for event in self.stack.history(self._execution) if (answer := answer_of(event))]
        waits = [wait.woken for wait in waits_of(self.stack, self._execution)]
        return Ending(ends, execution.get("cause", ""), output, seconds, answers, waits)

    def _history(self) -> list[str]:
        return [crawl["State"] for crawl in self.stack.glue.list_crawls(CrawlerName=self.crawler)["Crawls"]]

    @property
    def _arn(self) -> str:
        return f"arn:aws:glue:{REGION}:{ACCOUNT}:crawler/{self.crawler}"

    def _tag(self, tags: Mapping[str, str]) -> None:
        self.stack.glue.tag_resource(ResourceArn=self._arn, TagsToAdd=dict(tags))


def outcome_of(answer: dict[str, Any]) -> str:
    """start-crawler's outcome, or get-crawler-state's verdict."""
    return answer.get("outcome") or answer["crawl"]["status"]


def answer_of(event: dict[str, Any]) -> tuple[str, str] | None:
    """What a function answered that lived to answer."""
    if event["type"] == "TaskSucceeded" and "lambda" in event["taskSucceededEventDetails"]["resource"]:
        return outcome_of(json.loads(event["taskSucceededEventDetails"]["output"])["Payload"]), ""
    if event["type"] == "TaskFailed" and "lambda" in event["taskFailedEventDetails"]["resource"]:
        failure = event["taskFailedEventDetails"]
        if failure["error"] not in SILENT:
            return failure["error"], json.loads(failure["cause"])["errorMessage"]
    return None
