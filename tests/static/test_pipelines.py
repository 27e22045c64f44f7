"""Pipelines as data: the schema, the files, their template and the table of good and bad ones agree."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonata
import jsonschema
import pytest

from local.demo.deploy import TOOL
from local.demo.pipeline import PipelineError, read
from tests.support.definitions import ROOT, evaluated, machine
from tests.support.documents import reads

SCHEMA = ROOT / "pipelines/schema.json"
EXAMPLES = sorted((ROOT / "pipelines/examples").glob("*.json"))
TABLES = ROOT / "shared/pipeline/tests"
GOOD = json.loads((TABLES / "good.json").read_text())
BAD = [row["pipeline"] for row in json.loads((TABLES / "bad.json").read_text())]
STATES = machine("pipeline")["States"]
# Without it, a moment of no calendar would pass.
FORMATS = jsonschema.FormatChecker(["date-time"])
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()), format_checker=FORMATS)


@pytest.mark.generated
def test_the_schema_is_generated_from_the_types() -> None:
    """Editors and the function must not drift apart."""
    printed = subprocess.run([ROOT / "target/debug/examples/schema"], capture_output=True, text=True, check=True).stdout
    reads(SCHEMA, printed)


def test_the_schema_is_one() -> None:
    """A schema with a mistake in it accepts anything."""
    VALIDATOR.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_pipelines_are_valid_and_named_for_their_file(path: Path) -> None:
    """What is shipped as an example must run."""
    assert read(path)["name"] == path.stem


def test_the_template_is_made_of_the_files() -> None:
    """What is deployed is what the files say; `make pipelines` writes it."""
    command: list[str | Path] = [TOOL, "template", ROOT / "pipelines"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "pipelines/template.yaml").read_text() == printed


def verdicts(pipeline: Any, folder: Path) -> tuple[bool, bool]:
    """Whether the schema and `make pipeline` accept it, but for what a file must not have and a run may.

    Rust holds the function's own answer to the same tables.
    """
    file = folder / "pipeline.json"
    file.write_text(json.dumps(pipeline))
    try:
        read(file)
    except PipelineError as error:
        of_one_run = [": belongs to one run; " in line for line in str(error).splitlines()]
        return VALIDATOR.is_valid(pipeline), all(of_one_run)
    return VALIDATOR.is_valid(pipeline), True


@pytest.mark.parametrize("good", GOOD, ids=json.dumps)
def test_good_pipelines_pass_everywhere(good: Any, tmp_path: Path) -> None:
    """An editor checks by the schema, the machine by the function: what one accepts, the other must."""
    assert verdicts(good, tmp_path) == (True, True)


@pytest.mark.parametrize("bad", BAD, ids=json.dumps)
def test_bad_pipelines_pass_nowhere(bad: Any, tmp_path: Path) -> None:
    """A typo must be found before the first job runs."""
    assert verdicts(bad, tmp_path) == (False, False)


QUEUE = "p-0123456789abcdef0123456789abcdef-"
NOW = "2026-01-01T00:10:00.000Z"
# Ends of windows: all but the last have closed at NOW.
FIRST, SECOND, THIRD, OPEN = (1_767_225_600 + seconds for seconds in (420, 480, 540, 660))


def turn(running: list[str]) -> tuple[str, str | None]:
    """Where the run of the window SECOND goes next, and to whom it leaves its work."""
    told = {
        "result": {"Executions": [{"Name": name} for name in running]},
        "context": {"State": {"EnteredTime": NOW}, "Execution": {"Name": f"{QUEUE}{SECOND}"}},
    }
    known: dict[str, Any] = {"plan": {"window": {"queue": QUEUE}}, "states": told}
    look = STATES["Look for other runs of the pipeline"]
    known["closedRuns"] = evaluated(jsonata.Jsonata, look["Assign"]["closedRuns"], **known)
    choice = STATES["Is it this run's turn?"]
    chosen = [rule["Next"] for rule in choice["Choices"] if evaluated(jsonata.Jsonata, rule["Condition"], **known)]
    state = (chosen or [choice["Default"]])[0]
    absorbed = STATES[state]["Output"]["absorbedBy"] if state == "Leave it to a newer run" else None
    return state, evaluated(jsonata.Jsonata, absorbed, **known) if absorbed else None


@pytest.mark.parametrize(
    ("others", "state", "absorbed_by"),
    [
        ([], "Run the stages in order", None),
        ([THIRD], "Run the stages in order", None),
        ([FIRST], "Wait for the run before", None),
        ([FIRST, OPEN], "Wait for the run before", None),
        ([FIRST, THIRD], "Leave it to a newer run", THIRD),
        ([FIRST, THIRD - 1, THIRD, OPEN], "Leave it to a newer run", THIRD),
    ],
)
@pytest.mark.parametrize("listed", [True, False], ids=["listed itself", "not listed itself"])
def test_a_run_leaves_its_window_only_to_a_later_one_that_has_closed(
    others: list[int], state: str, absorbed_by: int | None, listed: bool
) -> None:
    """Else objects of its window are in no run, or it waits for ever; its own name may be missing from the list."""
    strangers = ["p-by-hand", "q" + QUEUE + str(FIRST), QUEUE + "x", QUEUE, QUEUE[:-2] + f"0-{FIRST}"]
    running = [f"{QUEUE}{end}" for end in others] + strangers + [f"{QUEUE}{SECOND}"] * listed
    assert turn(running) == (state, absorbed_by and f"{QUEUE}{absorbed_by}")


def test_a_run_that_cannot_see_the_others_says_so() -> None:
    """Without the grant, runs of one pipeline work side by side, and nobody would know why."""
    refused = {"Error": "Sfn.SfnException", "Cause": "User is not authorized to perform: states:ListExecutions"}
    [catcher] = STATES["Look for other runs of the pipeline"]["Catch"]
    told = evaluated(jsonata.Jsonata, catcher["Assign"]["unlisted"], states={"errorOutput": refused})
    assert told == f"other runs were not looked for: {refused['Error']}: {refused['Cause']}"
    for known, output in (
        ({"untold": [], "unlisted": None}, {}),
        ({"untold": [], "unlisted": told}, {"unlisted": told}),
        ({"untold": ["x"], "unlisted": told}, {"untold": ["x"], "unlisted": told}),
    ):
        said = evaluated(jsonata.Jsonata, STATES["Report the run"]["Output"], states={"input": {"name": "p"}}, **known)
        assert said == {"name": "p"} | output


@pytest.mark.parametrize(
    ("waited", "pause"), [(0, 5), (20, 5), (60, 12), (3_600, 300), (172_800, 300)], ids=lambda value: f"{value}s"
)
def test_the_pauses_of_a_waiting_run_grow(waited: int, pause: int) -> None:
    """Two days of waiting have to fit into a history: 9 events a look, 25,000 in all."""
    text = STATES["Wait for the run before"]["Seconds"].replace("${PollMinSeconds}", "5")
    since = 1_767_226_200_000 - waited * 1000
    told = {"context": {"State": {"EnteredTime": NOW}}}
    assert evaluated(jsonata.Jsonata, text, states=told, readySince=since) == pause


def inner(name: str) -> dict[str, Any]:
    """A state of a step."""
    states = STATES["Run the stages in order"]["ItemProcessor"]["States"]["Run the steps side by side"]
    return states["ItemProcessor"]["States"][name]


def pause(seconds_left: float, tries: int, longest: int = 180) -> float:
    """How long a step pauses before it tries again to start its job, or its crawl."""
    text = inner("Wait for a turn")["Seconds"].replace("${PollMinSeconds}", "5")
    deadline = NOW_MILLIS + seconds_left * 1000
    return evaluated(frozen, text, tries=tries, stepDeadline=deadline, step={"longestPause": longest})


NOW_MILLIS = 1_767_226_200_000


def frozen(text: str) -> jsonata.Jsonata:
    """The expression at one moment, with the luck that makes pauses the shortest."""
    return jsonata.Jsonata(text.replace("$millis()", str(NOW_MILLIS)).replace("$random()", "0"))


@pytest.mark.parametrize(
    ("kind", "awaited", "state"),
    [
        ("job", True, "Run job"),
        ("function", True, "Invoke function"),
        ("query", True, "Run query"),
        ("machine", False, "Run machine"),
        ("crawl", True, "Crawl"),
        ("crawl", False, "Start a crawl and go on"),
    ],
)
def test_nothing_is_started_after_the_deadline(kind: str, awaited: bool, state: str) -> None:
    """The last pause ends at the deadline. A job that began then would run on, and no crawl would follow it."""
    choice = inner("What is to be started?")

    def chosen(seconds_left: float) -> str:
        deadline = NOW_MILLIS + seconds_left * 1000
        known = {"doing": {"kind": kind}, "step": {"await": awaited}, "stepDeadline": deadline}
        fitting = (rule["Next"] for rule in choice["Choices"] if evaluated(frozen, rule["Condition"], **known))
        return next(fitting, choice["Default"])

    assert chosen(0) == "Read the step's error"
    assert chosen(1) == state


def test_pauses_between_throttled_starts_end_at_the_deadline() -> None:
    """Who pauses longer and longer starves beside those who come later; and nobody outwaits the deadline."""
    assert [pause(86_400, tries) for tries in (1, 2, 3, 6, 10, 5_000)] == [5, 9, 18, 144, 162, 162]
    assert [pause(left, 5_000) for left in (60, 0.4, -3)] == [60, 1, 0]


# shared/pipeline/tests/plans.rs holds the plan to these.
@pytest.mark.parametrize(("at_once", "longest"), [(1, 180), (2, 360), (40, 7_200)])
def test_a_stage_may_wait_two_days_for_its_turns(at_once: int, longest: int) -> None:
    """A refused start and its pause are 11 events, and all steps share 25,000. Work waits, and then its crawl does."""
    events, turns = 0, 2
    for _ in range(turns):
        elapsed, tries = 0.0, 0
        while elapsed < 172_800 / turns:
            tries += 1
            elapsed += pause(172_800, tries, longest)
        events += at_once * tries * 11
    assert events + at_once * 40 < 25_000
