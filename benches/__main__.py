"""Measures cold starts and warm calls of the Lambdas, of Python twins, and of an empty Rust Lambda.

Every round starts each of them once, so that whatever else the machine does meets all alike. Needs Linux.
"""

import argparse
import gc
import os
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benches import contestants, plot, report
from benches.build import build
from benches.contestants import Contestant
from benches.glue import GlueStub
from benches.host import OWN_CORE, Sample, measure
from benches.machine import OtherWork, ahead_of_others, circumstances, without_halting
from local.demo.command import exit_code

ROOT = Path(__file__).parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
UNPACKED = TARGET / "bench/unpacked"

# Wide enough for the tables, whatever reads along.
console = Console(highlight=False, width=max(Console().width, 130))


def main() -> int:
    arguments = parse()
    chosen = [
        each
        for each in contestants.contestants(TARGET)
        if any(fnmatch(each.name, pattern) for pattern in arguments.only)
    ]
    extra = [contestants.rust(name, path.name, name, path.resolve()) for name, path in arguments.also]
    if not chosen:
        console.print(f"[bold red]failed:[/] nobody is called {' or '.join(arguments.only)}")
        return 1

    def build_and_run() -> None:
        build(chosen, TARGET)
        everybody = [contestants.unpacked(each, UNPACKED / each.name) for each in [*chosen, *extra]]
        run(everybody, arguments.runs, arguments.calls, arguments.into)

    return exit_code(build_and_run)


def parse() -> argparse.Namespace:
    names = ", ".join(each.name for each in contestants.contestants(TARGET))
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__, epilog=f"contestants: {names}")
    parser.add_argument("--runs", type=positive, default=20, help="cold starts of each (20)")
    parser.add_argument("--calls", type=int, default=500, help="warm calls of each in all (500)")
    parser.add_argument("--only", nargs="+", default=["*"], metavar="NAME", help="contestants; * is a wildcard")
    parser.add_argument(
        "--also",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "FILE"),
        help="a further bootstrap, whose file is called like its function: to compare builds",
    )
    parser.add_argument("--into", type=Path, default=TARGET / "bench", help="where results are written (target/bench)")
    arguments = parser.parse_args()
    arguments.also = [(name, Path(file)) for name, file in arguments.also]
    return arguments


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few")
    return number


def run(chosen: list[Contestant], runs: int, calls: int, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    others = OtherWork()
    with without_halting() as idle, ahead_of_others() as priority:
        samples = measured(chosen, runs, calls // runs)
    facts = circumstances(runs, calls, priority, idle, others)
    found = {each.name: report.figures(each, samples[each.name]) for each in chosen}
    tables = report.tables(chosen, found)
    for table in tables:
        report.show(table, console)
    for name, fact in facts.items():
        console.print(f"[bold]{name}[/]  {fact}")
    (into / "results.md").write_text(report.markdown(facts, tables))
    (into / "results.json").write_text(report.machine_readable(facts, chosen, found))
    drawn = plot.draw(chosen, found, into / "results.svg")
    console.print(f"\nwritten to {into}: results.md, results.json{', results.svg' if drawn else ''}")


def measured(chosen: list[Contestant], runs: int, calls: int) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {each.name: [] for each in chosen}
    os.sched_setaffinity(0, {OWN_CORE})
    # Neither a thread that draws nor a collector of garbage may wake while a function runs.
    gc.disable()
    with tempfile.TemporaryDirectory() as directory, Progress(console=console, auto_refresh=False) as progress:
        glue = GlueStub(Path(directory))
        task = progress.add_task("", total=runs * len(chosen))
        for _ in range(runs):
            for each in chosen:
                progress.update(task, description=each.name, refresh=True)
                # What ran before leaves caches and free pages that are not the contestant's: two starts settle that.
                for _ in range(2):
                    measure(each, glue, 0)
                samples[each.name].append(measure(each, glue, calls))
                progress.advance(task)
    return samples


if __name__ == "__main__":
    sys.exit(main())
