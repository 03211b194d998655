"""The oracle comparison is a theorem on Bayes risk and false for fixed signals."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from sdekit.errors import DataError
from sdekit.theory import bayes_oracles, fixed_signal_counterexample, fixed_signal_oracles
from sdekit.theory.least_squares.oracle import BAYES_RATIO
from sdekit.theory.least_squares.regression import Regression


def random_problem(rng):
    design = rng.normal(size=(rng.integers(2, 12), rng.integers(1, 8)))
    return Regression.from_data(design, rng.normal(size=design.shape[0]))


def test_the_bayes_constant_is_the_supremum():
    found = minimize_scalar(
        lambda x: -(1 + x) * (np.exp(-2 * x) + (1 - np.exp(-x)) ** 2 / x),
        bounds=(1, 6),
        method="bounded",
        options={"xatol": 1e-12},
    )
    assert abs(-found.fun - BAYES_RATIO) < 1e-11


@pytest.mark.parametrize("kind", ["estimation", "prediction"])
def test_bayes_ridge_beats_gradient_flow_by_at_most_the_constant(kind):
    rng = np.random.default_rng(0)
    for _ in range(60):
        problem = random_problem(rng)
        best = bayes_oracles(problem, rng.exponential(), rng.exponential(), kind)
        assert 1 - 1e-9 <= best.ratio <= BAYES_RATIO


def test_the_bayes_risk_is_the_average_over_the_prior():
    rng = np.random.default_rng(1)
    problem = random_problem(rng)
    n, p = problem.shape
    best = bayes_oracles(problem, prior_variance=0.7, noise_variance=0.3)
    design = problem.design
    signals = np.sqrt(0.7) * rng.normal(size=(20_000, p))
    responses = signals @ design.T + np.sqrt(0.3) * rng.normal(size=(20_000, n))
    gram = design.T @ design / n + best.ridge_penalty * np.eye(p)
    losses = ((np.linalg.solve(gram, design.T @ responses.T / n).T - signals) ** 2).sum(1)
    error = losses.std(ddof=1) / np.sqrt(20_000)
    assert abs(losses.mean() - best.ridge) < 4.5 * error
    # Twin: the flow's best risk is resolved as another number whenever it is above by 10 errors.
    assert best.flow >= best.ridge


def test_for_a_fixed_signal_the_statement_fails():
    found = fixed_signal_counterexample()
    assert found.ridge == pytest.approx(2.1224, abs=1e-4)
    assert found.flow == pytest.approx(2.0728, abs=1e-4)
    assert found.flow_time == pytest.approx(1.5, rel=1e-5)
    assert found.ratio < 1


def test_it_fails_for_many_random_signals():
    rng = np.random.default_rng(0)
    fails = 0
    for _ in range(100):
        k = rng.integers(2, 8)
        rates, signal = rng.exponential(size=k) + 1e-3, 4 * rng.normal(size=k) ** 2
        fails += fixed_signal_oracles(rates, signal, 0.3).ratio < 1 - 1e-9
    assert 30 < fails < 70


def test_priors_without_spread_are_refused():
    with pytest.raises(DataError, match="must be positive"):
        bayes_oracles(random_problem(np.random.default_rng(0)), 0.0, 1.0)
