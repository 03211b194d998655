r"""The Gaussian stationary law that an audited SDE has, if it has one, as numbers.

Two routes: exp(-H), with $S = (\nabla\nabla H)^{-1}$, where H is quadratic with the functions that
the step uses and the verifier proves it stationary; else, where the SDE itself is linear, the
Lyapunov equation. Anything else is no law, with the reason. Not for the comparison
(`audit_moments`).
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.auditing.audit_checks import AtStates, Declared
from sdekit.auditing.audit_exact import linear_sde
from sdekit.calculus.linear.linear_law import LinearSDE
from sdekit.declaration.tree.expression import Expression
from sdekit.verifier.ladder import check_within
from sdekit.verifier.question import Problem

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
