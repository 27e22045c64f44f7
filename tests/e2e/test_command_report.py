"""`crawler-sync report`: a run as a page that can be mailed, printed and kept."""

import json
import re
import shutil
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Command, acting
from tests.support.gates import Gate
from tests.support.roles import ROLE
from tests.support.stack import CUSTOMERS, Stack, eventually

HASH = "0123456789abcdef0123456789abcdef"
END = 1_769_824_800  # 2026-01-31T02:00:00Z
ALONE = {"meta", "link"}  # needs no end
JOBS = {
    "report-done": {"local:seconds": "0"},
    "report-fails": {"local:outcome": "failed", "local:error": "No such column: <day> & more"},
    "report-long": {"local:seconds": "60"},
}


class Page(HTMLParser):
    """The words and links of a page whose tags close each other."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.words, self.links, self.open = "", list[str](), list[str]()
        self.feed(file.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One that ends itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words = " ".join([*self.words.split(), *data.split()])


@pytest.fixture(scope="module")
def command(stack: Stack) -> Command:
    for name, tags in JOBS.items():
        concurrency = {"MaxConcurrentRuns": 50}
        stack.glue.create_job(Name=name, Role=ROLE, Command={}, Tags=tags, ExecutionProperty=concurrency)
    stack.glue.create_crawler(
        Name="report-tables", Role=ROLE, DatabaseName=CUSTOMERS.database, Targets={"S3Targets": []}
    )
    return Command(stack.aws, Stack.NAME)


def start(stack: Stack, name: str, *stages: list[dict[str, Any]], minute: int | None = None) -> str:
    """The ARN of a run of these steps; of a window that ends at this minute, if there is one."""
    given: dict[str, Any] = {"name": name, "stages": [{"steps": steps} for steps in stages]}
    named = {}
    if minute is not None:
        queue = f"{name}-{HASH}-"
        given["window"] = {"queue": queue, "start": "2026-01-31T01:59:00Z", "end": f"2026-01-31T02:0{minute}:00Z"}
        named = {"name": f"{queue}{END + 60 * minute}"}
    machine = stack.outputs["PipelineStateMachineArn"]
    return stack.states.start_execution(stateMachineArn=machine, input=json.dumps(given), **named)["executionArn"]


def ended(stack: Stack, name: str, *stages: list[dict[str, Any]]) -> Mapping[str, Any]:
    return stack.finish(start(stack, name, *stages))


def test_a_page_is_named_after_its_run(
    stack: Stack, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of many runs are told apart by their names."""
    run = ended(stack, "report-a", [{"job": "report-done", "crawler": "report-tables"}])
    monkeypatch.chdir(tmp_path)
    told = command("report", "report-a")
    assert (told.code, told.text, told.error) == (0, f"{run['name']}.html\n", "")
    page = Page(tmp_path / f"{run['name']}.html")
    assert page.words.startswith("✓ report-a succeeded report-a ✓ succeeded")
    for part in ("job report-done ✓ succeeded", "crawler report-tables ✓ succeeded: nothing changed"):
        assert part in page.words
    execution = f"#/v2/executions/details/{run['executionArn']}"
    assert any(link.endswith(execution) for link in page.links), page.links


def test_a_run_is_data_too(stack: Stack, command: Command, tmp_path: Path) -> None:
    """Programs read what people see, under names that stay."""
    run = ended(stack, "report-b", [{"job": "report-done", "crawler": "report-tables"}])
    told = command("report", run["executionArn"], "--format", "json")
    assert told.code == 0, told.error
    assert told.json["name"] == run["name"]
    assert (told.json["status"], told.json["startedBy"], told.json["absorbed"]) == ("SUCCEEDED", {"kind": "HAND"}, [])
    [step] = told.json["stages"][0]["steps"]
    assert step["work"]["attempts"][0]["logGroup"] == "/aws-glue/jobs"
    assert step["crawl"]["execution"]["result"]["crawl"]["tables"] == {"created": 0, "updated": 0, "deleted": 0}
    file = tmp_path / "run.json"
    assert command("report", run["name"], "--format", "json", "--output", str(file)).text == f"{file}\n"
    assert json.loads(file.read_text()) == told.json


def test_a_failed_run_has_a_page_and_ends_with_1(stack: Stack, command: Command, tmp_path: Path) -> None:
    """Scripts see that it failed; people see where, why, and the logs."""
    run = ended(stack, "report-c", [{"job": "report-done"}, {"job": "report-fails"}], [{"crawler": "report-tables"}])
    file = tmp_path / "page.html"
    told = command("report", run["name"], "--output", str(file))
    assert (told.code, told.text, told.error) == (1, f"{file}\n", "")
    page = Page(file)
    assert "JobFailed in stage 1, step 2 job report-fails: No such column: <day> & more" in page.words
    assert "crawler report-tables ○ not begun" in page.words
    assert any("$252Faws-glue$252Fjobs$252Ferror/log-events/jr_" in link for link in page.links), page.links


