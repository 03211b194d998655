r"""Stochastic gradient Langevin dynamics: the transition to sampling, identities.

$$\theta^+ = \theta + \frac{\varepsilon}{2}\Big[\nabla\log p(\theta) +
  \frac Nn\sum\nabla\log p(x_i\mid\theta)\Big] + N(0, \varepsilon)$$

is Euler-Maruyama with h = eps/2 of $d\theta = -\nabla U\,dt + N(0, 2\,dt)$. Analysis of the
method only; sampling is `sdekit.simulation`, steps that fall and their averages are `sk.schedules`.

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
