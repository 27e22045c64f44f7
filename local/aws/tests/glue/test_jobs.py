"""Jobs that run, and their limits."""

import io
import json
import os
import zipfile

import pytest

from local.aws.tests.support import SLEEP, Local, at_once, error_code, eventually

pytestmark = pytest.mark.aws(
    "Job runs", url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-runs.html", validated="never"
)


@pytest.mark.aws(
    "Using job parameters in AWS Glue jobs",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html",
    validated="never",
)
def test_a_script_runs_with_its_arguments_and_reaches_this_aws(local: Local) -> None:
    """Protects real jobs: argv as on Glue, and an environment that leads here."""
    bucket = local.bucket()
    script = (
        "import boto3, json, sys\n"
        "arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        "boto3.client('s3').put_object(Bucket=arguments['--bucket'], Key='out', Body=json.dumps(arguments))\n"
    )
    defaults = {"--bucket": bucket, "--day": "monday"}
    job = local.job(script, DefaultArguments=defaults)
    run = local.run_job(job, Arguments={"--day": "tuesday"})
    assert run["JobRunState"] == "SUCCEEDED", run
    assert run["Id"].startswith("jr_")
    assert "ErrorMessage" not in run
    written = json.loads(local.s3.get_object(Bucket=bucket, Key="out")["Body"].read())
    assert written == {"--bucket": bucket, "--day": "tuesday", "--JOB_NAME": job, "--JOB_RUN_ID": run["Id"]}
    assert run["Arguments"] == {"--bucket": bucket, "--day": "tuesday"}


@pytest.mark.parametrize("command", ["pythonshell", "glueetl"])
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise ValueError('no data')", "ValueError: no data"),
        ("raise ValueError('no such column\\n  LINE 1\\nDid you mean that?')", "ValueError: no such column"),
        ("raise SystemExit(3)", "Command failed with exit code 3"),
    ],
)
def test_a_failing_script_fails_its_run(local: Local, command: str, script: str, message: str) -> None:
    """Protects JobFailed: the message is the exception, not the last line of what it says."""
    job = local.job(script)
    location = local.glue.get_job(JobName=job)["Job"]["Command"]["ScriptLocation"]
    local.glue.update_job(JobName=job, JobUpdate={"Command": {"Name": command, "ScriptLocation": location}})
    run = local.run_job(job)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", message)


def test_a_script_is_read_anew_for_every_run(local: Local) -> None:
    """Protects deployments of scripts."""
    job = local.job("pass")
    assert local.run_job(job)["JobRunState"] == "SUCCEEDED"
    location = local.glue.get_job(JobName=job)["Job"]["Command"]["ScriptLocation"]
    bucket, key = location.removeprefix("s3://").split("/")
    local.s3.put_object(Bucket=bucket, Key=key, Body="raise ValueError('new')")
    assert local.run_job(job)["ErrorMessage"] == "ValueError: new"


