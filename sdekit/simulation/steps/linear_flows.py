r"""Exact linear flows as JAX functions: Ornstein-Uhlenbeck, dense matrices, roots of covariances.

Plain functions of arrays; no chains, no expressions. Not for the algorithm of dense matrices
(`sdekit.calculus.linear.exact_flow`), which parts of a dynamics have such flows (`sdekit.schemes`)
nor for reading their coefficients (`linear_stages`).

Notation: h step, xi friction, D diffusion (noise N(0, 2 D dt)), y = xi h,
g(y) = (1 - e^{-y}) / y.

Checked by: tests/simulation/steps/test_linear_flows.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.custom_batching import custom_vmap
from jax.typing import ArrayLike

from sdekit.calculus.linear.exact_flow import doublings, exact_flow
from sdekit.simulation.bind.double import double

#: |y| below which g is summed as a series.
_SERIES_RADIUS = 0.125
#: Terms of the series: the first one left out is below half a unit in the last place.
_SERIES_TERMS = {np.dtype(np.float32): 5, np.dtype(np.float64): 10}
#: Eigenvalues of a covariance above this multiple of -max|eigenvalue| count as zero, at unit
#: diagonal.
_ROUNDING = {np.dtype(np.float32): 1e-4, np.dtype(np.float64): 1e-9}
#: Doublings of a flow that can be differentiated: a time of 2^39 units of the matrix.
MOST_DOUBLINGS = 40


def decay_mean(y: ArrayLike) -> Array:
    r"""$g(y) = (1-e^{-y})/y$, the mean of e^{-s} over 0 <= s <= y, to full precision for all y.

    Every coefficient of the Ornstein-Uhlenbeck flow follows from g without cancellation, also for
    frictions near, at and below zero.

    Example:
        >>> float(decay_mean(0.0))
        1.0
    """
    y = jnp.asarray(y)
    is_small = jnp.abs(y) < _SERIES_RADIUS
    if y.ndim:
        series = _decay_series(jnp.where(is_small, y, 0.0))
        large = jnp.where(is_small, 1.0, y)
        return jnp.where(is_small, series, -jnp.expm1(-large) / large)
    # One number: a branch, so that the exponential is computed only where it is needed.
    return lax.cond(is_small, _decay_series, lambda large: -jnp.expm1(-large) / large, y)


def _decay_series(y: Array) -> Array:
    terms = _SERIES_TERMS[np.dtype(y.dtype)]
    series = jnp.full_like(y, (-1.0) ** (terms - 1) / math.factorial(terms))
    for k in range(terms - 2, -1, -1):
        series = series * y + (-1.0) ** k / math.factorial(k + 1)
    return series


def ornstein_uhlenbeck(friction: ArrayLike, h: ArrayLike) -> tuple[Array, Array, Array]:
    r"""Coefficients of the exact flow of dX = (f - xi X) dt + N(0, 2 D dt).

    $$X \leftarrow e^{-\xi h}X + \tfrac{1-e^{-\xi h}}{\xi}\,f
      + \sqrt{D\,\tfrac{1-e^{-2\xi h}}{\xi}}\;\zeta$$

    Returns:
        (decay, gain, spread): the factor of X, the factor of f, and the variance for D = 1.

    Source: MATH B.1; Bussi and Parrinello (2007), doi:10.1103/PhysRevE.75.056707.
    Checked by: tests/simulation/steps/test_linear_flows.py.
    """
    y = jnp.asarray(friction) * jnp.asarray(h)
    g = decay_mean(y)
    gain = jnp.asarray(h) * g
    return 1.0 - y * g, gain, gain * (2.0 - y * g)


def covariance_root(covariance: Array) -> Array:
    r"""S with S S^T equal to a symmetric positive semidefinite matrix, singular ones included.

    $S = R\,\hat C^{1/2}$ with the standard deviations R and the symmetric root of the correlations
    $\hat C$, which moves smoothly with the covariance as long as its rank stays the same; there it
    can be differentiated, also where eigenvalues are equal or zero.

    A matrix with a negative eigenvalue gives NaN, which stops the run: its noise does not exist.
    """
    symmetric = (covariance + covariance.T) / 2.0
    variances = jnp.diagonal(symmetric)
    # A variance of zero has no deviation to differentiate, and a negative one must give NaN.
    scale = jnp.where(variances == 0, 0.0, jnp.sqrt(jnp.where(variances == 0, 1.0, variances)))
    safe = jnp.where(variances == 0, 1.0, scale)
    return scale[:, None] * _symmetric_root(symmetric / (safe[:, None] * safe))


def _spectral_root(correlations: Array) -> tuple[Array, Array]:
    """Roots of the eigenvalues, and eigenvectors; what rounding leaves of a zero is one."""
    values, vectors = jnp.linalg.eigh(correlations)
    largest = jnp.max(jnp.abs(values))
    floor = -_ROUNDING[np.dtype(values.dtype)] * largest
    zero = 4 * len(values) * jnp.finfo(values.dtype).eps * largest
    roots = jnp.where(values <= zero, 0.0, jnp.sqrt(jnp.maximum(values, zero)))
    return jnp.where(values < floor, jnp.nan, roots), vectors


@jax.custom_jvp
def _symmetric_root(correlations: Array) -> Array:
    roots, vectors = _spectral_root(correlations)
    return (vectors * roots) @ vectors.T


@_symmetric_root.defjvp
def _moved_root(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    r"""From $S\dot S + \dot S S = \dot C$ in the eigenvectors; none leaves the null space."""
    roots, vectors = _spectral_root(primals[0])
    sums = roots[:, None] + roots
    least = jnp.sqrt(jnp.finfo(roots.dtype).eps)
    inner = vectors.T @ tangents[0] @ vectors / jnp.maximum(sums, least)
    return (vectors * roots) @ vectors.T, vectors @ inner @ vectors.T


def linear_flow(
    matrix: Array, diffusion: Array | None, force: Array | None, h: ArrayLike
) -> tuple[Array, Array, Array]:
    r"""Exact flow of dz = (M z + f) dt + N(0, 2 D dt): z <- z + F z + g + S zeta.

    In double precision whatever the precision of the run: squaring multiplies the rounding of slow
    directions by h |M|. Its derivative has the precision of the run.

    Args:
        matrix: M, (d, d).
        diffusion: D, (d, d), symmetric, may be singular; None for zero.
        force: f, (d,); None for zero.
        h: Time.

    Returns:
        (F = e^{Mh} - 1 (d, d), g (d,), S (d, d), a root of the covariance).

    Checked by: tests/simulation/steps/test_linear_flows.py.
    """
    d, dtype = len(matrix), matrix.dtype
    with jax.enable_x64(True):
        noise = jnp.zeros((d, d), dtype) if diffusion is None else diffusion
        constant = jnp.zeros(d, dtype) if force is None else force
        return _flow(matrix, noise, constant, h, diffusion is not None)


@partial(jax.custom_jvp, nondiff_argnums=(4,))
def _flow(
    matrix: Array, noise: Array, constant: Array, h: ArrayLike, is_noisy: bool
) -> tuple[Array, Array, Array]:
    def of(matrix: Array, noise: Array, constant: Array, h: Array) -> tuple[Array, ...]:
        given = (double(matrix), double(noise), double(constant), double(h))
        change, shift, covariance = exact_flow(*given, jnp, partial(lax.fori_loop, 0))
        root = covariance_root(covariance) if is_noisy else given[1]
        return tuple(lax.convert_element_type(x, matrix.dtype) for x in (change, shift, root))

    with jax.enable_x64(True):
        return _batched_in_double(of)(matrix, noise, constant, jnp.asarray(h))


def _batched_in_double(of: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which `jax.vmap` batches in double precision too, however often.

    JAX batches a product of matrices where `vmap` is called, and rounds it to single precision if
    the user's program has that.
    """
    batching = custom_vmap(of)

    @batching.def_vmap
    def rule(size: int, is_batched: Any, *given: Any) -> Any:
        axes = tuple(0 if one else None for one in is_batched)
        with jax.enable_x64(True):
            found = _batched_in_double(jax.vmap(of, in_axes=axes, axis_size=size))(*given)
        return found, jax.tree.map(lambda _: True, found)

    return batching


