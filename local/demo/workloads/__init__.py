"""What the pipelines work on: buckets, sample data, jobs and crawlers, a folder each with a workload.toml.

These belong to the project's users, not to its template.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from local.aws import ACCOUNT, REGION, LocalAws
from local.aws.policies import policy
from local.demo import ROOT
from local.demo.deploy import STACK, deploy_pipelines

HERE = Path(__file__).parent
GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
SCRIPTS = "scripts/"
TABLES = HERE / "tables.py"


@dataclass(frozen=True)
class Job:
    """A job; `seconds` is how long a run takes at least."""

    script: str
    arguments: Mapping[str, str]
    seconds: float = 0


@dataclass(frozen=True)
class Crawler:
    """A crawler: the folders of the bucket that it makes tables of, and how long a crawl takes."""

    folders: list[str]
    table_prefix: str
    seconds: float = 1


@dataclass(frozen=True)
class Workload:
    """What one pipeline works on. Its samples start it, when they land under its trigger's prefix.

    `outputs` are the folders of Parquet that no crawler makes tables of.
    """

    name: str
    folder: Path
    bucket: str
    samples: list[str]
    jobs: Mapping[str, Job]
    database: str = ""
    crawlers: Mapping[str, Crawler] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    events: Literal["eventbridge", "cloudtrail"] = "eventbridge"

    @classmethod
    def load(cls, name: str) -> Self:
        """The workload of the pipeline `name`."""
        folder = HERE / name.replace("-", "_")
        told = tomllib.loads((folder / "workload.toml").read_text())
        told["jobs"] = {job: Job(**fields) for job, fields in told["jobs"].items()}
        told["crawlers"] = {crawler: Crawler(**fields) for crawler, fields in told.get("crawlers", {}).items()}
        return cls(name=name, folder=folder, **told)

    @property
    def file(self) -> Path:
        return ROOT / f"pipelines/examples/{self.name}.json"

    @property
    def pipeline(self) -> dict[str, Any]:
        return json.loads(self.file.read_text())

    @property
    def prefix(self) -> str:
        return str(self.pipeline["trigger"]["prefix"])

    @property
    def files(self) -> list[Path]:
        return [self.folder / sample for sample in self.samples]


def names() -> Iterator[str]:
    """The pipelines that have a workload."""
    for description in sorted(HERE.glob("*/workload.toml")):
        yield description.parent.name.replace("_", "-")


def set_up(aws: LocalAws, workload: Workload) -> None:
    """Creates everything but the samples, beside the machinery that is deployed: the bucket, whose objects make events,
    what starts the pipeline, the database, jobs and crawlers.
    """
    deploy_pipelines(aws, f"{STACK}-{workload.name}", [workload.file], {"SourceBucketName": workload.bucket})
    s3, glue = aws.client("s3"), aws.client("glue")
    bucket = workload.bucket
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    if workload.events == "eventbridge":
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    else:
        _record(aws, workload)
    role = create_role(aws, f"glue-{workload.name}", *may_work_on(workload))
    if workload.database:
        glue.create_database(DatabaseInput={"Name": workload.database})

    def upload(file: Path) -> str:
        s3.upload_file(str(file), bucket, SCRIPTS + file.name)
        return f"s3://{bucket}/{SCRIPTS}{file.name}"

    # DuckDB Glue would install; here it is at hand.
    libraries = {"--extra-py-files": upload(TABLES), "--additional-python-modules": "duckdb"}
    for name, job in workload.jobs.items():
        script = upload(workload.folder / job.script)
        glue.create_job(
            Name=name,
            Role=role,
            Command={"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": script},
            DefaultArguments={**job.arguments, **libraries},
            Tags={"local:seconds": str(job.seconds)},
        )
    for name, crawler in workload.crawlers.items():
        glue.create_crawler(
            Name=name,
            Role=role,
            DatabaseName=workload.database,
            TablePrefix=crawler.table_prefix,
            Targets={"S3Targets": [{"Path": f"s3://{bucket}/{folder}"} for folder in crawler.folders]},
            Tags={"local:seconds": str(crawler.seconds)},
        )


def create_role(aws: LocalAws, name: str, *statements: Mapping[str, Any], services: tuple[str, ...] = ("glue",)) -> str:
    """A role with these permissions; for jobs and crawlers, unless it is for other services."""
    iam = aws.client("iam")
    principal = {"Service": [f"{service}.amazonaws.com" for service in services]}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=policy(*statements))
    return role["Arn"]


def may_work_on(workload: Workload) -> Iterator[Mapping[str, Any]]:
    """What jobs and crawlers need: the objects of the bucket, and the tables of the database."""
    objects = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    bucket = f"arn:aws:s3:::{workload.bucket}"
    yield {"Effect": "Allow", "Action": objects, "Resource": [bucket, f"{bucket}/*"]}
    if workload.database:
        tables = [f"glue:{action}" for action in ("GetDatabase", "*Table", "*Partition", "*Partitions")]
        on = [f"{GLUE}:catalog", f"{GLUE}:database/{workload.database}", f"{GLUE}:table/{workload.database}/*"]
        yield {"Effect": "Allow", "Action": tables, "Resource": on}


def _record(aws: LocalAws, workload: Workload) -> None:
    """A trail that records the writes under the workload's prefix."""
    trails, name = aws.client("cloudtrail"), f"{workload.name}-trail"
    objects = {"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{workload.bucket}/{workload.prefix}"]}
    selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": False, "DataResources": [objects]}
    trails.create_trail(Name=name, S3BucketName=workload.bucket)
    trails.put_event_selectors(TrailName=name, EventSelectors=[selector])
    trails.start_logging(Name=name)
