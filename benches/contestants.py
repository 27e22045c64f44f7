"""Who takes part."""

import json
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TWINS = Path(__file__).parent / "twins"

OURS = "crawler-sync"
DEFAULTS = "default features"
PYTHON = "Python, client per call"
HOISTED = "Python, hoisted client"
FLOOR = "empty Rust Lambda"

START, GET, EMPTY = "start-crawler", "get-crawler-state", "empty"
FILTER, PLAN = PURE = "s3-event-filter", "plan-pipeline"

# The drop-in form, which the tutorials' functions understand too, and an event as EventBridge delivers it.
CRAWLER = {"crawlername": "cr_retail_factdata_sales"}
OBJECT = json.loads((ROOT / "functions/s3-event-filter/events/native-object-created-putobject.json").read_text())
PIPELINE = json.loads((ROOT / "functions/plan-pipeline/events/plan.json").read_text())
EVENTS = {START: CRAWLER, GET: CRAWLER, FILTER: OBJECT, PLAN: PIPELINE, EMPTY: CRAWLER}
# A part of the right answer: a function that fails fast must not win.
ANSWERS: dict[str, dict[str, Any]] = {
    START: {"outcome": "STARTED"},
    GET: {"state": "STOPPING"},
    FILTER: {"matched": True},
    PLAN: {"timeoutSeconds": 86_400},
    EMPTY: CRAWLER,
}
PYTHON_ANSWERS: dict[str, dict[str, Any] | None] = {START: None, GET: {"state": "STOPPING"}}


@dataclass(frozen=True)
class Contestant:
    """One Lambda: what it does, how it is made, and how it is started."""

    name: str
    function: str
    kind: str
    command: list[str]
    directory: Path
    answer: dict[str, Any] | None
    bootstrap: Path | None = None

    @property
    def event(self) -> dict[str, Any]:
        return EVENTS[self.function]

    def is_right(self, answer: Any) -> bool:
        if self.answer is None:
            return answer is None
        return isinstance(answer, dict) and self.answer.items() <= answer.items()


def unpacked(contestant: Contestant, directory: Path) -> Contestant:
    """With its bootstrap written again into `directory`, in one go, as from a zip.

    The page cache keeps what a linker writes in smaller pieces, which costs a twentieth of a start.
    """
    if not contestant.bootstrap:
        return contestant
    directory.mkdir(parents=True, exist_ok=True)
    bootstrap = directory / "bootstrap"
    bootstrap.unlink(missing_ok=True)
    shutil.copy(contestant.bootstrap, bootstrap)
    return replace(contestant, command=[str(bootstrap)], directory=directory, bootstrap=bootstrap)


def rust(name: str, function: str, kind: str, bootstrap: Path) -> Contestant:
    return Contestant(name, function, kind, [str(bootstrap)], bootstrap.parent, ANSWERS[function], bootstrap)


def python(name: str, function: str, kind: str, module: str) -> Contestant:
    command = [sys.executable, "-m", "awslambdaric", f"{module}.lambda_handler"]
    return Contestant(name, function, kind, command, TWINS, PYTHON_ANSWERS[function])


def contestants(target: Path) -> list[Contestant]:
    """All of them; `target` is where cargo builds."""
    ours, defaults = target / "release", target / "bench/defaults/target/release"
    everybody = []
    for function in (START, GET):
        module = function.replace("-", "_")
        everybody += [
            rust(function, function, OURS, ours / function),
            rust(f"{function}-defaults", function, DEFAULTS, defaults / function),
            python(f"{function}-python", function, PYTHON, module),
            python(f"{function}-hoisted", function, HOISTED, f"{module}_hoisted"),
        ]
    for function in PURE:
        everybody += [
            rust(function, function, OURS, ours / function),
            rust(f"{function}-defaults", function, DEFAULTS, defaults / function),
        ]
    return [
        *everybody,
        rust("floor", EMPTY, FLOOR, target / "bench/floor/release/floor"),
    ]
