r"""Chains of an audited step that start in the stationary law, and their moments over a window.

With $u = (z-\mu)/\sigma$, entry by entry, each chain c gives the averages of $u_i$ and $u_i u_j$
over the second half of a run of length T, at step sizes that divide T and from the same start.
Not for judging them (`audit_moments`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.auditing.audit_checks import StepMap, of_type, own_arrays
from sdekit.auditing.audit_law import Gaussian

#: Length of a run in steps of the largest size.
WINDOWS = 128


@dataclass(frozen=True, eq=False)
class Averages:
    """Moments of each chain, entry by entry, products with i <= j in the order of `pairs`.

    Attributes:
        start: u_i and u_i u_j at the start, shape (chains, features).
        window: Their averages over the second half, shape (step sizes, chains, features).
    """

    start: np.ndarray
    window: np.ndarray

    @property
    def is_finite(self) -> bool:
        """Whether no chain left the finite numbers."""
        return bool(np.isfinite(self.window).all())


def pairs(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The i <= j of the products, in order."""
    return np.triu_indices(size)


def run_chains(
    step: StepMap, law: Gaussian, step_sizes: np.ndarray, chains: int, seed: int
) -> Averages:
    """Run the chains at each step size.

    Args:
        step: The step.
        law: Where the chains start.
        step_sizes: Ascending, each a divisor of the last one, shape (k,).
        chains: Independent chains, the same starts for each step size.
        seed: Of starts and steps.
    """
    rng = np.random.default_rng(seed)
    normals = rng.standard_normal((chains, len(law.mean)))
    scale = np.sqrt(np.diag(law.covariance))
    starts = law.mean + normals @ np.linalg.cholesky(law.covariance).T
    starts = jnp.asarray(starts, dtype=jnp.float32)
    run = jax.jit(_runner(step, law.mean, scale, chains))
    strides = np.round(step_sizes[-1] / step_sizes).astype(int)
    windows = [
        np.asarray(run(jax.random.key(seed + k), starts, jnp.float32(h), jnp.int32(stride)))
        for k, (h, stride) in enumerate(zip(step_sizes, strides, strict=True))
    ]
    features = jax.jit(lambda z: _features(z, law.mean, scale))(starts)
    return Averages(np.asarray(features, dtype=float), np.stack(windows).astype(float))


def _features(z: Any, mean: np.ndarray, scale: np.ndarray) -> Any:
    u = (z - jnp.asarray(mean, z.dtype)) / jnp.asarray(scale, z.dtype)
    rows, columns = pairs(len(mean))
    return jnp.concatenate([u, u[:, rows] * u[:, columns]], axis=1)


def _runner(step: StepMap, mean: np.ndarray, scale: np.ndarray, chains: int) -> Any:
    """(key, starts, h, steps between looks) -> averages; one program for all step sizes."""

    def run(key: Any, starts: Any, h: Any, stride: Any) -> Any:
        def once(_: Any, carry: Any) -> Any:
            key, state = carry
            key, now = jax.random.split(key)
            moved = jax.vmap(lambda k, s: step.move(k, s, h))(jax.random.split(now, chains), state)
            return key, jax.tree.map(of_type, moved, state)

        def look(index: Any, carry: Any) -> Any:
            key, state, total = carry
            key, state = jax.lax.fori_loop(0, stride, once, (key, state))
            seen = _features(jax.vmap(step.leave)(state), mean, scale)
            return key, state, total + jnp.where(index >= WINDOWS // 2, seen, 0.0)

        state = jax.vmap(lambda z: own_arrays(step.enter(z)))(starts)
        empty = jnp.zeros_like(_features(starts, mean, scale))
        *_, total = jax.lax.fori_loop(0, WINDOWS, look, (key, state, empty))
        return total / (WINDOWS - WINDOWS // 2)

    return run
