"""The picture for the README."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from benches.contestants import DEFAULTS, EMPTY, FLOOR, GET, HOISTED, OURS, PYTHON, Contestant
from benches.report import Figures

KINDS = [PYTHON, HOISTED, DEFAULTS, OURS, FLOOR]
COLOURS = {PYTHON: "#9aa5b1", HOISTED: "#9aa5b1", DEFAULTS: "#d9a066", OURS: "#b7410e", FLOOR: "#d5dae0"}
PANELS = {"cold": "cold start to first answer, ms", "warm_cpu": "CPU of a warm call, ms", "memory": "peak memory, MiB"}


def draw(chosen: list[Contestant], found: dict[str, Figures], path: Path) -> bool:
    """Draws one function's contestants; False if not all of them took part."""
    by_kind = {each.kind: found[each.name] for each in chosen if each.function in (GET, EMPTY)}
    if not all(kind in by_kind and by_kind[kind].warm_cpu for kind in KINDS):
        return False
    # The same file for the same figures; text stays text.
    matplotlib.rcParams.update({"svg.hashsalt": GET, "svg.fonttype": "none", "font.family": "sans-serif"})
    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(10, 2.3), sharey=True, layout="constrained")
    for axis, (key, title) in zip(axes, PANELS.items(), strict=True):
        values = [getattr(by_kind[kind], key) for kind in KINDS]
        bars = axis.barh(KINDS, values, color=[COLOURS[kind] for kind in KINDS])
        axis.bar_label(bars, [f"{value:.3g}" for value in values], padding=3, fontsize=9)
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xlim(0, 1.2 * max(values))
        axis.xaxis.set_visible(False)
        axis.spines[:].set_visible(False)
        axis.tick_params(left=False)
    axes[0].invert_yaxis()
    figure.savefig(path, metadata={"Date": None})
    return True
