"""Thousands of uploads at once: each object is in a run that began after it landed, and there is one run a window.

OBJECTS is how many; `pytest -s` shows how far it is, and a report.
"""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from local.aws import REGION, LocalAws
from local.demo.deploy import deploy
from tests.support.pipelines import deploy_pipeline
from tests.support.roles import ROLE
from tests.support.stack import PATIENCE, Stack, eventually

OBJECTS = int(os.environ.get("OBJECTS", "2000"))
WINDOW = 4
THREADS = 16
# Of twenty objects one is nobody's data, and of twenty events one comes twice.
ONE_OF = 20
BUCKET, DATABASE = "burst", "burst"
PIPELINE = {
    "name": "burst",
    "trigger": {"bucket": BUCKET, "prefix": "landing/"},
    "stages": [{"steps": [{"job": "collect", "crawler": "collected"}]}],
}

Calls = Sequence[Callable[[], Any]]

# A job as they should be: it reads what there is, not what an event told it.
COLLECT = f"""
import boto3

s3 = boto3.client("s3")
pages = s3.get_paginator("list_objects_v2").paginate(Bucket="{BUCKET}", Prefix="landing/")
keys = [entry["Key"] for page in pages for entry in page["Contents"] if entry["Size"]]
rows = "".join(f"{{number}},{{len(key)}}\\n" for number, key in enumerate(keys))
s3.put_object(Bucket="{BUCKET}", Key="collected/part-0.csv", Body=f"number,length\\n{{rows}}".encode())
"""


def data(number: int) -> str:
    name = f"part {number}+ü=100%.csv" if number % 10 == 0 else f"part-{number:06}.csv"
    return f"landing/day={number % 7}/{name}"


def bookkeeping(number: int) -> str:
    """What tools write beside the data, all of it empty here."""
    day = f"landing/day={number % 7}"
    kinds = (f"{number}/", f"{number}/_SUCCESS", f"_temporary/0/{number}.csv", f".{number}.csv.crc")
    return f"{day}/{kinds[number % len(kinds)]}"


