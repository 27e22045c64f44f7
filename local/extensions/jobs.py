"""Glue jobs that run, with a limit on concurrent runs, and `glue:startJobRun[.sync]`.

Follows "Jobs" and "Job runs" in the AWS Glue Web API Reference, and "Start AWS Glue jobs
with Step Functions" and "Run a Job (.sync)" in the AWS Step Functions Developer Guide.
ministack's jobs get no arguments on argv, can't be killed, and know no limit.
"""

import contextvars
import json
import threading
from typing import Any

import ministack.services.glue as glue
import ministack.services.stepfunctions as sfn
from ministack.core.responses import AccountRegionScopedDict

from local.extensions import contract, integrations, scopes
from local.extensions.glue_api import (
    GlueError,
    Request,
    call,
    check_name,
    check_request_tags,
    forget_tags,
    on_reset,
    operation,
    set_tags,
    tags,
)
from local.extensions.job_run import JobRun
from local.extensions.scenario import Scenario

ministack = contract.names(glue, "_jobs", "_create_job", "_update_job", "_delete_job")
states = contract.names(sfn, "_SERVICE_DISPATCH", "_invoke_aws_sdk_integration", "_ExecutionError")

INTEGRATION = "arn:aws:states:::glue:startJobRun"
SDK_INTEGRATION = "arn:aws:states:::aws-sdk:glue:startJobRun"
ABNORMAL = ("FAILED", "TIMEOUT", "ERROR")
TIMES = ("StartedOn", "LastModifiedOn", "CompletedOn")

_runs = AccountRegionScopedDict()  # job name -> its runs, oldest first
_lock = threading.Lock()


def install() -> None:
    contract.replace(
        glue,
        _create_job=operation(create_job),
        _update_job=operation(update_job),
        _delete_job=operation(delete_job),
        _start_job_run=operation(start_job_run),
        _get_job_run=operation(get_job_run),
        _get_job_runs=operation(get_job_runs),
        _batch_stop_job_run=operation(batch_stop_job_run),
    )
    states._SERVICE_DISPATCH[INTEGRATION] = run_as_task
    on_reset(_forget)


def create_job(request: Request) -> dict[str, Any]:
    name, new_tags = check_name(request), request.get("Tags") or {}
    check_request_tags(new_tags)
    answer = call(ministack._create_job, request)
    job = ministack._jobs[name]
    job.pop("Tags", None)  # told by GetTags only
    job["ExecutionProperty"] = request.get("ExecutionProperty") or {"MaxConcurrentRuns": 1}
    _runs[name] = []
    set_tags("job", name, new_tags)
    return answer


def update_job(request: Request) -> dict[str, Any]:
    answer = call(ministack._update_job, request)
    if limits := request.get("JobUpdate", {}).get("ExecutionProperty"):
        ministack._jobs[request["JobName"]]["ExecutionProperty"] = limits
    return answer


def delete_job(request: Request) -> dict[str, Any]:
    name = request["JobName"]
    _runs.pop(name, None)
    forget_tags("job", name)
    return call(ministack._delete_job, request)


def start_job_run(request: Request) -> dict[str, Any]:
    name = request["JobName"]
    with _lock:
        if name not in ministack._jobs:
            raise GlueError("EntityNotFoundException", "Failed to start job run due to missing metadata")
        job = dict(ministack._jobs[name])
        active = sum(not run.ended.is_set() for run in _runs[name])
        if active >= job["ExecutionProperty"].get("MaxConcurrentRuns", 1):
            raise GlueError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {name}")
        run = JobRun(job, request, Scenario.of(tags("job", name)))
        _runs[name].append(run)
    # A thread starts with an empty context: without this one's it had another account and region.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run.execute,), daemon=True, name=f"job-{name}").start()
    return {"JobRunId": run.id}


def get_job_run(request: Request) -> dict[str, Any]:
    return {"JobRun": _run(request["JobName"], request["RunId"]).describe()}


def get_job_runs(request: Request) -> dict[str, Any]:
    name = request["JobName"]
    if name not in _runs:
        raise GlueError("EntityNotFoundException", f"Job with name {name} not found")
    return {"JobRuns": [run.describe() for run in reversed(_runs[name])]}


def batch_stop_job_run(request: Request) -> dict[str, Any]:
    name = request["JobName"]
    stopped, errors = [], []
    for run_id in request["JobRunIds"]:
        try:
            run = _run(name, run_id)
            if not run.stop():
                raise GlueError("InvalidInputException", f"Job run is in state {run.state}")
            stopped.append({"JobName": name, "JobRunId": run_id})
        except GlueError as error:
            detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
            errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
    return {"SuccessfulSubmissions": stopped, "Errors": errors}


def run_as_task(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The Task; a failed run is States.TaskFailed."""
    with integrations.optimized("glue", "StartJobRun"):
        started = states._invoke_aws_sdk_integration(SDK_INTEGRATION, arguments)
    name = arguments["JobName"]
    if not resource.endswith(".sync"):
        return {"JobName": name, **started}
    run = _run(name, started["JobRunId"])
    with scopes.current.get().on_abort(run.stop):
        run.ended.wait()
    scopes.current.get().check()
    # Step Functions tells times in milliseconds.
    result = {k: round(v * 1000) if k in TIMES else v for k, v in run.describe().items()}
    if run.state in ABNORMAL:
        raise states._ExecutionError("States.TaskFailed", json.dumps(result))
    return result


def _run(name: str, run_id: str) -> JobRun:
    for run in _runs.get(name, []):
        if run.id == run_id:
            return run
    raise GlueError("EntityNotFoundException", f"Job run {run_id} of job {name} not found")


def _forget() -> None:
    for runs in _runs.values():
        for run in runs:
            run.stop()
    _runs.clear()
