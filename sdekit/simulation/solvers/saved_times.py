"""Times at which a stochastic solution is asked for: a solver steps to them.

Between two steps diffrax interpolates linearly, and a Brownian path halfway through a step of h
would have the variance h / 4 in place of h / 2. Not for solutions without noise, which are smooth.

Checked by: tests/simulation/solvers/test_saved_times.py.
"""

from __future__ import annotations

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from sdekit.errors import SimulationError

#: Shares of a step below which two times are one: rounding of t0 + n dt.
SAME = 1e-4


def as_saveat(saveat: Any) -> Any:
    """A `diffrax.SaveAt`, also of times as numbers; inside `jax.jit` these stay numbers.

    Raises:
        SimulationError: If it is neither.

    Example:
        >>> as_saveat([0.5, 1.0]).subs.ts.shape
        (2,)
    """
    if saveat is None or isinstance(saveat, diffrax.SaveAt):
        return saveat
    if isinstance(saveat, Tracer):
        raise _traced("saveat")
    try:
        times = np.atleast_1d(np.asarray(saveat, dtype=float))
    except (TypeError, ValueError):
        times = np.full(1, np.nan)
    if times.ndim != 1 or not np.all(np.diff(times, prepend=-np.inf) > 0):
        raise SimulationError(
            "saveat names no times",
            expected="a diffrax.SaveAt, or numbers that increase",
            found=repr(saveat),
        )
    with jax.ensure_compile_time_eval():
        return diffrax.SaveAt(ts=jnp.asarray(times))


def saved_times(saveat: Any) -> np.ndarray:
    """All times that a `diffrax.SaveAt` names, sorted.

    Raises:
        SimulationError: For dense output, or times that are traced.
    """
    if saveat.dense:
        raise SimulationError(
            "dense output of a stochastic solution would be interpolated",
            expected="values with the law of the process",
            found="SaveAt(dense=True)",
            fix="name the times: SaveAt(ts=...)",
        )
    parts = jax.tree.leaves(saveat.subs, is_leaf=lambda x: isinstance(x, diffrax.SubSaveAt))
    found = [part.ts for part in parts if part.ts is not None]
    if any(isinstance(ts, Tracer) for ts in found):
        raise _traced("SaveAt(ts=...)")
    return np.unique(np.concatenate([np.zeros(0), *map(np.asarray, found)]))


def stepping(controller: Any, brownian: Any, saveat: Any, *, t0: Any, t1: Any, dt0: Any) -> Any:
    """Controller and first step with which a solver steps to every time that is asked for.

    Args:
        controller: With which it would step: fixed steps, or an adaptive one that clips.
        brownian: The Brownian path.
        saveat: A `diffrax.SaveAt`; None saves the end.
        t0: Start.
        t1: End.
        dt0: Step, or the first one.

    Raises:
        SimulationError: For dense output, and times that are traced, outside the interval or too
            close for the path.
    """
    times = np.zeros(0) if saveat is None else saved_times(saveat)
    if not times.size:
        return controller, dt0
    if any(isinstance(x, Tracer) for x in (t0, t1, dt0)):
        raise _traced("t0, t1 or dt0")
    if not t1 > t0 or times[0] < t0 or times[-1] > t1:
        raise SimulationError(
            "times to save at lie outside the interval",
            expected=f"{t0} to {t1}",
            found=f"{times[0]} to {times[-1]}",
        )
    steps = grid_with(times, t0, t1, dt0)
    _check_gaps(steps, brownian)
    if isinstance(controller, diffrax.ConstantStepSize):
        return diffrax.StepTo(ts=steps), None
    inner, stored = controller, None
    if isinstance(controller, diffrax.ClipStepSizeController):
        inner, stored = controller.controller, controller.store_rejected_steps
    return diffrax.ClipStepSizeController(
        inner, jnp.asarray(times), store_rejected_steps=stored
    ), dt0


def grid_with(times: np.ndarray, t0: float, t1: float, dt0: float) -> np.ndarray:
    """The steps of size dt0 from t0 to t1, and the times between them, in the precision of JAX.

    Example:
        >>> grid_with(np.array([0.25, 0.5]), 0.0, 1.0, 0.5).tolist()
        [0.0, 0.25, 0.5, 1.0]
    """
    count = max(1, int(np.ceil((t1 - t0) / dt0 * (1 - 1e-6))))
    same = SAME * (t1 - t0) / count
    steps = np.linspace(t0, t1, count + 1)
    nearest = times[np.abs(times[:, None] - steps[None]).argmin(axis=0)]
    # Times take the place of the steps that they are to rounding; the ends stay.
    kept = steps[np.abs(nearest - steps) > same]
    inner = times[(times - t0 > same) & (t1 - times > same)]
    whole = np.concatenate([kept, inner, [t0, t1]])
    return np.unique(whole.astype(jnp.result_type(float)))


def _check_gaps(steps: np.ndarray, brownian: Any) -> None:
    """A virtual Brownian tree resolves no step below its tolerance.

    Raises:
        SimulationError: If there is one.
    """
    tolerance = getattr(brownian, "tol", 0.0)
    shortest = float(np.diff(steps).min())
    if shortest < tolerance:
        raise SimulationError(
            "times to save at lie closer together than the Brownian tree resolves",
            expected=f"at least {tolerance:g}",
            found=f"{shortest:g}",
            fix="give a smaller tolerance=, or path='increments' with fixed steps",
        )


def _traced(what: str) -> SimulationError:
    return SimulationError(
        "times between steps must be numbers",
        found=f"{what} is traced",
        fix="save at steps (SaveAt(steps=True) or t1=True), or give the times as numbers: "
        "solve(saveat=[0.5, 1.0]), for a SaveAt that is made inside jax.jit traces them",
    )
