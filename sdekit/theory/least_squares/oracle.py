r"""Best ridge against best gradient flow: true as a statement on Bayes risk, false otherwise.

The slides state $\inf_\lambda \mathrm{Risk}(ridge) \le \inf_t \mathrm{Risk}(sgf)$ for a fixed
signal. That is false (`fixed_signal_counterexample`). It is true averaged over a prior $\beta^\ast
\sim (0, r^2I)$: ridge at $\lambda^\ast = \sigma^2/(nr^2)$ is then the best shrinkage of every
coordinate at once, so it beats every flow at every time, with or without minibatch noise. In the
other direction gradient flow at $t = 1/\lambda^\ast$ loses at most the factor $\sup_x (1+x)(e^{-2x}
+ (1-e^{-x})^2/x) = 1.21466$.

Source: Ali, Dobriban, Tibshirani 2020 (slides); the counterexample is derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdekit.theory.arrays import real_number
from sdekit.theory.least_squares.regression import Regression

#: The supremum in the module's docstring ("1.22" on the slides), attained at x = 3.213564.
BAYES_RATIO = 1.2146618408350
#: Places of the coarse search for the best time or penalty, before it is refined.
SEARCH_POINTS = 400


@dataclass(frozen=True)
class OracleComparison:
    """Best ridge and best gradient flow.

    Args:
        ridge: Smallest risk of ridge over all penalties.
        ridge_penalty: Where.
        flow: Smallest risk of gradient flow over all times.
        flow_time: Where.
    """

    ridge: float
    ridge_penalty: float
    flow: float
    flow_time: float

    @property
    def ratio(self) -> float:
        """flow / ridge; for Bayes risk between 1 and `BAYES_RATIO`."""
        return self.flow / self.ridge


def bayes_oracles(
    problem: Regression, prior_variance: float, noise_variance: float, kind: str = "estimation"
) -> OracleComparison:
    """The theorem's two sides for the prior (0, r^2 I).

    Args:
        problem: X; its y is not used.
        prior_variance: r^2 > 0 per coordinate of beta*.
        noise_variance: sigma^2 > 0.
        kind: "estimation" or "prediction".

    Raises:
        DataError: For variances that are not positive.

    Example:
        >>> problem = Regression.from_data([[1.0], [1.0]], [0.0, 0.0])
        >>> bayes_oracles(problem, prior_variance=1.0, noise_variance=2.0).ridge
        0.5

    Checked by: tests/theory/least_squares/test_oracle.py.
    """
    prior_variance = real_number(prior_variance, "the prior variance")
    noise_variance = real_number(noise_variance, "the noise variance")
    (n, p), rates = problem.shape, np.asarray(problem.rates, dtype=np.float64)
    weights = rates if kind == "prediction" else np.ones_like(rates)
    outside = prior_variance * (p - problem.rank) if kind == "estimation" else 0.0
    penalty = noise_variance / (n * prior_variance)
    best_ridge = float((weights * prior_variance * penalty / (rates + penalty)).sum()) + outside
    signal = np.full_like(rates, prior_variance)
    flow, time = _best_flow(rates, weights * signal, weights * noise_variance / n)
    return OracleComparison(best_ridge, penalty, flow + outside, time)


def fixed_signal_oracles(
    rates: np.ndarray, squared_signal: np.ndarray, noise_variance: float
) -> OracleComparison:
    """The same two minima for one fixed signal, where the statement can fail.

    Args:
        rates: s, shape (k,), positive.
        squared_signal: b_j^2, shape (k,).
        noise_variance: sigma^2 / n.
    """
    noise = np.full_like(rates, noise_variance)
    flow, time = _best_flow(rates, squared_signal, noise)

    def ridge_risk(log_penalty: float) -> float:
        left = np.exp(log_penalty) / (rates + np.exp(log_penalty))
        return float((squared_signal * left**2 + noise * (1 - left) ** 2 / rates).sum())

    ridge, penalty = _minimum(ridge_risk, rates)
    return OracleComparison(ridge, penalty, flow, time)


def fixed_signal_counterexample() -> OracleComparison:
    """Ridge 2.1224 above gradient flow 2.0728: the slides' statement fails at s = (1, 1/5).

    The signal makes gradient flow at t = 3/2 the best shrinkage of both coordinates.
    """
    rates = np.array([1.0, 0.2])
    kept = -np.expm1(-1.5 * rates)
    return fixed_signal_oracles(rates, kept / ((1 - kept) * rates), 1.0)


def _best_flow(
    rates: np.ndarray, squared_signal: np.ndarray, noise: np.ndarray
) -> tuple[float, float]:
    def risk(log_time: float) -> float:
        left = np.exp(-np.exp(log_time) * rates)
        return float((squared_signal * left**2 + noise * (1 - left) ** 2 / rates).sum())

    return _minimum(risk, 1 / rates)


def _minimum(risk: Callable[[float], float], scales: np.ndarray) -> tuple[float, float]:
    """Smallest value over exp(x): a risk may have several valleys, so search before refining."""
    from scipy.optimize import minimize_scalar

    grid = np.linspace(np.log(scales.min()) - 14, np.log(scales.max()) + 14, SEARCH_POINTS)
    values = [risk(x) for x in grid]
    best = int(np.argmin(values))
    bracket = (grid[max(best - 1, 0)], grid[min(best + 1, SEARCH_POINTS - 1)])
    found = minimize_scalar(risk, bounds=bracket, method="bounded", options={"xatol": 1e-10})
    if float(found.fun) < values[best]:
        return float(found.fun), float(np.exp(found.x))
    return values[best], float(np.exp(grid[best]))
