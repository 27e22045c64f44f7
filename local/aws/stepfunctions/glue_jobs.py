"""`glue:startJobRun` and `glue:startJobRun.sync` as a Task.

Follows "Start AWS Glue jobs with Step Functions" and "Run a Job (.sync)" in the AWS Step Functions Developer Guide.
"""

import json
from typing import Any

import ministack.services.stepfunctions as sfn

from local.aws import patching
from local.aws.glue import jobs
from local.aws.stepfunctions import aborts, history, integrations, permissions, states

ministack = patching.names(sfn, "_ExecutionError", "_SERVICE_DISPATCH", "_invoke_aws_sdk_integration")

START = "arn:aws:states:::glue:startJobRun"
SDK_START = "arn:aws:states:::aws-sdk:glue:startJobRun"
ABNORMAL = ("FAILED", "TIMEOUT", "ERROR")
TIMES = ("StartedOn", "LastModifiedOn", "CompletedOn")


def install() -> None:
    ministack._SERVICE_DISPATCH[START] = start_job_run


def start_job_run(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The Task; a failed run is States.TaskFailed."""
    with integrations.optimized("glue", "StartJobRun"):
        started = ministack._invoke_aws_sdk_integration(SDK_START, arguments)
    name = arguments["JobName"]
    if not resource.endswith(".sync"):
        return {"JobName": name, **started}
    history.submitted(states.task().execution, resource, started)
    for operation in ("GetJobRun", "GetJobRuns"):
        permissions.check(resource, "glue", operation, arguments)
    run = jobs.run_of(name, started["JobRunId"])
    stop = permissions.if_allowed("glue:BatchStopJobRun", arguments, run.stop)
    with aborts.current.get().on_abort(stop):
        run.ended.wait()
    aborts.current.get().check()
    # Step Functions tells times in milliseconds.
    result = {k: round(v * 1000) if k in TIMES else v for k, v in run.describe().items()}
    if run.state in ABNORMAL:
        raise ministack._ExecutionError("States.TaskFailed", json.dumps(result))
    return result
