"""Distances between draws and a law: kernel Stein discrepancy, density error, Wasserstein-1.

Not for the quality of a chain as such (`diagnostics.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.errors import DataError


def kernel_stein_discrepancy(
    draws: Any, potential: Callable[[Any], Any], scale: float = 1.0, rows: int = 256
) -> float:
    r"""Kernel Stein discrepancy to exp(-U) with the inverse multiquadric kernel.

    $$\mathrm{KSD}^2 = \frac1{N^2}\sum_{x,y}
      s_x\!\cdot\! s_y\,k + (s_y-s_x)\!\cdot\!(x-y)\,2\beta q^{\beta-1}
      - 2\beta d\,q^{\beta-1} - 4\beta(\beta-1) r^2 q^{\beta-2},$$

    $s=-\nabla U$, $q = c^2+r^2$, $r=|x-y|$, $k=q^\beta$, $\beta=-1/2$. Needs no normalizing
    constant and no exact draws; zero in the limit only for draws of the target, if that has
    Gaussian-like or lighter tails.

    Args:
        draws: Shape (draw, *event), chains put behind each other; cost is quadratic in the draws.
        potential: U, a JAX function of one event.
        scale: c.
        rows: How many rows of the kernel matrix are held at once.

    Raises:
        DataError: If the draws are not finite, or the gradient is not finite on them.

    Source: Gorham and Mackey (2017), section 3, arXiv:1703.01717.
    Checked by: tests/diagnostics/test_discrepancy.py.
    """
    values = np.asarray(draws, np.float64)
    if values.ndim == 0 or len(values) == 0 or not np.isfinite(values).all():
        raise DataError(
            "draws are finite numbers of shape (draw, ...)",
            found=values.shape,
            fix="drop the diverged part of the run",
        )
    scores = -np.asarray(jax.jit(jax.vmap(jax.grad(potential)))(jnp.asarray(values)), np.float64)
    if not np.isfinite(scores).all():
        raise DataError(
            "the gradient of U is not finite on the draws",
            found=f"{int((~np.isfinite(scores)).sum())} numbers",
            fix="check the domain of U",
        )
    x = values.reshape(len(values), -1)
    s = scores.reshape(len(values), -1)
    total = 0.0
    for first in range(0, len(x), rows):
        piece = slice(first, first + rows)
        total += float(_stein_kernel(x[piece], s[piece], x, s, scale).sum())
    return float(np.sqrt(max(total, 0.0)) / len(x))


def _stein_kernel(
    x: np.ndarray, s: np.ndarray, y: np.ndarray, t: np.ndarray, scale: float
) -> np.ndarray:
    """The Stein kernel of points x, y with scores s, t; shape (len(x), len(y))."""
    dimension, power = x.shape[1], -0.5
    squares = np.maximum((x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T, 0.0)
    q = scale**2 + squares
    # (t - s) . (x - y), written out so that no (rows, draws, d) array is made.
    crossed = x @ t.T - (y * t).sum(1)[None] - (s * x).sum(1)[:, None] + s @ y.T
    return (
        s @ t.T * q**power
        + crossed * 2 * power * q ** (power - 1)
        - 2 * power * dimension * q ** (power - 1)
        - 4 * power * (power - 1) * squares * q ** (power - 2)
    )


def density_rmse(
    draws: Any, density: Callable[[np.ndarray], Any], lower: float, upper: float, bins: int = 100
) -> float:
    r"""Root mean square error of the histogram against the exact density.

    $$\Big(\frac1B\sum_b\Big(\frac{n_b}{N\,w} - \frac1w\int_b\rho\Big)^2\Big)^{1/2}$$

    Args:
        draws: Any shape; all draws of one scalar.
        density: The exact normalized density, vectorized.
        lower: Left end of the bins; draws outside still count in N.
        upper: Right end.
        bins: B.

    Returns:
        Unit 1/x. For N independent draws about sqrt(mean density / (N w)), not zero.

    Raises:
        DataError: For an empty interval or no draws.

    Checked by: tests/diagnostics/test_discrepancy.py.
    """
    values = _scalars(draws)
    edges = _edges(lower, upper, bins)
    width = edges[1] - edges[0]
    counts, _ = np.histogram(values, edges)
    middle = (edges[1:] + edges[:-1]) / 2
    # Simpson's rule in each bin: the histogram estimates bin averages, not values at the middle.
    exact = (
        np.asarray(density(edges[:-1]))
        + 4 * np.asarray(density(middle))
        + np.asarray(density(edges[1:]))
    ) / 6
    return float(np.sqrt(np.mean((counts / (len(values) * width) - exact) ** 2)))


def wasserstein_1(draws: Any, reference: Any) -> float:
    r"""$\int|F_n-G_m|\,dx$ between two sets of draws of one scalar; unit of x.

    Args:
        draws, reference: Of any shape; they are flattened.

    Raises:
        DataError: If one of them is empty or not finite.

    Checked by: tests/diagnostics/test_discrepancy.py.
    """
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(_scalars(draws), _scalars(reference)))


def wasserstein_1_to_density(
    draws: Any,
    density: Callable[[np.ndarray], Any],
    lower: float,
    upper: float,
    points: int = 20_001,
) -> float:
    r"""$\int|F_n-F|\,dx$ between draws of one scalar and a law given by its density.

    Args:
        draws: Any shape.
        density: The exact density, vectorized; need not be normalized.
        lower: Where the density starts to matter; draws below count with their distance.
        upper: Where it ends.
        points: Grid of the distribution function; the error is of order ((upper-lower)/points)^2.

    Returns:
        Distance in the unit of x.

    Raises:
        DataError: For an empty interval or no draws.

    Checked by: tests/diagnostics/test_discrepancy.py.
    """
    values = np.sort(_scalars(draws))
    grid = _edges(lower, upper, points - 1)
    weights = np.asarray(density(grid), np.float64)
    cumulative = np.concatenate([[0.0], np.cumsum((weights[1:] + weights[:-1]) / 2)])
    exact = cumulative / cumulative[-1]
    empirical = np.searchsorted(values, (grid[1:] + grid[:-1]) / 2, side="right") / len(values)
    inside = np.sum(np.abs(empirical - (exact[1:] + exact[:-1]) / 2)) * (grid[1] - grid[0])
    outside = np.sum(np.maximum(lower - values, 0) + np.maximum(values - upper, 0)) / len(values)
    return float(inside + outside)


def _scalars(draws: Any) -> np.ndarray:
    values = np.asarray(draws, np.float64).ravel()
    if len(values) == 0 or not np.isfinite(values).all():
        raise DataError(
            "a distance needs finite draws",
            found=f"{len(values)} draws",
            fix="drop the diverged part of the run",
        )
    return values


def _edges(lower: float, upper: float, bins: int) -> np.ndarray:
    if not lower < upper or bins < 1:
        raise DataError(
            "the interval of the density is empty",
            found=f"{lower} to {upper}",
            expected="lower < upper and at least one bin",
            fix="swap the ends",
        )
    return np.linspace(lower, upper, bins + 1)
