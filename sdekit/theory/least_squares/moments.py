r"""Covariance of stochastic gradient flow and of SGD for least squares, exactly.

For means the closed forms of `linear_processes` suffice; this is for the covariance C, which
obeys a closed linear equation because the noise covariance is quadratic in the state.
In the eigenbasis, with the decay $a_j = e^{-s_j t}$ (flow) or $(1-\eta s_j)^k$ (SGD):

$$C' = -SC - CS + \mathcal N(C) + f(a), \qquad C^+ = MCM + \eta\,[\mathcal N(C) + f(a)],\quad
  M = I - \eta S$$
$$\mathcal N(C) = \kappa\Big[\tfrac1n\sum_i (z_i^\top C z_i)\, z_iz_i^\top - SCS\Big], \qquad
  f(a) = \kappa\Big[\tfrac1n\sum_i E r_i^2\, z_iz_i^\top - E\,gg^\top\Big]$$

with r and g the residual and the negative gradient at the mean path. $\mathcal N$ is symmetric in
the Frobenius inner product and maps covariances to covariances, so whether a limit exists is one
symmetric eigenvalue, and the limit is one solve by conjugate gradients. Nothing of size
k^2 x k^2 is formed; one evaluation costs O(n k^2).

Notation: kappa = eta/m, times (n-m)/(n-1) without replacement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sdekit.errors import SimulationError
from sdekit.theory.arrays import Array, namespace
from sdekit.theory.least_squares.convolution import Segment, solve
from sdekit.theory.least_squares.regression import Regression

#: Below this many coordinates the linear operator is written out, above it stays a map.
DENSE_OPERATOR_RANK = 6
#: Relative residual of the conjugate gradients for the limit.
LIMIT_TOLERANCE = 1e-12


class NoiseSource(Protocol):
    """Second moments of residual and gradient at the mean path, for one y or averaged over y."""

    def squared_residuals(self, decay: Array) -> Array:
        """E r_i^2 for every row, shape (n,)."""
        ...

    def squared_gradient(self, decay: Array) -> Array:
        """E g g^T, shape (k, k)."""
        ...

    def squared_start(self) -> float:
        """E |beta-hat|^2, the scale of E |e|^2 at time 0."""
        ...


@dataclass(frozen=True, eq=False)
class GivenResponse:
    """The source for the y of the problem itself."""

    problem: Regression

    def squared_residuals(self, decay: Array) -> Array:
        """See `NoiseSource.squared_residuals`."""
        problem = self.problem
        return (problem.residual + problem.rows.combine(decay * problem.minimizer)) ** 2

    def squared_gradient(self, decay: Array) -> Array:
        """See `NoiseSource.squared_gradient`."""
        gradient = self.problem.rates * decay * self.problem.minimizer
        return gradient[:, None] * gradient[None, :]

    def squared_start(self) -> float:
        """See `NoiseSource.squared_start`."""
        return float((self.problem.minimizer**2).sum())


@dataclass(frozen=True, eq=False)
class AveragedResponse:
    r"""The source averaged over $y = X\beta^\ast + \varepsilon$, with Var eps = sigma^2 I.

    The residual map is $A_t = I - U(1-a)U^\top$, hence
    $E r_i^2 = (Z a b)_i^2 + \sigma^2 (A_t^2)_{ii}$.

    Args:
        problem: Gives X; its y is not used.
        signal: V^T beta*, shape (k,).
        noise_variance: sigma^2.
    """

    problem: Regression
    signal: Array
    noise_variance: float

    def squared_residuals(self, decay: Array) -> Array:
        """See `NoiseSource.squared_residuals`."""
        problem = self.problem
        # U_ij^2 = z_ij^2 / (n s_j) for the left singular vectors U.
        removed = problem.rows.squares((1 - decay**2) / (problem.shape[0] * problem.rates))
        mean = problem.rows.combine(decay * self.signal)
        return mean**2 + self.noise_variance * (1 - removed)

    def squared_gradient(self, decay: Array) -> Array:
        """See `NoiseSource.squared_gradient`."""
        xp = namespace(decay)
        mean = self.problem.rates * decay * self.signal
        spread = self.noise_variance * self.problem.rates * decay**2 / self.problem.shape[0]
        return mean[:, None] * mean[None, :] + xp.diag(spread)

    def squared_start(self) -> float:
        """See `NoiseSource.squared_start`."""
        spread = (1 / self.problem.rates).sum() / self.problem.shape[0]
        return float((self.signal**2).sum() + self.noise_variance * spread)


@dataclass(frozen=True, eq=False)
class MomentEquation:
    """The covariance equation of one problem at one noise scale.

    Args:
        problem: X and y.
        noise_scale: kappa, see the module.
        noise: What drives it.

    Checked by: tests/theory/least_squares/test_flow.py.
    """

    problem: Regression
    noise_scale: float
    noise: NoiseSource

    def feedback(self, matrix: Array) -> Array:
        """N(C), (k, k) to (k, k)."""
        rows, rates = self.problem.rows, self.problem.rates
        gram = rows.weighted_gram(rows.quadratic(matrix))
        return self.noise_scale * (gram - rates[:, None] * matrix * rates[None, :])

    def source_at(self, decay: Array) -> Array:
        """f(a), shape (k, k); a covariance."""
        gram = self.problem.rows.weighted_gram(self.noise.squared_residuals(decay))
        return self.noise_scale * (gram - self.noise.squared_gradient(decay))

    def source(self, time: float) -> Array:
        """f at a time of the flow."""
        return self.source_at(namespace(self.problem.rates).exp(-time * self.problem.rates))

    def _pair_rates(self) -> np.ndarray:
        rates = np.asarray(self.problem.rates, dtype=np.float64)
        return rates[:, None] + rates[None, :]

    def _zero(self) -> Array:
        return namespace(self.problem.rates).zeros(
            (self.problem.rank, self.problem.rank), dtype=self.problem.rates.dtype
        )

    def _rounding(self) -> float:
        """Rounding error of E e e^T, of which C is a part."""
        rates = self.problem.rates
        return 16 * float(namespace(rates).finfo(rates.dtype).eps) * self.noise.squared_start()

    def flow_covariances(self, times: np.ndarray, tolerance: float) -> list[Array]:
        """C(t) of the flow at ascending times, each (k, k)."""
        rates = self._pair_rates()
        return solve(
            self,
            rates,
            self._zero(),
            times,
            tolerance,
            lambda part, t: part.at(t, rates),
            self._rounding(),
        )

    def flow_variances(self, times: np.ndarray, tolerance: float) -> list[Array]:
        """diag C(t) of the flow at ascending times, each (k,)."""
        rates = self._pair_rates()

        def diagonal(part: Segment, time: float) -> Array:
            # Rounding may leave a variance of zero below it.
            found = part.diagonal_at(time, rates)
            return namespace(found).maximum(found, 0.0)

        return solve(self, rates, self._zero(), times, tolerance, diagonal, self._rounding())

    def sgd_covariances(self, steps: list[int], step_size: float) -> list[Array]:
        """C after each of the ascending step counts of SGD, each (k, k)."""
        contraction = 1 - step_size * self.problem.rates
        both = contraction[:, None] * contraction[None, :]
        covariance, decay = self._zero(), namespace(contraction).ones_like(contraction)
        results, done = [], 0
        for target in steps:
            for _ in range(done, target):
                noise = self.feedback(covariance) + self.source_at(decay)
                covariance = both * covariance + step_size * noise
                decay = decay * contraction
            done = target
            results.append(covariance)
        return results

    def contraction(self, step_size: float | None) -> np.ndarray:
        """What pulls C_ij back: s_i + s_j (flow), s_i + s_j - eta s_i s_j (SGD); (k, k)."""
        rates = np.asarray(self.problem.rates, dtype=np.float64)
        pairs = rates[:, None] + rates[None, :]
        return pairs if step_size is None else pairs - step_size * rates[:, None] * rates[None, :]

    def noise_ratio(self, step_size: float | None = None) -> float:
        r"""Largest eigenvalue of $D^{-1/2}\mathcal N D^{-1/2}$, D = `contraction`.

        By Sylvester's law the limit covariance is finite exactly when it is below 1: this is
        the test `max Re eig < 0` without the k^2 x k^2 matrix. Infinite when D is
        not positive (SGD with eta s_1 >= 2, whose mean diverges already).

        Args:
            step_size: eta for SGD, None for the flow.
        """
        contraction = self.contraction(step_size)
        if contraction.min() <= 0:
            return float("inf")
        rank, weight = self.problem.rank, 1 / np.sqrt(contraction)

        def scaled(vector: np.ndarray) -> np.ndarray:
            matrix = weight * vector.reshape(rank, rank)
            image = np.asarray(self.feedback(self._like((matrix + matrix.T) / 2)))
            return (weight * image).ravel()

        if rank <= DENSE_OPERATOR_RANK:
            columns = [scaled(column) for column in np.eye(rank * rank)]
            return float(np.linalg.eigvalsh(np.array(columns))[-1])
        from scipy.sparse.linalg import eigsh

        values = eigsh(
            _operator(rank * rank, scaled),
            k=1,
            which="LA",
            v0=np.eye(rank).ravel(),
            tol=self._solver_tolerance(1e-10),  # type: ignore[arg-type]
            return_eigenvectors=False,
        )
        return float(values[0])

    def limit(self, step_size: float | None = None) -> np.ndarray:
        """The limit of C, shape (k, k), by preconditioned conjugate gradients.

        Args:
            step_size: eta for SGD, None for the flow.

        Raises:
            SimulationError: If there is no finite limit.
        """
        ratio = self.noise_ratio(step_size)
        if ratio >= 1:
            raise SimulationError(
                "there is no finite limit covariance",
                expected="noise ratio below 1",
                found=f"{ratio:.6g}",
                fix="lower the step size eta or raise the batch size m",
            )
        from scipy.sparse.linalg import cg

        rank, contraction = self.problem.rank, self.contraction(step_size)
        source = np.asarray(self.source_at(0 * self.problem.rates), dtype=np.float64)
        if not source.any():
            return source

        def balance(vector: np.ndarray) -> np.ndarray:
            matrix = vector.reshape(rank, rank)
            matrix = (matrix + matrix.T) / 2
            return (contraction * matrix - np.asarray(self.feedback(self._like(matrix)))).ravel()

        solution, failed = cg(
            _operator(rank * rank, balance),
            source.ravel(),
            rtol=self._solver_tolerance(LIMIT_TOLERANCE),
            atol=0.0,
            M=_operator(rank * rank, lambda vector: vector.ravel() / contraction.ravel()),
            maxiter=1000,
        )
        if failed:
            raise SimulationError(
                "the limit covariance is too close to infinite to be computed",
                found=f"noise ratio {ratio:.12g}",
                fix="lower the step size eta",
            )
        matrix = solution.reshape(rank, rank)
        return (matrix + matrix.T) / 2

    def _like(self, matrix: np.ndarray) -> Array:
        rates = self.problem.rates
        return namespace(rates).asarray(matrix, dtype=rates.dtype)

    def _solver_tolerance(self, wanted: float) -> float:
        rates = self.problem.rates
        return max(wanted, 16 * float(namespace(rates).finfo(rates.dtype).eps))


def _operator(size: int, image: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A linear map as SciPy's solvers want it."""
    from scipy.sparse.linalg import LinearOperator

    # SciPy's stubs do not know the keyword arguments of LinearOperator.
    return LinearOperator((size, size), matvec=image, dtype=np.float64)  # type: ignore[call-arg]
