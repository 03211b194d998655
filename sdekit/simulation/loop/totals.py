"""Batches of draws in double precision: sums of a fixed size that join in any grouping, and the
means and standard errors that come of them.

Not for what is added up within a batch (`observables`).

Notation: batch b of one chain has the weight w_b, the mean m_b and the variance v_b.
Checked by: tests/simulation/loop/test_observables.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Totals(NamedTuple):
    r"""Complete batches of one observable, each array (*shape) in double precision.

    Args:
        batches: Number of batches with a draw, shape ().
        weight: $W = \sum_b w_b$.
        mean: $M = \sum_b w_b m_b / W$.
        second: $\sum_b w_b (v_b + (m_b - M)^2)$.
        squares: $\sum_b w_b^2$.
        gaps: $\sum_b w_b^2 (m_b - M)$.
        spread: $\sum_b w_b^2 (m_b - M)^2$; of a ratio the products of the gaps of both parts,
            (2, 2, *shape).
    """

    batches: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    second: np.ndarray
    squares: np.ndarray
    gaps: np.ndarray
    spread: np.ndarray


@dataclass
class Moments:
    """What an observable came to, over all chains.

    Args:
        mean: Weighted mean (or ratio of means).
        variance: Weighted variance of the values; None for a ratio.
        standard_error: Of the mean, from the spread of the batches; NaN for fewer than four.
        batches: Number of batches: stretches of draws times chains.
        weight: Sum of weights over all chains; in a run each draw weighs its step size.
        totals: What these come from, and what moments of several runs are joined from.
    """

    mean: np.ndarray
    variance: np.ndarray | None
    standard_error: np.ndarray
    batches: int
    weight: float
    totals: Totals = field(repr=False)


def no_batches(shape: tuple[int, ...], is_ratio: bool) -> Totals:
    """Totals of an observable of this shape before its first batch."""
    zero = np.zeros(shape)
    spread = np.zeros((2, *shape)) if is_ratio else zero
    return Totals(np.zeros((), np.int64), zero, zero, zero, zero, zero, spread)


def quotient(above: Any, below: Any) -> np.ndarray:
    """A quotient that is zero where nothing was added up."""
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) != 0)


def _products(gaps: np.ndarray, others: np.ndarray, is_ratio: bool) -> np.ndarray:
    """Entry by entry; for a ratio of each part with each, (..., 2, 2, *shape)."""
    return gaps[:, :, None] * others[:, None] if is_ratio else gaps * others


def of_batch(weights: np.ndarray, means: np.ndarray, seconds: np.ndarray, is_ratio: bool) -> Totals:
    """One batch of every chain; each array (chain, *shape), `seconds` being w v."""
    whole = weights.sum(0)
    mean = quotient((weights * means).sum(0), whole)
    gaps = means - mean
    return Totals(
        np.asarray(np.count_nonzero(weights.reshape(len(weights), -1).any(1))),
        whole,
        mean,
        (seconds + weights * gaps**2).sum(0),
        (weights**2).sum(0),
        (weights**2 * gaps).sum(0),
        _products(weights * gaps, weights * gaps, is_ratio).sum(0),
    )


def joined(one: Totals, other: Totals) -> Totals:
    """All batches of both."""
    whole = one.weight + other.weight
    mean = one.mean + (other.mean - one.mean) * quotient(other.weight, whole)
    parts = [_moved(own, own.mean - mean) for own in (one, other)]
    second, squares, gaps, spread = (a + b for a, b in zip(*parts, strict=True))
    return Totals(one.batches + other.batches, whole, mean, second, squares, gaps, spread)


def _moved(own: Totals, gap: np.ndarray) -> tuple[np.ndarray, ...]:
    """The sums about another mean that lies `gap` below the own one."""
    is_ratio = own.spread.ndim > own.mean.ndim

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return _products(a[None], b[None], is_ratio)[0]

    spread = own.spread + product(gap, own.gaps) + product(own.gaps, gap)
    return (
        own.second + own.weight * gap**2,
        own.squares,
        own.gaps + own.squares * gap,
        spread + product(own.squares * gap, gap),
    )


def total_moments(own: Totals) -> Moments:
    """Weighted moments over the batches."""
    mean, count = own.mean, int(own.batches)
    value, variance, spread, weight = mean, own.second / own.weight, own.spread, own.weight
    if own.spread.ndim > own.mean.ndim:
        value, variance, weight = mean[0] / mean[1], None, weight[0]
        crossed = own.spread[0, 1] + own.spread[1, 0]
        spread = own.spread[0, 0] - value * crossed + value**2 * own.spread[1, 1]
        spread = spread / mean[1] ** 2
    error = np.full(np.shape(value), np.nan)
    if count >= 4:
        # Parts of a ratio that vary together leave rounding, of either sign.
        error = np.sqrt(np.maximum(spread, 0.0) * count / (count - 1)) / weight
    return Moments(value, variance, error, count, float(weight.flat[0]), own)
