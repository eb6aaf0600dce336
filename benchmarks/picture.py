"""Draw the picture for the README: seconds as bars, and time against the number of entries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.contest import Result

__all__ = ["draw"]

OURS, OTHERS, FLOOR = "#0b6e4f", "#b8b8b8", "#6b6b6b"
BARS = ("cached", "cold")


def draw(results: Sequence[Result], out: Path) -> None:
    """Draw the halves that have results; the suffix of `out` selects the format."""
    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "pyext4"  # the same picture for the same figures
    # the cached run among the cold ones is only there for their ratio
    twice = ("cold", "ours")
    bars = [
        result
        for result in results
        if result.workload in BARS and (result.workload, result.contestant) != twice
    ]
    entries = [result for result in results if result.workload == "entries"]
    halves = [half for half in (bars, entries) if half]
    if not halves:
        return
    figure, axes = plt.subplots(1, len(halves), figsize=(6.5 * len(halves), 3.8), squeeze=False)
    for place, half in zip(axes[0], halves, strict=True):
        if half is bars:
            _draw_bars(place, half)
        else:
            _draw_entries(place, half)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)
    plt.close(figure)


def _draw_bars(place: Axes, results: Sequence[Result]) -> None:
    labels = [_label(result) for result in results]
    seconds = [result.seconds for result in results]
    drawn = place.barh(labels, seconds, color=[_color(result.contestant) for result in results])
    place.bar_label(drawn, [f"{value:.1f} s" for value in seconds], padding=3)
    place.invert_yaxis()
    place.set_xlim(0, max(seconds) * 1.25)
    place.set_title("seconds from container image to ext4", loc="left")
    place.spines[["top", "right"]].set_visible(False)


def _label(result: Result) -> str:
    name = result.contestant.removesuffix(", cold cache").replace("ours", "pyext4")
    return f"{name} ({result.workload})"


def _color(contestant: str) -> str:
    if contestant.startswith("ours"):
        return OURS
    return FLOOR if contestant == "floor" else OTHERS


def _draw_entries(place: Axes, results: Sequence[Result]) -> None:
    points = sorted((int(result.contestant.split()[0]), result.seconds) for result in results)
    counts, seconds = zip(*points, strict=True)
    place.loglog(counts, seconds, marker="o", color=OURS, label="ours")
    last_count, last = points[-1]
    proportional = [last * count / last_count for count in counts]
    place.loglog(counts, proportional, linestyle=":", color=FLOOR, label="in proportion")
    place.set_title("seconds against number of entries", loc="left")
    place.set_xlabel("entries")
    place.legend(frameon=False)
    place.spines[["top", "right"]].set_visible(False)
