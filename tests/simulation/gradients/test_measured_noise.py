"""The noise that a minibatch brings, measured as a part of D."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.simulation.gradients import measured_noise as module
from sdekit.simulation.gradients.gradient_noise import noise_covariance
from sdekit.simulation.gradients.measured_noise import driven_variables, measured_noise

DATA = np.random.default_rng(1).normal(size=(60, 2)).astype(np.float32)
POINT = {"a": jnp.array([0.3, -0.2]), "b": jnp.array(0.5)}


def likelihood(at, row):
    return -((row[0] - at["a"][0] * at["b"]) ** 2) - jnp.sum((row - at["a"]) ** 2) * at["b"] ** 2


def minibatch(**options):
    return sk.Minibatch(lambda at: -(at["b"] ** 2), likelihood, DATA, 10, **options)


def measured(name, target, parameters, step_size=0.01, shares=(1,)):
    sampler = sk.sampler(sk.catalog.get(name), potential=target, parameters=parameters)
    problem = sampler.bind(POINT).problem
    theta = np.array([0.3, -0.2, 0.5], np.float32)
    state = {"theta": theta, "p": np.zeros(3, np.float32)}
    return measured_noise(problem, [state], step_size, shares)


@pytest.mark.parametrize("sampling", ["with replacement", "without replacement"])
def test_all_rows_give_the_exact_diagonal(sampling):
    target = minibatch(sampling=sampling)
    (found,) = measured("langevin", target, {"A": 1.0})
    exact = 0.01 / 2 * np.diagonal(noise_covariance(target, POINT))
    assert found.variable.name == "p" and found.error == 0
    assert found.mean == pytest.approx(exact.mean(), rel=1e-5)
    assert (found.least, found.largest) == pytest.approx((exact.min(), exact.max()), rel=1e-5)


def test_two_independent_gradients_of_half_a_step_bring_half_of_it():
    one, two = (
        measured("langevin", minibatch(), {"A": 1.0}, shares=shares)[0].mean
        for shares in ((1,), (0.5, 0.5))
    )
    assert two == pytest.approx(one / 2, rel=1e-12)


def test_noise_goes_where_the_drift_takes_the_gradient():
    """A preconditioner P turns V into P V P."""
    P = np.diag([1.0, 2.0, 3.0])
    (found,) = measured("overdamped-preconditioned", minibatch(), {"P": P})
    V = noise_covariance(minibatch(), POINT)
    exact = 0.005 * np.diagonal(P @ V @ P)
    assert (found.variable.name, found.mean) == ("theta", pytest.approx(exact.mean(), rel=1e-5))
    plain = 0.005 * np.diagonal(V).mean()
    assert abs(found.mean - plain) > 0.5 * plain


def test_a_sample_of_the_rows_has_an_error_that_covers(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 20)
    (found,) = measured("langevin", minibatch(), {"A": 1.0})
    exact = 0.005 * np.diagonal(noise_covariance(minibatch(), POINT)).mean()
    assert found.error > 0
    assert abs(found.mean - exact) < 4.5 * found.error


def test_a_batch_of_all_rows_brings_none():
    whole = sk.Minibatch(
        lambda at: 0.0, likelihood, DATA, len(DATA), sampling="without replacement"
    )
    assert measured("langevin", whole, {"A": 1.0})[0].largest == 0


def test_only_variables_that_the_gradient_drives_have_any():
    sampler = sk.sampler(
        sk.catalog.get("sgnht"), potential=minibatch(), parameters={"A": 1.0, "mu": 1.0}
    )
    assert [x.name for x in driven_variables(sampler.bind(POINT).problem)] == ["p"]