DATA = {data(number) for number in range(OBJECTS)}
BOOKKEEPING = {bookkeeping(number) for number in range(OBJECTS // ONE_OF)}
COPIES = OBJECTS // ONE_OF
EVENTS = len(DATA) + len(BOOKKEEPING) + COPIES


@dataclass
class Burst:
    """What came of it: what the trigger answered to each event, the runs by name, and when each object landed."""

    landed: dict[str, datetime]
    answers: list[dict[str, Any]]
    windows: set[int]
    runs: dict[str, dict[str, Any]]
    jobs: list[dict[str, Any]]
    crawls: list[dict[str, Any]]
    records: int
    parked: int
    seconds: dict[str, float]

    def covering(self, name: str) -> dict[str, Any]:
        """What the run told that did the work: that one, or one that took it over."""
        while "absorbedBy" in (told := self.runs[name]):
            name = told["absorbedBy"]
        return told

    def report(self) -> Table:
        facts = {
            "objects": f"{OBJECTS:,}",
            "beside them, to be ignored": f"{len(BOOKKEEPING):,}",
            "events": f"{EVENTS:,}",
            "of these delivered twice": f"{COPIES:,}",
            f"windows of {WINDOW} s": len(self.windows),
            "runs of the pipeline": len(self.runs),
            "of these absorbed by newer ones": sum("absorbedBy" in told for told in self.runs.values()),
            "crawls": len(self.crawls),
            "seconds to upload": f"{self.seconds['uploaded']:.1f}",
            "seconds until the last event was handled": f"{self.seconds['handled']:.1f}",
            "seconds until the last run had ended": f"{self.seconds['ended']:.1f}",
            "events per second": f"{EVENTS / self.seconds['handled']:.0f}",
        }
        table = Table(show_header=False)
        for name, fact in facts.items():
            table.add_row(name, str(fact))
        return table


@pytest.fixture(scope="module")
def burst() -> Iterator[Burst]:
    # A local AWS of its own: other tests count executions, and this one its seconds.
    with LocalAws() as aws:
        parameters = {
            "JobNamePattern": "*",
            "CrawlerNamePattern": "*",
            "CoalesceSeconds": WINDOW,
            "PollMinSeconds": 1,
            "PollMaxSeconds": 2,
        }
        stack = Stack(aws, deploy(aws, Stack.NAME, parameters))
        deploy_pipeline(stack, PIPELINE)
        set_up(stack)
        result = play(stack)
        Console().print(result.report())
        yield result


def set_up(stack: Stack) -> None:
    stack.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    stack.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    stack.s3.put_object(Bucket=BUCKET, Key="scripts/collect.py", Body=COLLECT)
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{BUCKET}/scripts/collect.py"}
    stack.glue.create_job(Name="collect", Role=ROLE, Command=command)
    stack.glue.create_database(DatabaseInput={"Name": DATABASE})
    stack.glue.create_crawler(
        Name="collected",
        Role=ROLE,
        DatabaseName=DATABASE,
        Targets={"S3Targets": [{"Path": f"s3://{BUCKET}/collected/"}]},
        Tags={"local:seconds": "0.5"},
    )


def play(stack: Stack) -> Burst:
    seconds, began = {}, time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool, Progress(disable=not Console().is_terminal) as progress:

        def do(what: str, calls: Calls) -> list[Any]:
            results = pool.map(lambda call: call(), calls)
            return list(progress.track(results, total=len(calls), description=what))

        upload(stack, do)
        seconds["uploaded"] = time.monotonic() - began
        handled = eventually(lambda: all_handled(stack), timeout=PATIENCE + OBJECTS / 10)
        seconds["handled"] = time.monotonic() - began
        eventually(lambda: not executions(stack, "Pipeline", "RUNNING"))
        seconds["ended"] = time.monotonic() - began
        events = do("looks at what came of them", [partial(describe, stack, execution) for execution in handled])
        runs = do("looks at the runs", [partial(describe, stack, run) for run in executions(stack, "Pipeline")])
    return result(stack, events, runs, seconds)


def upload(stack: Stack, do: Callable[[str, Calls], list[Any]]) -> None:
    """In two halves: with the second come copies of events of the first, in no order."""
    dice = random.Random(OBJECTS)
    bodies = dict.fromkeys(sorted(DATA), b"a,b\n1,2\n") | dict.fromkeys(sorted(BOOKKEEPING), b"")
    uploads = [partial(stack.s3.put_object, Bucket=BUCKET, Key=key, Body=body) for key, body in bodies.items()]
    dice.shuffle(uploads)
    half = len(uploads) // 2
    do("uploads", uploads[:half])

    handled = eventually(lambda: some if len(some := executions(stack, "Trigger", "SUCCEEDED")) >= COPIES else None)
    originals = [describe(stack, execution) for execution in dice.sample(handled, COPIES)]
    copies = [partial(stack.aws.put_event, json.loads(original["input"])["event"]) for original in originals]
    window = int(time.time()) // WINDOW
    eventually(lambda: int(time.time()) // WINDOW > window)
    rest = uploads[half:] + copies
    dice.shuffle(rest)
    do("uploads, and copies of events", rest)


def all_handled(stack: Stack) -> list[dict[str, Any]] | None:
    """The trigger's executions, when there is one for each event and all have ended."""
    if executions(stack, "Trigger", "RUNNING"):
        return None
    ended = executions(stack, "Trigger")
    return ended if len(ended) == EVENTS else None


def result(stack: Stack, events: list[dict[str, Any]], runs: list[dict[str, Any]], seconds: dict[str, float]) -> Burst:
    assert Counter(event["status"] for event in events) == {"SUCCEEDED": EVENTS}
    assert {run["name"]: run.get("cause") for run in runs if run["status"] != "SUCCEEDED"} == {}
    objects = stack.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="landing/")
    job_runs = stack.glue.get_paginator("get_job_runs").paginate(JobName="collect")
    table = stack.glue.get_table(DatabaseName=DATABASE, Name="collected")["Table"]
    depth = stack.sqs.get_queue_attributes(
        QueueUrl=stack.outputs["DeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return Burst(
        landed={entry["Key"]: entry["LastModified"] for page in objects for entry in page["Contents"]},
        answers=[json.loads(event["output"]) for event in events],
        windows={
            window
            for event in events
            for window in range(window_of(event["startDate"]), window_of(event["stopDate"]) + 1)
        },
        runs={run["name"]: json.loads(run["output"]) for run in runs},
        jobs=[run for page in job_runs for run in page["JobRuns"]],
        crawls=list(crawls(stack)),
        records=int(table["Parameters"]["recordCount"]),
        parked=int(depth["Attributes"]["ApproximateNumberOfMessages"]),
        seconds=seconds,
    )


def window_of(moment: datetime) -> int:
    return int(moment.timestamp()) // WINDOW


def executions(stack: Stack, machine: str, status: str | None = None) -> list[dict[str, Any]]:
    wanted = {"statusFilter": status} if status else {}
    arn = stack.outputs[f"{machine}StateMachineArn"]
    pages = stack.states.get_paginator("list_executions").paginate(stateMachineArn=arn, **wanted)
    return [execution for page in pages for execution in page["executions"]]


def crawls(stack: Stack) -> Iterator[dict[str, Any]]:
    more: dict[str, str] | None = {}
    while more is not None:
        page = stack.glue.list_crawls(CrawlerName="collected", **more)
        yield from page["Crawls"]
        more = {"NextToken": page["NextToken"]} if "NextToken" in page else None


def describe(stack: Stack, execution: dict[str, Any]) -> dict[str, Any]:
    return stack.states.describe_execution(executionArn=execution["executionArn"])


def test_every_object_is_in_a_run_that_began_after_it_landed(burst: Burst) -> None:
    """Lossless: the run that the event's answer names, or the one that absorbed it, read later, and succeeded."""
    jobs = {run["Id"]: run for run in burst.jobs}
    crawls = {crawl["StartTime"].replace(microsecond=0): crawl for crawl in burst.crawls}  # as GetCrawler tells it
    uncovered = set(DATA)
    for answer in burst.answers:
        if answer["outcome"] == "IGNORED":
            continue
        [stage] = burst.covering(answer["executionName"])["stages"]
        [step] = stage["steps"]
        job, crawl = jobs[step["work"]["runId"]], crawls[datetime.fromisoformat(step["crawl"]["crawl"]["startTime"])]
        assert (job["JobRunState"], crawl["State"]) == ("SUCCEEDED", "COMPLETED")
        assert burst.landed[answer["key"]] < job["StartedOn"] < crawl["StartTime"]
        uncovered.discard(answer["key"])
    assert not uncovered


def test_every_object_is_in_the_table(burst: Burst) -> None:
    """When it is quiet again, what was uploaded has been worked on: by counting, not by clocks."""
    assert burst.records == OBJECTS


def test_there_is_one_run_a_window(burst: Burst) -> None:
    """Ten thousand files must not start ten thousand pipelines."""
    named = {answer["executionName"] for answer in burst.answers if answer["outcome"] != "IGNORED"}
    assert named == burst.runs.keys()
    assert len(burst.windows) >= 2
    assert len(burst.runs) <= len(burst.windows) + 1
    assert len(burst.jobs) == len(burst.crawls) <= len(burst.runs)


def test_bookkeeping_starts_nothing(burst: Burst) -> None:
    """Folder markers, _SUCCESS, temporary files and checksums come with every load."""
    ignored = {answer["key"] for answer in burst.answers if answer["outcome"] == "IGNORED"}
    assert ignored == BOOKKEEPING


def test_nothing_is_parked(burst: Burst) -> None:
    """A burst is no emergency."""
    assert burst.parked == 0
