"""First passages of a run: when, at which level, and for how many chains the run was too short.

Not for finding them (`watching`).

Checked by: tests/simulation/events/test_events.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.errors import SimulationError
from sdekit.simulation.loop.schedules import Grid
from sdekit.simulation.runs.output_times import Span


@dataclass(frozen=True, eq=False)
class Passages:
    """First passages of one event.

    Attributes:
        times: Of each chain, NaN where it had not passed.
        sides: 1 for the upper level, -1 for the lower one, 0 where it had not passed.
        end: Time until which chains were watched that nothing stopped.
    """

    times: np.ndarray
    sides: np.ndarray
    end: float

    @property
    def censored(self) -> int:
        """Number of chains that had not passed."""
        return int(np.sum(self.sides == 0))

    def mean(self) -> tuple[float, float]:
        """Mean time and its standard error.

        Raises:
            SimulationError: If a chain had not passed: its time is longer than all that is known.
        """
        if self.censored or len(self.times) < 2:
            raise SimulationError(
                "the mean of first-passage times is not known",
                expected="two chains or more, all of which have passed",
                found=f"{self.censored} of {len(self.times)} chains had not by t = {self.end:g}",
                fix="run longer, or use survival(t)",
            )
        return float(self.times.mean()), float(self.times.std(ddof=1) / len(self.times) ** 0.5)

    def survival(self, t: Any) -> tuple[np.ndarray, np.ndarray]:
        """Share of chains that had not passed by the time t, and its standard error.

        Raises:
            SimulationError: If a time lies beyond the end.
        """
        asked = np.asarray(t, np.float64)
        if np.any(asked > self.end):
            raise SimulationError(
                "beyond the end of the run nothing is known",
                expected=f"times up to {self.end:g}", found=float(asked.max()),
            )  # fmt: skip
        times = np.where(self.sides == 0, np.inf, self.times)
        share = (times[:, *(None,) * asked.ndim] > asked).mean(axis=0)
        return share, np.sqrt(share * (1 - share) / len(times))

    def __repr__(self) -> str:
        up, down = np.sum(self.sides == 1), np.sum(self.sides == -1)
        return f"<{up} passed above, {down} below, {self.censored} not by t = {self.end:g}>"


def passages_of(watch: Any, span: Span, chains: int) -> dict[str, Passages]:
    """The passages of the chains of a run by name, from what its last state has noted.

    Args:
        watch: From the state.
        span: Of the run.
        chains: Number of chains; lanes beyond them are none.
    """
    found = {}
    for name, own in watch.passed.items():
        steps, shares, sides = (np.atleast_1d(np.asarray(x))[:chains] for x in own)
        ahead = steps + shares.astype(np.float64)
        times = np.where(sides == 0, np.nan, _time(span, steps, ahead))
        end = np.atleast_1d(np.asarray(watch.steps))[:1]
        found[name] = Passages(times, sides, float(_time(span, end, end)[0]))
    return found


def _time(span: Span, steps: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """The time that many steps after the start; within the step of that number."""
    if not isinstance(span.step_size, Grid):
        return span.t0 + span.step_size * ahead
    grid = span.step_size
    which = np.clip(np.searchsorted(grid.numbers, steps, side="right") - 1, 0, len(grid.sizes) - 1)
    return grid.times[which] + (ahead - grid.numbers[which]) * grid.sizes[which]
