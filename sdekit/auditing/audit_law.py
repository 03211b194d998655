r"""The Gaussian laws that an audited SDE has in closed form: stationary, and of one exact step.

For dz = (F z + f) dt + N(0, 2 D dt) one step of size h has mean A z + b and covariance S; sample
means and covariances of a step that claims to be exact are compared entry by entry, so that an
error of third order in h shows, which a small-step regression does not see. For the stationary law
there are two routes: exp(-H), with $S = (\nabla\nabla H)^{-1}$, where H is quadratic with the
functions that the step uses and the verifier proves it stationary; else, where the SDE itself is
linear, the Lyapunov equation. Anything else is no law, with the reason. Not for the comparison
(`audit_moments`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.auditing.audit_checks import AtStates, Declared
from sdekit.calculus.linear.linear_law import LinearSDE
from sdekit.declaration.tree.expression import Expression
from sdekit.errors import SimulationError
from sdekit.verifier.ladder import check_within
from sdekit.verifier.question import Problem

#: A drift is linear if it differs by less than this share from its linearization at one state.
_LINEAR = 1e-5
#: A curvature is constant if it differs by less than this share between states. Single precision
#: leaves 1e-5 in a sum of many terms; a variance changes by the same share, far below what an
#: audit resolves.
_CONSTANT = 1e-4
#: Below this share of the largest entry an eigenvalue is rounding of single precision.
_SINGULAR = 1e-6
#: States at which the curvature is compared, and how far out they are taken as well.
_STATES, _FAR = 4, 3.0
#: States of the law at which the drift is linearized.
_RATE_STATES = 16
#: Seconds for the proof of stationarity; the published samplers take milliseconds.
_PROOF_BUDGET = 2.0


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal law of the flat state.

    Attributes:
        mean: Shape (d,).
        covariance: Shape (d, d), positive definite.
        source: "exp(-H)" or "linear SDE".
    """

    mean: np.ndarray
    covariance: np.ndarray
    source: str


@dataclass(frozen=True)
class NoLaw:
    """There is no Gaussian law to compare with.

    Attributes:
        reason: Why, as a clause.
    """

    reason: str


def stationary_law(declared: Declared, expected: AtStates) -> Gaussian | NoLaw:
    """The stationary law of the declared SDE, if it is Gaussian and known.

    Args:
        declared: The SDE with sizes, values and functions.
        expected: Its coefficients at random states.

    Raises:
        SimulationError: If the SDE is linear and its constant D has a negative eigenvalue.

    Checked by: tests/auditing/test_audit_law.py.
    """
    for x in declared.variables:
        if x.domain.kind != "real" or x.symmetry is not None:
            return NoLaw(f"{x.name} is not free to take all real values")
    law = _law_of_energy(declared, expected.points)
    if isinstance(law, Gaussian):
        return law
    sde = linear_sde(declared, expected)
    if not isinstance(sde, LinearSDE):
        return law
    size = max(np.abs(sde.drift).max(), np.abs(sde.forcing).max())
    if np.linalg.eigvals(sde.drift).real.max() >= -_SINGULAR * size:
        return NoLaw("the linear SDE does not relax in every direction")
    covariance = sde.stationary_covariance()
    if np.linalg.eigvalsh(covariance)[0] <= _SINGULAR * np.abs(covariance).max():
        return NoLaw("the stationary law of the linear SDE has no density")
    return Gaussian(sde.stationary_mean(), covariance, "linear SDE")


def fastest_rate(declared: Declared, law: Gaussian) -> float:
    """The largest eigenvalue of the drift's Jacobian at states of the law, in size, 1 / time."""
    normals = np.random.default_rng(0).standard_normal((_RATE_STATES, len(law.mean)))
    states = law.mean + normals @ np.linalg.cholesky(law.covariance).T
    return declared.fastest_rate(states)


def _law_of_energy(declared: Declared, points: np.ndarray) -> Gaussian | NoLaw:
    energy = declared.dynamics.hamiltonian
    if energy is None or declared.dynamics.depends_on_time:
        return NoLaw("no law is declared, and the SDE is not linear")
    near = points[:_STATES]
    states = np.concatenate([near, _FAR * near])
    slope, curvature = _derivatives(declared, energy, states)
    mean_curvature = curvature.mean(axis=0)
    spread = np.abs(curvature - mean_curvature).max()
    # Written so that a curvature which is not a number is not constant.
    if not spread <= _CONSTANT * np.abs(mean_curvature).max():
        return NoLaw("H is not quadratic with these functions")
    if np.linalg.eigvalsh(mean_curvature)[0] <= _SINGULAR * np.abs(mean_curvature).max():
        return NoLaw("H is not convex in every direction")
    check = check_within(Problem(declared.dynamics), "stationarity", _PROOF_BUDGET)
    if not check.is_proved:
        return NoLaw("exp(-H) is not proved stationary for the declared SDE")
    covariance = np.linalg.inv(mean_curvature)
    return Gaussian((states - slope @ covariance).mean(axis=0), covariance, "exp(-H)")


