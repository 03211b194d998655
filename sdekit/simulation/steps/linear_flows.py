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
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from sdekit.calculus.linear.exact_flow import exact_flow, scaled_spectrum
from sdekit.simulation.bind.double import double

#: |y| below which g is summed as a series.
_SERIES_RADIUS = 0.125
#: Terms of the series: the first one left out is below half a unit in the last place.
_SERIES_TERMS = {np.dtype(np.float32): 5, np.dtype(np.float64): 10}
#: Eigenvalues of a covariance above this multiple of -max|eigenvalue| count as zero, at unit
#: diagonal.
_ROUNDING = {np.dtype(np.float32): 1e-4, np.dtype(np.float64): 1e-9}


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
    """S with S S^T equal to a symmetric positive semidefinite matrix, singular ones included.

    A matrix with a negative eigenvalue gives NaN, which stops the run: its noise does not exist.
    """
    values, vectors = scaled_spectrum((covariance + covariance.T) / 2.0, jnp)
    floor = -_ROUNDING[np.dtype(covariance.dtype)] * jnp.max(jnp.abs(values))
    return vectors * jnp.where(values < floor, jnp.nan, jnp.sqrt(jnp.maximum(values, 0.0)))


def linear_flow(
    matrix: Array, diffusion: Array | None, force: Array | None, h: ArrayLike
) -> tuple[Array, Array, Array]:
    r"""Exact flow of dz = (M z + f) dt + N(0, 2 D dt): z <- z + F z + g + S zeta.

    In double precision whatever the precision of the run: squaring multiplies the rounding of slow
    directions by h |M|.

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
        noise = jnp.zeros((d, d)) if diffusion is None else double(diffusion)
        constant = jnp.zeros(d) if force is None else double(force)
        change, shift, covariance = exact_flow(
            double(matrix), noise, constant, double(h), jnp, partial(lax.fori_loop, 0)
        )
        root = noise if diffusion is None else covariance_root(covariance)
        found = (change, shift, root)
        return tuple(lax.convert_element_type(x, dtype) for x in found)  # type: ignore[return-value]
