"""Glue jobs that run, with a limit on concurrent runs.

Follows "Jobs" and "Job runs" in the AWS Glue Web API Reference.
ministack's jobs get no arguments on argv, can't be killed, and know no limit.
"""

import contextvars
import threading
from typing import Any

import ministack.services.glue as glue
from ministack.core.responses import AccountRegionScopedDict

from local.aws import patching
from local.aws.answers import ApiError, Request, call, handler
from local.aws.behaviour import Behaviour
from local.aws.glue.api import check_name, check_request_tags, check_role, forget_tags, on_reset, set_tags, tags
from local.aws.glue.job_runs import JobRun

original = patching.names(glue, "_create_job", "_update_job", "_delete_job")
ministack = patching.names(glue, "_jobs")

_runs = AccountRegionScopedDict()  # job name -> its runs, oldest first
_lock = threading.Lock()


def install() -> None:
    patching.replace(
        glue,
        _create_job=handler(create_job),
        _update_job=handler(update_job),
        _delete_job=handler(delete_job),
        _start_job_run=handler(start_job_run),
        _get_job_run=handler(get_job_run),
        _get_job_runs=handler(get_job_runs),
        _batch_stop_job_run=handler(batch_stop_job_run),
    )
    on_reset(_forget)


def create_job(request: Request) -> dict[str, Any]:
    name, new_tags = check_name(request), request.get("Tags") or {}
    check_request_tags("job", new_tags)
    check_role("job", name, request)
    answer = call(original._create_job, request)
    job = ministack._jobs[name]
    job.pop("Tags", None)  # told by GetTags only
    job["ExecutionProperty"] = request.get("ExecutionProperty") or {"MaxConcurrentRuns": 1}
    _runs[name] = []
    set_tags("job", name, new_tags)
    return answer


def update_job(request: Request) -> dict[str, Any]:
    update = request.get("JobUpdate", {})
    if "Role" in update:
        check_role("job", request["JobName"], update)
    answer = call(original._update_job, request)
    if limits := update.get("ExecutionProperty"):
        ministack._jobs[request["JobName"]]["ExecutionProperty"] = limits
    return answer


def delete_job(request: Request) -> dict[str, Any]:
    name = request["JobName"]
    _runs.pop(name, None)
    forget_tags("job", name)
    return call(original._delete_job, request)


def start_job_run(request: Request) -> dict[str, Any]:
    name = request["JobName"]
    with _lock:
        if name not in ministack._jobs:
            raise ApiError("EntityNotFoundException", "Failed to start job run due to missing metadata.")
        job = dict(ministack._jobs[name])
        active = sum(not run.ended.is_set() for run in _runs[name])
        if active >= job["ExecutionProperty"].get("MaxConcurrentRuns", 1):
            raise ApiError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {name}")
        run = JobRun(job, request, Behaviour.of(tags("job", name)))
        _runs[name].append(run)
    # A thread starts with an empty context: without this one's it had another account and region.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run.execute,), daemon=True, name=f"job-{name}").start()
    return {"JobRunId": run.id}


def get_job_run(request: Request) -> dict[str, Any]:
    return {"JobRun": run_of(request["JobName"], request["RunId"]).describe()}


def get_job_runs(request: Request) -> dict[str, Any]:
    name = request["JobName"]
    if name not in _runs:
        raise ApiError("EntityNotFoundException", f"Job with name {name} not found")
    return {"JobRuns": [run.describe() for run in reversed(_runs[name])]}


def batch_stop_job_run(request: Request) -> dict[str, Any]:
    name = request["JobName"]
    stopped, errors = [], []
    for run_id in request["JobRunIds"]:
        try:
            run = run_of(name, run_id)
            if not run.stop():
                raise ApiError("InvalidInputException", f"Job run is in state {run.state}")
            stopped.append({"JobName": name, "JobRunId": run_id})
        except ApiError as error:
            detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
            errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
    return {"SuccessfulSubmissions": stopped, "Errors": errors}


def run_of(name: str, run_id: str) -> JobRun:
    for run in _runs.get(name, []):
        if run.id == run_id:
            return run
    raise ApiError("EntityNotFoundException", f"Job run {run_id} of job {name} not found")


def _forget() -> None:
    for runs in _runs.values():
        for run in runs:
            run.stop()
    _runs.clear()