@_flow.defjvp
def _moved_flow(is_noisy: bool, primals: Any, tangents: Any) -> tuple[Any, Any]:
    dtype = primals[0].dtype

    def of(matrix: Array, noise: Array, constant: Array, h: Array) -> tuple[Array, ...]:
        # How many doublings is no matter of the derivative.
        count = doublings(lax.stop_gradient(matrix), lax.stop_gradient(h), jnp)
        change, shift, covariance = exact_flow(matrix, noise, constant, h, jnp, _counted, count)
        root = covariance_root(covariance) if is_noisy else noise
        return tuple(jnp.where(count > MOST_DOUBLINGS, jnp.nan, x) for x in (change, shift, root))

    with jax.enable_x64(dtype == np.float64):
        point, along = (
            [lax.convert_element_type(x, dtype) for x in given] for given in (primals, tangents)
        )
        moved = jax.jvp(of, point, along)[1]
    return _flow(*primals, is_noisy), moved


def _counted(count: Any, body: Any, carried: Any) -> Any:
    """`lax.fori_loop` from 0 on, in a loop of known length, through which reverse mode can go."""
    if isinstance(count, int):
        return lax.fori_loop(0, count, body, carried)

    def turn(carried: Any, index: Array) -> tuple[Any, None]:
        return lax.cond(index < count, partial(body, index), lambda same: same, carried), None

    return lax.scan(turn, carried, jnp.arange(MOST_DOUBLINGS))[0]