@pytest.mark.aws(
    "Using job parameters in AWS Glue jobs",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html",
    validated="never",
)
def test_scripts_share_modules(local: Local) -> None:
    """Protects --extra-py-files: single files and archives, from S3, on the Python path."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("tax.py", "RATE = 2")
    bucket = local.bucket(**{"lib/price.py": "PRICE = 21", "tax.zip": archive.getvalue()})
    libraries = {"--extra-py-files": f"s3://{bucket}/lib/price.py,s3://{bucket}/tax.zip"}
    script = "import price, tax; raise ValueError(price.PRICE * tax.RATE)"
    assert local.run_job(local.job(script, DefaultArguments=libraries))["ErrorMessage"] == "ValueError: 42"


@pytest.mark.aws(
    "Using job parameters in AWS Glue jobs",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html",
    validated="never",
)
def test_a_missing_module_fails_the_run_and_is_named(local: Local) -> None:
    """Protects against a typing error, which would be an ImportError somewhere else."""
    location = f"s3://{local.bucket()}/gone.py"
    run = local.run_job(local.job("pass", DefaultArguments={"--extra-py-files": location}))
    assert run["JobRunState"] == "FAILED"
    assert location in run["ErrorMessage"]


def test_a_missing_script_fails_the_run_and_is_named(local: Local) -> None:
    """Protects against a mistyped ScriptLocation, with which ministack succeeds."""
    location = f"s3://{local.bucket()}/gone.py"
    run = local.run_job(local.job(Command={"Name": "pythonshell", "ScriptLocation": location}))
    assert run["JobRunState"] == "FAILED"
    assert location in run["ErrorMessage"]
    assert "has no script" in local.run_job(local.job())["ErrorMessage"]


@pytest.mark.aws(
    "Job runs",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-runs.html",
    validated=("the message in https://github.com/aws-solutions/amazon-marketing-cloud-uploader-from-aws/issues/51"),
)
def test_concurrent_runs_are_limited(local: Local) -> None:
    """Protects the retry on ConcurrentRunsExceededException, under a race too."""
    job = local.job(tags={"local:seconds": "60"})

    def start() -> str:
        try:
            return local.glue.start_job_run(JobName=job)["JobRunId"]
        except local.glue.exceptions.ConcurrentRunsExceededException as error:
            return error.response["Error"]["Message"]

    answers = at_once(*[start] * 10)
    [run_id] = [answer for answer in answers if answer.startswith("jr_")]
    assert answers.count(f"Concurrent runs exceeded for {job}") == 9
    local.glue.update_job(JobName=job, JobUpdate={"ExecutionProperty": {"MaxConcurrentRuns": 2}})
    second = local.glue.start_job_run(JobName=job)["JobRunId"]
    stopped = local.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id, second, "jr_nope"])
    assert [entry["JobRunId"] for entry in stopped["SuccessfulSubmissions"]] == [run_id, second]
    assert [error["JobRunId"] for error in stopped["Errors"]] == ["jr_nope"]
    eventually(lambda: local.job_run(job, run_id)["JobRunState"] == "STOPPED")
    assert len(local.glue.get_job_runs(JobName=job)["JobRuns"]) == 2


def test_a_stopped_run_is_killed(local: Local) -> None:
    """Protects BatchStopJobRun: the process is gone, not only the record."""
    bucket = local.bucket()
    script = (
        "import boto3, os, time\n"
        f"boto3.client('s3').put_object(Bucket='{bucket}', Key='pid', Body=str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    job = local.job(script)
    run_id = local.glue.start_job_run(JobName=job)["JobRunId"]
    eventually(lambda: local.s3.list_objects_v2(Bucket=bucket)["KeyCount"])
    pid = int(local.s3.get_object(Bucket=bucket, Key="pid")["Body"].read())
    os.kill(pid, 0)
    local.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id])
    run = eventually(lambda: "CompletedOn" in (run := local.job_run(job, run_id)) and run)
    assert run["JobRunState"] == "STOPPED"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("script", [SLEEP, None])
def test_a_run_that_takes_too_long_times_out(local: Local, script: str | None) -> None:
    """Protects TIMEOUT, a verdict of its own; the tag shortens Glue's minutes."""
    tags = {"local:timeout-seconds": "0.3"} | ({} if script else {"local:seconds": "60"})
    run = local.run_job(local.job(script, tags=tags))
    assert run["JobRunState"] == "TIMEOUT"


@pytest.mark.parametrize(
    ("outcome", "state"), [("succeeded", "SUCCEEDED"), ("failed", "FAILED"), ("cancelled", "STOPPED")]
)
def test_a_run_ends_as_its_tags_say(local: Local, outcome: str, state: str) -> None:
    """Protects scenarios without a script."""
    run = local.run_job(local.job(tags={"local:outcome": outcome, "local:error": "no luck"}))
    assert run["JobRunState"] == state
    assert run.get("ErrorMessage") == ("no luck" if state == "FAILED" else None)


@pytest.mark.aws("Jobs", url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html", validated="never")
def test_jobs_are_created_and_deleted_with_their_tags(local: Local) -> None:
    """Protects deployments: tags and limits are kept, and the unknown is named."""
    job = local.job("pass", tags={"team": "data"}, ExecutionProperty={"MaxConcurrentRuns": 3})
    arn = f"arn:aws:glue:eu-west-1:000000000000:job/{job}"
    assert local.glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "data"}
    assert local.glue.get_job(JobName=job)["Job"]["ExecutionProperty"] == {"MaxConcurrentRuns": 3}
    local.glue.delete_job(JobName=job)
    assert local.glue.get_tags(ResourceArn=arn)["Tags"] == {}
    missing = ("EntityNotFoundException", "Failed to start job run due to missing metadata.")
    assert error_code(local.glue.start_job_run, JobName=job) == missing
    assert error_code(local.glue.get_job_run, JobName=job, RunId="jr_x")[0] == "EntityNotFoundException"
