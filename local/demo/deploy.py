"""Deploy the project's two templates to a local AWS, through CloudFormation.

`template.yaml` is transformed offline, by the transform that CloudFormation itself runs for `Transform:
AWS::Serverless-2016-10-31` (the package aws-sam-translator), so that what is tested is the template that ships. The
template of pipelines is what `crawler-sync template` writes.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from local.aws import REGION, LocalAws
from local.aws.awslambda.package import package
from local.demo import ROOT
from local.demo.command import Failure

TEMPLATE = ROOT / "template.yaml"
STACK = "crawler-sync"
# Parameters of a stack that somebody waits for. In production the window is a minute, and looks are minutes apart.
WINDOW_SECONDS = 2
QUICK: dict[str, str | int] = {
    "JobNamePattern": "*",
    "CrawlerNamePattern": "*",
    "CoalesceSeconds": WINDOW_SECONDS,
    "PollMinSeconds": 1,
    "PollMaxSeconds": 2,
}
ARTIFACTS = "artifacts"
BOOTSTRAPS = ROOT / "target" / "debug"
TOOL = BOOTSTRAPS / "crawler-sync"
# It ends a stack that hangs.
SECONDS = 300

# What SAM would otherwise ask IAM for; it adds the one that it needs for tracing.
MANAGED_POLICIES = {"AWSXRayDaemonWriteAccess": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"}


class DeployError(Failure):
    """The stack could not be created; the message holds CloudFormation's reasons."""


def transform(path: Path = TEMPLATE, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The CloudFormation template that SAM makes of `path`, after its packaging of code and definitions."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    template = included(yaml_parse(path.read_text()), path.parent)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                properties["CodeUri"] = f"s3://{ARTIFACTS}/{Path(properties['CodeUri']).name}.zip"
                resource.pop("Metadata", None)
            case "AWS::Serverless::StateMachine":
                properties["DefinitionUri"] = f"s3://{ARTIFACTS}/{Path(properties['DefinitionUri']).name}"
    defaults = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    return Translator(MANAGED_POLICIES, Parser()).translate(template, defaults | dict(parameters or {}))


def included(value: Any, folder: Path) -> Any:
    """The value with the files that it includes, as CloudFormation's own transform AWS::Include puts them in."""
    match value:
        case {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": file}}}:
            return yaml_parse((folder / file).read_text())
        case dict():
            return {key: included(each, folder) for key, each in value.items()}
        case list():
            return [included(each, folder) for each in value]
    return value


def deploy(aws: LocalAws, stack: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """The machinery, with the bootstraps that cargo built; returns the stack's outputs."""
    s3 = aws.client("s3")
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    for function in sorted((ROOT / "functions").iterdir()):
        s3.put_object(Bucket=ARTIFACTS, Key=f"{function.name}.zip", Body=_bootstrap(BOOTSTRAPS / function.name))
    for definition in (ROOT / "statemachine").glob("*.asl.yaml"):
        s3.upload_file(str(definition), ARTIFACTS, definition.name)
    return _apply(aws, stack, json.dumps(transform(parameters=parameters)), parameters)


def deploy_pipelines(
    aws: LocalAws, stack: str, pipelines: Iterable[Path], parameters: Mapping[str, Any], machinery: str = STACK
) -> dict[str, str]:
    """What starts the pipelines in these files and folders, as a stack of its own beside the machinery's."""
    command: list[str | Path] = [TOOL, "template", "--stack", machinery, *pipelines]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise DeployError(result.stderr.rstrip())
    return _apply(aws, stack, result.stdout, parameters)


def _apply(aws: LocalAws, stack: str, template: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Creates the stack, or changes it to this template."""
    key = f"{stack}.template"
    aws.client("s3").put_object(Bucket=ARTIFACTS, Key=key, Body=template)
    cloudformation = aws.client("cloudformation")
    told = {
        "StackName": stack,
        "TemplateURL": f"{aws.endpoint}/{ARTIFACTS}/{key}",
        "Parameters": [{"ParameterKey": name, "ParameterValue": str(value)} for name, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    try:
        cloudformation.create_stack(**told)
    except cloudformation.exceptions.AlreadyExistsException:
        try:
            cloudformation.update_stack(**told)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
    deadline = time.monotonic() + SECONDS
    while True:
        description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        if description["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}
        if "IN_PROGRESS" not in description["StackStatus"] or time.monotonic() > deadline:
            events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
            reasons = [
                f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
                for event in events
                if event["ResourceStatus"].endswith("FAILED")
            ]
            raise DeployError(f"stack {stack} is {description['StackStatus']}: {'; '.join(reasons)}; see {aws.log}")
        time.sleep(0.1)


def unqualified(arn: str) -> str:
    """The ARN of a state machine without the alias or version at its end."""
    return ":".join(arn.split(":")[:7])


def _bootstrap(binary: Path) -> bytes:
    if not binary.exists():
        raise DeployError(f"{binary} is missing: run `cargo build --workspace --all-targets` first")
    return package("bootstrap", binary.read_bytes())
