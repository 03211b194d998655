"""Runs that start in the exact law stay in it, up to a bias far below the statistical error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

import sdekit as sk
from sdekit import catalog

CHAINS, STEPS = 20_000, 40


@pytest.fixture(scope="module")
def exact_start():
    """Draws of exp(-U) by inverting its distribution function on a fine grid."""
    grid = np.linspace(-6.0, 6.0, 4001)
    density = np.exp(-((grid**4 + grid**3 - 13 * grid**2 - grid + 12) / 14 + 0.5))
    total = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    share, places = jnp.asarray(total / total[-1], jnp.float32), jnp.asarray(grid, jnp.float32)
    return lambda key: jnp.interp(jax.random.uniform(key), share, places)


def scores(run, double_well):
    """z of E theta, P(left) and E p^2 over the chains' last states."""
    theta, p = (run.samples[name][:, -1].astype(np.float64) for name in ("theta", "p"))
    pairs = [
        (theta, double_well.mean),
        (theta < double_well.barrier, double_well.left),
        (p**2, 1.0),
    ]
    return [(x.mean() - exact) / (x.std() / np.sqrt(CHAINS)) for x, exact in pairs]


def run(langevin, double_well, exact_start, scheme, h):
    return sk.simulate(
        langevin, exact_start, potential=double_well.potential, parameters={"A": 1.0},
        scheme=scheme, step_size=h, steps=STEPS, thin=STEPS, chains=CHAINS, seed=8,
    )  # fmt: skip


def test_the_double_well_keeps_its_law_under_a_splitting(langevin, double_well, exact_start):
    found = scores(run(langevin, double_well, exact_start, "BAOAB", 0.05), double_well)
    assert np.max(np.abs(found)) < 4.5


def test_the_check_has_power(langevin, double_well, exact_start):
    """Twin: Euler-Maruyama at h = 0.1 heats the momenta by about a tenth."""
    found = scores(run(langevin, double_well, exact_start, "EM", 0.1), double_well)
    assert np.max(np.abs(found)) > 7


def test_a_thermostat_reaches_kinetic_energy_one_half_and_its_noise_level():
    """Time averages after burn-in; U is quadratic, and the thermostat exact for it up to h^2."""
    result = sk.simulate(
        catalog.get("sgnht"), np.zeros(10), potential=lambda q: jnp.sum(q**2) / 2,
        parameters={"A": 1.0, "mu": 10.0}, step_size=0.05, burn_in=1000, steps=2000, chains=100,
        record=["p", "xi"], seed=1,
    )  # fmt: skip
    kinetic = np.mean(result.samples["p"].astype(np.float64) ** 2, axis=(1, 2)) / 2
    level = np.mean(result.samples["xi"].astype(np.float64), axis=1)
    for values, exact in ((kinetic, 0.5), (level, 1.0)):
        bias = 0.05**2 / 4 * exact
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert abs(values.mean() - exact) < 4.5 * error + bias


def test_the_exact_moments_are_those_of_quadrature(double_well):
    def weight(q, power):
        u = (q**4 + q**3 - 13 * q**2 - q + 12) / 14 + 0.5
        return q**power * np.exp(-u)

    norm, first, second = (quad(weight, -12, 12, args=(k,), limit=200)[0] for k in range(3))
    assert first / norm == pytest.approx(double_well.mean, abs=1e-7)
    assert second / norm - (first / norm) ** 2 == pytest.approx(double_well.variance, abs=1e-7)
