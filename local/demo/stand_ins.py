"""What a pipeline names and nobody has here: it takes its time, and succeeds."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from local.aws import REGION, LocalAws
from local.aws.awslambda.package import package
from local.aws.policies import policy
from local.demo.workloads import create_role

NAME = "stand-ins"
TAGS = {"local:seconds": "2"}
# What a crawl that finds nothing looks at, and where a query's result goes.
MAY = (
    {"Effect": "Allow", "Action": "glue:GetDatabase", "Resource": "*"},
    {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{NAME}", f"arn:aws:s3:::{NAME}/*"]},
)
# What pipelines with stand-ins may run.
PATTERNS = {"FunctionNamePattern": "*", "MachineNamePattern": "*", "WorkGroupNamePattern": "*"}


def query_policy(aws: LocalAws) -> str:
    """The policy of the pipeline machine that its queries need: its ARN."""
    return aws.client("iam").create_policy(PolicyName=NAME, PolicyDocument=policy(*MAY))["Policy"]["Arn"]


def create(aws: LocalAws, steps: Iterable[Mapping[str, Any]], known: set[str]) -> list[str]:
    """Creates all that the steps name but what is known, and returns the names."""
    role = create_role(aws, NAME, *MAY, services=("glue", "lambda", "states"))
    making = {"job": create_job, "function": create_function, "query": create_workgroup, "machine": create_machine}
    named, crawlers = set(), set()
    for step in steps:
        # A query is known by its workgroup.
        query = {"query": step.get("workgroup") or "primary"} if step.get("query") else {}
        subjects = {**step, **query}
        named |= {(kind, str(subjects[kind])) for kind in making if subjects.get(kind)}
        crawlers |= {str(step["crawler"])} if step.get("crawler") else set()
    named = {(kind, name) for kind, name in named if name not in known}
    for kind, name in sorted(named):
        making[kind](aws, role, name)
    if crawlers := crawlers - known:
        glue = aws.client("glue")
        glue.create_database(DatabaseInput={"Name": NAME})
        for crawler in crawlers:
            glue.create_crawler(Name=crawler, Role=role, DatabaseName=NAME, Targets={"S3Targets": []}, Tags=TAGS)
    return sorted(crawlers.union(name for _, name in named))


def create_job(aws: LocalAws, role: str, name: str) -> None:
    limit = {"MaxConcurrentRuns": 100}
    aws.client("glue").create_job(Name=name, Role=role, Command={}, Tags=TAGS, ExecutionProperty=limit)


def create_function(aws: LocalAws, role: str, name: str) -> None:
    functions = aws.client("lambda")
    function, _, alias = name.partition(":")
    code = {"ZipFile": package("index.py", "def handler(event, context):\n    return event\n")}
    settings: dict[str, Any] = {"Runtime": "python3.12", "Handler": "index.handler", "Role": role, "Code": code}
    with suppress(functions.exceptions.ResourceConflictException):
        functions.create_function(FunctionName=function, **settings)
    if alias and not alias.startswith("$"):
        version = functions.publish_version(FunctionName=function)["Version"]
        functions.create_alias(FunctionName=function, Name=alias, FunctionVersion=version)


def create_machine(aws: LocalAws, role: str, name: str) -> None:
    states = aws.client("stepfunctions")
    machine, _, alias = name.partition(":")
    definition = json.dumps({"StartAt": "Stand in", "States": {"Stand in": {"Type": "Succeed"}}})
    arn = states.create_state_machine(name=machine, roleArn=role, definition=definition)["stateMachineArn"]
    if alias:
        version = states.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
        states.create_state_machine_alias(
            name=alias, routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}]
        )


def create_workgroup(aws: LocalAws, role: str, name: str) -> None:
    s3, athena = aws.client("s3"), aws.client("athena")
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
    results = {"ResultConfiguration": {"OutputLocation": f"s3://{NAME}/"}}
    if name == "primary":
        updates = {"ResultConfigurationUpdates": results["ResultConfiguration"]}
        athena.update_work_group(WorkGroup=name, ConfigurationUpdates=updates)
    else:
        athena.create_work_group(Name=name, Configuration=results)
