"""Plays the cases of work, a few at once, each with a worker of its own, and collects what came of them."""

import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from local.aws import LocalAws
from local.aws.policies import policy
from local.demo.deploy import QUICK, deploy
from tests.support.faults.copies import copy_of_machine
from tests.support.faults.work import UNREADABLE, Case, Does, Somebody
from tests.support.faults.workers import DATA, RESULTS, Workers
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually

AT_ONCE = 8
PATTERNS = {f"{each}NamePattern": "*" for each in ("Function", "Machine", "WorkGroup", "Topic")}
BARE = "bare"
SIBLING = "sibling"


@dataclass
class Played:
    """How a run ended, what became of the work that began, and how often it was to be started."""

    worker: str
    execution: dict[str, Any]
    begun: list[str]
    starts: int
    retries: int
    crawls: int

    @property
    def ends(self) -> str:
        return self.execution.get("error") or self.execution["status"]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps in the run's output, the case's own first."""
        return [step for stage in json.loads(self.execution["output"])["stages"] for step in stage["steps"]]


@contextmanager
def all_kinds() -> Iterator[Stack]:
    """A stack that may work with whatever there is; queries read and write what they need."""
    with LocalAws() as aws:
        buckets = [f"arn:aws:s3:::{bucket}{rest}" for bucket in (DATA, RESULTS) for rest in ("", "/*")]
        may = {"Effect": "Allow", "Action": ["glue:*", "s3:*"], "Resource": ["arn:aws:glue:*", *buckets]}
        own = aws.client("iam").create_policy(PolicyName="queries", PolicyDocument=policy(may))["Policy"]["Arn"]
        yield Stack(aws, deploy(aws, Stack.NAME, QUICK | PATTERNS | {"PipelinePolicyArn": own}))


def play(workers: Workers, cases: Iterable[Case]) -> dict[str, Played]:
    stack = workers.stack
    workers.create("machine", SIBLING, Does.SUCCEEDS, {})
    bare = deploy(stack.aws, BARE, {"CrawlerNamePattern": "*"})["PipelineStateMachineArn"]
    patient = copy_of_machine(stack, "Pipeline", "patient", {"$number('1')": "$number('600')"})
    usual = stack.outputs["PipelineStateMachineArn"]
    given = list(cases)

    def machine(case: Case) -> str:
        return patient if case.pauses else usual if case.allowed else bare

    with ThreadPoolExecutor(AT_ONCE) as pool:
        played = pool.map(lambda case: play_one(workers, case, machine(case)), given)
        return {case.name: each for case, each in zip(given, played, strict=True)}


def play_one(workers: Workers, case: Case, machine: str) -> Played:
    stack, kind = workers.stack, case.kind.name
    name = re.sub(r"[^a-z0-9]+", "-", case.name.lower())[:60]
    if case.missing:
        step = {kind: name} if kind != "query" else {"query": "SELECT 1", "workgroup": name}
    else:
        step = workers.create(kind, name, case.does, case.tags)
    if case.crawls:
        step["crawler"] = name
        stack.glue.create_crawler(
            Name=name,
            Role=ROLE,
            DatabaseName="work",
            Targets={"S3Targets": []},
            Tags={"local:seconds": "0", "local:outcome": "failed", "local:error": UNREADABLE},
        )
    others = [{"machine": SIBLING}] if case.step.get("optional") else []
    stages = [{"steps": [step | dict(case.step), *others]}, *({"steps": [other]} for other in others)]
    pipeline = {"name": name, "stages": stages, **case.run}
    run = stack.states.start_execution(stateMachineArn=machine, input=json.dumps(pipeline))["executionArn"]
    if case.meanwhile:
        eventually(lambda: workers.begun(kind, name) == ["RUNNING"])
        if case.meanwhile is Somebody.STOPS_THE_RUN:
            stack.states.stop_execution(executionArn=run)
        else:
            workers.stop(kind, name)
    if kind == "query" and case.does is Does.FAILS_TWICE:
        eventually(lambda: workers.begun(kind, name).count("FAILED") >= 2)
        workers.table(name.replace("-", "_"))
    execution = ended(stack, run)
    if case.then:
        with suppress(AssertionError):
            eventually(lambda: set(workers.begun(kind, name)) == {"STOPPED"})
    # A worker writes its note when it has begun, which may be after the deadline.
    with suppress(AssertionError):
        eventually(lambda: case.missing or len(workers.begun(kind, name)) >= case.begun)
    begun = [] if case.missing else workers.begun(kind, name)
    crawls = stack.glue.list_crawls(CrawlerName=name)["Crawls"] if case.crawls else []
    starts = stack.aws.calls().get(name, {}).get(case.kind.start, 0)
    retries = [state for state, _ in stack.entered(run)].count("Wait before another attempt")
    return Played(name, execution, begun, starts, retries, len(crawls))


def ended(stack: Stack, run: str) -> dict[str, Any]:
    """The execution, which still runs if it should have ended long ago: one row fails then, and not all."""
    with suppress(AssertionError):
        stack.finish(run)
    return stack.states.describe_execution(executionArn=run)