def test_a_run_under_way_has_a_page(stack: Stack, command: Command, tmp_path: Path) -> None:
    """What has taken long so far can be shown to others, and what came of it in the end."""
    arn = start(stack, "report-d", [{"job": "report-done"}], [{"job": "report-long"}])
    eventually(lambda: [name for name, _ in stack.entered(arn)].count("Run job") == 2)
    file = tmp_path / "page.html"
    assert command("report", "report-d", "--output", str(file)).code == 0
    page = Page(file)
    assert "1 succeeded, 1 running" in page.words
    assert f"For a newer page: crawler-sync report {arn.rpartition(':')[2]}" in page.words

    stack.states.stop_execution(executionArn=arn, error="Stopped", cause="by the night shift")
    stack.finish(arn)
    assert command("report", "report-d", "--output", str(file)).code == 1
    page = Page(file)
    assert "report-d ■ stopped" in page.words
    assert "Somebody stopped it Stopped: by the night shift" in page.words


def test_a_run_without_a_plan_has_a_page(stack: Stack, command: Command, tmp_path: Path) -> None:
    """Nothing ran; every mistake is told."""
    ended(stack, "report-e", [{"job": "report-done", "payload": {}}, {"query": ""}])
    file = tmp_path / "page.html"
    assert command("report", "report-e", "--output", str(file)).code == 1
    page = Page(file)
    for part in ("InvalidPipeline", "stage 1, step 1", "stage 1, step 2"):
        assert part in page.words
    assert "Timeline" not in page.words


def test_forty_steps_have_a_page(stack: Stack, command: Command, tmp_path: Path) -> None:
    """Each has its row, and the page stays small enough to be mailed."""
    steps = [{"job": "report-done", "name": f"part {number}"} for number in range(10)]
    run = stack.finish(start(stack, "report-f", steps, steps, steps, steps))
    file = tmp_path / "page.html"
    told = command("report", run["name"], "--output", str(file))
    assert told.code == 0, told.error
    page = Page(file)
    assert "40 succeeded" in page.words
    assert len(re.findall(r"part \d job report-done ✓ succeeded", page.words)) == 40
    assert file.stat().st_size < 200_000


def test_absorbed_runs_are_told_on_the_page_of_their_taker(stack: Stack, command: Command, tmp_path: Path) -> None:
    """A search for the objects of a window finds the run that covers them, from either side."""
    gate = Gate(stack, "report-slow", tmp_path)
    arns = [start(stack, "report-g", [{"job": "report-slow"}], minute=minute) for minute in range(3)]
    stack.finish(arns[1])
    gate.open()
    runs = [stack.finish(arn) for arn in arns]
    file = tmp_path / "page.html"
    assert command("report", runs[2]["name"], "--output", str(file)).code == 0
    assert f"Runs that left their windows to this one {runs[1]['name']}" in Page(file).words
    assert command("report", runs[1]["name"], "--output", str(file)).code == 0
    assert f"A newer run of the pipeline covers its window, too {runs[2]['name']}" in Page(file).words


def test_a_page_opens_in_the_browser(stack: Stack, command: Command, tmp_path: Path) -> None:
    """In the one that the desktop would open it in."""
    run = ended(stack, "report-h", [{"job": "report-done"}])
    browser, opened = tmp_path / "xdg-open", tmp_path / "opened"
    browser.write_text(f'#!{shutil.which("sh")}\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    file = tmp_path / "page.html"
    desktop = Command(stack.aws, Stack.NAME, {"PATH": str(tmp_path)})
    assert desktop("report", run["name"], "--output", str(file), "--open").code == 0
    assert eventually(lambda: opened.exists() and opened.read_text()) == f"{file}\n"

    browser.unlink()
    told = desktop("report", run["name"], "--output", str(file), "--open")
    assert told.code == 1
    assert f"no browser opens {file}" in told.error
    assert file.exists()


def test_what_cannot_be_told_says_why(stack: Stack, command: Command, tmp_path: Path) -> None:
    """A run that is not there, a place that cannot be written to, a permission that is missing."""
    run = ended(stack, "report-i", [{"job": "report-done"}])
    told = command("report", "nothing-of-that-name")
    assert (told.code, told.text) == (1, "")
    assert "crawler-sync runs" in told.error
    nowhere = tmp_path / "nowhere" / "page.html"
    told = command("report", run["name"], "--output", str(nowhere))
    assert (told.code, told.error[:15]) == (1, "crawler-sync: /")
    assert f"{nowhere}: cannot be written" in told.error
    denied = acting(stack.aws, Stack.NAME, "may-not-read", "states:ListExecutions", "states:DescribeExecution")
    told = denied("report", run["executionArn"])
    assert told.code == 1
    assert "states:GetExecutionHistory on" in told.error
    assert command("report", "a", "b").code == 2
