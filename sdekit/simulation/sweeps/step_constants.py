"""Coefficients of a step that need no state, in double precision until the last rounding.

Checked by: tests/simulation/sweeps/test_sweep.py.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.simulation.steps.sampler import Bound, Sampler
from sdekit.simulation.sweeps.swept_values import Sweep


def step_constants(
    sampler: Sampler, bound: Bound, h: float, swept: tuple[Sweep | None, np.ndarray]
) -> Any:
    """The constants of a scheme at a step size; lanes last, each with its own, under a sweep.

    Args:
        sampler: Keeps the program.
        bound: Problem and scheme.
        h: Step size.
        swept: Values that differ between lanes, or None, and the numbers of the lanes.
    """
    sweep, lanes = swept
    problem, scheme = bound.problem, bound.scheme
    own = {} if sweep is None else dict(sweep.values)

    def prepared(values: Any, own: Any, step: Any) -> Any:
        found = scheme.prepare({**values, **own}, step, np.dtype(np.float64))
        return jax.tree.map(lambda x: jnp.asarray(x).astype(problem.dtype), found)

    key = ("constants", problem.layout)
    with jax.enable_x64(True):
        if key not in sampler.programs:
            each = jax.vmap(prepared, in_axes=(None, 0, None), out_axes=-1) if own else prepared
            sampler.programs[key] = jax.jit(each)
        values = {name: v.astype(np.float64) for name, v in problem.parameters.items()}
        found = sampler.programs[key](values, own, np.float64(h))
        if sweep is None:
            return found
        which = sweep.of_lanes(lanes)
        return jax.tree.map(lambda x: np.take(np.asarray(x), which, axis=-1), found)
