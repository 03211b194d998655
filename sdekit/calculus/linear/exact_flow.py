r"""Exact flow of a linear SDE, and a root of its covariance: one algorithm for NumPy and JAX.

For $dz = (Mz + f)\,dt + N(0, 2D\,dt)$ over a time h: $z \leftarrow z + Fz + g + N(0, \Sigma)$ with

$$F = e^{Mh} - 1,\qquad g = \int_0^h e^{Ms}f\,ds,\qquad
  \Sigma = \int_0^h e^{Ms}\,2D\,e^{M^\top s}ds.$$

Power series over a time $h/2^k$ so short that they converge at once, then k doublings. Nothing
that grows where the flow decays is ever computed, unlike in Van Loan's block exponential, whose
$e^{-Mh}$ loses $\varepsilon e^{h\|M\|}$; and F instead of $e^{Mh}$ keeps slow directions beside
fast ones.

Not for stationary laws (`linear_law`) nor for drawing (`sdekit.simulation`).

Checked by: tests/calculus/linear/test_exact_flow.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: Frobenius norm of M h / 2^k for which the series are summed.
SHORT = 0.5
#: Terms of the series: with the norm above the first one left out is below 1/20! of the sum.
TERMS = 18

Repeat = Callable[[Any, Callable[[Any, Any], Any], Any], Any]


def _repeat(count: Any, body: Callable[[Any, Any], Any], carried: Any) -> Any:
    for index in range(int(count)):
        carried = body(index, carried)
    return carried


def doublings(matrix: Any, h: Any, xp: Any = np) -> Any:
    """How often a short flow is doubled to reach h, a whole number; 0 where nothing is finite."""
    norm = h * xp.sqrt(xp.sum(matrix * matrix))
    count = xp.ceil(xp.log2(xp.maximum(norm, SHORT) / SHORT))
    return xp.where(xp.isfinite(count), count, 0.0)


def exact_flow(
    matrix: Any,
    diffusion: Any,
    force: Any,
    h: Any,
    xp: Any = np,
    repeat: Repeat = _repeat,
    count: Any = None,
) -> tuple[Any, Any, Any]:
    r"""F, g and Sigma of one step.

    Args:
        matrix: M, (d, d), double precision.
        diffusion: D, (d, d), symmetric, may be singular.
        force: f, (d,).
        h: Time, positive.
        xp: The array module: `numpy` or `jax.numpy`.
        repeat: (count, (index, carried) -> carried, carried) -> carried; `lax.fori_loop` from 0 on
            for JAX.
        count: From `doublings`, which is asked when this is left out.

    Returns:
        (F, g, Sigma), shapes (d, d), (d,), (d, d). Not finite where $e^{Mh}$ overflows.

    Source: the doubling is the semigroup property of the flow; MATH I.7.
    Checked by: tests/calculus/linear/test_exact_flow.py.
    """
    count = doublings(matrix, h, xp) if count is None else count
    short = h * xp.exp2(-count)
    scaled = matrix * short

    def next_term(index: Any, carried: Any) -> Any:
        mean, mean_term, spread, spread_term = carried
        mean_term = scaled @ mean_term / (index + 2.0)
        half = scaled @ spread_term / (index + 2.0)
        spread_term = half + half.T
        return mean + mean_term, mean_term, spread + spread_term, spread_term

    def doubled(_: Any, carried: Any) -> Any:
        change, shift, covariance = carried
        moved = covariance + change @ covariance
        return (
            2.0 * change + change @ change,
            2.0 * shift + change @ shift,
            covariance + moved + moved @ change.T,
        )

    identity, noise = xp.eye(len(matrix), dtype=matrix.dtype), 2.0 * short * diffusion
    mean, _, spread, _ = repeat(TERMS, next_term, (identity, identity, noise, noise))
    start = (scaled @ mean, short * (mean @ force), spread)
    change, shift, covariance = repeat(count.astype(int), doubled, start)
    return change, shift, (covariance + covariance.T) / 2.0


def scaled_spectrum(covariance: Any, xp: Any = np) -> tuple[Any, Any]:
    r"""Eigenvalues w of a covariance at unit diagonal and R with $S = R\,\mathrm{diag}(w)R^\top$.

    In an underdamped step of size h the variance of the position is h^2 times that of the momentum,
    and must not count as rounding beside it.

    Returns:
        (w, R), shapes (d,) and (d, d); NaN where a variance is negative.
    """
    scale = xp.sqrt(xp.diagonal(covariance))
    safe = xp.where(scale > 0, scale, 1.0)
    values, vectors = xp.linalg.eigh(covariance / (safe[:, None] * safe))
    return values, scale[:, None] * vectors
