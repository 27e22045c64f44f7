"""The two Lambdas of the tutorials, deployed to the local AWS; and functions that cannot reach Glue."""

from pathlib import Path

from local.aws.awslambda.package import package
from local.demo.deploy import BOOTSTRAPS
from tests.support.roles import ROLE
from tests.support.stack import Stack

SOURCES = Path(__file__).parent / "lambdas"
START, STATE = "ARN of your start Lambda", "ARN of your state Lambda"
Functions = dict[str, str]


def ours(stack: Stack) -> Functions:
    return {START: stack.outputs["StartCrawlerFunctionArn"], STATE: stack.outputs["GetCrawlerStateFunctionArn"]}


def pythons(stack: Stack, name: str = "python", endpoint: str = "", timeout: int = 30) -> Functions:
    """The time-out is the functions' own unless given: Lambda's 3 s would end what boto3 tries again."""
    return {
        placeholder: stack.functions.create_function(
            FunctionName=f"{name}-{source}",
            Runtime="python3.12",
            Handler=f"{source}.lambda_handler",
            Code={"ZipFile": package(f"{source}.py", (SOURCES / f"{source}.py").read_text())},
            Role=ROLE,
            Timeout=timeout,
            Environment=_environment(endpoint),
        )["FunctionArn"]
        for placeholder, source in {START: "start_crawler", STATE: "get_crawler_state"}.items()
    }


def rusts(stack: Stack, name: str, endpoint: str) -> Functions:
    """Copies of our functions for another endpoint of Glue."""
    return {
        placeholder: stack.functions.create_function(
            FunctionName=f"{name}-{program}",
            Runtime="provided.al2023",
            Handler="bootstrap",
            Code={"ZipFile": package("bootstrap", f"#!/bin/sh\nexec '{BOOTSTRAPS / program}'\n")},
            Role=ROLE,
            Timeout=30,
            Environment=_environment(endpoint),
        )["FunctionArn"]
        for placeholder, program in {START: "start-crawler", STATE: "get-crawler-state"}.items()
    }


def _environment(endpoint: str) -> dict[str, dict[str, str]]:
    return {"Variables": {"AWS_ENDPOINT_URL_GLUE": endpoint} if endpoint else {}}
