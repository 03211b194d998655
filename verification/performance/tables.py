"""Tables and figure of the timings. Not for judging (`claims`)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from verification._results import table
from verification.performance.timing import Spread, Timing

HEADER = ["case", "processor time, ns", "wall time, ns", "times the first", "cores of others",
          "clean samples"]  # fmt: skip
#: Bars of our own cases, of peers, of limits.
COLOURS = {"sdekit": "#3b7d4f", "limit": "#c9c4b8"}
PEER = "#4a6fa5"


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
    ordered = sorted(seconds, key=lambda name: -seconds[name]["processor"])
    rows = [[name, seconds[name]["processor"], seconds[name]["wall"]] for name in ordered]
    return table("compilation of catalogue entries", ["entry", "processor, s", "wall, s"], rows)


def colour(name: str) -> str:
    return next((c for start, c in COLOURS.items() if name.startswith(start)), PEER)


def figure(timings: Mapping[str, Mapping[str, Timing]]) -> Figure:
    """A panel for each group: medians of processor time with quartiles, logarithmic."""
    rows = -(-len(timings) // 2)
    drawn, axes = plt.subplots(rows, 2, figsize=(13, 3.2 * rows), squeeze=False)
    for axis in axes.flat[len(timings) :]:
        axis.set_axis_off()
    for axis, (group, cases) in zip(axes.flat, timings.items(), strict=False):
        spreads = [timing.processor for timing in cases.values()]
        medians = [spread.median for spread in spreads]
        errors = [
            [spread.median - spread.lower for spread in spreads],
            [spread.upper - spread.median for spread in spreads],
        ]
        axis.barh(list(cases), medians, xerr=errors, color=[colour(name) for name in cases])
        axis.set(title=group, xlabel="ns of processor time", xscale="log")
        axis.invert_yaxis()
        axis.tick_params(labelsize=7)
    return drawn
