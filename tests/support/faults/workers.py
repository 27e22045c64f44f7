"""What steps work with, of each kind: made as a case wants it, counted, and stopped."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.aws import ACCOUNT, REGION
from local.aws.awslambda.package import package
from tests.support.faults.work import WORDS, Does
from tests.support.roles import ROLE
from tests.support.stack import Stack

DATABASE, DATA, RESULTS, NOT_GRANTED = "work", "work", "results", "not-granted"
# Notes each time that it is called, and with what.
BODY = """
def work(note, does, event):
    with open(note, "a+") as noted:
        noted.write(json.dumps(event) + "\\n")
        noted.seek(0)
        begun = len(noted.readlines())
    if does in ("lasts", "takes longer than it may"):
        time.sleep(30)
    if does == "fails" or does == "fails twice" and begun <= 2:
        raise ValueError("no data for the day")
    return "x" * 300_000 if does == "answers too much" else None
"""
FUNCTION = f"""import json, os, time
{BODY}
def handler(event, context):
    return work(os.environ.get("NOTE") or event["note"], os.environ.get("DOES") or event["does"], event)
"""
JOB = f"""import json, sys, time
{BODY}
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
work(given["--note"], given["--does"], given)
"""
INVOKE = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Arguments": {"FunctionName": "counting", "Payload": "{% $states.input %}"},
    "End": True,
}
STATES: Mapping[Does, dict[str, Any]] = {
    Does.SUCCEEDS: {"Type": "Pass", "End": True},
    Does.FAILS: {"Type": "Fail", "Error": "Own", "Cause": WORDS},
    Does.LASTS: {"Type": "Wait", "Seconds": 600, "End": True},
    Does.TAKES_LONGER_THAN_IT_MAY: {"Type": "Wait", "Seconds": 600, "End": True},
    Does.FAILS_TWICE: INVOKE,
    # By itself it fits; told with all else that is known of the execution, it does not.
    Does.ANSWERS_TOO_MUCH: {"Type": "Pass", "Output": "{% $pad('', 262000, 'x') %}", "End": True},
}
JOB_TAGS: Mapping[Does, dict[str, str]] = {
    Does.SUCCEEDS: {"local:seconds": "0"},
    Does.FAILS: {"local:outcome": "failed", "local:error": WORDS},
    Does.LASTS: {"local:seconds": "600"},
    Does.FAILS_TWICE: {},
}
STOPPED = {"STOPPED", "CANCELLED", "ABORTED"}


class Workers:
    """All of a stack's, each by its name."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.stack, self.directory, self.athena = stack, directory, stack.aws.client("athena")
        for bucket in (DATA, RESULTS, NOT_GRANTED):
            stack.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        stack.s3.put_object(Bucket=DATA, Key="counting.py", Body=JOB)
        stack.glue.create_database(DatabaseInput={"Name": DATABASE})
        self.table("not_granted", f"s3://{NOT_GRANTED}/orders")
        self._function("counting", {}, {})

    def table(self, name: str, location: str = f"s3://{DATA}/orders") -> None:
        text = "org.apache.hadoop.mapred.TextInputFormat"
        columns = [{"Name": "id", "Type": "string"}]
        serde = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"}
        descriptor = {"Columns": columns, "Location": location, "InputFormat": text, "SerdeInfo": serde}
        self.stack.s3.put_object(Bucket=location.split("/")[2], Key="orders/a.csv", Body="a\n")
        table = {"Name": name, "StorageDescriptor": descriptor, "Parameters": {"classification": "csv"}}
        self.stack.glue.create_table(DatabaseName=DATABASE, TableInput=table)

    def create(self, kind: str, name: str, does: Does, tags: Mapping[str, str]) -> dict[str, Any]:
        """The worker, and the step that it works for."""
        note = {"note": str(self.directory / name), "does": does.value}
        tagged = [{"key": key, "value": value} for key, value in tags.items()]
        match kind:
            case "job":
                command = {"Name": "pythonshell", "ScriptLocation": f"s3://{DATA}/counting.py"}
                self.stack.glue.create_job(
                    Name=name,
                    Role=ROLE,
                    Command=command if does is Does.FAILS_TWICE else {},
                    Tags={**JOB_TAGS[does], **tags},
                )
                return {"job": name, "arguments": {f"--{key}": value for key, value in note.items()}}
            case "function":
                timeout = 5 if does is Does.TAKES_LONGER_THAN_IT_MAY else 60
                self._function(name, tags, {"NOTE": note["note"], "DOES": note["does"]}, timeout)
                return {"function": name}
            case "machine":
                definition: dict[str, Any] = {"QueryLanguage": "JSONata", "StartAt": "Only"}
                definition["States"] = {"Only": STATES[does]}
                if does is Does.TAKES_LONGER_THAN_IT_MAY:
                    definition["TimeoutSeconds"] = 1
                self.stack.states.create_state_machine(
                    name=name, roleArn=ROLE, definition=json.dumps(definition), tags=tagged
                )
                return {"machine": name, "input": note}
        seconds = {Does.LASTS: "600", Does.FAILS_TWICE: "8"}.get(does, "0")
        self.athena.create_work_group(
            Name=name,
            Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{RESULTS}/"}},
            Tags=[{"Key": key, "Value": value} for key, value in {"local:seconds": seconds, **tags}.items()],
        )
        fails = does in (Does.FAILS, Does.FAILS_TWICE)
        statement = f"SELECT * FROM {DATABASE}.{name.replace('-', '_')}" if fails else "SELECT 1"
        return {"query": statement, "workgroup": name}

    def _function(self, name: str, tags: Mapping[str, str], variables: Mapping[str, str], timeout: int = 60) -> None:
        self.stack.functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="index.handler",
            Role=ROLE,
            Timeout=timeout,
            Code={"ZipFile": package("index.py", FUNCTION)},
            Tags=dict(tags),
            Environment={"Variables": dict(variables)},
        )

    def begun(self, kind: str, name: str) -> list[str]:
        """The states of whatever began: RUNNING, FAILED, STOPPED and so on."""
        states: Mapping[str, Callable[[], list[str]]] = {
            "job": lambda: [run["JobRunState"] for run in self.runs(name)],
            "function": lambda: ["RUNNING" for _ in self.noted(name)],
            "query": lambda: [query["Status"]["State"] for query in self.queries(name)],
            "machine": lambda: [execution["status"] for execution in self.executions(name)],
        }
        return ["STOPPED" if state in STOPPED else state for state in states[kind]()]

    def stop(self, kind: str, name: str) -> None:
        match kind:
            case "job":
                self.stack.glue.batch_stop_job_run(JobName=name, JobRunIds=[self.runs(name)[0]["Id"]])
            case "query":
                self.athena.stop_query_execution(QueryExecutionId=self.queries(name)[0]["QueryExecutionId"])
            case "machine":
                arn = self.executions(name)[0]["executionArn"]
                self.stack.states.stop_execution(executionArn=arn, cause="the table is mended first")

    def noted(self, name: str) -> list[Any]:
        """What the function of this name was called with."""
        note = self.directory / name
        return [json.loads(line) for line in note.read_text().splitlines()] if note.exists() else []

    def queries(self, workgroup: str) -> list[dict[str, Any]]:
        ids = self.athena.list_query_executions(WorkGroup=workgroup)["QueryExecutionIds"]
        return [self.athena.get_query_execution(QueryExecutionId=each)["QueryExecution"] for each in ids]

    def executions(self, machine: str) -> list[dict[str, Any]]:
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{machine}"
        return self.stack.states.list_executions(stateMachineArn=arn)["executions"]

    def runs(self, job: str) -> list[dict[str, Any]]:
        return self.stack.glue.get_job_runs(JobName=job)["JobRuns"]
