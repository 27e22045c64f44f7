"""From samples to figures, and to pages of them."""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

import rich.table
from rich.console import Console

from benches.contestants import FLOOR, OURS, Contestant
from benches.host import Sample


@dataclass(frozen=True)
class Figures:
    """What one contestant showed: medians, unless named otherwise; ms, MiB (2^20) and MB (10^6)."""

    init: float
    first: float
    cold: float
    cold_cpu: float
    warm_p50: float | None
    warm_p99: float | None
    warm_cpu: float | None
    memory: float
    binary: float | None
    zip: float | None


# The heading, its unit, and the digits that are worth reading.
COLUMNS = {
    "init": ("init", "ms", 2),
    "first": ("first", "ms", 2),
    "cold": ("init + first", "ms", 2),
    "cold_cpu": ("CPU of both", "ms", 2),
    "warm_p50": ("warm p50", "ms", 3),
    "warm_p99": ("warm p99", "ms", 3),
    "warm_cpu": ("warm CPU", "ms", 3),
    "memory": ("peak", "MiB", 1),
    "binary": ("binary", "MB", 2),
    "zip": ("zip", "MB", 2),
}
# Those that every contestant has; the 99th percentile hangs on whatever else the machine did.
RATIOS = ["init", "first", "cold", "cold_cpu", "warm_p50", "warm_cpu", "memory"]


def figures(contestant: Contestant, samples: list[Sample]) -> Figures:
    warm = [1000 * seconds for each in samples for seconds in each.warm]
    warm_cpu = [1000 * seconds for each in samples for seconds in each.warm_cpu]
    return Figures(
        init=1000 * median(each.init for each in samples),
        first=1000 * median(each.first for each in samples),
        cold=1000 * median(each.init + each.first for each in samples),
        cold_cpu=1000 * median(each.init_cpu + each.first_cpu for each in samples),
        warm_p50=median(warm) if warm else None,
        warm_p99=quantiles(warm, n=100, method="inclusive")[98] if len(warm) > 1 else None,
        warm_cpu=median(warm_cpu) if warm_cpu else None,
        memory=median(each.peak_memory for each in samples) / 2**20,
        binary=contestant.bootstrap.stat().st_size / 1e6 if contestant.bootstrap else None,
        zip=zip_size(contestant.bootstrap) / 1e6 if contestant.bootstrap else None,
    )


def zip_size(bootstrap: Path) -> int:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        package.write(bootstrap, "bootstrap")
    return archive.getbuffer().nbytes


def ratios(chosen: list[Contestant], found: dict[str, Figures]) -> dict[str, dict[str, float]]:
    """How many times more the others of a function need than ours, and ours than the floor."""

    def compare(more: Contestant, less: Contestant) -> dict[str, float]:
        pairs = {key: (getattr(found[more.name], key), getattr(found[less.name], key)) for key in RATIOS}
        return {key: high / low for key, (high, low) in pairs.items() if high and low}

    rows = {}
    for ours in [each for each in chosen if each.kind == OURS]:
        for other in chosen:
            if other.kind == FLOOR:
                rows[f"{ours.name} / {other.name}"] = compare(ours, other)
            elif other.function == ours.function and other is not ours:
                rows[f"{other.name} / {ours.name}"] = compare(other, ours)
    return rows


@dataclass(frozen=True)
class Table:
    """A label and cells in each row."""

    title: str
    headings: list[str]
    rows: list[tuple[str, list[str]]]


def tables(chosen: list[Contestant], found: dict[str, Figures]) -> list[Table]:
    absolute = []
    for each in chosen:
        values = asdict(found[each.name])
        cells = ["–" if values[key] is None else f"{values[key]:.{digits}f}" for key, (_, _, digits) in COLUMNS.items()]
        absolute.append((each.name, cells))
    relative = [
        (label, [f"{row[key]:.3g}×" if key in row else "–" for key in RATIOS])
        for label, row in ratios(chosen, found).items()
    ]
    return [
        Table("Figures", [f"{heading} {unit}" for heading, unit, _ in COLUMNS.values()], absolute),
        Table("Ratios", [COLUMNS[key][0] for key in RATIOS], relative),
    ]


def show(table: Table, console: Console) -> None:
    drawn = rich.table.Table(title=table.title, title_justify="left", box=rich.box.SIMPLE, pad_edge=False)
    drawn.add_column("", no_wrap=True)
    for heading in table.headings:
        drawn.add_column(heading, justify="right")
    for label, cells in table.rows:
        drawn.add_row(label, *cells)
    console.print(drawn)


def markdown(circumstances: dict[str, str], pages: list[Table]) -> str:
    lines = ["# Results", "", "Written by `make bench`. [How it is measured](../performance.md).", ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in circumstances.items()]
    for table in pages:
        lines += ["", f"## {table.title}", "", f"| | {' | '.join(table.headings)} |"]
        lines += ["|---|" + "--:|" * len(table.headings)]
        lines += [f"| {label} | {' | '.join(cells)} |" for label, cells in table.rows]
    return "\n".join([*lines, ""])


def machine_readable(circumstances: dict[str, str], chosen: list[Contestant], found: dict[str, Figures]) -> str:
    contestants = {
        each.name: {"function": each.function, "kind": each.kind} | asdict(found[each.name]) for each in chosen
    }
    everything = {"circumstances": circumstances, "contestants": contestants, "ratios": ratios(chosen, found)}
    return json.dumps(everything, indent=2, ensure_ascii=False) + "\n"
