r"""Numerics of exact linear flows: Ornstein-Uhlenbeck, Van Loan, rotations, roots of covariances.

Plain functions of arrays; no chains, no expressions. Not for which parts of a dynamics have such
flows (`sdekit.schemes`) nor for reading their coefficients (`stages`).

Notation: h step, xi friction, D diffusion (noise N(0, 2 D dt)), y = xi h,
g(y) = (1 - e^{-y}) / y.

Checked by: tests/simulation/steps/test_linear_flows.py.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

#: |y| below which g is summed as a series.
_SERIES_RADIUS = 0.125
#: Terms of the series: the first one left out is below half a unit in the last place.
_SERIES_TERMS = {np.dtype(np.float32): 5, np.dtype(np.float64): 10}
#: Terms of the exponential of a matrix of norm 1 at most, of which the same holds.
_EXPONENTIAL_TERMS = {np.dtype(np.float32): 10, np.dtype(np.float64): 18}
#: Most squarings of the exponential of a matrix; a larger one gives NaN.
_MOST_SQUARINGS = 18
#: Eigenvalues of a covariance above this multiple of -max|eigenvalue| count as zero.
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
    values, vectors = jnp.linalg.eigh((covariance + covariance.T) / 2.0)
    floor = -_ROUNDING[np.dtype(covariance.dtype)] * jnp.max(jnp.abs(values))
    roots = jnp.where(values < floor, jnp.nan, jnp.sqrt(jnp.maximum(values, 0.0)))
    return vectors * roots


def matrix_exponential(matrix: Array) -> Array:
    r"""$e^A = (e^{A/2^s})^{2^s}$ with a power series for $A/2^s$.

    Two loops of one product each: `jax.scipy.linalg.expm` chooses among five rational forms and
    solves a linear system, which took most of the time to compile a dynamics that needs it, and
    under `vmap` every chain computed all five.

    Args:
        matrix: A, (d, d).

    Returns:
        e^A; NaN if |A| (largest column sum) is above 2^18 or not finite.

    Checked by: tests/simulation/steps/test_linear_flows.py.
    """
    d = matrix.shape[0]
    identity = jnp.eye(d, dtype=matrix.dtype)
    norm = jnp.max(jnp.sum(jnp.abs(matrix), axis=0))
    doublings = jnp.ceil(jnp.log2(jnp.maximum(norm, 1.0)))
    squarings = jnp.minimum(doublings, _MOST_SQUARINGS)
    scaled = matrix * jnp.exp2(-squarings)

    def horner(index: Array, total: Array) -> Array:
        order = (terms - index).astype(matrix.dtype)
        return identity + jnp.matmul(scaled, total, precision="highest") / order

    def squared(_: Array, power: Array) -> Array:
        return jnp.matmul(power, power, precision="highest")

    terms = _EXPONENTIAL_TERMS[np.dtype(matrix.dtype)]
    small = lax.fori_loop(0, terms, horner, identity)
    whole = lax.fori_loop(0, squarings.astype(jnp.int32), squared, small)
    return jnp.where(doublings <= _MOST_SQUARINGS, whole, jnp.nan)


def van_loan(
    matrix: Array, diffusion: Array, force: Array | None, h: ArrayLike
) -> tuple[Array, ...]:
    r"""Exact flow of dz = (M z + f) dt + N(0, 2 D dt) over time h.

    $$z \leftarrow e^{Mh}z + \Big(\int_0^h e^{Ms}ds\Big)f + \Sigma_h^{1/2}\zeta,\qquad
      \exp\Big(h\begin{pmatrix}-M&2D\\0&M^\top\end{pmatrix}\Big)
      =\begin{pmatrix}\cdot&B\\0&e^{M^\top h}\end{pmatrix},\quad \Sigma_h=e^{Mh}B$$

    Args:
        matrix: M, (d, d).
        diffusion: D, (d, d), symmetric, may be singular.
        force: f, (d,); None for zero.
        h: Time.

    Returns:
        (propagator (d, d), shift (d,), root of the covariance (d, d)).

    Source: Van Loan 1978, doi:10.1109/TAC.1978.1101743.
    Checked by: tests/simulation/steps/test_linear_flows.py.
    """
    d = matrix.shape[0]
    zero = jnp.zeros_like(matrix)
    block = jnp.block([[-matrix, 2.0 * diffusion], [zero, matrix.T]])
    exponential = matrix_exponential(jnp.asarray(h) * block)
    propagator = exponential[d:, d:].T
    covariance = propagator @ exponential[:d, d:]
    root = covariance_root(covariance)
    if force is None:
        return propagator, jnp.zeros(d, matrix.dtype), root
    extended = jnp.zeros((d + 1, d + 1), matrix.dtype).at[:d, :d].set(matrix).at[:d, d].set(force)
    return propagator, matrix_exponential(jnp.asarray(h) * extended)[:d, d], root


def rotation(matrix: Array, h: ArrayLike) -> Array:
    """exp(h J) for an antisymmetric matrix J."""
    return matrix_exponential(jnp.asarray(h) * matrix)
