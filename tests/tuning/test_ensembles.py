"""Metropolis chains in a metric have the law of the target, whatever the metric."""

import jax
import numpy as np
import pytest

from sdekit.diagnostics.draw_statistics import mean_estimate
from sdekit.tuning.ensembles import BLOCK, JITTER, ChainEnsemble
from sdekit.tuning.pilot import acceptance_of
from sdekit.tuning.sampled_target import target_of

COVARIANCE = np.array([[4.0, 1.8], [1.8, 1.0]])
PRECISION = np.linalg.inv(COVARIANCE)


@pytest.fixture(scope="module")
def chains():
    with jax.enable_x64(True):
        target = target_of(lambda x: x @ PRECISION @ x / 2, np.zeros(2), None)
        yield ChainEnsemble(target, 8, 3)


def run(chains, factor, h, leaps, draws):
    chains.taken = 0
    start = np.random.default_rng(0).multivariate_normal(np.zeros(2), COVARIANCE, 8)
    return chains.trajectories(chains.states(start), factor, h, leaps, draws)[1]


def test_moments_are_those_of_the_target_in_a_wrong_metric(chains):
    before = chains.gradients
    draws = run(chains, np.eye(2), 0.6, 4, 2000)
    assert chains.gradients - before == 8 + 8 * 4 * 2000
    products = draws.theta[..., :, None] * draws.theta[..., None, :]
    assert np.abs(mean_estimate(draws.theta).z(0.0)).max() < 4.5
    assert np.abs(mean_estimate(products).z(COVARIANCE)).max() < 4.5
    assert np.abs(mean_estimate(products).z(1.2 * COVARIANCE)).max() > 7  # twin
    np.testing.assert_allclose(
        draws.energy, np.einsum("cti,ij,ctj->ct", draws.theta, PRECISION, draws.theta) / 2
    )


def test_acceptance_is_what_theory_says_of_a_whitened_gaussian(chains):
    r"""Leapfrog errors: the deviation of the energy over a quarter period is $\sqrt{d}h^2/4$."""
    h = 1.45 / 3
    draws = run(chains, np.linalg.cholesky(COVARIANCE), h, 3, 1000)
    spread = (1 + JITTER) ** 2  # steps vary, and the error with their square
    assert acceptance_of(2**0.5 * h**2 / 4 * spread) < draws.accepted < 1.0
    stiff = run(chains, 3 * np.linalg.cholesky(COVARIANCE), h, 3, 200)
    assert stiff.accepted < draws.accepted - 0.1


def test_a_seed_gives_the_same_draws_in_blocks_or_at_once(chains):
    whole = run(chains, np.eye(2), 0.5, 2, 2 * BLOCK)
    chains.taken = 0
    start = np.random.default_rng(0).multivariate_normal(np.zeros(2), COVARIANCE, 8)
    states, first = chains.trajectories(chains.states(start), np.eye(2), 0.5, 2, BLOCK)
    second = chains.trajectories(states, np.eye(2), 0.5, 2, BLOCK)[1]
    np.testing.assert_array_equal(first.then(second).theta, whole.theta)
