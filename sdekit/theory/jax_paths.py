r"""The simulations of `paths` as one compiled JAX loop, for data that live on a GPU.

The same schemes and the same state as `paths`, paths last in memory, one `lax.scan` of all steps.
Needs JAX; it is imported with this module, which `sdekit.theory` loads only on use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from sdekit.errors import SimulationError
from sdekit.theory.arrays import Array
from sdekit.theory.flow import LeastSquaresFlow
from sdekit.theory.regression import DenseRows

#: (key, shape, dtype) -> standard normals; `jax.random.normal` or a faster generator.
Normals: TypeAlias = Callable[[Array, tuple[int, ...], jnp.dtype], Array]


def _moved(scores: Array, residual: Array, error: Array, weights: Array) -> Array:
    """(1/n) Z^T [(r - Z e) w] for every path, shape (k, paths)."""
    return scores.T @ ((residual[:, None] - scores @ error) * weights) / scores.shape[0]


def _centred(normals: Array) -> Array:
    return normals - normals.mean(0)


def _euler_maruyama(
    data: tuple[Array, ...],
    noise_scale: float,
    batch_size: int,
    normals: Normals,
    error: Array,
    key: Array,
    h: Array,
) -> Array:
    """See `paths`, "euler-maruyama"."""
    scores, _, residual = data
    n, paths = scores.shape[0], error.shape[1]
    z = _centred(normals(key, (n, paths), error.dtype))
    return error + _moved(scores, residual, error, h + jnp.sqrt(h * noise_scale * n) * z)


def _midpoint(
    data: tuple[Array, ...],
    noise_scale: float,
    batch_size: int,
    normals: Normals,
    error: Array,
    key: Array,
    h: Array,
) -> Array:
    """See `paths`, "midpoint"."""
    scores, rates, residual = data
    n, paths = scores.shape[0], error.shape[1]
    half = jnp.exp(-h / 2 * rates)[:, None]
    first, second = (
        _centred(normals(part, (n, paths), error.dtype)) for part in jax.random.split(key)
    )
    scale = jnp.sqrt(h * noise_scale * n)
    middle = half * (error + _moved(scores, residual, error, scale / jnp.sqrt(2.0) * first))
    return half * (half * error + _moved(scores, residual, middle, scale * second))


def _sgd(
    data: tuple[Array, ...],
    noise_scale: float,
    batch_size: int,
    normals: Normals,
    error: Array,
    key: Array,
    h: Array,
) -> Array:
    """Minibatches with replacement."""
    scores, _, residual = data
    paths = error.shape[1]
    chosen = jax.random.randint(key, (batch_size, paths), 0, scores.shape[0])
    rows = scores[chosen]
    left = residual[chosen] - jnp.einsum("mrk,kr->mr", rows, error)
    return error + h / batch_size * jnp.einsum("mr,mrk->kr", left, rows)


_STEPS = {"sgd": _sgd, "euler-maruyama": _euler_maruyama, "midpoint": _midpoint}


@partial(jax.jit, static_argnames=("scheme", "steps", "paths", "batch_size", "normals"))
def _run(
    data: tuple[Array, ...],
    minimizer: Array,
    noise_scale: Array,
    h: Array,
    key: Array,
    *,
    scheme: str,
    steps: int,
    paths: int,
    batch_size: int,
    normals: Normals,
) -> Array:
    step = partial(_STEPS[scheme], data, noise_scale, batch_size, normals)

    def advance(error: Array, index: Array) -> tuple[Array, None]:
        return step(error, jax.random.fold_in(key, index), h), None

    start = jnp.repeat(-minimizer[:, None], paths, axis=1)
    return lax.scan(advance, start, jnp.arange(steps))[0] + minimizer[:, None]


def simulate(
    flow: LeastSquaresFlow,
    scheme: str,
    *,
    steps: int,
    paths: int,
    key: Array,
    step_size: float | None = None,
    normals: Normals = jax.random.normal,
) -> Array:
    """Final states of `paths` independent paths from beta = 0, on the device of the data.

    Args:
        flow: Made from JAX arrays (or from NumPy ones, which are then copied to the device).
        scheme: "sgd" (with replacement), "euler-maruyama" or "midpoint".
        steps: Number of steps.
        paths: Number of replicas.
        key: JAX random key.
        step_size: h; the flow's eta by default.
        normals: Source of standard normals, a function of key, shape and dtype.

    Returns:
        beta, shape (paths, p).

    Raises:
        SimulationError: For an unknown scheme, sparse data, or SGD without replacement.

    Checked by: tests/theory/test_jax_paths.py.
    """
    if scheme not in _STEPS:
        raise SimulationError("unknown scheme", expected=", ".join(_STEPS), found=repr(scheme))
    if not isinstance(flow.problem.rows, DenseRows):
        raise SimulationError(
            "the compiled simulation needs a dense X", fix="use sdekit.theory.paths.simulate"
        )
    if scheme == "sgd" and not flow.replace:
        raise SimulationError(
            "the compiled SGD draws with replacement only",
            fix="use sdekit.theory.paths.simulate, or replace=True",
        )
    problem = flow.problem
    scores = jnp.asarray(flow.problem.rows.scores)
    dtype = scores.dtype
    data = (scores, jnp.asarray(problem.rates), jnp.asarray(problem.residual))
    h = flow.step_size if step_size is None else step_size
    coordinates = _run(
        data,
        jnp.asarray(problem.minimizer),
        jnp.asarray(flow.noise_scale, dtype),
        jnp.asarray(h, dtype),
        key,
        scheme=scheme,
        steps=steps,
        paths=paths,
        batch_size=flow.batch_size,
        normals=normals,
    )
    return (jnp.asarray(problem.basis) @ coordinates).T
