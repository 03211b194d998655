"""Theory of trajectories, and the metric of windows."""

import numpy as np
import pytest

from sdekit.tuning.ensembles import Draws
from sdekit.tuning.pilot import acceptance_of, best_leaps, cost_of, error_of, new_metric

RNG = np.random.default_rng(0)


def test_acceptance_and_energy_error_are_inverse():
    assert acceptance_of(error_of(0.8)) == pytest.approx(0.8)
    assert acceptance_of(0.0) == 1.0 and cost_of(3, 1.0) == 3.0


def test_trajectories_are_as_coarse_as_acceptance_and_stability_allow():
    assert best_leaps(0.7, 0.95, 2.0) == 2
    assert best_leaps(0.7, 0.4, 2.0) > best_leaps(0.7, 0.8, 2.0) >= 2
    assert best_leaps(0.7, 0.95, 0.1) == 15  # 1.45 / 0.1, whatever is accepted


@pytest.mark.parametrize("is_dense", [True, False])
def test_the_metric_goes_to_that_of_the_draws(is_dense):
    L = np.array([[3.0, 0.0], [-2.0, 0.01]])
    if not is_dense:
        L = np.diag(np.diag(L))
    draws = Draws(RNG.normal(size=(4, 5000, 2)) @ L.T, np.zeros((4, 5000)), 1.0)
    before = 100 * L if is_dense else 100 * np.diag(L)
    metric = new_metric(draws, before)
    near = np.linalg.solve(L, np.diag(metric) if metric.ndim == 1 else metric)
    # 20,000 independent draws: a variance has a standard error of 0.01.
    np.testing.assert_allclose(near @ near.T, np.eye(2), atol=4.5 * 0.01)


def test_a_window_of_few_draws_keeps_the_shape_it_had():
    L = np.array([[3.0, 0.0], [-2.0, 0.01]])
    few = Draws(RNG.normal(size=(2, 1, 2)) @ L.T, np.zeros((2, 1)), 1.0)
    assert np.linalg.cond(np.linalg.solve(L, new_metric(few, L))) < 3
    assert new_metric(Draws(few.theta * np.nan, few.energy, 1.0), L) is None
