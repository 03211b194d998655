"""Exact linear SDEs: non-normal drift, singular diffusion, long and short steps."""

import numpy as np
import pytest
from scipy.integrate import quad_vec
from scipy.linalg import expm

from sdekit.calculus.linear.linear_law import LinearSDE, covariance_factor
from sdekit.errors import SimulationError

#: Not normal, and not made normal by D: a package that symmetrizes the drift gets this wrong.
SHEARED = LinearSDE([[-1.0, -3.0], [0.0, -1.5]], np.eye(2), [0.5, -1.0])
#: Underdamped oscillator: noise in the momentum only, D singular.
OSCILLATOR = LinearSDE([[0.0, 1.0], [-4.0, -0.5]], [[0.0, 0.0], [0.0, 0.5]])


def by_quadrature(sde, h):
    def integrand(s):
        flow = expm(sde.drift * s)
        return flow @ (2 * sde.diffusion) @ flow.T

    return quad_vec(integrand, 0, h, epsabs=1e-12, epsrel=1e-12)[0]


@pytest.mark.parametrize("sde", [SHEARED, OSCILLATOR], ids=["sheared", "oscillator"])
@pytest.mark.parametrize("h", [1e-3, 0.3, 7.0])
def test_the_transition_is_the_integral_of_the_flow(sde, h):
    step = sde.transition(h)
    exact = by_quadrature(sde, h)
    np.testing.assert_allclose(step.matrix, expm(sde.drift * h), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(step.covariance, exact, rtol=1e-9, atol=1e-14)
    mean = np.linalg.solve(sde.drift, -sde.forcing)
    np.testing.assert_allclose(step.offset, mean - step.matrix @ mean, rtol=1e-9, atol=1e-13)


def test_the_transition_check_has_power():
    """Twin: with the symmetric part of the drift the covariance at time 1 is far off."""
    symmetric = LinearSDE((SHEARED.drift + SHEARED.drift.T) / 2, SHEARED.diffusion)
    gap = symmetric.transition(1.0).covariance - SHEARED.transition(1.0).covariance
    assert np.abs(gap).max() > 0.5


@pytest.mark.parametrize("sde", [SHEARED, OSCILLATOR], ids=["sheared", "oscillator"])
def test_the_stationary_covariance_does_not_move(sde):
    covariance = sde.stationary_covariance()
    step = sde.transition(0.7)
    moved = step.matrix @ covariance @ step.matrix.T + step.covariance
    np.testing.assert_allclose(moved, covariance, rtol=1e-10, atol=1e-14)
    long = sde.transition(200.0)
    np.testing.assert_allclose(long.covariance, covariance, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(long.offset, sde.stationary_mean(), atol=1e-9)


def test_the_oscillator_has_its_textbook_variances():
    """k_B T = D / friction = 1: Var q = 1 / 4, Var p = 1."""
    np.testing.assert_allclose(
        OSCILLATOR.stationary_covariance(), [[0.25, 0], [0, 1.0]], atol=1e-14
    )


def test_a_stiff_drift_over_a_long_step_stays_accurate():
    stiff = LinearSDE(np.diag([-1.0, -1e4]), np.eye(2))
    np.testing.assert_allclose(
        stiff.transition(10.0).covariance, np.diag([1 - np.exp(-20), 1e-4]), rtol=1e-10
    )


@pytest.mark.parametrize("h", [1e-4, 0.5])
def test_the_factor_gives_back_the_covariance(h):
    covariance = OSCILLATOR.transition(h).covariance
    factor = covariance_factor(covariance)
    np.testing.assert_allclose(factor @ factor.T, covariance, rtol=1e-9, atol=0)


def test_a_direction_without_noise_gets_no_normals():
    still = LinearSDE(np.diag([-1.0, -2.0]), np.diag([1.0, 0.0]))
    assert still.transition(0.3).factor.shape == (2, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinearSDE([[1.0, 2.0]], [[1.0]]), "the drift matrix has the wrong shape"),
        (lambda: LinearSDE([[-1.0]], np.eye(2)), r"expected \(1, 1\), found \(2, 2\)"),
        (lambda: LinearSDE(-np.eye(2), [[1.0, 1.0], [0.0, 1.0]]), "is not symmetric"),
        (lambda: LinearSDE([[-1.0]], [[-1.0]]), "negative eigenvalue"),
        (lambda: LinearSDE([[-1.0]], [[1.0]], [1.0, 2.0]), "the forcing has the wrong shape"),
        (lambda: LinearSDE([[np.nan]], [[1.0]]), "not finite"),
        (lambda: LinearSDE([[1.0]], [[1.0]]).stationary_covariance(), "no stationary law"),
        (lambda: LinearSDE([[1.0]], [[1.0]]).transition(1e4), "grows beyond the numbers"),
        (lambda: LinearSDE([[1.0]], [[1.0]]).transition(0.0), "not positive and finite"),
    ],
)
def test_impossible_linear_sdes_are_refused(make, message):
    with pytest.raises(SimulationError, match=message):
        make()
