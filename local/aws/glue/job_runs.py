"""One run of a Glue job: its script as a process, from STARTING to a final state.

Follows "JobRun" in the AWS Glue Web API Reference, "Using job parameters in AWS Glue jobs"
in the Developer Guide for what the script finds in sys.argv, and "AWS Glue events" in the
EventBridge reference.
"""

import logging
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import get_region

from local.aws import clients
from local.aws.behaviour import Behaviour
from local.aws.eventbridge import events
from local.aws.iam import roles

logger = logging.getLogger("jobs")

MINUTE = 60
SESSION = "GlueJobRunnerSession"
# How the event of an ended run is marked, and what it says unless Glue has more to say.
SEVERITIES = {"SUCCEEDED": "INFO", "STOPPED": "INFO", "TIMEOUT": "WARN", "FAILED": "ERROR"}
MESSAGES = {"SUCCEEDED": "Job run succeeded", "STOPPED": "Job run stopped"}
OUTCOMES = {"succeeded": "SUCCEEDED", "failed": "FAILED", "cancelled": "STOPPED"}
TIMED_OUT = "Job run timed out"
EXTRA_PY_FILES = "--extra-py-files"
ARCHIVES = (".zip", ".whl", ".egg")


class JobError(Exception):
    """The run fails, with this ErrorMessage."""


