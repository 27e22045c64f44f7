"""The pictures of the README: `make pictures` takes them again.

The demo in a terminal as SVG, and the report of a run as PNG. Chromium (Debian: `apt-get install chromium`) takes that
one; what a page asks for or gets wrong is on its console, and then there is no picture.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from local.aws import ACCOUNT, REGION, LocalAws
from local.demo import ROOT, stand_ins
from local.demo.deploy import QUICK, STACK, TOOL, deploy
from local.demo.workloads import create_role

PICTURES = ROOT / "docs/pictures"
# The same page, dark and as on a telephone, to look at.
LOOKS = ROOT / ".local/pictures"
WIDTH = 121  # of the terminal
LARGEST = 200_000
# What a shop's platform does in a night, in seconds instead of minutes. A job in gold fails.
SECONDS = {"fetch-rates": 2, "clean-orders": 4, "clean-customers": 6, "clean-products": 3, "revenue": 4, "churn": 9}
CRAWLERS = {"bronze": 3, "silver-orders": 3, "silver-customers": 2, "silver-products": 4, "gold": 3}
ERROR = (
    "AnalysisException: [UNRESOLVED_COLUMN] A column with name `o`.`currency` cannot be resolved. "
    "Did you mean one of the following? [`o`.`amount`, `o`.`country`, `o`.`order_id`]"
)
PIPELINE: dict[str, Any] = {
    "name": "shop-nightly",
    "arguments": {"--date": "2026-01-31"},
    "stages": [
        {"name": "bronze", "steps": [{"job": "fetch-rates"}, {"crawler": "bronze"}]},
        {
            "name": "silver",
            "steps": [
                {"job": "clean-orders", "crawler": "silver-orders"},
                {"job": "clean-customers", "crawler": "silver-customers"},
                {"job": "clean-products", "crawler": "silver-products", "await": False},
                {"function": "check-quality", "optional": True, "retries": 1},
            ],
        },
        {"name": "gold", "steps": [{"job": "revenue", "crawler": "gold", "retries": 1}, {"job": "churn"}]},
        {"name": "publish", "steps": [{"machine": "refresh-dashboards"}]},
    ],
}


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    chromium = shutil.which("chromium")
    if not chromium:
        sys.exit("no chromium: apt-get install chromium")
    write(PICTURES / "demo.svg", drawn("make demo", demo()).encode())
    LOOKS.mkdir(parents=True, exist_ok=True)
    report(LOOKS / "report.html")
    dark = "--blink-settings=preferredColorScheme=0"
    for name, size, *more in (("wide", "1280,2000"), ("narrow", "390,3000"), ("dark", "1280,2000", dark)):
        photograph(chromium, LOOKS / f"{name}.png", size, *more)
    photograph(chromium, LOOKS / "report.png", "1280,820", "--force-device-scale-factor=1.5")
    write(PICTURES / "report.png", (LOOKS / "report.png").read_bytes())


def write(file: Path, content: bytes) -> None:
    assert len(content) < LARGEST, f"{file.name} has {len(content)} bytes"
    file.write_bytes(content)
    print(file.relative_to(ROOT))


def demo() -> str:
    """What the demo prints up to its timeline, in colours."""
    colours = {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(WIDTH)}
    command = [sys.executable, "-m", "local.demo"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | colours, stdout=subprocess.PIPE, text=True, check=True)
    told, _, _ = done.stdout.partition("objects")
    return told.replace(f"{ROOT}/", "").rstrip()


def drawn(title: str, text: str) -> str:
    """The text as in a terminal. Its letters are the reader's own: an SVG in a page may fetch no font."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(Text.from_ansi(text), soft_wrap=True)
    return re.sub(r"\s*@font-face \{.*?\}", "", console.export_svg(title=title, unique_id="demo"), flags=re.DOTALL)


def report(file: Path) -> None:
    """Writes the page of a run that failed."""
    with LocalAws() as aws:
        parameters = QUICK | stand_ins.PATTERNS | {"PipelinePolicyArn": stand_ins.query_policy(aws)}
        states, outputs = aws.client("stepfunctions"), deploy(aws, STACK, parameters)
        steps = [step for stage in PIPELINE["stages"] for step in stage["steps"]]
        stand_ins.create(aws, steps, known=set())
        glue = aws.client("glue")
        for kind, subjects in (("job", SECONDS), ("crawler", CRAWLERS)):
            for name, seconds in subjects.items():
                arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:{kind}/{name}"
                glue.tag_resource(ResourceArn=arn, TagsToAdd={"local:seconds": str(seconds)})
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=stand_ins.NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
        # Stand-ins may create no tables.
        role = create_role(aws, "pictures", {"Effect": "Allow", "Action": ["glue:*", "s3:*"], "Resource": "*"})
        for crawler in CRAWLERS:
            s3.put_object(Bucket=stand_ins.NAME, Key=f"{crawler}/part-0.csv", Body=b"id,name\n1,a\n")
            targets = {"S3Targets": [{"Path": f"s3://{stand_ins.NAME}/{crawler}/"}]}
            glue.update_crawler(Name=crawler, Role=role, Targets=targets)
        failing = {"local:outcome": "failed", "local:error": ERROR}
        glue.tag_resource(ResourceArn=f"arn:aws:glue:{REGION}:{ACCOUNT}:job/revenue", TagsToAdd=failing)
        run = states.start_execution(
            stateMachineArn=outputs["PipelineStateMachineArn"],
            name="shop-nightly-2026-01-31",
            input=json.dumps(PIPELINE),
        )["executionArn"]
        command = [TOOL, "follow", run, "--stack", STACK]
        subprocess.run(command, env=aws.environment, check=False)
        command = [TOOL, "report", run, "--stack", STACK, "--output", file]
        subprocess.run(command, env=aws.environment, stdout=subprocess.DEVNULL, check=False)


def photograph(chromium: str, picture: Path, size: str, *more: str) -> None:
    """Takes a picture of the page, which must be to the browser's liking."""
    page = picture.with_name("report.html")
    flags = ["--headless", "--no-sandbox", "--hide-scrollbars", "--enable-logging=stderr", *more]
    command = [chromium, *flags, f"--window-size={size}", f"--screenshot={picture}", page.as_uri()]
    told = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True).stderr
    complaints = [line for line in told.splitlines() if ":CONSOLE" in line]
    assert not complaints, "\n".join(complaints)


if __name__ == "__main__":
    main()
