r"""Stochastic gradient Langevin dynamics: schedules, the transition to sampling, identities.

$$\theta^+ = \theta + \frac{\varepsilon}{2}\Big[\nabla\log p(\theta) +
  \frac Nn\sum\nabla\log p(x_i\mid\theta)\Big] + N(0, \varepsilon)$$

is Euler-Maruyama with h = eps/2 of $d\theta = -\nabla U\,dt + N(0, 2\,dt)$. Analysis of the
method only; sampling is `sdekit.simulation`.

Source: Welling and Teh exposition ; its misprints are corrected here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.errors import DataError
from sdekit.theory.arrays import real_array, real_number

#: A gradient or potential of a position of shape (d,).
Gradient = Callable[[np.ndarray], np.ndarray]
Potential = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class PolynomialSchedule:
    """eps_t = a (b + t)^-gamma, t = 0, 1, ..., T.

    Args:
        first: eps_0.
        last: eps_T.
        length: T.
        exponent: gamma.

    Raises:
        DataError: Unless first > last > 0, T >= 1 and gamma > 0.

    Example:
        >>> schedule = PolynomialSchedule(first=0.01, last=0.0001, length=10_000)
        >>> float(schedule(0)), float(schedule(10_000).round(12)), schedule.is_robbins_monro
        (0.01, 0.0001, True)

    Checked by: tests/theory/test_sgld.py.
    """

    first: float
    last: float
    length: int
    exponent: float = 0.55

    def __post_init__(self) -> None:
        if not self.first > self.last > 0 or self.length < 1 or not self.exponent > 0:
            raise DataError(
                "a decreasing schedule needs first > last > 0, length >= 1, exponent > 0",
                found=(self.first, self.last, self.length, self.exponent),
            )

    @property
    def offset(self) -> float:
        """b = T / ((eps_0/eps_T)^(1/gamma) - 1)."""
        return self.length / ((self.first / self.last) ** (1 / self.exponent) - 1)

    @property
    def scale(self) -> float:
        """a = eps_0 b^gamma."""
        return self.first * self.offset**self.exponent

    def __call__(self, step: Any) -> np.ndarray:
        """eps_t at one or many steps."""
        return self.scale * (self.offset + np.asarray(step, dtype=np.float64)) ** -self.exponent

    @property
    def sum_diverges(self) -> bool:
        """Whether the steps reach everywhere: gamma <= 1."""
        return self.exponent <= 1

    @property
    def squares_are_summable(self) -> bool:
        """Whether the injected error is finite: gamma > 1/2."""
        return self.exponent > 0.5

    @property
    def is_robbins_monro(self) -> bool:
        """Both: 1/2 < gamma <= 1."""
        return self.sum_diverges and self.squares_are_summable


def weighted_average(values: Any, steps: Any) -> np.ndarray:
    """sum eps_t f_t / sum eps_t over the first axis of `values`."""
    weights = real_array(steps, "the step sizes", 1)
    samples = np.asarray(values, dtype=np.float64)
    if samples.shape[0] != weights.shape[0]:
        raise DataError(
            "one step size per value", expected=samples.shape[0], found=weights.shape[0]
        )
    return np.tensordot(weights, samples, axes=1) / weights.sum()


def effective_steps(steps: Any) -> float:
    """(sum eps)^2 / sum eps^2: how many equal weights the weighted average is worth."""
    weights = real_array(steps, "the step sizes", 1)
    return float(weights.sum() ** 2 / (weights**2).sum())


def gradient_noise_covariance(scores: Any, batch_size: int, replace: bool = True) -> np.ndarray:
    """V, covariance of the minibatch gradient of U: (N^2/n) V_s, shape (d, d).

    Args:
        scores: s_i = grad log p(x_i|theta) + grad log p(theta)/N for all N data, shape (N, d).
        batch_size: n.
        replace: Without replacement V is (N-n)/(N-1) as large.
    """
    matrix = real_array(scores, "the scores", 2)
    total = matrix.shape[0]
    if not 1 <= batch_size <= total and not (replace and batch_size >= 1):
        raise DataError("the batch size does not fit the data", found=batch_size)
    centred = matrix - matrix.mean(axis=0)
    covariance = total**2 / batch_size * (centred.T @ centred) / total
    return covariance if replace or total == 1 else covariance * (total - batch_size) / (total - 1)


@dataclass(frozen=True)
class Transition:
    """Injected against gradient noise, per step.

    Args:
        injected: eps, variance of the injected noise.
        gradient: (eps/2)^2 lambda_max(V), largest variance of the gradient noise.
    """

    injected: float
    gradient: float

    @property
    def ratio(self) -> float:
        """eps lambda_max(V) / 4; the method samples where it is far below 1."""
        return self.gradient / self.injected

    @property
    def samples(self) -> bool:
        """Whether injected noise dominates tenfold."""
        return self.ratio < 0.1


def transition(step_size: float, gradient_covariance: Any) -> Transition:
    """Where SGLD stands between optimizing and sampling.

    Args:
        step_size: eps > 0.
        gradient_covariance: V, shape (d, d), from `gradient_noise_covariance`.
    """
    step_size = real_number(step_size, "the step size")
    largest = float(np.linalg.eigvalsh(real_array(gradient_covariance, "V", 2))[-1])
    return Transition(step_size, step_size**2 / 4 * largest)


def transition_step(gradient_covariance: Any, ratio: float = 0.1) -> float:
    """The eps below which `Transition.ratio` is below the given one: 4 ratio / lambda_max(V)."""
    return 4 * ratio / float(np.linalg.eigvalsh(real_array(gradient_covariance, "V", 2))[-1])


def leapfrog(
    position: np.ndarray, momentum: np.ndarray, gradient: Gradient, step_size: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """`steps` leapfrog steps of size eps for unit mass."""
    q, p = position, momentum - step_size / 2 * gradient(position)
    for index in range(steps):
        q = q + step_size * p
        last = index == steps - 1
        p = p - (step_size / 2 if last else step_size) * gradient(q)
    return q, p


def euler_maruyama(
    position: np.ndarray, gradient: Gradient, step_size: float, normals: np.ndarray
) -> np.ndarray:
    """q - h grad U + sqrt(2h) z; one leapfrog step of size eps for h = eps^2/2 and z = p."""
    return position - step_size * gradient(position) + np.sqrt(2 * step_size) * normals


def hmc_log_acceptance(
    potential: Potential,
    gradient: Gradient,
    position: np.ndarray,
    momentum: np.ndarray,
    step_size: float,
) -> float:
    """log of the Metropolis ratio of HMC with one leapfrog step: H before minus H after."""
    q, p = leapfrog(position, momentum, gradient, step_size, 1)
    before = potential(position) + float(momentum @ momentum) / 2
    return before - potential(q) - float(p @ p) / 2


def mala_log_acceptance(
    potential: Potential,
    gradient: Gradient,
    position: np.ndarray,
    proposal: np.ndarray,
    step_size: float,
) -> float:
    """log of the Metropolis ratio of MALA with step h; the same number as HMC's at h = eps^2/2."""

    def log_density(to: np.ndarray, start: np.ndarray) -> float:
        gap = to - start + step_size * gradient(start)
        return -float(gap @ gap) / (4 * step_size)

    return (
        potential(position)
        - potential(proposal)
        + log_density(position, proposal)
        - log_density(proposal, position)
    )
