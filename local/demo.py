"""The whole path on this machine: a CSV lands in a bucket, and becomes two catalogued tables.

Deploys template.yaml to a local AWS, uploads the file, and follows every state machine that its
event sets in motion. With --keep the local AWS stays up afterwards, to look around in.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from botocore.exceptions import ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local import customers
from local.aws import LocalAws, LocalAwsError
from local.deploy import DeployError, deploy
from local.follow import Follower

STACK = "crawler-sync"
BUCKET = "etl-pipeline"
SECONDS = 300
# Short enough to watch. In production the window is a minute, and a poll comes every 5 to 60 s.
PARAMETERS = {
    "SourceBucketName": BUCKET,
    "JobNamePattern": "job*",
    "CrawlerNamePattern": "crawler*",
    "CoalesceSeconds": 2,
    "PollMinSeconds": 1,
    "PollMaxSeconds": 5,
}

console = Console(highlight=False)


class DemoError(RuntimeError):
    """A part of the demo failed; the message says which and why."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--csv", type=Path, default=customers.SAMPLE, help="the file to upload")
    parser.add_argument("--keep", action="store_true", help="leave the local AWS running until Ctrl-C")
    arguments = parser.parse_args()
    try:
        if not arguments.csv.is_file():
            raise DemoError(f"{arguments.csv} is not a file")
        with LocalAws() as aws:
            run(aws, arguments.csv)
            if arguments.keep:
                keep(aws)
    except (DemoError, DeployError, LocalAwsError, ClientError) as error:
        console.print(f"[bold red]failed:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("\nstopped: nothing is left running")
        return 130
    return 0


def run(aws: LocalAws, csv: Path) -> None:
    console.print(f"[bold]local AWS[/]  {aws.endpoint}  (log {aws.log})")
    with console.status("creating the stack from template.yaml"):
        outputs = deploy(aws, STACK, PARAMETERS)
    with console.status("creating bucket, jobs and crawlers"):
        customers.set_up(aws, BUCKET)
    console.print(f"[bold]stack[/]      {STACK}: 3 Lambda functions, 3 state machines, 1 rule")

    key = f"landing/{csv.name}"
    aws.client("s3").upload_file(str(csv), BUCKET, key)
    console.print(f"[bold]upload[/]     {csv.name} → s3://{BUCKET}/{key}\n")

    follower = Follower(aws, outputs, console)
    pipeline = follow(follower, aws)
    console.print()
    if pipeline["status"] != "SUCCEEDED":
        raise DemoError(
            f"{pipeline['name']} is {pipeline['status']}: {pipeline.get('error', '')}: {pipeline.get('cause', '')}"
        )
    show_tables(aws)
    show_objects(aws)
    show_execution(pipeline)


def follow(follower: Follower, aws: LocalAws) -> dict:
    """Prints what happens until the pipeline that the upload started has ended."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        follower.print_news()
        if failed := follower.failed_trigger():
            raise DemoError(f"the trigger failed: {failed}")
        if (pipeline := follower.pipeline()) and pipeline["status"] != "RUNNING":
            follower.print_news()
            return pipeline
        time.sleep(0.2)
    raise DemoError(f"nothing has come of the upload for {SECONDS} s; see {aws.log}")


def show_tables(aws: LocalAws) -> None:
    tables = aws.client("glue").get_tables(DatabaseName=customers.DATABASE)["TableList"]
    for table in sorted(tables, key=lambda table: table["CreateTime"]):
        descriptor, parameters = table["StorageDescriptor"], table["Parameters"]
        console.print(f"[bold]table[/]      {customers.DATABASE}.{table['Name']}")
        shown = Table()
        shown.add_column("column")
        shown.add_column("type", style="cyan")
        for column in descriptor["Columns"]:
            shown.add_row(column["Name"], column["Type"])
        console.print(shown)
        rows, kind = parameters["recordCount"], parameters["classification"]
        console.print(f"{rows} rows of {kind} in {descriptor['Location']}\n")


def show_objects(aws: LocalAws) -> None:
    console.print("[bold]objects[/]")
    for item in aws.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]:
        console.print(f"  {item['Size']:>8}  s3://{BUCKET}/{escape(item['Key'])}")


def show_execution(pipeline: dict) -> None:
    took = (pipeline["stopDate"] - pipeline["startDate"]).total_seconds()
    console.print(f"\n[bold]execution[/]  {pipeline['name']}, {took:.0f} s")
    for side in ("input", "output"):
        console.print(f"[bold]{side}[/]")
        console.print_json(json.dumps(json.loads(pipeline[side])))
    console.print("\nTo look around in the local AWS afterwards: [bold]make demo KEEP=1[/]")


def keep(aws: LocalAws) -> None:
    console.print("\nThe local AWS stays up until Ctrl-C. In another terminal, with the AWS CLI:\n")
    keys = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=eu-west-1"
    for command in (
        f"s3 ls --recursive s3://{BUCKET}",
        f"glue get-table --database-name {customers.DATABASE} --name cleansed_customers",
        "stepfunctions list-state-machines",
    ):
        console.print(f"  {keys} aws --endpoint-url {aws.endpoint} {command}", soft_wrap=True)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
