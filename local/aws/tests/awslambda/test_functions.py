"""Lambda functions of the kind that the template deploys: a bootstrap of its own."""

import io
import json
import os
import subprocess
import sys
import zipfile
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest

from local.aws.awslambda import bootstraps, logs
from local.aws.awslambda.package import package
from local.aws.tests.support import Local

pytestmark = pytest.mark.aws(
    "Using the Lambda runtime API for custom runtimes",
    url="https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html",
    validated="never",
)

# The runtime interface that the Rust bootstraps use, as a script; it answers with what it finds.
BOOTSTRAP = f"""#!{sys.executable}
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as invocation:
        request, event = invocation.headers["Lambda-Runtime-Aws-Request-Id"], json.load(invocation)
    if "fail" in event:
        path, answer = "/error", {{"errorType": event["fail"], "errorMessage": "because"}}
    else:
        names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "OWN", "AWS_LAMBDA_RUNTIME_API")
        path, answer = "/response", {{name: os.environ.get(name) for name in names}} | {{"pid": os.getpid()}}
    for number in range(event.get("lines", 0)):
        print(number, flush=True)
    urllib.request.urlopen(urllib.request.Request(api + request + path, json.dumps(answer).encode()))
"""


def function(local: Local) -> str:
    settings = {"Runtime": "provided.al2023", "Handler": "bootstrap", "Environment": {"Variables": {"OWN": "yes"}}}
    return local.function("bootstrap", BOOTSTRAP, **settings)


def invoke(local: Local, name: str, **event: int) -> dict[str, Any]:
    answer = local.aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return dict(json.load(answer["Payload"]))


def test_a_function_calls_back_to_this_aws(local: Local) -> None:
    """Protects the Lambdas: endpoint, region and dummy keys; in the group that ends with the server."""
    found = invoke(local, function(local))
    assert found["AWS_ENDPOINT_URL"] == local.aws.endpoint
    assert (found["AWS_REGION"], found["OWN"]) == ("eu-west-1", "yes")
    assert found["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert os.getpgid(found["pid"]) == local.aws.pid


def test_what_a_function_writes_is_in_its_logs(local: Local) -> None:
    """Protects what tests read of logs."""
    name = function(local)
    invoke(local, name, lines=50)
    log = local.aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    lines = [event["message"] for page in log for event in page["events"]]
    assert [line for line in lines if line.isdecimal()] == [str(number) for number in range(50)]


def test_an_answer_does_not_overtake_what_was_written() -> None:
    """Protects the last line of a log: on a busy machine the thread that reads comes later than the answer."""
    with subprocess.Popen(["printf", "first\\nlast\\n"], stdout=subprocess.PIPE) as process:
        process.wait()
        thread_has_not_run: Any = SimpleNamespace(_proc=process, _stderr_queue=Queue())
        assert logs.drain(thread_has_not_run) == "first\nlast"


def test_a_process_that_begins_meanwhile_does_not_hold_up_a_bootstrap(tmp_path: Path) -> None:
    """Protects a cold start: a process that holds the unpacked file for writing does not make the bootstrap busy."""
    with ExitStack() as inherited:

        class Unpacked(zipfile.ZipFile):
            def extract(self, *arguments: Any) -> str:
                path = super().extract(*arguments)
                inherited.enter_context(Path(path).open("ab"))
                return path

        bootstraps.extract(Unpacked(io.BytesIO(package("bootstrap", "#!/bin/sh\necho begun\n"))), str(tmp_path))
        assert subprocess.check_output([tmp_path / "bootstrap"], text=True) == "begun\n"


@pytest.mark.aws(
    "Handling errors in Step Functions workflows",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
    validated="LocalStack snapshot test_raise_custom_exception, 2024-11-28: of a Python function",
)
def test_a_function_names_its_own_errors(local: Local) -> None:
    """Protects Retry and Catch by name: the function's errorType is the error of the task."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function(local), "Payload": {"fail": "CrawlerRunningException"}},
        "End": True,
    }
    execution = local.run(Task=task)
    assert execution["error"] == "CrawlerRunningException"
    assert json.loads(execution["cause"])["errorMessage"] == "because"
