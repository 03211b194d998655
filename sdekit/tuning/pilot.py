r"""Step, trajectory and metric of Metropolis chains, from short windows that all chains share.

Theory that is used, in coordinates where the target is nearly N(0, I): a trajectory of length
pi / 2 forgets its start; leapfrog errors of the energy are normal with a deviation proportional to
h^2 and a mean of half its square, so that

$$\text{acceptance} = 2\,\Phi(-s/2),\qquad s \propto h^2,$$

and a chain that stays with probability r = 1 - acceptance has (1 - r)/(1 + r) effective draws of
each; the number of leapfrog steps with the least cost follows from one measured acceptance.

Source: Neal (2011), sections 4 and 5.2; Beskos et al. (2013) for the law of the error.
Checked by: tests/tuning/test_pilot.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdekit.diagnostics.draw_statistics import split_rhat
from sdekit.tuning.ensembles import BLOCK, JITTER, ChainEnsemble, Draws, States
from sdekit.tuning.landscape import LOOKS, Landscape, Surveyor, inverse_root
from sdekit.tuning.preconditioning import whitened

#: Whitened length of a trajectory, a little below pi / 2 for directions that are wider.
LENGTH = 1.45
#: Blocks of the windows; the last two are repeated in length while chains disagree.
WINDOWS = (2, 3, 4, 8, 16)
#: R-hat of a window below which its draws may be believed to come from one law.
AGREE = 1.1
#: Share of the budget for the windows; the rest is for the step and length that are settled last.
WINDOWED = 0.7
MOST_LEAPS = 128
#: Stability of leapfrog is h^2 lambda < 4, and steps vary by JITTER.
STABLE = 3.2 / (1 + JITTER) ** 2


@dataclass
class Pilot:
    """What the windows found.

    Attributes:
        ensemble: The chains.
        states: Their states at the end.
        factor: L.
        step_size: h of the leapfrog.
        leaps: Leapfrog steps of a trajectory.
        acceptance: Share of accepted trajectories in the last window.
        draws: Those of the last window.
        r_hat: The largest one of the coordinates and the energy in that window.
        stiffness: Largest curvature L^T H L at some of its draws, (m,).
        steps: Draws of each chain that were spent.
    """

    ensemble: ChainEnsemble
    states: States
    factor: np.ndarray
    step_size: float
    leaps: int
    acceptance: float
    draws: Draws
    r_hat: float
    stiffness: np.ndarray
    steps: int

    @property
    def cost(self) -> float:
        """Gradients per effective draw that theory expects of the chosen trajectories."""
        return cost_of(self.leaps, self.acceptance)


def cost_of(leaps: int, acceptance: float) -> float:
    """Gradients per effective draw, in coordinates where the target is nearly N(0, I)."""
    stay = 1 - acceptance
    return leaps * (1 + stay) / max(1 - stay, 1e-9)


def error_of(acceptance: float) -> float:
    """The deviation s of energy errors that gives this acceptance 2 Phi(-s / 2)."""
    from scipy.special import ndtri

    return float(-2 * ndtri(np.clip(acceptance, 1e-6, 1 - 1e-4) / 2))


def acceptance_of(error: float) -> float:
    """2 Phi(-s / 2)."""
    from scipy.special import ndtr

    return float(2 * ndtr(-error / 2))


def best_leaps(step_size: float, acceptance: float, most: float) -> int:
    """The number of leapfrog steps whose trajectories cost least.

    Args:
        step_size: At which the acceptance was measured.
        acceptance: Share of accepted trajectories.
        most: The longest step that is stable where the chains are.

    Example:
        >>> best_leaps(0.7, 0.9, 1.8)
        2
    """
    s = error_of(acceptance) / step_size**2
    numbers = [n for n in range(2, MOST_LEAPS + 1) if n == MOST_LEAPS or most * n >= LENGTH]
    return min(numbers, key=lambda n: cost_of(n, acceptance_of(s * (LENGTH / n) ** 2)))


def run_pilot(
    surveyor: Surveyor, landscape: Landscape, ensemble: ChainEnsemble, budget: float
) -> Pilot:
    """Windows from dispersed starts until the chains agree, or the budget of gradients is spent."""
    d = ensemble.target.size
    states = ensemble.states(landscape.starts)
    found = Pilot(
        ensemble, states, landscape.factor, 0.8 * d**-0.25, 2, 0.0, _none(ensemble), np.inf,
        np.zeros(0), 0,
    )  # fmt: skip
    for number, blocks in enumerate(WINDOWS):
        _window(found, blocks, WINDOWED * budget - surveyor.gradients)
        found.r_hat = worst_r_hat(found.draws)
        before = likeliest(found.draws, [found.factor, *_fresh(surveyor, found)])
        metric = new_metric(found.draws, before)
        if metric is not None:
            found.factor = metric
        agrees = found.r_hat < AGREE and found.acceptance > 0.5
        spent = ensemble.gradients + surveyor.gradients > WINDOWED * budget
        if (number >= 1 and agrees) or spent:
            break
    points = found.draws.theta.reshape(-1, d)
    some = points[np.linspace(0, len(points) - 1, LOOKS).astype(int)]
    found.stiffness = surveyor.stiffness(some, found.factor)
    _settle(found, budget - surveyor.gradients)
    return found


def _none(ensemble: ChainEnsemble) -> Draws:
    return Draws(np.zeros((ensemble.chains, 0, ensemble.target.size)), np.zeros((0, 0)), None)


def _window(found: Pilot, blocks: int, budget: float) -> None:
    """Some blocks with one metric; the step follows the acceptance."""
    kept: Draws | None = None
    for block in range(blocks):
        found.leaps = int(np.clip(np.ceil(LENGTH / found.step_size), 2, MOST_LEAPS))
        draws = _advance(found, BLOCK)
        # The first third of a window still knows what the metric was before.
        is_last = found.ensemble.gradients > budget or block == blocks - 1
        if block >= blocks // 3 or is_last:
            kept = draws if kept is None else kept.then(draws)
        rate = 1.5 if found.steps <= 4 * BLOCK else 0.6
        found.step_size *= float(np.exp(rate * (found.acceptance - 0.8)))
        found.step_size = min(found.step_size, LENGTH / 2)
        if is_last:
            break
    assert kept is not None
    found.draws = kept


def _advance(found: Pilot, draws: int) -> Draws:
    found.states, made = found.ensemble.trajectories(
        found.states, found.factor, found.step_size, found.leaps, draws
    )
    assert made.accepted is not None
    found.acceptance = made.accepted
    found.steps += draws
    return made


def _settle(found: Pilot, budget: float) -> None:
    """The step and length with the least cost, checked by a block of their own."""
    price = 3 * BLOCK * found.leaps * found.ensemble.chains
    if found.ensemble.gradients + price > budget:
        return
    most = float(np.sqrt(STABLE / max(found.stiffness.max(), 1e-12)))
    made = _advance(found, BLOCK)
    assert made.accepted is not None
    found.leaps = best_leaps(found.step_size, made.accepted, most)
    for _ in range(6):
        found.step_size = LENGTH / found.leaps
        found.draws = found.draws.then(_advance(found, 2 * BLOCK))
        is_spent = found.ensemble.gradients > budget
        if found.acceptance > 0.65 or found.leaps >= MOST_LEAPS or is_spent:
            return
        found.leaps = min(MOST_LEAPS, found.leaps + max(1, found.leaps // 2))


def worst_r_hat(draws: Draws) -> float:
    """The largest split R-hat of the coordinates and the energy; infinite where one never moves."""
    values = np.concatenate([draws.theta, draws.energy[..., None]], 2)
    if not np.isfinite(values).all() or (values.std(1) == 0).any():
        return np.inf
    return float(np.max(split_rhat(values)))


def _fresh(surveyor: Surveyor, found: Pilot) -> list[np.ndarray]:
    """The metric of the Hessian at the mean of the draws, where there is one."""
    mean = found.draws.theta.reshape(-1, found.draws.theta.shape[2]).mean(0)
    if found.factor.ndim == 1 or not np.isfinite(mean).all():
        return []
    root = inverse_root(surveyor.hessian(mean))
    return [] if root is None else [root]


def likeliest(draws: Draws, factors: Sequence[np.ndarray]) -> np.ndarray:
    """L among these for which N(mean of the draws, s L L^T), at its best s, fits the draws best.

    A metric that early windows made too wide would be forgotten slowly in many dimensions.
    """
    flat = draws.theta.reshape(-1, draws.theta.shape[2])
    if len(factors) == 1 or not np.isfinite(flat).all():
        return factors[0]

    def misfit(factor: np.ndarray) -> float:
        size = max((whitened(factor, flat - flat.mean(0)) ** 2).mean(), 1e-300)
        return float(2 * np.log(np.abs(np.diagonal(factor))).sum() + len(factor) * np.log(size))

    return min(factors, key=misfit)


def new_metric(draws: Draws, before: np.ndarray) -> np.ndarray | None:
    """L from the covariance of the draws, drawn towards the metric before; None if it has none.

    A window of n draws of a chain counts as n / 3 independent ones per chain; the metric before,
    brought to the size of the draws, as d + 5 of them.
    """
    chains, count, d = draws.theta.shape
    flat = draws.theta.reshape(-1, d)
    if not np.isfinite(flat).all():
        return None
    known, prior = chains * count / 3, d + 5.0
    # Of most directions, the median: one in which chains still drift is not to widen all others.
    size = float(np.median((whitened(before, flat - flat.mean(0)) ** 2).mean(0)))
    if before.ndim == 1:
        variance = (known * flat.var(0) + prior * size * before**2) / (known + prior)
        return np.sqrt(variance)
    covariance = np.cov(flat.T).reshape(d, d)
    pooled = (known * covariance + prior * size * before @ before.T) / (known + prior)
    try:
        return np.linalg.cholesky(pooled)
    except np.linalg.LinAlgError:
        return None
