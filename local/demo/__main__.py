"""The whole path on this machine: objects land in a bucket, and a pipeline makes something of them.

Deploys the machinery and a pipeline to a local AWS, uploads the pipeline's samples, and follows the run that their
events set in motion. With --keep the local AWS stays up afterwards, to look around in.
"""

import argparse
import sys
import time
from pathlib import Path

from rich.markup import escape

from local.aws import LocalAws
from local.demo import tool
from local.demo.command import Failure, console, exit_code
from local.demo.deploy import QUICK, STACK, TOOL, WINDOW_SECONDS, deploy
from local.demo.results import show_files, show_objects, show_tables
from local.demo.workloads import Workload, names, set_up

CUSTOMERS = Workload.load("customers")
# Longer than in the tests: a person watches.
PARAMETERS = QUICK | {"PollMaxSeconds": 5}


class DemoError(Failure):
    """A part of the demo failed; the message says which and why."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--pipeline", default="customers", help=f"one of {', '.join(names())}")
    parser.add_argument("--csv", type=Path, help="the file to upload, for the pipeline customers")
    parser.add_argument("--keep", action="store_true", help="leave the local AWS running until Ctrl-C")
    arguments = parser.parse_args()

    def demonstrate() -> None:
        workload, files = choose(arguments.pipeline, arguments.csv)
        with LocalAws() as aws:
            run(aws, workload, files)
            if arguments.keep:
                keep(aws, workload)

    return exit_code(demonstrate)


def choose(pipeline: str, csv: Path | None) -> tuple[Workload, list[Path]]:
    """The workload, and the files to upload."""
    if pipeline not in names():
        raise DemoError(f"there is no pipeline {pipeline} here; there are {', '.join(names())}")
    workload = Workload.load(pipeline)
    if csv is None:
        return workload, workload.files
    if workload != CUSTOMERS:
        raise DemoError(f"only the pipeline customers takes any CSV file; {pipeline} needs its own samples")
    if not csv.is_file():
        raise DemoError(f"{csv} is not a file")
    if csv.suffix != ".csv":
        raise DemoError(f"{csv}: the job reads files whose names end in .csv")
    return workload, [csv]


def run(aws: LocalAws, workload: Workload, files: list[Path]) -> None:
    console.print(f"[bold]local AWS[/]  {aws.endpoint}  (log {aws.log})", soft_wrap=True)
    with console.status("creating the stack from template.yaml"):
        outputs = deploy(aws, STACK, PARAMETERS)
    with console.status("creating rule, bucket, jobs and crawlers"):
        set_up(aws, workload)
    console.print(f"[bold]stacks[/]     {STACK} from template.yaml, {STACK}-{workload.name} from its pipeline file")
    # At the beginning of a window, so that it has all of them.
    time.sleep(-time.time() % WINDOW_SECONDS)
    for file in files:
        key = f"{workload.prefix}{file.name}"
        aws.client("s3").upload_file(str(file), workload.bucket, key)
        console.print(f"[bold]upload[/]     {file.name} → s3://{workload.bucket}/{escape(key)}", soft_wrap=True)
    with console.status("waiting for the run that comes of it"):
        name = tool.started(aws, outputs)
    console.print(f"[bold]run[/]        {name}\n", soft_wrap=True)
    try:
        tool.run(aws, "follow", name)
    except tool.ToolError:
        tool.report(aws, name)
        raise
    console.print()
    show_objects(aws, console, workload.bucket)
    console.print()
    if workload.database:
        show_tables(aws, console, workload.database)
    for folder in workload.outputs:
        show_files(aws, console, f"s3://{workload.bucket}/{folder}")
    console.print("\nTo look around in the local AWS afterwards: [bold]make demo KEEP=1[/]")
    tool.report(aws, name)


def keep(aws: LocalAws, workload: Workload) -> None:
    console.print("\nThe local AWS stays up until Ctrl-C. In another terminal, with the AWS CLI and our own:\n")
    keys = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=eu-west-1"
    for command in (
        f"aws s3 ls --recursive s3://{workload.bucket}",
        *([f"aws glue get-tables --database-name {workload.database}"] if workload.database else []),
        "aws stepfunctions list-state-machines",
        f"{TOOL} runs",
        f"{TOOL} run {workload.name} --follow",
    ):
        console.print(f"  {keys} AWS_ENDPOINT_URL={aws.endpoint} {command}", soft_wrap=True)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
