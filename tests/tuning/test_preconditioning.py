"""Linear maps change the coordinates and nothing else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DataError, SimulationError
from sdekit.simulation.gradients.gradient_noise import full_gradient, noise_covariance
from sdekit.tuning import preconditioning as pc

RNG = np.random.default_rng(0)
C = np.array([[4.0, 1.5], [1.5, 1.0]])
X = RNG.multivariate_normal([1.0, -2.0], C, size=400)


def target(**options):
    precision = jnp.asarray(np.linalg.inv(C), jnp.float32)

    def log_likelihood(theta, x):
        gap = x - jnp.stack([theta["a"], theta["b"]])
        return -gap @ precision @ gap / 2

    return sk.Minibatch(
        lambda theta: -(theta["a"] ** 2) / 200, log_likelihood, X, 20, **options
    )  # fmt: skip


MODE = {"a": jnp.float32(X[:, 0].mean()), "b": jnp.float32(X[:, 1].mean())}


def test_the_fisher_map_makes_the_gradient_noise_isotropic():
    """V = (N / M) I = 20 I with the empirical scatter itself."""
    chart = pc.from_fisher(target(), MODE)
    moved = chart.minibatch(target())
    found = noise_covariance(moved, jnp.zeros(2, jnp.float32))
    np.testing.assert_allclose(found, 20 * np.eye(2), rtol=1e-3, atol=1e-2)
    before = noise_covariance(target(), MODE)
    assert np.linalg.cond(before) > 10


def test_gradients_follow_the_chain_rule():
    chart = pc.from_covariance(MODE, C)
    z = jnp.array([0.3, -0.8])
    there = full_gradient(target(), chart.position(z))
    exact = chart.factor.T @ [there["a"], there["b"]]
    np.testing.assert_allclose(full_gradient(chart.minibatch(target()), z), exact, rtol=1e-4)
    found = jax.grad(chart.potential(target().potential))(z)
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def test_control_variates_move_along():
    chart = pc.from_covariance(MODE, [2.0, 0.5])
    moved = chart.minibatch(target(control_variate=MODE))
    np.testing.assert_allclose(moved.reference[0], 0.0, atol=1e-6)


def test_coordinates_and_positions_are_inverse():
    chart = pc.from_covariance(MODE, C)
    z = np.array([0.3, -0.8])
    np.testing.assert_allclose(chart.coordinates(chart.position(jnp.asarray(z))), z, rtol=1e-5)
    assert chart.positions(np.zeros((2, 3, 2)))["a"].shape == (2, 3)


def test_a_pilot_run_gives_its_own_covariance():
    draws = RNG.multivariate_normal([0, 0], C, size=(2, 500))
    chart = pc.from_draws(draws)
    np.testing.assert_allclose(
        chart.factor @ chart.factor.T, np.cov(draws.reshape(-1, 2).T), rtol=1e-6
    )
    variances = pc.from_draws(draws, is_diagonal=True).factor ** 2
    np.testing.assert_allclose(variances, draws.reshape(-1, 2).var(0, ddof=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pc.from_covariance(jnp.zeros(3), C), SimulationError, "does not fit the mean"),
        (lambda: pc.from_covariance(jnp.zeros(2), -C), SimulationError, "not positive definite"),
        (lambda: pc.from_draws(np.zeros((1, 5))), DataError, "draws of a vector"),
        (lambda: pc.from_fisher(target(control_variate=MODE), MODE), SimulationError, "plain"),
        (
            lambda: pc.from_fisher(
                sk.Minibatch(lambda t: 0.0, lambda t, x: -((x[0] - t[0]) ** 2), X, 5), jnp.zeros(2)
            ),
            SimulationError,
            "do not determine all components",
        ),
    ],
)
def test_impossible_maps_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
