"""Checks a pipeline file, and runs it on a local AWS: `make pipeline SPEC=pipelines/x.json`.

Jobs and crawlers that a workload of this project has are real ones; any other stands in for yours: it takes its time,
and succeeds.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.markup import escape

from local.aws import LocalAws
from local.demo.command import Failure, console, exit_code
from local.demo.deploy import QUICK, STACK, TOOL, deploy
from local.demo.follow import Follower
from local.demo.steps import Steps
from local.demo.workloads import Workload, create_role, names, set_up

SECONDS = "2"
# What a crawl that finds nothing looks at.
MAY_CRAWL = {"Effect": "Allow", "Action": "glue:GetDatabase", "Resource": "*"}


class PipelineError(Failure):
    """The file is no pipeline; the message says where and why, or the run failed."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.demo.pipeline", description=__doc__)
    parser.add_argument("file", type=Path, help="the pipeline, as pipelines/examples/*.json are")
    parser.add_argument("--date", help="the day that the jobs are told, such as 2026-01-31")
    arguments = parser.parse_args()

    def check_and_run() -> None:
        pipeline = read(arguments.file)
        if arguments.date:
            pipeline["arguments"] = {"--date": arguments.date} | (pipeline.get("arguments") or {})
        with LocalAws() as aws:
            run(aws, pipeline)

    return exit_code(check_and_run)


def read(file: Path) -> dict[str, Any]:
    """The pipeline in the file; PipelineError names every place where it breaks a rule."""
    result = subprocess.run([TOOL, "check", file], capture_output=True, text=True, check=False)
    if found := result.stdout or result.stderr:
        raise PipelineError(found.rstrip())
    return json.loads(file.read_text())


def run(aws: LocalAws, pipeline: dict[str, Any]) -> None:
    console.print(f"[bold]local AWS[/]  {aws.endpoint}  (log {aws.log})", soft_wrap=True)
    with console.status("creating the stack from template.yaml"):
        outputs = deploy(aws, STACK, QUICK)
    with console.status("creating jobs and crawlers"):
        stand_ins = create(aws, pipeline)
    if stand_ins:
        console.print(f"[bold]stand-ins[/]  {escape(', '.join(stand_ins))}", soft_wrap=True)
    console.print()
    arn = aws.client("stepfunctions").start_execution(
        stateMachineArn=outputs["PipelineStateMachineArn"], input=json.dumps(pipeline)
    )["executionArn"]
    followed = Follower(aws, outputs, console, pipeline).follow(arn)
    console.print()
    console.print(followed.timeline())
    if followed.problem:
        raise PipelineError(followed.problem)


def create(aws: LocalAws, pipeline: dict[str, Any]) -> list[str]:
    """Creates what the pipeline names; returns what only stands in."""
    glue, s3 = aws.client("glue"), aws.client("s3")
    known: set[str] = set()
    if pipeline["name"] in names():
        workload = Workload.load(pipeline["name"])
        set_up(aws, workload)
        for file in workload.files:
            s3.upload_file(str(file), workload.bucket, workload.prefix + file.name)
        known = {*workload.jobs, *workload.crawlers}
    steps = [step for stage in Steps(pipeline).stages for step in stage]
    jobs = {step.job for step in steps} - known - {""}
    crawlers = {step.crawler for step in steps} - known - {""}
    tags = {"local:seconds": SECONDS}
    role = create_role(aws, "stand-ins", MAY_CRAWL)
    for job in jobs:
        glue.create_job(Name=job, Role=role, Command={}, Tags=tags, ExecutionProperty={"MaxConcurrentRuns": 100})
    for crawler in crawlers:
        glue.create_crawler(Name=crawler, Role=role, DatabaseName="stand-ins", Targets={"S3Targets": []}, Tags=tags)
    if crawlers:
        glue.create_database(DatabaseInput={"Name": "stand-ins"})
    return sorted(jobs | crawlers)


if __name__ == "__main__":
    sys.exit(main())
