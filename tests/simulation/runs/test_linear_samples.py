"""Exact linear SDEs: non-normal drift, singular diffusion, long and short steps."""

import numpy as np
import pytest
from scipy.integrate import quad_vec
from scipy.linalg import expm

from sdekit.calculus.linear.linear_law import LinearSDE, covariance_factor
from sdekit.errors import SimulationError
from sdekit.simulation.runs.linear_samples import sample_linear

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


def test_draws_have_the_exact_mean_and_covariance():
    chains, h = 4_000, 0.8
    z = np.asarray(sample_linear(SHEARED, [1.0, 2.0], step_size=h, steps=2, chains=chains))
    step = SHEARED.transition(2 * h)
    mean = step.matrix @ [1.0, 2.0] + step.offset
    scores = (z[:, 1] - mean) @ np.linalg.inv(np.linalg.cholesky(step.covariance)).T
    assert np.max(np.abs(scores.mean(0))) * np.sqrt(chains) < 4.5
    products = np.array([scores[:, 0] ** 2 - 1, scores[:, 1] ** 2 - 1, scores[:, 0] * scores[:, 1]])
    z_scores = products.mean(1) / (products.std(1) / np.sqrt(chains))
    assert np.max(np.abs(z_scores)) < 4.5


def test_a_chain_does_not_depend_on_the_number_of_chains():
    few = sample_linear(SHEARED, [0.0, 0.0], step_size=0.1, steps=3, chains=2, seed=1)
    many = sample_linear(SHEARED, [0.0, 0.0], step_size=0.1, steps=3, chains=5, seed=1)
    np.testing.assert_allclose(few, many[:2], rtol=1e-5)


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
        (lambda: sample_linear(SHEARED, [0.0], step_size=1, steps=1), "start of a linear SDE"),
    ],
)
def test_impossible_linear_sdes_are_refused(make, message):
    with pytest.raises(SimulationError, match=message):
        make()
