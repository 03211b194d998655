"""The measures that speed is held to: which case against which, and the limit of their ratio.

A ratio is that of two medians; its spread is that of the quartiles against each other, the worst
combination at either end. Not for timing (`timing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verification.performance.timing import Timing

Timings = Mapping[str, Timing]


@dataclass(frozen=True)
class Measure:
    """One measure: cost of one case over that of another.

    Args:
        text: What is claimed, without the limit.
        group: Whose cases these are.
        over: The case in the numerator.
        under: The case in the denominator.
        limit: Of the ratio.
        is_least: Whether the ratio must be at least the limit, else at most.
        clock: "processor", or "wall" where waiting for the disk or a second core is meant.
    """

    text: str
    group: str
    over: str
    under: str
    limit: float
    is_least: bool
    clock: str = "processor"


@dataclass(frozen=True)
class Ratio:
    """A ratio of medians, and of the quartiles that are farthest apart."""

    value: float
    lower: float
    upper: float
    is_clean: bool


def at_least(
    text: str, group: str, over: str, under: str, limit: float, clock: str = "processor"
) -> Measure:
    """How many times faster `under` is than `over`."""
    return Measure(text, group, over, under, limit, is_least=True, clock=clock)


def at_most(
    text: str, group: str, over: str, under: str, limit: float, clock: str = "processor"
) -> Measure:
    """How many times the cost of `under` the case `over` may have."""
    return Measure(text, group, over, under, limit, is_least=False, clock=clock)


def ratio(timings: Timings, over: str, under: str, clock: str) -> Ratio:
    """The ratio of two cases on one clock."""
    a, b = getattr(timings[over], clock), getattr(timings[under], clock)
    is_clean = timings[over].is_clean and timings[under].is_clean
    return Ratio(a.median / b.median, a.lower / b.upper, a.upper / b.lower, is_clean)


def judged(measure: Measure, timings: Timings) -> tuple[str, str, bool]:
    """Claim, result and whether it is met, on the measure's clock; the other clock beside it."""
    found = ratio(timings, measure.over, measure.under, measure.clock)
    other = "wall" if measure.clock == "processor" else "processor"
    beside = ratio(timings, measure.over, measure.under, other)
    sign = "at least" if measure.is_least else "at most"
    result = (
        f"{found.value:.3g} ({found.lower:.3g} to {found.upper:.3g}), limit {measure.limit:g}; "
        f"{other} time {beside.value:.3g}"
    )
    if not found.is_clean:
        result += "; the machine was busy"
    met = found.value >= measure.limit if measure.is_least else found.value <= measure.limit
    return f"{measure.text}: {sign} {measure.limit:g} times", result, met