def _derivatives(
    declared: Declared, energy: Expression, states: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian of H, shapes (S, d) and (S, d, d)."""
    slope = jax.grad(lambda flat: declared.value(energy, flat))
    both = jax.jit(jax.vmap(lambda flat: (slope(flat), jax.jacfwd(slope)(flat))))
    first, second = both(jnp.asarray(states))
    curvature = np.asarray(second, dtype=float)
    return np.asarray(first, dtype=float), (curvature + np.swapaxes(curvature, 1, 2)) / 2


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


def exact_steps(sde: LinearSDE) -> tuple[float, ...]:
    """Step sizes at which a step that claims to be exact is looked at where none is given.

    The time of the fastest rate and that of the slowest: at a small part of the first one every
    scheme of first order passes, and there the slow directions hardly move.
    """
    rates = np.abs(np.linalg.eigvals(sde.drift))
    rates = rates[rates > _SINGULAR * max(float(rates.max()), 1.0)]
    if not len(rates):
        return (1.0,)
    fast, slow = 1 / float(rates.max()), 1 / float(rates.min())
    return (fast, slow) if slow > 1.5 * fast else (fast,)


def exact_discrepancies(
    flat: Callable[[Any, Any, Any], Any],
    sde: LinearSDE,
    points: np.ndarray,
    *,
    step_sizes: Sequence[float],
    draws: int,
    seed: int,
    threshold: float,
) -> tuple[list[str], dict[str, dict[str, float]]]:
    """What differs from the exact law at finite steps, and the largest |z| of each moment."""
    texts: list[str] = []
    checks = {
        f"{name} of one step": {"z": 0.0, "threshold": threshold} for name in ("mean", "covariance")
    }
    for step_size in step_sizes:
        mean, covariance, implied = _against_exact(flat, sde, points, step_size, draws, seed)
        for name, z in (("mean", mean), ("covariance", covariance)):
            check = checks[f"{name} of one step"]
            check["z"] = max(check["z"], z)
        if mean > threshold:
            texts.append(f"the mean of one step of size {step_size:g} is not exp(F h) z + offset")
        if covariance > threshold:
            exact = sde.transition(step_size).covariance
            texts.append(
                f"the covariance of one step of size {step_size:g} is {_shown(implied)} where "
                f"{_shown(exact)} is exact"
            )
    return texts, checks


def _against_exact(
    flat: Callable[[Any, Any, Any], Any],
    sde: LinearSDE,
    points: np.ndarray,
    step_size: float,
    draws: int,
    seed: int,
) -> tuple[float, float, np.ndarray]:
    """The largest |z| of means and covariances at one step size, and the mean covariance."""
    transition = sde.transition(step_size)
    keys = jax.random.split(jax.random.key(seed), draws)
    moved = jax.jit(lambda z: jax.vmap(lambda key: flat(key, z, jnp.float32(step_size)))(keys))
    worst_mean = worst_covariance = 0.0
    implied = np.zeros_like(transition.covariance)
    for z in points:
        sample = np.asarray(moved(jnp.asarray(z)), dtype=float)
        mean = transition.matrix @ z + transition.offset
        error = sample.std(axis=0) / np.sqrt(draws)
        worst_mean = max(worst_mean, float(_z(sample.mean(axis=0) - mean, error)))
        centred = sample - sample.mean(axis=0)
        products = centred[:, :, None] * centred[:, None, :]
        covariance = products.mean(axis=0)
        error = products.std(axis=0) / np.sqrt(draws)
        worst_covariance = max(
            worst_covariance, float(_z(covariance - transition.covariance, error))
        )
        implied += covariance / len(points)
    return worst_mean, worst_covariance, implied


def _z(difference: np.ndarray, error: np.ndarray) -> float:
    # Single precision leaves about 1e-6 of rounding in a mean of many draws.
    return (np.abs(difference) / np.maximum(error, 2e-6)).max()


def _shown(matrix: np.ndarray) -> str:
    rows = ["[" + ", ".join(f"{value:.3g}" for value in row) + "]" for row in matrix]
    return "[" + ", ".join(rows) + "]"
