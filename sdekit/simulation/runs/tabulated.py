"""Inputs that are known at some times: a step function or a line between them.

For `functions=` of a run, where the declaration has an unknown function of `sk.time`. A run whose
`times=` hold the times of a step function's jumps has each jump between two steps; elsewhere a jump
within a step costs an error of order h.

Checked by: tests/simulation/runs/test_tabulated.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.errors import SimulationError, check_word
from sdekit.simulation.loop.schedules import Grid

KINDS = ("previous", "linear")
#: Share of the largest time by which a time may come too early or late: rounding of t0 + n h in
#: double precision.
ROUNDING = 1e-12
#: Share of a step by which a jump may lie beside its end.
BESIDE = 1e-6


@dataclass(frozen=True, eq=False)
class Tabulated:
    """A function of the time; make one with `tabulated`."""

    times: np.ndarray
    values: np.ndarray
    kind: str

    def __call__(self, time: Any) -> Array:
        """The value at a time, of the shape of one entry; NaN outside of the table."""
        time = jnp.asarray(time)
        times = jnp.asarray(self.times, time.dtype)
        values = jnp.asarray(self.values, time.dtype)
        slack = ROUNDING * jnp.max(jnp.abs(times))
        place = jnp.searchsorted(times, time + slack * (self.kind == "previous"), side="right") - 1
        # A step function keeps its last value.
        is_inside = time >= times[0] - slack
        if self.kind == "previous":
            found = values[jnp.clip(place, 0)]
        else:
            is_inside = is_inside & (time <= times[-1] + slack)
            place = jnp.clip(place, 0, len(self.times) - 2)
            share = (time - times[place]) / (times[place + 1] - times[place])
            found = values[place] + jnp.clip(share, 0, 1) * (values[place + 1] - values[place])
        return jnp.where(is_inside, found, jnp.nan)


def jump_notes(
    functions: Mapping[str, Any], step_size: float | Grid, t0: float, end: float
) -> list[str]:
    """One sentence for each table with jumps inside steps, which take one value all along.

    Args:
        functions: Of a run, by name.
        step_size: Of the run, or its grid.
        t0: Its start.
        end: Its end.
    """
    found = []
    for name, table in functions.items():
        if not isinstance(table, Tabulated) or table.kind != "previous":
            continue
        jumps = table.times[(table.times > t0) & (table.times < end)]
        if isinstance(step_size, Grid):
            which = np.clip(np.searchsorted(step_size.times, jumps, side="right") - 1, 0, None)
            which = np.minimum(which, len(step_size.sizes) - 1)
            steps = (jumps - step_size.times[which]) / step_size.sizes[which]
        else:
            steps = (jumps - t0) / step_size
        inside = jumps[np.abs(steps - np.round(steps)) > BESIDE]
        if len(inside):
            found.append(
                f"the table {name} jumps inside {len(inside)} of the steps, first at "
                f"t = {inside[0]:g}: errors of order h, none where steps end at the jumps"
            )
    return found


def tabulated(times: Any, values: Any, kind: str = "previous") -> Tabulated:
    """A function of the time from its values at some times, for `functions=`.

    Args:
        times: Increasing, (entries,).
        values: (entries, *shape), the shape that the function is declared with.
        kind: "previous", a step function that takes each value at its time and keeps the last; or
            "linear", which ends at the last time.

    Raises:
        SimulationError: If the numbers make no table.

    Example:
        >>> dose = tabulated([0.0, 1.0, 3.0], [5.0, 0.0, 2.0])
        >>> [float(dose(t)) for t in (0.0, 0.9, 1.0, 10.0)]
        [5.0, 5.0, 0.0, 2.0]

    Checked by: tests/simulation/runs/test_tabulated.py.
    """
    check_word("kind of table", kind, KINDS, SimulationError)
    try:
        at, known = np.asarray(times, np.float64), np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise SimulationError("a table holds numbers", found=str(error)[:80]) from error
    is_table = at.ndim == 1 and known.ndim >= 1 and len(at) == len(known)
    if not is_table or len(at) < (1 if kind == "previous" else 2):
        raise SimulationError(
            "times and values make no table",
            expected="one value for each time, two at least for a line",
            found=f"{at.shape} times, {known.shape} values",
        )
    if not (np.all(np.isfinite(at)) and np.all(np.isfinite(known)) and np.all(np.diff(at) > 0)):
        raise SimulationError(
            "the times of a table do not increase, or a number is not finite",
            found=" ".join(f"{time:g}" for time in at[:6]),
        )
    return Tabulated(at, known, kind)
