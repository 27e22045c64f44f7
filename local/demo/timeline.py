"""A run as a chart: a line a job and crawl, grouped by stage, over time."""

from dataclasses import dataclass
from datetime import datetime

from rich.bar import Bar
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from local.demo.steps import Step, Steps

COLOURS = {
    "": "white",
    "window": "bright_black",
    "job": "blue",
    "function": "blue",
    "query": "blue",
    "machine": "blue",
    "crawl": "green",
    "not awaited": "yellow",
    "failed": "red",
}
LEAST = 0.15  # seconds of a bar that can still be seen


@dataclass
class Span:
    """A job run or a crawl; `ended` is None while it runs, `problem` says why it failed."""

    began: datetime
    ended: datetime | None = None
    problem: str = ""


Spans = dict[tuple[Step, str], Span]


class Hatched(Bar):
    """A bar that is told from others without colours too."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in super().__rich_console__(console, options):
            assert isinstance(segment, Segment), "a Bar gives nothing else"
            yield Segment("".join(each if each.isspace() else "░" for each in segment.text), segment.style)


def timeline(name: str, steps: Steps, spans: Spans, whole: Span, window: Span | None) -> Table:
    """The chart; `whole` is the run itself, which crawls that nobody awaits outlast, and waits for its window first."""
    end = max([each.ended for each in (whole, *spans.values()) if each.ended] + [whole.began])
    seconds = (end - whole.began).total_seconds()
    chart = Table(box=None, padding=(0, 1), pad_edge=False, expand=True, show_header=False)
    chart.add_column(no_wrap=True)
    chart.add_column(ratio=1)
    chart.add_column(justify="right", no_wrap=True)
    chart.add_column(no_wrap=True)

    def add(title: str, span: Span, kind: str) -> None:
        kind = "failed" if span.problem else kind
        shape = Hatched if kind == "not awaited" else Bar
        since, until = ((at - whole.began).total_seconds() for at in (span.began, span.ended or end))
        bar = shape(seconds, since, max(until, since + LEAST), color=COLOURS[kind])
        chart.add_row(title, bar, f"{until - since:.1f} s", f"[dim]{kind}[/]")

    add(f"[bold]{escape(name)}[/]", whole, "")
    if window:
        add("  until the window has closed", window, "window")
    for number, (stage, of_stage) in enumerate(zip(steps.names, steps.stages, strict=True), start=1):
        if any(step in of_stage for step, _ in spans):
            chart.add_row(f"[bold]stage {number}[/] {escape(stage)}")
        for step in of_stage:
            if work := spans.get((step, "work")):
                add(f"  {step.label} {escape(step.work)}", work, step.kind)
            if crawl := spans.get((step, "crawl")):
                add(f"  {step.label} {escape(step.crawler)}", crawl, "crawl" if step.awaited else "not awaited")
    return chart
