r"""The simulations of `paths` as one compiled JAX loop, for data that live on a GPU.

The same schemes and the same state as `paths`, paths last in memory, one `lax.scan` of all steps.
Needs JAX; it is imported with this module, which `sdekit.theory` loads only on use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from math import prod
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from sdekit.errors import SimulationError, check_word
from sdekit.theory.arrays import Array
from sdekit.theory.least_squares.feature_rows import DenseRows
from sdekit.theory.least_squares.flow import LeastSquaresFlow

#: (key, shape, dtype) -> standard normals; `jax.random.normal` or a faster generator.
Normals: TypeAlias = Callable[[Array, tuple[int, ...], jnp.dtype], Array]


#: Random numbers drawn at once: enough to vectorize, few enough to stay in the cache.
BLOCK_NUMBERS = 1 << 17


class _Problem(NamedTuple):
    """What a step needs of the regression."""

    scores: Array
    rates: Array
    residual: Array
    noise_scale: Array


class _Options(NamedTuple):
    """What is fixed at compile time."""

    path_shape: tuple[int, ...]
    batch_size: int
    normals: Normals


def _moved(scores: Array, residual: Array, error: Array, weights: Array) -> Array:
    """(1/n) Z^T [(r - Z e) w] for every path, of the shape of e.

    A single path is a vector: products with one-column matrices are several times slower.
    """
    rows = scores.shape[0]
    if error.ndim == 1:
        return ((residual - scores @ error) * weights) @ scores / rows
    return scores.T @ ((residual[:, None] - scores @ error) * weights) / rows


def _euler_maruyama(problem: _Problem, error: Array, noise: Array, h: Array) -> Array:
    """See `paths`, "euler-maruyama"."""
    scale = jnp.sqrt(h * problem.noise_scale * problem.scores.shape[0])
    z = noise[0] - noise[0].mean(0)
    return error + _moved(problem.scores, problem.residual, error, h + scale * z)


def _midpoint(problem: _Problem, error: Array, noise: Array, h: Array) -> Array:
    """See `paths`, "midpoint"."""
    half = jnp.exp(-h / 2 * problem.rates).reshape(-1, *(1 for _ in error.shape[1:]))
    first, second = (z - z.mean(0) for z in noise)
    scale = jnp.sqrt(h * problem.noise_scale * problem.scores.shape[0])
    data = problem.scores, problem.residual
    middle = half * (error + _moved(*data, error, scale / jnp.sqrt(2.0) * first))
    return half * (half * error + _moved(*data, middle, scale * second))


def _sgd(problem: _Problem, error: Array, noise: Array, h: Array) -> Array:
    """Minibatches with replacement; the noise is the indices of their rows."""
    rows = problem.scores[noise]
    left = problem.residual[noise] - jnp.einsum("m...k,k...->m...", rows, error)
    return error + h / noise.shape[0] * jnp.einsum("m...,m...k->k...", left, rows)


def _drawn_normals(
    count: int, key: Array, size: int, problem: _Problem, options: _Options
) -> Array:
    shape = (size, count, problem.scores.shape[0], *options.path_shape)
    return options.normals(key, shape, problem.scores.dtype)


def _drawn_rows(key: Array, size: int, problem: _Problem, options: _Options) -> Array:
    shape = (size, options.batch_size, *options.path_shape)
    return jax.random.randint(key, shape, 0, problem.scores.shape[0])


#: Step and how the noise of many steps is drawn at once, by name.
_SCHEMES = {
    "sgd": (_sgd, _drawn_rows),
    "euler-maruyama": (_euler_maruyama, partial(_drawn_normals, 1)),
    "midpoint": (_midpoint, partial(_drawn_normals, 2)),
}


def _run(
    problem: _Problem,
    start: Array,
    h: Array,
    key: Array,
    *,
    scheme: str,
    steps: int,
    options: _Options,
) -> Array:
    """The error after all steps; noise is drawn in blocks, outside the loop over steps."""
    step, draw = _SCHEMES[scheme]
    width = problem.scores.shape[0] * max(1, prod(options.path_shape))
    block = max(1, min(steps, BLOCK_NUMBERS // width))

    def advance(error: Array, noise: Array) -> tuple[Array, None]:
        return step(problem, error, noise, h), None

    def blocked(error: Array, index: Array, size: int) -> tuple[Array, None]:
        noise = draw(jax.random.fold_in(key, index), size, problem, options)
        return lax.scan(advance, error, noise)[0], None

    error, _ = lax.scan(partial(blocked, size=block), start, jnp.arange(steps // block))
    if steps % block:
        error, _ = blocked(error, jnp.asarray(steps // block), steps % block)
    return error


@cache
def _compiled() -> Callable[..., Array]:
    """`_run` compiled for the widest vectors of the processor; asked for at the first run."""
    from sdekit.simulation.loop.compiled_loop import compiler_options

    names = ("scheme", "steps", "options")
    return jax.jit(_run, static_argnames=names, compiler_options=compiler_options())


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

    Checked by: tests/theory/least_squares/test_jax_paths.py.
    """
    check_word("scheme", scheme, _SCHEMES, SimulationError)
    rows = flow.problem.rows
    if not isinstance(rows, DenseRows):
        raise SimulationError(
            "the compiled simulation needs a dense X",
            fix="use sdekit.theory.least_squares.paths.simulate",
        )
    if scheme == "sgd" and not flow.replace:
        raise SimulationError(
            "the compiled SGD draws with replacement only",
            fix="use sdekit.theory.least_squares.paths.simulate, or replace=True",
        )
    regression = flow.problem
    scores = jnp.asarray(rows.scores)
    minimizer = jnp.asarray(regression.minimizer)
    problem = _Problem(
        scores,
        jnp.asarray(regression.rates),
        jnp.asarray(regression.residual),
        jnp.asarray(flow.noise_scale, scores.dtype),
    )
    options = _Options(() if paths == 1 else (paths,), flow.batch_size, normals)
    start = -minimizer if paths == 1 else jnp.repeat(-minimizer[:, None], paths, axis=1)
    h = jnp.asarray(flow.step_size if step_size is None else step_size, scores.dtype)
    error = _compiled()(problem, start, h, key, scheme=scheme, steps=steps, options=options)
    coordinates = error.reshape(-1, paths) + minimizer[:, None]
    return (jnp.asarray(regression.basis) @ coordinates).T


def fast_normals(key: Array, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    """Standard normals from `sdekit.simulation.noise.fast_normal`, for `normals=`.

    One hash makes two normals, so this costs about a third of `jax.random.normal` on a CPU. The
    stream is another one; the law is the same.
    """
    from sdekit.simulation.noise.fast_normal import key_words, one_normal, pair_of_normals

    count, words, zero = prod(shape), key_words(key), jnp.zeros((), jnp.uint32)
    if jnp.dtype(dtype) == jnp.float64:
        return one_normal(lax.iota(jnp.uint32, count), zero, words).reshape(shape)
    pair = pair_of_normals(lax.iota(jnp.uint32, (count + 1) // 2), zero, words)
    return jnp.concatenate([pair.real, pair.imag])[:count].reshape(shape)
