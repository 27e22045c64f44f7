"""Deploy template.yaml to a local AWS: transformed offline, created through CloudFormation.

The transform is the one that CloudFormation itself runs for `Transform: AWS::Serverless-2016-10-31`
(the package aws-sam-translator), so that what is tested is the template that ships.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

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
SECONDS = 60

# What SAM would otherwise ask IAM for; it adds the one that it needs for tracing.
MANAGED_POLICIES = {"AWSXRayDaemonWriteAccess": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"}


class DeployError(Failure):
    """The stack could not be created; the message holds CloudFormation's reasons."""


class Rule(NamedTuple):
    """What starts a pipeline: the objects under a prefix of a bucket."""

    pipeline: Mapping[str, Any]
    bucket: str
    prefix: str


def transform(
    path: Path = TEMPLATE, parameters: Mapping[str, Any] | None = None, rules: Iterable[Rule] = ()
) -> dict[str, Any]:
    """The CloudFormation template that SAM makes of `path`, after its packaging of code and definitions."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    template = included(yaml_parse(path.read_text()), path.parent)
    for rule in rules:
        add_rule(template, rule)
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


def add_rule(template: dict[str, Any], rule: Rule) -> None:
    """Adds a pipeline as the README tells to: a copy of the rule, with a pattern and a pipeline of its own.

    A rule that the template has already stays as it is.
    """
    copy = json.dumps(template["Resources"]["CustomersRule"])
    for parameter, value in {"SourceBucketName": rule.bucket, "SourcePrefix": rule.prefix}.items():
        copy = copy.replace(json.dumps({"Ref": parameter}), json.dumps(value))
    resource, name = json.loads(copy), rule.pipeline["name"]
    [target] = resource["Properties"]["Targets"]
    text = f'{{"event": <aws.events.event.json>, "pipeline": {json.dumps(rule.pipeline)}}}'
    target["InputTransformer"]["InputTemplate"] = text
    resource["Properties"]["Description"] = f"Objects created in {rule.bucket} run the pipeline {name}"
    template["Resources"].setdefault(f"{name.title().replace('-', '')}Rule", resource)


def deploy(aws: LocalAws, stack: str, parameters: Mapping[str, Any], rules: Iterable[Rule] = ()) -> dict[str, str]:
    """Creates the stack with the bootstraps that cargo built, and returns its outputs."""
    s3 = aws.client("s3")
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    for function in sorted((ROOT / "functions").iterdir()):
        s3.put_object(Bucket=ARTIFACTS, Key=f"{function.name}.zip", Body=_bootstrap(BOOTSTRAPS / function.name))
    for definition in (ROOT / "statemachine").glob("*.asl.yaml"):
        s3.upload_file(str(definition), ARTIFACTS, definition.name)
    template = f"{stack}.template"
    s3.put_object(Bucket=ARTIFACTS, Key=template, Body=json.dumps(transform(parameters=parameters, rules=rules)))
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=f"{aws.endpoint}/{ARTIFACTS}/{template}",
        Parameters=[{"ParameterKey": name, "ParameterValue": str(value)} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    deadline = time.monotonic() + SECONDS
    while True:
        description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        if description["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
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
