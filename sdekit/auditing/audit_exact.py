r"""Audit of a step that claims to be exact: its law at a finite step, against the linear SDE's.

For dz = (F z + f) dt + N(0, 2 D dt) one step of size h has mean A z + b and covariance S in closed
form (`linear`). Sample means and covariances at one finite h are compared entry by entry; an error
of third order in h, invisible to a small-step regression, shows here. Not for nonlinear drifts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.auditing.audit_checks import AtStates, Declared
from sdekit.calculus.linear.linear_law import LinearSDE
from sdekit.errors import SimulationError

#: A drift is linear if it differs by less than this share from its linearization at one state.
_LINEAR = 1e-5


def linear_sde(declared: Declared, expected: AtStates) -> LinearSDE | float:
    """The dynamics as a linear SDE: its Jacobian at the first state, checked at the others.

    One Jacobian is the whole affine drift, so that the number of states need not grow with d.

    Returns:
        The SDE; where its drift is not affine or its diffusion not constant, how far it is from
        that.

    Raises:
        SimulationError: If the constant diffusion has a negative eigenvalue.
    """
    points, diffusion = expected.points.astype(float), expected.diffusion
    drift = np.zeros_like(points)
    for x, terms in expected.terms.items():
        drift[:, declared.places[x]] = sum(
            terms.values(), np.zeros((len(points), declared.width(x)))
        )
    slope = jax.jit(jax.jacfwd(declared.drift))(jnp.asarray(expected.points[0]))
    matrix = np.asarray(slope, dtype=float)
    residual = np.abs(drift - drift[0] - (points - points[0]) @ matrix.T).max()
    deviation = float(max(residual, np.abs(diffusion - diffusion[0]).max()))
    if not deviation <= _LINEAR * (1 + np.abs(drift).max()):
        return deviation
    offset = drift[0] - matrix @ points[0]
    return LinearSDE(matrix, (diffusion[0] + diffusion[0].T) / 2, offset)


def required_linear_sde(declared: Declared, expected: AtStates) -> LinearSDE:
    """The dynamics as a linear SDE.

    Raises:
        SimulationError: If its drift is not affine or its diffusion not constant.
    """
    sde = linear_sde(declared, expected)
    if not isinstance(sde, LinearSDE):
        raise SimulationError(
            "only a linear SDE has an exact step to compare with",
            expected="an affine drift and a constant diffusion",
            found=f"a deviation of {sde:.2g}",
            fix="leave exact out to compare the limit of small steps",
        )
    return sde


def exact_discrepancies(
    flat: Callable[[Any, Any, Any], Any],
    sde: LinearSDE,
    points: np.ndarray,
    step_size: float,
    draws: int,
    seed: int,
    threshold: float,
) -> tuple[list[str], dict[str, dict[str, float]]]:
    """What differs from the exact law at a finite step, and the largest |z| of each moment."""
    transition = sde.transition(step_size)
    keys = jax.random.split(jax.random.key(seed), draws)
    moved = jax.jit(lambda z: jax.vmap(lambda key: flat(key, z, jnp.float32(step_size)))(keys))
    worst = {"mean": 0.0, "covariance": 0.0}
    implied = np.zeros_like(transition.covariance)
    for z in points:
        sample = np.asarray(moved(jnp.asarray(z)), dtype=float)
        mean = transition.matrix @ z + transition.offset
        error = sample.std(axis=0) / np.sqrt(draws)
        worst["mean"] = max(worst["mean"], float(_z(sample.mean(axis=0) - mean, error)))
        centred = sample - sample.mean(axis=0)
        products = centred[:, :, None] * centred[:, None, :]
        covariance = products.mean(axis=0)
        error = products.std(axis=0) / np.sqrt(draws)
        worst["covariance"] = max(
            worst["covariance"], float(_z(covariance - transition.covariance, error))
        )
        implied += covariance / len(points)
    checks = {f"{name} of one step": {"z": z, "threshold": threshold} for name, z in worst.items()}
    texts = []
    if worst["mean"] > threshold:
        texts.append(f"the mean of one step of size {step_size:g} is not exp(F h) z + offset")
    if worst["covariance"] > threshold:
        texts.append(
            f"the covariance of one step of size {step_size:g} is {_shown(implied)} where "
            f"{_shown(transition.covariance)} is exact"
        )
    return texts, checks


def _z(difference: np.ndarray, error: np.ndarray) -> float:
    # Single precision leaves about 1e-6 of rounding in a mean of many draws.
    return (np.abs(difference) / np.maximum(error, 2e-6)).max()


def _shown(matrix: np.ndarray) -> str:
    rows = ["[" + ", ".join(f"{value:.3g}" for value in row) + "]" for row in matrix]
    return "[" + ", ".join(rows) + "]"
