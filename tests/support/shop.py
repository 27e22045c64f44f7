"""A shop's data platform: the machinery, and the jobs, crawlers and other work that pipelines of shapes run."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.aws import ACCOUNT, REGION, LocalAws
from local.aws.awslambda.package import package
from local.aws.policies import policy
from local.demo import ROOT
from local.demo.deploy import QUICK, deploy, deploy_pipelines
from local.demo.workloads import TABLES
from tests.support.roles import ROLE
from tests.support.stack import Stack, eventually

SHAPES = ROOT / "tests" / "e2e" / "shapes"
BUCKET, DATABASE = "shop-data", "shop"
LAKE = f"s3://{BUCKET}/lake"
# What queries need beside their workgroup.
QUERYING = [
    {
        "Effect": "Allow",
        "Action": ["glue:GetDatabase", "glue:GetTable", "glue:CreateTable", "glue:DeleteTable"],
        "Resource": "*",
    },
    {
        "Effect": "Allow",
        "Action": ["s3:GetBucketLocation", "s3:ListBucket", "s3:GetObject", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    },
]


class Shop(Stack):
    """What a test adds belongs to one shape."""

    def deploy(self, name: str) -> dict[str, Any]:
        """The pipeline in the file of this name, with what starts it, as a stack of its own."""
        file = SHAPES / f"{name}.json"
        given: dict[str, Any] = json.loads(file.read_text())
        asks = "trigger" in given and "bucket" not in given["trigger"]
        deploy_pipelines(self.aws, name, [file], {"SourceBucketName": BUCKET} if asks else {})
        return given

    def job(self, name: str, script: str | None = None, seconds: str = "0", **arguments: str) -> None:
        """One that runs the script, or only takes its time."""
        command: dict[str, str] = {}
        defaults = {f"--{key}": value for key, value in arguments.items()}
        if script:
            command = {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": self._put(script)}
            defaults["--extra-py-files"] = f"s3://{BUCKET}/scripts/{TABLES.name}"
        self.glue.create_job(
            Name=name,
            Role=ROLE,
            Command=command,
            DefaultArguments=defaults,
            Tags={"local:seconds": seconds},
            ExecutionProperty={"MaxConcurrentRuns": 10},
        )

    def _put(self, script: str) -> str:
        self.s3.upload_file(str(SHAPES / "work" / script), BUCKET, f"scripts/{script}")
        return f"s3://{BUCKET}/scripts/{script}"

    def crawler(self, name: str, folder: str) -> None:
        """One of a folder of the lake."""
        target = {"Path": f"{LAKE}/{folder}/"}
        self.glue.create_crawler(
            Name=name,
            Role=ROLE,
            DatabaseName=DATABASE,
            Targets={"S3Targets": [target]},
            Tags={"local:seconds": "0"},
        )

    def function(self, name: str, file: str) -> None:
        code = {"ZipFile": package("index.py", (SHAPES / "work" / file).read_text())}
        self.functions.create_function(
            FunctionName=name, Runtime="python3.11", Handler="index.handler", Role=ROLE, Code=code, Timeout=30
        )

    def put(self, key: str, *lines: str) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body="".join(f"{line}\n" for line in lines))

    def get(self, key: str) -> str:
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()

    def keys(self, prefix: str) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]

    def fire(self, name: str, logical: str) -> None:
        """The schedule of the pipeline's stack, now."""
        described = self.aws.client("cloudformation").describe_stack_resource(StackName=name, LogicalResourceId=logical)
        self.aws.fire_schedule(described["StackResourceDetail"]["PhysicalResourceId"])

    def runs(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """The first runs of the pipeline, so many, ended, the oldest first."""

        def begun() -> list[str] | None:
            described = (
                self.states.describe_execution(executionArn=each["executionArn"])
                for each in self.executions("Pipeline")
            )
            arns = [each["executionArn"] for each in described if json.loads(each["input"])["name"] == name]
            return arns if len(arns) >= count else None

        return [self.finish(arn) for arn in eventually(begun)]

    def job_runs(self, name: str) -> list[dict[str, Any]]:
        """The oldest first."""
        return sorted(self.glue.get_job_runs(JobName=name)["JobRuns"], key=lambda run: run["StartedOn"])

    def listening(self, topic: str) -> str:
        """The URL of a queue that hears what a new topic is told."""
        queue, sns = self.queue(topic), self.aws.client("sns")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{topic}"
        told = sns.create_topic(Name=topic)["TopicArn"]
        sns.subscribe(TopicArn=told, Protocol="sqs", Endpoint=arn)
        return queue

    def heard(self, queue: str) -> list[tuple[str, str]]:
        """Subject and text of the messages that lie there."""
        messages = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        bodies = [json.loads(message["Body"]) for message in messages.get("Messages", [])]
        return [(body["Subject"], body["Message"]) for body in bodies]


def output(run: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """What the stages' steps came to, of a run that succeeded."""
    assert run["status"] == "SUCCEEDED", run.get("cause")
    return [stage["steps"] for stage in json.loads(run["output"])["stages"]]


@contextmanager
def opened() -> Iterator[Shop]:
    with LocalAws() as aws:
        queries = aws.client("iam").create_policy(PolicyName="query-shop", PolicyDocument=policy(*QUERYING))
        patterns = {f"{kind}NamePattern": "*" for kind in ("Function", "Machine", "WorkGroup", "Topic")}
        parameters = QUICK | patterns | {"PipelinePolicyArn": queries["Policy"]["Arn"]}
        shop = Shop(aws, deploy(aws, Stack.NAME, parameters))
        shop.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        shop.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        shop.s3.upload_file(str(TABLES), BUCKET, f"scripts/{TABLES.name}")
        shop.glue.create_database(DatabaseInput={"Name": DATABASE})
        yield shop


def files() -> list[Path]:
    return sorted(SHAPES.glob("*.json"))
