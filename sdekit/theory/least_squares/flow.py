r"""Stochastic gradient flow for least squares: the paper's process, with its exact moments.

$$d\beta_t = \tfrac1n X^\top(y - X\beta_t)\,dt + Q_\eta(\beta_t)^{1/2}\,dW_t,\qquad
  Q_\eta(\beta) = \kappa\Big[\tfrac1n\sum_i r_i^2 x_ix_i^\top - gg^\top\Big]$$

with $F(\beta) = \|y-X\beta\|^2/(2n)$, r = y - X beta, g = X^T r / n = -grad F and
kappa = eta/m with replacement, eta/m (n-m)/(n-1) without. This module is the front door:
it checks the input and hands each question to the module that answers it. Risks are in `risk`,
the bound in `bounds`, simulation in `paths`, the declared SDE in `sdekit.catalog`.

Source: Ali, Dobriban and Tibshirani, "The implicit regularization of stochastic gradient flow
for least squares" (slides). Derivations of the moments, the bound and the limits: this package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sdekit import catalog
from sdekit.errors import DataError, SimulationError, check_word
from sdekit.theory.arrays import (
    Array,
    is_sparse,
    namespace,
    real_array,
    real_number,
    times_array,
)
from sdekit.theory.least_squares import linear_processes
from sdekit.theory.least_squares.linear_processes import LinearProcess
from sdekit.theory.least_squares.moments import GivenResponse, MomentEquation
from sdekit.theory.least_squares.regression import Regression

if TYPE_CHECKING:
    from sdekit.declaration.model.dynamics import Dynamics

#: Default relative error per step of the moment equation; the error of the result is far less.
TOLERANCE = 1e-6


class LeastSquaresFlow:
    r"""SGD for least squares and the diffusion with the same noise, both started at 0.

    p > n, rank-deficient X, y in the column space of X, n = 1 and one feature need no special
    call. X may be a NumPy array, a SciPy sparse matrix, or a JAX array: results are computed
    where the data live.

    Args:
        design: X, shape (n, p).
        response: y, shape (n,).
        batch_size: m, rows per minibatch.
        step_size: eta, of SGD; the flow runs in the time t = k eta.
        replace: Whether a minibatch is drawn with replacement.

    Raises:
        DataError: For data that do not fit, m < 1, m > n without replacement, or eta <= 0.

    Example:
        >>> flow = LeastSquaresFlow([[1.0], [2.0]], [1.0, 3.0], batch_size=1, step_size=0.1)
        >>> flow.mean(1.0).round(4)
        array([1.2851])
        >>> flow.noise_covariance([0.0])
        array([[0.625]])

    Source: see the module.
    Checked by: tests/theory/least_squares/test_flow.py.
    """

    def __init__(
        self,
        design: Any,
        response: Any,
        *,
        batch_size: int,
        step_size: float,
        replace: bool = True,
    ) -> None:
        self.problem = Regression.from_data(design, response)
        n = self.problem.shape[0]
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise DataError("the batch size must be a positive integer", found=batch_size)
        if not replace and batch_size > n:
            raise DataError(
                "a minibatch without replacement cannot have more rows than X",
                expected=f"at most {n}",
                found=batch_size,
                fix="lower it, or pass replace=True",
            )
        self.batch_size = int(batch_size)
        self.step_size = real_number(step_size, "the step size")
        self.replace = bool(replace)

    def __repr__(self) -> str:
        n, p = self.problem.shape
        return (
            f"LeastSquaresFlow(n={n}, p={p}, rank={self.problem.rank}, "
            f"batch_size={self.batch_size}, step_size={self.step_size}, replace={self.replace})"
        )

    @property
    def noise_scale(self) -> float:
        """kappa = eta/m, times (n-m)/(n-1) without replacement."""
        n, m = self.problem.shape[0], self.batch_size
        if self.replace:
            return self.step_size / m
        return self.step_size / m * ((n - m) / (n - 1) if n > 1 else 0.0)

    @property
    def equation(self) -> MomentEquation:
        """The covariance equation behind `covariance` and its kin."""
        return MomentEquation(self.problem, self.noise_scale, GivenResponse(self.problem))

    def _beta(self, beta: Any) -> Array:
        vector = real_array(beta, "beta", 1)
        if vector.shape[0] != self.problem.shape[1]:
            raise DataError(
                "beta has the wrong length", expected=self.problem.shape[1], found=vector.shape[0]
            )
        return vector

    def objective(self, beta: Any) -> float:
        r"""$F(\beta) = \|y - X\beta\|^2/(2n)$."""
        residual = self.problem.response - self.problem.design @ self._beta(beta)
        return float((residual**2).sum()) / (2 * self.problem.shape[0])

    def gradient(self, beta: Any) -> Array:
        """grad F = -X^T (y - X beta)/n, shape (p,)."""
        residual = self.problem.response - self.problem.design @ self._beta(beta)
        return -(self.problem.design.T @ residual) / self.problem.shape[0]

    def noise_covariance(self, beta: Any) -> Array:
        r"""$Q_\eta(\beta)$, exact, shape (p, p).

        One SGD step from beta has mean -eta grad F and covariance eta Q, which are also the
        mean and covariance of one Euler-Maruyama step dt = eta of the flow.
        """
        design, n = self.problem.design, self.problem.shape[0]
        residual = self.problem.response - design @ self._beta(beta)
        gradient = design.T @ residual / n
        if is_sparse(design):
            gram = (design.T @ design.multiply((residual**2)[:, None]).tocsr()).toarray() / n
        else:
            gram = design.T @ (design * (residual**2)[:, None]) / n
        return self.noise_scale * (gram - gradient[:, None] * gradient[None, :])

    def noise_factor(self, beta: Any) -> Array:
        r"""G with $Q = GG^\top$, shape (p, n): no matrix root, one column per Brownian motion.

        $$G = \sqrt{\kappa/n}\;X^\top\mathrm{diag}(r)\,(I - \mathbf 1\mathbf 1^\top/n)$$

        To apply it to noise use `noise`, which never forms it.
        """
        design = self.problem.design
        residual = self.problem.response - design @ self._beta(beta)
        dense = design.toarray() if is_sparse(design) else design
        columns = dense.T * residual[None, :]
        centred = columns - columns.mean(1)[:, None]
        return np.sqrt(self.noise_scale / self.problem.shape[0]) * centred

    def noise(self, beta: Any, normals: Array) -> Array:
        """G(beta) z for standard normals z of shape (n,): one product with X^T, shape (p,)."""
        residual = self.problem.response - self.problem.design @ self._beta(beta)
        scale = np.sqrt(self.noise_scale / self.problem.shape[0])
        return scale * (self.problem.design.T @ (residual * (normals - normals.mean())))

    def mean(self, times: Any) -> Array:
        """E beta_t = gradient flow, exactly: (p,) for one time, (times, p) for several."""
        return linear_processes.gradient_flow(self.problem, times)

    def covariance(self, times: Any, tolerance: float = TOLERANCE) -> Array:
        """Cov beta_t: (p, p) for one time, (times, p, p) for several; see `moments`.

        Raises:
            SimulationError: If the second moments leave the floating-point range.
        """
        return self._at_times(
            times,
            lambda ts: self.equation.flow_covariances(ts, tolerance),
            self.problem.matrix_from_basis,
        )

    def covariance_trace(
        self, times: Any, tolerance: float = TOLERANCE, prediction: bool = False
    ) -> Array:
        """tr Cov beta_t, or tr(Sigma-hat Cov) for `prediction`; no p x p matrix per time."""
        weights = self.problem.rates if prediction else 1.0
        return self._at_times(
            times,
            lambda ts: self.equation.flow_variances(ts, tolerance),
            lambda variances: (weights * variances).sum(),
        )

    def _at_times(
        self,
        times: Any,
        moments: Callable[[np.ndarray], list[Array]],
        finish: Callable[[Array], Array],
    ) -> Array:
        """Solve at the sorted times, finish each, give them back in the order asked for."""
        asked, single = times_array(times)
        order = np.argsort(asked, kind="stable")
        solved = moments(asked[order])
        results = [finish(solved[position]) for position in np.argsort(order)]
        return results[0] if single else namespace(self.problem.rates).stack(results)

    def sgd_mean(self, steps: Any) -> Array:
        """E beta after `steps` SGD steps, (p,), or (counts, p) for several counts."""
        counts, single = _step_counts(steps)
        contraction = 1 - self.step_size * self.problem.rates
        minimizer = self.problem.minimizer
        means = [self.problem.from_basis((1 - contraction**k) * minimizer) for k in counts]
        return means[0] if single else namespace(contraction).stack(means)

    def sgd_covariance(self, steps: Any) -> Array:
        """Cov beta after `steps` SGD steps: (p, p), or (counts, p, p); O(n k^2) a step."""
        counts, single = _step_counts(steps)
        ordered = sorted(set(counts))
        solved = dict(
            zip(ordered, self.equation.sgd_covariances(ordered, self.step_size), strict=True)
        )
        matrices = [self.problem.matrix_from_basis(solved[k]) for k in counts]
        return matrices[0] if single else namespace(matrices[0]).stack(matrices)

    def limit_exists(self, process: str = "flow") -> bool:
        """Whether the covariance has a finite limit for t (or k) to infinity."""
        return self.equation.noise_ratio(self._discrete(process)) < 1

    def limit_covariance(self, process: str = "flow") -> Array:
        """The limit of `covariance` ("flow") or `sgd_covariance` ("sgd"), shape (p, p).

        Zero when y lies in the column space of X.

        Raises:
            SimulationError: If the limit is not finite.
        """
        return self.problem.matrix_from_basis(self.equation.limit(self._discrete(process)))

    def critical_step_size(self) -> float:
        """The eta at which the limit covariance of the flow becomes infinite (noise ~ eta).

        Infinite when the noise never feeds back (batches of all rows, or n = 1).
        """
        ratio = self.equation.noise_ratio()
        # A ratio at rounding level is the zero operator.
        return self.step_size / ratio if ratio > 1e-14 else float("inf")

    def _discrete(self, process: str) -> float | None:
        check_word("process", process, ("flow", "sgd"), SimulationError)
        return self.step_size if process == "sgd" else None

    def ridge(self, penalties: Any) -> Array:
        """Ridge path, see `linear_processes.ridge`."""
        return linear_processes.ridge(self.problem, penalties)

    def constant_covariance(self, residual_variance: float | None = None) -> LinearProcess:
        """The Ornstein-Uhlenbeck process beside the flow, `linear_processes`."""
        return linear_processes.constant_covariance(
            self.problem, self.noise_scale, residual_variance
        )

    def langevin(self, temperature: float) -> LinearProcess:
        """The SGLD process beside the flow, `linear_processes`."""
        return linear_processes.langevin(self.problem, temperature)

    def to_dynamics(self) -> Dynamics:
        """The flow as the catalogue declares it, of b; `parameter_values` has the values."""
        return catalog.get("stochastic-gradient-flow")

    def parameter_values(self) -> dict[str, Any]:
        """X, y, eta and m for `to_dynamics`; eta = kappa and m = 1, also without replacement."""
        design = self.problem.design
        dense = design.toarray() if is_sparse(design) else design
        return {"X": dense, "y": self.problem.response, "eta": self.noise_scale, "m": 1.0}


def _step_counts(steps: Any) -> tuple[list[int], bool]:
    """Numbers of SGD steps as a list, and whether a single one was given."""
    values = np.asarray(steps)
    flat = np.atleast_1d(values)
    if flat.ndim != 1 or flat.size == 0 or not np.issubdtype(flat.dtype, np.integer):
        raise DataError("SGD steps must be integers", found=steps)
    if flat.min() < 0:
        raise DataError("SGD steps must not be negative", found=steps)
    return [int(v) for v in flat], values.ndim == 0
