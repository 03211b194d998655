"""Exact sampling of linear SDEs: no discretization error, any drift matrix, any diffusion.

For dz = (F z + f) dt + N(0, 2 D dt) with constant F, f, D. Not for time-dependent coefficients.

Notation: A = e^{Fh}, b = int_0^h e^{Fs} f ds, S = int_0^h e^{Fs} 2D e^{F^T s} ds: one step is
z <- A z + b + N(0, S). F need not be normal, nor commute with D; D may be singular.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from sdekit.calculus.linear.linear_law import LinearSDE
from sdekit.errors import SimulationError
from sdekit.simulation.noise.streams import THREEFRY, check_seed


def sample_linear(
    sde: LinearSDE,
    start: Any,
    *,
    step_size: float,
    steps: int,
    chains: int = 1,
    seed: int = 0,
) -> Array:
    """Exact draws of a linear SDE at equal times.

    Args:
        sde: The linear SDE.
        start: z at time 0, shape (d,) or (chains, d).
        step_size: Time between draws; any length, there is no discretization error.
        steps: Number of draws.
        chains: Number of independent paths.
        seed: The noise of a chain depends on (seed, chain, step) only.

    Returns:
        Shape (chain, draw, d), the first draw at time `step_size`.

    Raises:
        SimulationError: For a start of the wrong shape.

    Example:
        >>> ou = LinearSDE([[-1.0]], [[1.0]])
        >>> sample_linear(ou, [0.0], step_size=0.5, steps=10, chains=3).shape
        (3, 10, 1)

    Checked by: tests/simulation/runs/test_linear_samples.py.
    """
    check_seed(seed)
    transition = sde.transition(step_size)
    begin = np.asarray(start, float)
    if begin.shape not in ((sde.size,), (chains, sde.size)) or not np.isfinite(begin).all():
        raise SimulationError(
            "the start of a linear SDE has the wrong shape",
            expected=f"({sde.size},) or ({chains}, {sde.size})",
            found=begin.shape,
            fix="give one finite number per variable",
        )
    matrix, factor = jnp.asarray(transition.matrix), jnp.asarray(transition.factor)
    offset = jnp.asarray(transition.offset)

    @jax.jit
    def run(begin: Array) -> Array:
        def path(chain: Array, z: Array) -> Array:
            key = jax.random.fold_in(jax.random.key(seed, impl=THREEFRY), chain)

            def step(z: Array, index: Array) -> tuple[Array, Array]:
                noise = jax.random.normal(jax.random.fold_in(key, index), (factor.shape[1],))
                z = matrix @ z + offset + factor @ noise
                return z, z

            return lax.scan(step, z, jnp.arange(steps))[1]

        return jax.vmap(path)(jnp.arange(chains), begin)

    return run(jnp.broadcast_to(jnp.asarray(begin), (chains, sde.size)))
