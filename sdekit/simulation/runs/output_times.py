"""How far a run goes and what it keeps: by steps, to an end, or at times that are asked for.

A run to an end or at times takes whole steps between what it keeps, so that each draw has the time
that is asked for; steps are shortened for it, never lengthened. Its first draw is the start.

Not for compiled calls (`course`) nor for step sizes that change otherwise (`schedules`).

Checked by: tests/simulation/runs/test_output_times.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.errors import SimulationError
from sdekit.simulation.bind.step_size import check_count, check_step_size
from sdekit.simulation.loop.schedules import Grid
from sdekit.simulation.noise.streams import MOST_STEPS

#: Share of a step by which a number of steps may miss a whole one: rounding of t1 = n h.
WHOLE = 1e-6
#: Share of a gap by which gaps may differ and still be equal.
EQUAL = 1e-9


@dataclass(frozen=True, eq=False)
class Span:
    """What a run takes and keeps.

    Attributes:
        step_size: h, a schedule, or a `Grid` of times.
        draws: What is kept, the start included where it is.
        thin: Steps from one draw to the next; 0 on a grid.
        burn_in: Steps before the first draw.
        t0: Time at the start.
        times: Of the draws, where they were asked for.
        keeps_start: Whether the start is the first draw.
    """

    step_size: Any
    draws: int
    thin: int
    burn_in: int = 0
    t0: float = 0.0
    times: np.ndarray | None = None
    keeps_start: bool = False

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        if isinstance(self.step_size, Grid):
            return int(self.step_size.counts[: self.draws - self.keeps_start].sum())
        return self.burn_in + (self.draws - self.keeps_start) * self.thin


def read_span(
    step_size: Any,
    *,
    steps: Any,
    thin: Any,
    burn_in: Any,
    t0: Any,
    t1: Any,
    times: Any,
) -> Span:
    """The span that the user asks for.

    Raises:
        SimulationError: If it is none, or said twice.
    """
    given = [name for name, x in {"steps": steps, "t1": t1, "times": times}.items()
             if x is not None]  # fmt: skip
    if len(given) != 1:
        raise SimulationError(
            "how far does the run go?",
            expected="one of steps=, t1= and times=",
            found=" and ".join(given) or "none",
            fix="give one of them: steps=1000 counts steps, t1=5.0 is a time, times= lists times",
        )
    for name, (count, least) in {"thin": (thin, 1), "burn_in": (burn_in, 0)}.items():
        check_count(name, count, least)
    begin = read_time("t0", t0)
    if steps is not None:
        check_count("steps", steps, 1)
        if steps < thin:
            raise SimulationError(
                "no draw is kept", expected=f"steps >= thin = {thin}", found=steps,
                fix="give more steps, or a smaller thin",
            )  # fmt: skip
        return _limited(Span(step_size, steps // thin, thin, burn_in, begin))
    h = check_step_size(step_size)
    if burn_in:
        raise SimulationError(
            "a run to a time has no burn-in", found=f"burn_in={burn_in}", fix="leave it out"
        )
    if times is None:
        return _to_an_end(h, begin, read_time("t1", t1), thin)
    if thin != 1:
        raise SimulationError(
            "times say what is kept", found=f"thin={thin}", fix="leave thin or times out"
        )
    return _at_times(h, begin, times)


def _to_an_end(h: float, begin: float, end: float, thin: int) -> Span:
    if not end > begin:
        raise SimulationError("the run ends before it begins", found=f"t0={begin:g}, t1={end:g}")
    steps = _whole_steps(end - begin, h)
    _check_steps(steps)
    draws = -(-steps // thin)
    times = np.linspace(begin, end, draws + 1)
    return _limited(Span((end - begin) / (draws * thin), draws + 1, thin, 0, begin, times, True))


def read_times(times: Any, begin: float) -> tuple[np.ndarray, np.ndarray]:
    """Times that are asked for, and the same with the start in front, once.

    Raises:
        SimulationError: If they are no numbers that increase from the start on.
    """
    asked = np.asarray(times)
    is_real = asked.ndim == 1 and asked.size and asked.dtype.kind in "iuf"
    if not is_real or not np.all(np.isfinite(asked)):
        raise SimulationError(
            "times are no times", expected="increasing numbers", found=repr(times)[:80]
        )
    asked = asked.astype(np.float64)
    if asked[0] < begin or np.any(np.diff(asked) <= 0):
        raise SimulationError(
            "times do not increase from the start",
            expected=f"t0 = {begin:g} <= times[0] < times[1] < ...",
            found=" ".join(f"{x:g}" for x in asked[:6]),
            fix="sort them, or give t0=",
        )
    return asked, asked if asked[0] == begin else np.concatenate([[begin], asked])


def _at_times(h: float, begin: float, times: Any) -> Span:
    asked, whole = read_times(times, begin)
    keeps_start, gaps = len(asked) == len(whole), np.diff(whole)
    if not gaps.size:
        raise SimulationError("the run ends before it begins", found=f"times = [{begin:g}]")
    if np.ptp(gaps) <= EQUAL * gaps.max() + 4 * np.spacing(np.abs(whole).max()):
        thin = _whole_steps(gaps.mean(), h)
        size = (whole[-1] - begin) / (thin * len(gaps))
        span = Span(size, len(asked), thin, 0, begin, asked, keeps_start)
    else:
        counts = np.array([_whole_steps(gap, h) for gap in gaps])
        span = Span(Grid(whole, counts), len(asked), 0, 0, begin, asked, keeps_start)
    return _limited(span)


def _whole_steps(length: float, h: float) -> int:
    """Steps of at most h that make up a length."""
    return max(1, math.ceil(length / h - WHOLE))


def _check_steps(steps: int) -> None:
    if steps >= MOST_STEPS // 2:
        raise SimulationError(
            "too many steps for one seed", expected=f"below {MOST_STEPS // 2}", found=steps
        )


def _limited(span: Span) -> Span:
    _check_steps(span.steps)
    return span


def read_time(name: str, value: Any) -> float:
    """A time of the user.

    Raises:
        SimulationError: If it is no finite number.
    """
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise SimulationError(f"{name} is no time", expected="a number", found=repr(value)[:60])
    return float(value)
