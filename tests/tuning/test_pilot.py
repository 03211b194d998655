"""Theory of trajectories, and the metric of windows."""

import numpy as np
import pytest

from sdekit.tuning.ensembles import Draws
from sdekit.tuning.pilot import (
    acceptance_of,
    best_leaps,
    cost_of,
    error_of,
    likeliest,
    new_metric,
)

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


def test_a_drifting_direction_widens_no_other():
    wide = RNG.normal(size=(4, 5, 20)) * np.r_[1e3, np.ones(19)]
    metric = new_metric(Draws(wide, np.zeros((4, 5)), 1.0), np.eye(20))
    # 7 draws known against 25 of before: the others keep their size up to its own noise.
    assert np.abs(np.linalg.eigvalsh(metric @ metric.T)[:-1]).max() < 4


def test_the_likelier_metric_has_the_shape_of_the_draws_whatever_its_size():
    L = np.array([[3.0, 0.0], [-2.0, 0.01]])
    draws = Draws(RNG.normal(size=(4, 20, 2)) @ L.T, np.zeros((4, 20)), 1.0)
    wrong = np.diag([3.0, 2.0])
    right = 100 * L
    assert likeliest(draws, [wrong, right]) is likeliest(draws, [right, wrong]) is right
    lost = Draws(draws.theta * np.nan, draws.energy, 1.0)
    assert likeliest(lost, [wrong, L]) is wrong
