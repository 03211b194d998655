r"""Gradient flow, ridge, and the two processes whose noise does not depend on the state.

Everything here is a formula per eigenvalue of the Gram matrix; the stochastic gradient flow
itself, whose noise depends on the state, is in `moments`.

$$\beta_{gf}(t) = \hat\Sigma^+(I - e^{-t\hat\Sigma})X^\top y/n,\qquad
  \beta_{ridge}(\lambda) = (\hat\Sigma + \lambda I)^{-1}X^\top y/n$$

Both shrink the minimizer coordinate by coordinate: by $1-e^{-ts}$ and by $s/(s+\lambda)$.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdekit.errors import SimulationError
from sdekit.theory.arrays import Array, namespace, real_number, times_array
from sdekit.theory.least_squares.regression import Regression


def flow_decay(problem: Regression, time: float) -> Array:
    """exp(-s t), shape (k,)."""
    return namespace(problem.rates).exp(-time * problem.rates)


def gradient_flow(problem: Regression, times: Any) -> Array:
    """Gradient flow from 0: beta(t), shape (p,) for one time, (times, p) for several.

    Also the exact mean of every process of this module and of stochastic gradient flow.
    """
    moments, single = times_array(times)
    xp = namespace(problem.rates)
    paths = [problem.from_basis(-xp.expm1(-t * problem.rates) * problem.minimizer) for t in moments]
    return paths[0] if single else xp.stack(paths)


def ridge(problem: Regression, penalties: Any) -> Array:
    """Ridge solution for one penalty lambda >= 0, shape (p,), or several, (penalties, p).

    At lambda = 0 it is the least-squares solution of smallest norm.
    """
    values, single = times_array(penalties, "penalties")
    xp = namespace(problem.rates)
    paths = [
        problem.from_basis(problem.rates / (problem.rates + v) * problem.minimizer) for v in values
    ]
    return paths[0] if single else xp.stack(paths)


@dataclass(frozen=True, eq=False)
class LinearProcess:
    r"""$d\beta = -\nabla F(\beta)\,dt + N(0, \Xi\,dt)$ with a constant $\Xi$ that shares the basis.

    $$\mathrm{Cov}(t)_{jj} = \xi_j\,\frac{1 - e^{-2ts_j}}{2s_j}$$

    Args:
        name: What it is called in tables.
        problem: X and y.
        noise: xi_j, the eigenvalues of Xi on the row space of X, shape (k,).
        null_noise: Its value on the null space of X, where nothing pulls back.

    Example:
        >>> problem = Regression.from_data([[1.0], [1.0]], [0.0, 2.0])
        >>> langevin(problem, temperature=0.5).limit_covariance()
        array([[0.25]])

    Source: Ali, Dobriban, Tibshirani 2020 (slides), (2) and (3).
    Checked by: tests/theory/least_squares/test_linear_processes.py.
    """

    name: str
    problem: Regression
    noise: Array
    null_noise: float

    def mean(self, times: Any) -> Array:
        """Gradient flow, see `gradient_flow`."""
        return gradient_flow(self.problem, times)

    def variances(self, time: float) -> Array:
        """Diagonal of the covariance in the eigenbasis, shape (k,)."""
        xp = namespace(self.problem.rates)
        return self.noise * -xp.expm1(-2 * time * self.problem.rates) / (2 * self.problem.rates)

    def covariance(self, times: Any) -> Array:
        """Covariance of beta(t): (p, p) for one time, (times, p, p) for several."""
        moments, single = times_array(times)
        matrices = [self._matrix(self.variances(t), self.null_noise * t) for t in moments]
        return matrices[0] if single else namespace(self.noise).stack(matrices)

    def limit_covariance(self) -> Array:
        """Covariance of the stationary law, shape (p, p).

        Raises:
            SimulationError: If X has a null space and the noise acts on it.
        """
        if self.null_noise and self.problem.rank < self.problem.shape[1]:
            raise SimulationError(
                f"{self.name} has no stationary law",
                expected="X of full column rank",
                found=f"rank {self.problem.rank} of {self.problem.shape[1]} columns",
                fix="drop columns that depend on others, or ask for covariance(t)",
            )
        return self._matrix(self.noise / (2 * self.problem.rates), 0.0)

    def _matrix(self, variances: Array, null_variance: float) -> Array:
        basis = self.problem.basis
        matrix = (basis * (variances - null_variance)) @ basis.T
        return matrix + null_variance * namespace(basis).eye(basis.shape[0])


def constant_covariance(
    problem: Regression, noise_scale: float, residual_variance: float | None = None
) -> LinearProcess:
    r"""The process $\Xi = \kappa\hat\sigma^2\hat\Sigma$, an Ornstein-Uhlenbeck approximation.

    The slides print $(\eta/m)\hat\Sigma$, which is right for residual variance 1 only.

    Args:
        problem: X and y.
        noise_scale: kappa = eta/m (see `moments`).
        residual_variance: sigma-hat^2; the mean squared residual at the minimum by default.
    """
    given = 2 * problem.minimal_objective if residual_variance is None else residual_variance
    variance = real_number(given, "the residual variance", zero_allowed=True)
    return LinearProcess(
        "constant covariance", problem, noise_scale * variance * problem.rates, 0.0
    )


def langevin(problem: Regression, temperature: float) -> LinearProcess:
    r"""The process of SGLD, $\Xi = \tau I$; stationary law N(beta-hat, tau Sigma-hat^{-1} / 2).

    Args:
        problem: X and y.
        temperature: tau > 0.
    """
    temperature = real_number(temperature, "the temperature")
    noise = temperature * namespace(problem.rates).ones_like(problem.rates)
    return LinearProcess("Langevin (SGLD)", problem, noise, temperature)
