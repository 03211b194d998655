"""Covariance of the minibatch gradient against brute force over all batches."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.errors import SimulationError
from sdekit.simulation.gradients import gradient_noise as noise
from sdekit.simulation.gradients.minibatch import Minibatch

X = np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 3.0], [1.5, 0.5], [-1.0, 2.0]])
THETA = jnp.array([0.4, -0.7])
#: Gradients of the log likelihood -(x - theta)^4 / 4 summed over components, one row each.
S = (X - np.asarray(THETA)) ** 3


def target(**options):
    return Minibatch(
        lambda theta: -jnp.sum(theta**2),
        lambda theta, x: -jnp.sum((x - theta) ** 4) / 4,
        X,
        2,
        **options,
    )


def covariance_of(batches):
    estimates = np.array([5 / 2 * S[list(batch)].sum(0) for batch in batches])
    return np.cov(estimates.T, bias=True)


def test_covariance_with_replacement_is_that_of_all_ordered_batches():
    exact = covariance_of(itertools.product(range(5), repeat=2))
    np.testing.assert_allclose(noise.noise_covariance(target(), THETA), exact, rtol=1e-5)


def test_covariance_without_replacement_is_that_of_all_subsets():
    exact = covariance_of(itertools.combinations(range(5), 2))
    found = noise.noise_covariance(target(sampling="without replacement"), THETA)
    np.testing.assert_allclose(found, exact, rtol=1e-5)


def test_the_covariance_check_has_power():
    """Twin: without replacement the variance is 3/4 of that with replacement."""
    exact = covariance_of(itertools.product(range(5), repeat=2))
    found = noise.noise_covariance(target(sampling="without replacement"), THETA)
    np.testing.assert_allclose(found, 0.75 * exact, rtol=1e-5)


def test_paper_value_of_the_gaussian_experiment():
    """N = 100, M = 10, population variance 1: V = 1000, B = hV/2 = 0.5 at h = 0.001."""
    x = np.random.default_rng(0).normal(size=100)
    x = (x - x.mean()) / x.std()
    gaussian = Minibatch(lambda mu: 0.0, lambda mu, x: -0.5 * (x - mu) ** 2, x, 10)
    covariance = noise.noise_covariance(gaussian, jnp.array(0.3))
    np.testing.assert_allclose(covariance, [[1000.0]], rtol=1e-5)
    np.testing.assert_allclose(noise.momentum_noise(covariance, 0.001), [[0.5]], rtol=1e-5)


def test_control_variate_has_no_noise_at_its_reference():
    at_reference = noise.noise_covariance(target(control_variate=THETA), THETA)
    np.testing.assert_allclose(at_reference, 0.0, atol=1e-10)


def test_covariance_function_on_all_rows_has_the_exact_covariance():
    """With all five rows the unbiased sample covariance is 5/4 of the population's."""
    found = noise.covariance_function(target(), rows_used=5)(THETA)
    np.testing.assert_allclose(found, 1.25 * noise.noise_covariance(target(), THETA), rtol=1e-5)


def test_running_covariance_is_the_mean_of_the_batches():
    first, second = jnp.asarray(S[:3]), jnp.asarray(S[2:])
    full = noise.updated(noise.updated(noise.running_covariance(2), first), second)
    mean = (np.cov(S[:3].T) + np.cov(S[2:].T)) / 2
    np.testing.assert_allclose(full.value, mean, rtol=1e-5)
    diagonal = noise.updated(noise.running_covariance(2, is_diagonal=True), first)
    np.testing.assert_allclose(diagonal.value, np.diag(np.cov(S[:3].T)), rtol=1e-5)


def test_impossible_requests_are_refused():
    with pytest.raises(SimulationError, match="at least two rows"):
        noise.covariance_function(target(), rows_used=6)
    with pytest.raises(SimulationError, match="path of the chain"):
        noise.noise_covariance(target(svrg=3), THETA)
