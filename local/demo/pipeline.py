"""Checks a pipeline file, and runs it on a local AWS: `make pipeline SPEC=pipelines/x.json`.

Jobs and crawlers that a workload of this project has are real ones. Whatever else the pipeline names stands in for
yours: it takes its time, and succeeds.
"""

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.markup import escape

from local.aws import LocalAws
from local.demo import stand_ins, tool
from local.demo.command import Failure, console, exit_code
from local.demo.deploy import QUICK, STACK, TOOL, deploy
from local.demo.workloads import Workload, names, set_up


class PipelineError(Failure):
    """The file is no pipeline; the message says where and why."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.demo.pipeline", description=__doc__)
    parser.add_argument("file", type=Path, help="the pipeline, as pipelines/examples/*.json are")
    parser.add_argument("--date", help="the day that the jobs are told, such as 2026-01-31")
    arguments = parser.parse_args()

    def check_and_run() -> None:
        pipeline = read(arguments.file)
        with LocalAws() as aws:
            run(aws, pipeline, arguments.date)

    return exit_code(check_and_run)


def read(file: Path) -> dict[str, Any]:
    """The pipeline in the file; PipelineError names every place where it breaks a rule."""
    result = subprocess.run([TOOL, "check", file], capture_output=True, text=True, check=False)
    if found := result.stdout or result.stderr:
        raise PipelineError(found.rstrip())
    return json.loads(file.read_text())


def run(aws: LocalAws, pipeline: dict[str, Any], date: str | None) -> None:
    console.print(f"[bold]local AWS[/]  {aws.endpoint}  (log {aws.log})", soft_wrap=True)
    with console.status("creating the stack from template.yaml"):
        parameters = QUICK | stand_ins.PATTERNS | {"PipelinePolicyArn": stand_ins.query_policy(aws)}
        outputs = deploy(aws, STACK, parameters)
    with console.status("creating what the pipeline names"):
        standing_in = create(aws, pipeline)
    if standing_in:
        console.print(f"[bold]stand-ins[/]  {escape(', '.join(standing_in))}", soft_wrap=True)
    console.print()
    given = played(pipeline)
    if date:
        given["arguments"] = (given.get("arguments") or {}) | {"--date": date}
    started = aws.client("stepfunctions").start_execution(
        stateMachineArn=outputs["PipelineStateMachineArn"], input=json.dumps(given)
    )
    tool.run(aws, "follow", started["executionArn"].split(":")[7])


def played(pipeline: dict[str, Any]) -> dict[str, Any]:
    """The pipeline as its trigger starts it, so that its texts have what they ask for.

    Its queries have no tables here, and its topics nobody who listens.
    """
    run = {name: value for name, value in pipeline.items() if name != "notify"}
    stages = [stage | {"steps": [without_tables(step) for step in stage["steps"]]} for stage in pipeline["stages"]]
    trigger = pipeline.get("trigger")
    if not trigger:
        return run | {"stages": stages}
    if trigger.get("coalesceSeconds") == 0:
        place = {"bucket": trigger.get("bucket") or "bucket", "key": f"{trigger['prefix']}sample"}
        return run | {"stages": stages, "object": place}
    end = datetime.now(UTC).replace(microsecond=0)
    start = end - timedelta(seconds=trigger.get("coalesceSeconds") or 60)
    window = {"queue": "by hand", "start": start.isoformat(), "end": end.isoformat()}
    return run | {"stages": stages, "window": window}


def without_tables(step: dict[str, Any]) -> dict[str, Any]:
    if not step.get("query"):
        return step
    return {name: value for name, value in step.items() if name != "parameters"} | {"query": "SELECT 1"}


def create(aws: LocalAws, pipeline: dict[str, Any]) -> list[str]:
    """Creates what the pipeline names; returns what only stands in."""
    known: set[str] = set()
    if pipeline["name"] in names():
        workload = Workload.load(pipeline["name"])
        set_up(aws, workload)
        for file in workload.files:
            aws.client("s3").upload_file(str(file), workload.bucket, workload.prefix + file.name)
        known = {*workload.jobs, *workload.crawlers}
    return stand_ins.create(aws, [step for stage in pipeline["stages"] for step in stage["steps"]], known)


if __name__ == "__main__":
    sys.exit(main())
