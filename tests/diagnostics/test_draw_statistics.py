"""Diagnostics against the exact values of autoregressive chains and harmonic targets."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.diagnostics import draw_statistics as d
from sdekit.errors import DataError

#: x' = R x + sqrt(1 - R^2) z: unit variance, autocorrelation R^k, time (1 + R) / (1 - R).
R = 0.8
TIME = (1 + R) / (1 - R)


def autoregressive(chains=4, draws=20_000, seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(draws, chains)) * np.sqrt(1 - R**2)
    out = np.empty((draws, chains))
    x = rng.normal(size=chains)
    for i in range(draws):
        x = R * x + noise[i]
        out[i] = x
    return out.T


CHAINS = autoregressive()


def test_autocorrelation_time_is_that_of_the_process():
    # 80,000 draws are 8,900 independent ones; the relative error of the time is about 3 %.
    assert d.autocorrelation_time(CHAINS) == pytest.approx(TIME, rel=0.12)
    np.testing.assert_allclose(d.autocorrelation(CHAINS, 5), R ** np.arange(5), atol=0.05)


def test_standard_errors_are_those_of_correlated_draws():
    estimate = d.mean_estimate(CHAINS)
    assert estimate.standard_error == pytest.approx(np.sqrt(TIME / CHAINS.size), rel=0.06)
    assert abs(estimate.z(0.0)) < 4.5
    assert abs(d.deviation_estimate(CHAINS).z(1.0)) < 4.5


def test_the_standard_error_has_power():
    """Twin: a mean off by 0.1 is seen."""
    assert abs(d.mean_estimate(CHAINS).z(0.1)) > 7


def test_chains_that_disagree_have_a_large_rhat():
    assert d.split_rhat(CHAINS) < 1.01
    assert d.split_rhat(CHAINS + np.arange(4)[:, None]) > 1.5


def test_effective_sample_sizes_keep_the_shape_of_an_event():
    draws = np.random.default_rng(1).normal(size=(2, 500, 3, 2))
    for kind in ("bulk", "tail", "mean"):
        assert d.effective_sample_size(draws, kind).shape == (3, 2)
    with pytest.raises(DataError, match="unknown effective sample size"):
        d.effective_sample_size(draws, "all")


def harmonic(temperature):
    """Exact draws of U = |q|^2 in two dimensions and of momenta of mass 2."""
    rng = np.random.default_rng(2)
    position = rng.normal(size=(2, 4_000, 2)) * np.sqrt(temperature / 2)
    momentum = rng.normal(size=(2, 4_000, 2)) * np.sqrt(2 * temperature)
    return position, momentum


def test_both_temperatures_are_that_of_the_bath():
    position, momentum = harmonic(1.5)
    kinetic = d.kinetic_temperature(momentum, inverse_mass=0.5)
    configurational = d.configurational_temperature(lambda q: jnp.sum(q**2), position)
    assert abs(kinetic.z(1.5)) < 4.5
    assert abs(configurational.z(1.5)) < 4.5
    assert abs(kinetic.z(1.0)) > 7
    assert abs(configurational.z(1.0)) > 7


def test_the_summary_has_a_row_per_component():
    table = d.summary({"theta": np.random.default_rng(0).normal(size=(2, 100, 3))})
    assert list(table.index) == ["theta[0]", "theta[1]", "theta[2]"]
    assert {"mean", "sd", "ess_bulk", "r_hat"} <= set(table.columns)


@pytest.mark.parametrize(
    ("draws", "message"),
    [
        (np.zeros(10), "wrong shape"),
        (np.zeros((2, 3)), "at least 4 draws"),
        (np.full((2, 10), np.nan), "not finite: found 20 of 20"),
    ],
)
def test_unusable_draws_are_refused(draws, message):
    with pytest.raises(DataError, match=message):
        d.mean_estimate(draws)


def test_more_lags_than_draws_are_refused():
    with pytest.raises(DataError, match="expected 1 to 20000, found 20001"):
        d.autocorrelation(CHAINS, 20_001)


def test_the_error_of_a_mean_knows_how_draws_are_correlated():
    """The variance of a mean of N draws is TIME / N; without ArviZ."""
    draws = autoregressive()
    found = d.correlated_mean(draws)
    exact = np.sqrt(TIME / draws.size)
    # The estimated time has a standard error of about a tenth here.
    assert found.standard_error == pytest.approx(exact, rel=0.3)
    assert abs(found.z(0.0)) < 4.5
    assert found.standard_error > 2 * np.sqrt(1 / draws.size)


def test_chains_that_disagree_widen_the_error_of_their_mean():
    draws = autoregressive(draws=500) + np.array([[-3.0], [3.0], [-3.0], [3.0]])
    assert d.correlated_mean(draws).standard_error > 1.0
