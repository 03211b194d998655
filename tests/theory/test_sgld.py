"""SGLD: gradient noise by enumeration, and the identities with HMC."""

import itertools

import numpy as np
import pytest

from sdekit.errors import DataError
from sdekit.theory import sgld

RNG = np.random.default_rng(0)
POSITION, MOMENTUM = RNG.normal(size=3), RNG.normal(size=3)


def potential(q):
    return float(np.sum(q**4) / 4 + q[0] * q[1])


def gradient(q):
    return q**3 + np.array([q[1], q[0], 0.0])


@pytest.mark.parametrize("replace", [True, False])
def test_gradient_noise_covariance_is_that_of_all_batches(replace):
    scores, size = RNG.normal(size=(5, 2)), 2
    batches = (
        itertools.product(range(5), repeat=size)
        if replace
        else itertools.combinations(range(5), size)
    )
    gradients = np.array([5 / size * scores[list(batch)].sum(axis=0) for batch in batches])
    exact = np.cov(gradients.T, bias=True)
    assert np.abs(sgld.gradient_noise_covariance(scores, size, replace) - exact).max() < 1e-12
    other = sgld.gradient_noise_covariance(scores, size, not replace)
    assert np.abs(other - exact).max() > 0.1


def test_the_transition_compares_the_variances_of_one_step():
    covariance = np.diag([100.0, 4.0])
    state = sgld.transition(0.008, covariance)
    assert state.injected == 0.008
    assert state.gradient == pytest.approx((0.008 / 2) ** 2 * 100)
    assert state.ratio == pytest.approx(0.008 * 100 / 4)
    assert not state.samples
    assert sgld.transition(sgld.transition_step(covariance) * 0.999, covariance).samples


def test_one_leapfrog_step_is_euler_maruyama():
    for step in (0.01, 0.3):
        position, _ = sgld.leapfrog(POSITION, MOMENTUM, gradient, step, 1)
        euler = sgld.euler_maruyama(POSITION, gradient, step**2 / 2, MOMENTUM)
        assert np.abs(position - euler).max() < 1e-15
        # Twin: the printed sign (plus) is no leapfrog step.
        printed = POSITION + step**2 / 2 * gradient(POSITION) + step * MOMENTUM
        assert np.abs(position - printed).max() > 1e-6


def test_leapfrog_is_reversible_and_keeps_the_energy_to_second_order():
    far, momentum = sgld.leapfrog(POSITION, MOMENTUM, gradient, 0.05, 7)
    back, reversed_momentum = sgld.leapfrog(far, -momentum, gradient, 0.05, 7)
    assert np.abs(back - POSITION).max() < 1e-13
    assert np.abs(reversed_momentum + MOMENTUM).max() < 1e-13


def test_hmc_with_one_step_accepts_exactly_as_mala_does():
    for step in (0.05, 0.5):
        proposal, _ = sgld.leapfrog(POSITION, MOMENTUM, gradient, step, 1)
        hmc = sgld.hmc_log_acceptance(potential, gradient, POSITION, MOMENTUM, step)
        mala = sgld.mala_log_acceptance(potential, gradient, POSITION, proposal, step**2 / 2)
        assert hmc == pytest.approx(mala, abs=1e-11)
        # Twin: at another step MALA's ratio is another number.
        other = sgld.mala_log_acceptance(potential, gradient, POSITION, proposal, step**2)
        assert abs(hmc - other) > 1e-6


def test_impossible_steps_and_batches_are_refused():
    with pytest.raises(DataError, match="step size must be positive"):
        sgld.transition(0.0, np.eye(2))
    with pytest.raises(DataError, match="batch size does not fit"):
        sgld.gradient_noise_covariance(np.ones((3, 1)), 4, replace=False)
