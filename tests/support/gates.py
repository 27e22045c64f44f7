"""Jobs that go on until a test lets them end: what has to be seen meanwhile is seen on the slowest machine."""

from pathlib import Path

from tests.support.roles import ROLE
from tests.support.stack import BUCKET, Stack

SCRIPT = """
import sys, time
from pathlib import Path
gate = Path(sys.argv[sys.argv.index("--gate") + 1])
while not gate.exists():
    time.sleep(0.1)
"""


class Gate:
    """A job whose runs end, and succeed, once the gate is open."""

    def __init__(self, stack: Stack, job: str, directory: Path) -> None:
        self._gate = directory / job
        key = "scripts/gate.py"
        stack.s3.put_object(Bucket=BUCKET, Key=key, Body=SCRIPT)
        stack.glue.create_job(
            Name=job,
            Role=ROLE,
            Command={"Name": "pythonshell", "ScriptLocation": f"s3://{BUCKET}/{key}"},
            DefaultArguments={"--gate": str(self._gate)},
            ExecutionProperty={"MaxConcurrentRuns": 20},
        )

    def open(self) -> None:
        self._gate.touch()
