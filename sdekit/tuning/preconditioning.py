r"""Linear preconditioning: sample z in coordinates where the target is nearly isotropic.

$\theta = m + L z$ changes no posterior and needs no correction term, unlike a preconditioner that
depends on the position (declare that as a dynamics with its divergence term: catalogue entry
`overdamped-preconditioned` and the complete recipe). Not for tuning step sizes.

Notation: d numbers in a position, C the covariance that L L^T approximates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from sdekit.diagnostics.draw_statistics import checked_draws
from sdekit.errors import DataError, SimulationError
from sdekit.simulation.gradients.gradient_noise import batch_factor, noise_covariance
from sdekit.simulation.gradients.minibatch import Minibatch


@dataclass(frozen=True, eq=False)
class LinearMap:
    """theta = mean + factor z, for positions of one structure.

    Args:
        mean: m, shape (d,).
        factor: L, shape (d, d), lower triangular; or (d,) for a diagonal one.
        structure: Flat vector -> the user's position.

    Example:
        >>> chart = from_covariance(jnp.zeros(2), np.diag([4.0, 9.0]))
        >>> chart.position(jnp.array([1.0, 1.0])).tolist()
        [2.0, 3.0]

    Checked by: tests/tuning/test_preconditioning.py.
    """

    mean: np.ndarray
    factor: np.ndarray
    structure: Callable[[Array], Any]

    def position(self, z: Any) -> Any:
        """The user's position at coordinates z of shape (d,)."""
        factor = jnp.asarray(self.factor)
        moved = factor * z if factor.ndim == 1 else factor @ z
        return self.structure(jnp.asarray(self.mean) + moved)

    def coordinates(self, position: Any) -> np.ndarray:
        """z of a position, shape (d,)."""
        return whitened(self.factor, np.asarray(ravel_pytree(position)[0], np.float64) - self.mean)

    def positions(self, draws: Any) -> Any:
        """Positions of draws (chain, draw, d); leaves of shape (chain, draw, ...)."""
        return jax.jit(jax.vmap(jax.vmap(self.position)))(jnp.asarray(draws))

    def potential(self, potential: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """U as a function of z; the constant log det L is left out."""
        return lambda z: potential(self.position(z))

    def minibatch(self, target: Minibatch, **options: Any) -> Minibatch:
        """The same data and batches in the coordinates z.

        Args:
            target: Minibatch of the position.
            **options: Replace options of it (`sampling`, `svrg`, `control_variate` in z, ...).
        """
        settings = {
            "sampling": target.sampling,
            "vectorized": target.vectorized,
            "svrg": target.svrg,
            "contiguous": target.contiguous,
            **options,
        }
        if target.reference is not None and "control_variate" not in options:
            point = self.coordinates(target.reference[0])
            settings["control_variate"] = jnp.asarray(point, jnp.float32)
        return Minibatch(
            lambda z: target.log_prior(self.position(z)),
            lambda z, row: target.log_likelihood(self.position(z), row),
            target.data,
            target.batch_size,
            **settings,
        )


def whitened(factor: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """z with L z = gap for each row: deviations in coordinates in which L L^T is the identity.

    Args:
        factor: L, shape (d, d); or (d,) for a diagonal.
        gaps: Deviations, shape (d,) or (rows, d).

    Checked by: tests/tuning/test_preconditioning.py.
    """
    return gaps / factor if factor.ndim == 1 else np.linalg.solve(factor, gaps.T).T


def from_covariance(mean: Any, covariance: Any) -> LinearMap:
    """The map for a known mean and covariance.

    Args:
        mean: A position, of any structure.
        covariance: C, shape (d, d); or (d,) for variances.

    Raises:
        SimulationError: If C has the wrong shape or is not positive definite.

    Checked by: tests/tuning/test_preconditioning.py.
    """
    flat, structure = ravel_pytree(jax.tree.map(jnp.asarray, mean))
    matrix = np.asarray(covariance, np.float64)
    d = flat.size
    if matrix.shape not in ((d,), (d, d)):
        raise SimulationError(
            "the covariance does not fit the mean", expected=f"({d},) or ({d}, {d})",
            found=matrix.shape, fix="ravel the position in the order of its leaves",
        )  # fmt: skip
    values = matrix if matrix.ndim == 1 else np.linalg.eigvalsh(matrix)
    if not np.isfinite(matrix).all() or values.min() <= 0:
        raise SimulationError(
            "the covariance is not positive definite", found=f"least value {values.min():.3g}",
            fix="take more draws, or variances only",
        )  # fmt: skip
    factor = np.sqrt(matrix) if matrix.ndim == 1 else np.linalg.cholesky(matrix)
    return LinearMap(np.asarray(flat, np.float64), factor, structure)


def from_draws(draws: Any, *, is_diagonal: bool = False) -> LinearMap:
    """The map from a pilot run.

    Args:
        draws: Draws of one variable, shape (chain, draw, d).
        is_diagonal: Whether to keep variances only.

    Raises:
        DataError: For draws of another shape, or fewer than 2 d of them.

    Checked by: tests/tuning/test_preconditioning.py.
    """
    values = checked_draws(draws)
    if values.ndim != 3 or values.shape[0] * values.shape[1] < 2 * values.shape[2]:
        raise DataError(
            "a preconditioner needs draws of a vector, two per component at least",
            expected="(chain, draw, d)", found=values.shape, fix="lengthen the pilot run",
        )  # fmt: skip
    flat = values.reshape(-1, values.shape[2])
    mean = jnp.asarray(flat.mean(0))
    covariance = flat.var(0, ddof=1) if is_diagonal else np.cov(flat.T).reshape(2 * flat.shape[1:])
    return from_covariance(mean, covariance)


def from_fisher(target: Minibatch, position: Any) -> LinearMap:
    r"""The map from the scatter of the gradients of single rows at a position.

    $C = (N\,\widehat{\mathrm{Cov}}(\nabla\log p(x_i\mid\theta)))^{-1}$, the inverse of the
    empirical Fisher information. In these coordinates the gradient noise of independent batches is
    isotropic near the position, V = (N / M) I, which is what a scalar thermostat can absorb.

    Args:
        target: The minibatch, without control variate.
        position: Near the mode.

    Raises:
        SimulationError: If the rows do not determine all components, or control variates are used.

    Source: Ahn, Korattikara, Welling (2012), section 3.
    Checked by: tests/tuning/test_preconditioning.py.
    """
    if target.reference is not None:
        raise SimulationError(
            "the Fisher information is that of plain gradients, not of control variates",
            fix="give a Minibatch without control_variate",
        )
    scatter = noise_covariance(target, position) / batch_factor(target)
    information = target.size * scatter
    values = np.linalg.eigvalsh(information)
    if values[0] <= 1e-10 * values[-1]:
        raise SimulationError(
            "the data do not determine all components of the position",
            found=f"information between {values[0]:.3g} and {values[-1]:.3g}",
            fix="use from_draws, or from_covariance with the prior's covariance",
        )
    return from_covariance(position, np.linalg.inv(information))
