r"""The excess-risk bound of stochastic gradient flow over ridge, with all constants.

$$\mathrm{Risk}(\beta_{sgf}(t)) - \mathrm{Risk}(\beta_{ridge}(1/t)) \le
  0.6862\,\mathrm{Var}(\beta_{ridge}) + E_\varepsilon\Big[\frac{\eta n}{m}\sum_i
  \frac{e^{\delta_y}s_i}{s_i-\alpha/2}(e^{-\alpha t}-e^{-2ts_i}) + \gamma_y(1-e^{-2ts_i})\Big]$$

The slides state the form; the constants are derived here: $\alpha = 2\mu - c$,
$\gamma_y = 2\mu F^\ast/\alpha$, $e^{\delta_y} = (F(0)-\gamma_y)_+$, where mu is the smallest
positive eigenvalue and c bounds the growth of F through the noise. They hold under the
step-size condition alpha > 0; otherwise the bound is infinite. The last term vanishes exactly
when y lies in the column space of X. The sharpened form replaces $n s_k$ by
$\max_i (v_k^\top x_i)^2 \le n s_k$ and 0.6862 by the sharp 0.685909.
A bound is for proofs: for the number itself solve the moment equation (`moments`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdekit.errors import DataError
from sdekit.theory.least_squares.flow import TOLERANCE, LeastSquaresFlow
from sdekit.theory.least_squares.risk import Risk, Risks

#: sup_x ((1 - e^-x)(1 + x)/x)^2, attained at x = 1.793282: variance of gradient flow at time t
#: over that of ridge at 1/t, in every coordinate.
VARIANCE_RATIO = 1.68590905827833
#: The same constant as the paper prints it: rounded up before squaring, valid but not sharp.
PRINTED_VARIANCE_RATIO = 1.6862


@dataclass(frozen=True)
class BoundConstants:
    """Constants of the bound for one problem.

    Args:
        alpha: Rate at which the bound on the objective decays; the bound holds when positive.
        gamma: gamma_y, level at which it settles.
        exp_delta: exp(delta_y), its height above that level at time 0.
        growth: c.
        largest_step_size: eta below which alpha > 0, for this batch size.
    """

    alpha: float
    gamma: float
    exp_delta: float
    growth: float
    largest_step_size: float

    @property
    def holds(self) -> bool:
        """Whether the step-size condition is met."""
        return self.alpha > 0


def _growth(flow: LeastSquaresFlow, growth: str) -> float:
    """c: kappa max_i x_i^T Sigma-hat x_i ("rows"), or kappa n sum s^2 ("spectrum")."""
    problem = flow.problem
    if growth == "rows":
        return flow.noise_scale * float(problem.rows.squares(problem.rates).max())
    if growth == "spectrum":
        return flow.noise_scale * problem.shape[0] * float((problem.rates**2).sum())
    raise DataError("unknown growth constant", expected="'rows' or 'spectrum'", found=repr(growth))


def _constants(
    flow: LeastSquaresFlow, growth: str, minimal_objective: float, initial: float, settle: bool
) -> BoundConstants:
    smallest, c = float(flow.problem.rates.min()), _growth(flow, growth)
    alpha = 2 * smallest - c
    largest = flow.step_size * 2 * smallest / c if c > 0 else float("inf")
    if alpha <= 0:
        return BoundConstants(alpha, float("inf"), float("inf"), c, largest)
    gamma = 2 * smallest * minimal_objective / alpha
    height = max(initial - (gamma if settle else minimal_objective), 0.0)
    return BoundConstants(alpha, gamma, height, c, largest)


def bound_constants(flow: LeastSquaresFlow, growth: str = "rows") -> BoundConstants:
    """The constants for the y of the flow.

    Args:
        flow: X, y, batch size, step size.
        growth: "rows" (tight) or "spectrum" (knows n, m, eta and the eigenvalues only, as the
            slides say).
    """
    problem = flow.problem
    return _constants(flow, growth, problem.minimal_objective, problem.initial_objective, True)


def averaged_bound_constants(
    flow: LeastSquaresFlow, risks: Risks, growth: str = "rows"
) -> BoundConstants:
    r"""Constants valid for the expectation over the noise in y.

    The positive part in $e^{\delta_y}$ is bounded by $F(0)-F^\ast$, whose expectation is closed:
    $(b^\top Sb + \sigma^2k/n)/2$; that of $F^\ast$ is $\sigma^2(n-k)/(2n)$.

    Args:
        flow: The least-squares flow.
        risks: Its risks, with signal b and variance of the noise in y.
        growth: Which bound on the growth of the covariance is used, as in `bound_constants`.
    """
    problem, (n, _) = flow.problem, flow.problem.shape
    least = risks.noise_variance * (n - problem.rank) / (2 * n)
    signal = float((problem.rates * risks.coordinates**2).sum())
    fitted = (signal + risks.noise_variance * problem.rank / n) / 2
    return _constants(flow, growth, least, least + fitted, False)


def trace_bound(
    flow: LeastSquaresFlow,
    time: float,
    constants: BoundConstants,
    sharp: bool = False,
    kind: str = "estimation",
) -> float:
    """Bound on tr Cov beta_t (estimation) or tr(Sigma-hat Cov beta_t) (prediction).

    Args:
        flow: X, batch size, step size.
        time: t >= 0.
        constants: From `bound_constants` or `averaged_bound_constants`.
        sharp: The sharpened form.
        kind: "estimation" or "prediction".

    Returns:
        The bound; infinite where the step-size condition fails.

    Checked by: tests/theory/least_squares/test_bounds.py.
    """
    if not constants.holds:
        return float("inf")
    problem = flow.problem
    rates = np.asarray(problem.rates, dtype=np.float64)
    rows = np.asarray(problem.rows.largest_squares()) if sharp else problem.shape[0] * rates
    # (e^{-alpha t} - e^{-2ts})/(s - alpha/2), with its limit where 2s = alpha.
    gap = (2 * rates - constants.alpha) * time
    averaged = np.where(gap > 0, -np.expm1(-gap) / np.where(gap > 0, gap, 1.0), 1.0)
    transient = 2 * time * np.exp(-constants.alpha * time) * averaged
    settled = -np.expm1(-2 * time * rates) / rates
    weights = rates if kind == "prediction" else np.ones_like(rates)
    terms = constants.exp_delta * transient + constants.gamma * settled
    return flow.noise_scale * float((weights * rows * terms).sum())


@dataclass(frozen=True)
class ExcessRisk:
    """The theorem at one time: excess <= ridge_term + noise_term.

    Args:
        time: t; the ridge penalty is 1/t.
        flow: Risk of the flow at t.
        ridge: Risk of ridge at 1/t.
        ridge_term: 0.6862 (or 0.685909) times the variance of ridge.
        noise_term: The bound on the injected variance.
    """

    time: float
    flow: Risk
    ridge: Risk
    ridge_term: float
    noise_term: float

    @property
    def excess(self) -> float:
        """Risk of the flow minus risk of ridge."""
        return self.flow.total - self.ridge.total

    @property
    def bound(self) -> float:
        """Right-hand side of the theorem."""
        return self.ridge_term + self.noise_term


def excess_risks(
    risks: Risks,
    times: np.ndarray,
    sharp: bool = False,
    growth: str = "rows",
    tolerance: float = TOLERANCE,
) -> list[ExcessRisk]:
    """Both sides of the theorem at ascending positive times.

    Args:
        risks: Problem, signal, noise level and kind of risk.
        times: t > 0, ascending.
        sharp: The sharpened form in place of the slides'.
        growth: See `bound_constants`.
        tolerance: Of the moment equation.
    """
    if np.min(times) <= 0:
        raise DataError("the theorem needs times above 0, as the penalty is 1/t", found=times)
    constants = averaged_bound_constants(risks.flow, risks, growth)
    ratio = VARIANCE_RATIO if sharp else PRINTED_VARIANCE_RATIO
    results = []
    for time, risk in zip(times, risks.stochastic_flow(times, tolerance), strict=True):
        shrunk = risks.ridge(1 / float(time))
        noise = trace_bound(risks.flow, float(time), constants, sharp, risks.kind)
        results.append(ExcessRisk(float(time), risk, shrunk, (ratio - 1) * shrunk.variance, noise))
    return results