class JobRun:
    """A run; every method may be called by any thread."""

    def __init__(self, job: dict[str, Any], request: dict[str, Any], behaviour: Behaviour) -> None:
        self.id = f"jr_{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.ended = threading.Event()
        self._job, self._behaviour = job, behaviour
        self._role = roles.arn(job["Role"])
        self._arguments = (
            job.get("DefaultArguments", {}) | request.get("Arguments", {}) | job.get("NonOverridableArguments", {})
        )
        minutes = request.get("Timeout") or job["Timeout"]
        self._timeout = minutes * MINUTE if behaviour.timeout_seconds is None else behaviour.timeout_seconds
        self._lock = threading.Lock()
        self._stop_requested = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._started = time.time()
        self._record: dict[str, Any] = {
            "Id": self.id,
            "Attempt": 0,
            "JobName": job["Name"],
            "JobMode": "SCRIPT",
            "JobRunState": "STARTING",
            "Arguments": self._arguments,
            "PredecessorRuns": [],
            "StartedOn": round(self._started, 3),
            "LastModifiedOn": round(self._started, 3),
            "ExecutionTime": 0,
            "Timeout": minutes,
            "LogGroupName": "/aws-glue/jobs",
        }
        self._record |= {
            k: job[k] for k in ("MaxCapacity", "WorkerType", "NumberOfWorkers", "GlueVersion") if job.get(k)
        }

    def describe(self) -> dict[str, Any]:
        with self._lock:
            return dict(self._record)

    @property
    def state(self) -> str:
        return self.describe()["JobRunState"]

    def stop(self) -> bool:
        """Kills the run; False when it is stopping or has ended already."""
        with self._lock:
            if self._record["JobRunState"] not in ("STARTING", "RUNNING"):
                return False
            self._set("STOPPING")
            self._stop_requested.set()
            if self._process:
                self._process.kill()
            return True

    def execute(self) -> None:
        """Takes the run to its end."""
        try:
            state, error = self._execute()
        except JobError as failure:
            state, error = "FAILED", str(failure)
        except Exception:  # a run that never ended would be worse
            logger.exception("job run %s failed unexpectedly", self.id)
            state, error = "FAILED", "Internal service error"
        with self._lock:
            if self._stop_requested.is_set():
                state, error = "STOPPED", None
            self._record["CompletedOn"] = round(time.time(), 3)
            self._record["ExecutionTime"] = math.ceil(time.time() - self._started)
            if error:
                self._record["ErrorMessage"] = error
            self._set(state)
            self.ended.set()
        detail = {
            "jobName": self._job["Name"],
            "severity": SEVERITIES[state],
            "state": state,
            "jobRunId": self.id,
            "message": error or MESSAGES[state],
        }
        events.put({"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": detail})

    def _execute(self) -> tuple[str, str | None]:
        behaviour = self._behaviour
        outcome = OUTCOMES[behaviour.outcome or "succeeded"]
        location = self._job.get("Command", {}).get("ScriptLocation")
        if not location and behaviour.seconds is None and behaviour.outcome is None:
            raise JobError(f"Job {self._job['Name']} has no script")
        with tempfile.TemporaryDirectory(prefix="job-") as directory:
            runs_script = location and outcome == "SUCCEEDED"
            script = self._fetch(location, Path(directory)) if runs_script else None
            libraries = self._libraries(Path(directory, "libraries")) if runs_script else []
            with self._lock:
                if not self._stop_requested.is_set():
                    self._set("RUNNING")
            if script and not self._run(script, libraries):
                return "TIMEOUT", TIMED_OUT
        if behaviour.seconds:
            rest = self._started + min(behaviour.seconds, self._timeout) - time.time()
            self._stop_requested.wait(max(0.0, rest))
            if behaviour.seconds > self._timeout:
                return "TIMEOUT", TIMED_OUT
        return outcome, (behaviour.error or "Internal service error") if outcome == "FAILED" else None

    def _libraries(self, directory: Path) -> list[Path]:
        """What `--extra-py-files` adds to the Python path: archives themselves, of modules their folder."""
        directory.mkdir()
        locations = self._arguments.get(EXTRA_PY_FILES, "").split(",")
        files = [self._fetch(location, directory) for location in locations if location]
        return [file if file.suffix in ARCHIVES else directory for file in files]

    def _run(self, script: Path, libraries: list[Path]) -> bool:
        """Runs the script; False when it took too long. Raises JobError when it fails."""
        arguments = self._arguments | {"--JOB_NAME": self._job["Name"], "--JOB_RUN_ID": self.id}
        command = [sys.executable, str(script), *(part for pair in arguments.items() for part in pair)]
        output, errors = script.parent / ".output", script.parent / ".errors"
        with output.open("wb") as stdout, errors.open("wb") as stderr:
            with self._lock:
                if self._stop_requested.is_set():
                    return True
                self._process = subprocess.Popen(
                    command,
                    cwd=script.parent,
                    env=os.environ
                    | clients.credentials(self._role, SESSION)
                    | {"AWS_REGION": get_region(), "AWS_DEFAULT_REGION": get_region()}
                    | {"PYTHONPATH": os.pathsep.join(map(str, libraries))},
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                )
            try:
                code = self._process.wait(max(0.0, self._started + self._timeout - time.time()))
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                return False
        logger.info(
            "job %s, run %s:\n%s%s",
            self._job["Name"],
            self.id,
            output.read_text(errors="replace"),
            errors.read_text(errors="replace"),
        )
        if code:
            raise JobError(_exception(errors.read_text(errors="replace")) or f"Command failed with exit code {code}")
        return True

    def _fetch(self, location: str, directory: Path) -> Path:
        """A script or a library as it is in S3 now: a deployment between two runs takes effect."""
        bucket, _, key = location.removeprefix("s3://").partition("/")
        file = directory / (key.rpartition("/")[2] or "script.py")
        try:
            clients.client("s3", self._role, SESSION).download_file(bucket, key, str(file))
        except ClientError as error:
            raise JobError(f"Error downloading {location}: {error.response['Error']['Message']}") from error
        return file

    def _set(self, state: str) -> None:
        self._record["JobRunState"] = state
        self._record["LastModifiedOn"] = round(time.time(), 3)


def _exception(output: str) -> str | None:
    """What a traceback ends with: the first line after its last frame that is not indented."""
    lines = output.strip().splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    after = lines[frames[-1] :] if frames else lines[-1:]
    return next((line for line in after if not line.startswith(" ")), None)
