"""Thermostats under gradient noise: closed forms, and a simulation at n = 20."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from sdekit.errors import SchemeError
from sdekit.schemes.bias.linear_step import StationaryLaw
from sdekit.schemes.bias.mean_field import thermostat_prediction
from tests.schemes.models import langevin, sgnht

K, V = 100.0, 900.0
SETTINGS = [(0.01, 1.0), (0.01, 10.0), (0.02, 5.0)]


@functools.cache
def _predicted(word: str, h: float, A: float, noise: float = V) -> StationaryLaw:
    return thermostat_prediction(
        sgnht(),
        word,
        stiffness=K,
        step_size=h,
        parameters={"A": A, "mu": 1},
        gradient_covariance=noise,
    )


@pytest.mark.parametrize(("h", "A"), SETTINGS)
def test_algorithm_1_has_the_known_first_order_bias(h: float, A: float) -> None:
    D = A + h * V / 2
    root = np.sqrt(16 - 32 * D * h - 8 * K * h**2 + K**2 * h**4)
    found = _predicted("Algorithm1", h, A)
    assert found.thermostat == pytest.approx((4 - K * h**2 - root) / (4 * h), rel=1e-9)
    expected = 1 - found.thermostat * h / 2
    assert K * found.block("theta")[0, 0] == pytest.approx(expected, rel=1e-9)
    assert found.block("p")[0, 0] == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize(("h", "A"), SETTINGS)
def test_badodab_has_the_known_third_order_bias(h: float, A: float) -> None:
    found = _predicted("BADODAB", h, A)
    x = found.thermostat * h
    room = 4 - K * h**2
    assert A / found.thermostat == pytest.approx(1 - 2 * V * h**2 / np.tanh(x) / room, rel=1e-8)
    expected = 1 - V * h**2 * np.tanh(x / 2) / room
    assert K * found.block("theta")[0, 0] == pytest.approx(expected, rel=1e-9)


def test_badodab_is_exact_without_gradient_noise() -> None:
    found = _predicted("BADODAB", 0.02, 5.0, noise=0.0)
    assert found.thermostat == pytest.approx(5.0, rel=1e-9)
    assert K * found.block("theta")[0, 0] == pytest.approx(1.0, rel=1e-9)


def test_algorithm_1_is_biased_without_gradient_noise() -> None:
    """Twin: the prediction tells the two integrators apart."""
    assert abs(K * _predicted("Algorithm1", 0.02, 5.0, noise=0.0).block("theta")[0, 0] - 1) > 0.04


def test_a_simulation_at_n_20_agrees() -> None:
    """BADODAB at h = 0.02, A = 5: 200 chains of 20 dimensions; the mean field errs by O(1/n)."""
    source = np.random.default_rng(1)
    h, A, n, chains = 0.02, 5.0, 20, 300
    found = _predicted("BADODAB", h, A)
    q, p = source.normal(size=(chains, n)) / np.sqrt(K), source.normal(size=(chains, n))
    xi = np.full((chains, 1), found.thermostat)
    force = -(K * q + np.sqrt(V) * source.normal(size=q.shape))
    means = []
    for step in range(1200):
        p = p + h / 2 * force
        q = q + h / 2 * p
        xi = xi + h / 2 * ((p * p).mean(1, keepdims=True) - 1)
        noise = np.sqrt(A * -np.expm1(-2 * xi * h) / xi) * source.normal(size=p.shape)
        p = np.exp(-xi * h) * p + noise
        xi = xi + h / 2 * ((p * p).mean(1, keepdims=True) - 1)
        q = q + h / 2 * p
        force = -(K * q + np.sqrt(V) * source.normal(size=q.shape))
        p = p + h / 2 * force
        if step >= 400:
            means.append((K * q * q).mean(1))
    per_chain = np.mean(means, axis=0)
    error = per_chain.std() / np.sqrt(chains)
    predicted = K * found.block("theta")[0, 0]
    # The thermostat fluctuates with relative variance 1 / (n xi^2); friction enters as 1 / xi,
    # whose mean is off by that much.
    finite_size = 4 / (n * found.thermostat**2)
    assert abs(per_chain.mean() - predicted) < 4.5 * error + finite_size
    assert abs(per_chain.mean() - 0.829) > 7 * error + finite_size  # twin: Algorithm 1


def test_anisotropic_targets_share_one_thermostat() -> None:
    """The trace of <p p^T> is n, not each entry: stiffer directions run colder under noise."""
    found = thermostat_prediction(
        sgnht(), "Algorithm1", stiffness=np.diag([100.0, 25.0]), step_size=0.01,
        parameters={"A": 1, "mu": 1}, gradient_covariance=np.diag([900.0, 100.0]),
    )  # fmt: skip
    momenta = found.block("p")
    assert np.trace(momenta) == pytest.approx(2, rel=1e-9)
    assert momenta[0, 0] > 1.3 > 0.8 > momenta[1, 1]
    with pytest.raises(SchemeError, match="no variable q"):
        found.block("q")


def test_noise_beyond_what_a_thermostat_can_take_is_named() -> None:
    with pytest.raises(SchemeError, match="settles nowhere"):
        _predicted("Algorithm1", 0.1, 10.0, noise=1e4)


def test_a_dynamics_without_thermostat_is_refused() -> None:
    with pytest.raises(SchemeError, match="exactly one scalar thermostat"):
        thermostat_prediction(langevin(), stiffness=1.0, step_size=0.1, parameters={"A": 1})


@pytest.mark.parametrize("step_size", [0.0, -0.1])
def test_a_step_size_that_is_not_positive_is_refused(step_size: float) -> None:
    with pytest.raises(SchemeError, match="not positive"):
        _predicted("Algorithm1", step_size, 10.0)
