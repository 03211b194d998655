"""Tables and figure of the timings. Not for judging (`claims`)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from verification._results import table
from verification.performance.timing import Spread, Timing

HEADER = ["case", "processor time, ns", "wall time, ns", "times the first", "cores of others",
          "clean samples"]  # fmt: skip
#: Our own cases, limits, and peers.
COLOURS = {"sdekit": "#3b7d4f", "limit": "#8f897b"}
PEER = "#4a6fa5"
#: Cases that make a panel; fewer are read in the table.
FEWEST_SHOWN = 3


def with_spread(spread: Spread) -> str:
    """Median and interquartile range in percent of it."""
    percent = 100 * (spread.upper - spread.lower) / spread.median
    return f"{spread.median:.4g} ± {percent:.0f} %"


def timing_table(group: str, timings: Mapping[str, Timing]) -> str:
    """Median ± interquartile range of each case, on both clocks."""
    first = next(iter(timings.values())).processor.median
    rows = [
        [name, with_spread(t.processor), with_spread(t.wall), f"{t.processor.median / first:.3g}",
         f"{t.foreign:.2f}", f"{t.clean} of {t.samples}"]
        for name, t in timings.items()
    ]  # fmt: skip
    return table(group, HEADER, rows)


def compile_table(seconds: Mapping[str, Mapping[str, float]]) -> str:
    """Seconds of each entry, the longest first."""
    ordered = sorted(seconds, key=lambda name: -seconds[name]["wall"])
    keys = ("wall", "longest", "processor")
    rows = [[name, *(seconds[name][key] for key in keys)] for name in ordered]
    header = ["entry", "wall, s", "longest of all rounds, s", "processor, s"]
    return table("compilation of catalogue entries", header, rows)


def colour(name: str) -> str:
    return next((c for start, c in COLOURS.items() if name.startswith(start)), PEER)


def figure(timings: Mapping[str, Mapping[str, Timing]]) -> Figure:
    """A panel for each group of several cases: medians of processor time with quartiles."""
    shown = {group: cases for group, cases in timings.items() if len(cases) >= FEWEST_SHOWN}
    rows = max(1, -(-len(shown) // 2))
    drawn, axes = plt.subplots(rows, 2, figsize=(13, 3.2 * rows), squeeze=False)
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    for axis, (group, cases) in zip(axes.flat, shown.items(), strict=False):
        for row, (name, timing) in enumerate(cases.items()):
            time = timing.processor
            errors = [[time.median - time.lower], [time.upper - time.median]]
            # Points, since the length of a bar on a logarithmic axis means nothing.
            axis.errorbar(time.median, row, xerr=errors, fmt="o", color=colour(name), capsize=2)
        axis.set(title=group, xlabel="ns of processor time", xscale="log")
        axis.set_yticks(range(len(cases)), list(cases))
        axis.grid(axis="x", alpha=0.3)
        axis.invert_yaxis()
        axis.tick_params(labelsize=7)
    return drawn
