r"""States with weights that stand for exp(-H), however it looks: importance sampling.

$$\int f\,e^{-H} \propto \mathbb E_q[w f],\qquad w = e^{-H}/q,$$ with q a multivariate t law whose
centre and spread are fitted to exp(-H) in a few rounds. Sums of w f need no normalization, so that
what is zero under exp(-H) is zero on average here, exactly. Not for laws in many dimensions.

Source: Cappe, Guillin, Marin, Robert (2004), population Monte Carlo [recalled].
Checked by: tests/auditing/test_audit_kernel.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

#: Degrees of freedom of the t law: tails that are heavier than those of most targets.
_FREEDOM = 5
_ROUNDS, _FITTED = 8, 10_000
#: The fitted spread is made this much wider.
_WIDER = 1.2

Energy = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class WeightedStates:
    """States that stand for a law.

    Attributes:
        states: Shape (N, d).
        standard: The states in units of the fitted spread, shape (N, d).
        energies: H, up to a constant, shape (N,).
        weights: Shape (N,), of mean 1.
        centre: Of the fitted law, shape (d,).
        root: Its spread, a lower triangular matrix, shape (d, d).
    """

    states: np.ndarray
    standard: np.ndarray
    energies: np.ndarray
    weights: np.ndarray
    centre: np.ndarray
    root: np.ndarray

    @property
    def share(self) -> float:
        """The number of equal weights that would be as good, as a share of N."""
        return float(self.weights.mean() ** 2 / (self.weights**2).mean())

    def first(self, count: int) -> WeightedStates:
        """The first of the states, independent of each other as all are."""
        return replace(
            self,
            states=self.states[:count],
            standard=self.standard[:count],
            energies=self.energies[:count],
            weights=self.weights[:count],
        )

    def standardized(self, states: np.ndarray) -> np.ndarray:
        """Other states in the same units."""
        return np.linalg.solve(self.root, (states - self.centre).T).T


def weighted_states(energy: Energy, dimension: int, count: int, seed: int) -> WeightedStates:
    """States of the law exp(-H) with their weights.

    Args:
        energy: (N, d) -> (N,); infinite where there is no density.
        dimension: d.
        count: N.
        seed: Of the states.
    """
    rng = np.random.default_rng(seed)
    centre, root = np.zeros(dimension), 2 * np.eye(dimension)
    for _ in range(_ROUNDS):
        found = _drawn(energy, centre, root, _FITTED, rng)
        # Few states with all the weight would shrink the law to a point at first.
        weights = np.minimum(found.weights, 20 * np.median(found.weights) + 1e-300)
        weights = weights / weights.sum()
        centre = weights @ found.states
        away = found.states - centre
        spread = (weights[:, None] * away).T @ away
        floor = 1e-6 * np.trace(spread) / dimension
        root = _WIDER * np.linalg.cholesky(spread + floor * np.eye(dimension))
    return _drawn(energy, centre, root, count, rng)


def _drawn(
    energy: Energy, centre: np.ndarray, root: np.ndarray, count: int, rng: np.random.Generator
) -> WeightedStates:
    d = len(centre)
    normals = rng.standard_normal((count, d))
    standard = normals / np.sqrt(rng.chisquare(_FREEDOM, (count, 1)) / _FREEDOM)
    # The states are single numbers in a run, and what is weighted is what runs.
    states = (centre + standard @ root.T).astype(np.float32)
    standard = np.linalg.solve(root, (states - centre).T).T
    energies = np.asarray(energy(states), dtype=float)
    square = (standard**2).sum(axis=1)
    log_weights = (_FREEDOM + d) / 2 * np.log1p(square / _FREEDOM) - energies
    log_weights = np.where(np.isfinite(log_weights), log_weights, -np.inf)
    highest = log_weights.max()
    weights = np.exp(log_weights - (highest if np.isfinite(highest) else 0.0))
    return WeightedStates(
        states, standard, energies, weights / max(weights.mean(), 1e-300), centre, root
    )
