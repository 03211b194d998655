"""Momenta start from their law, other auxiliary variables at their mean."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit import catalog
from sdekit.errors import SimulationError

CHAINS = 4000
MASS = np.array([[2.0, 0.5], [0.5, 1.0]])


def starts(dynamics, parameters, **more):
    """Blocks of many starts, (chain, *shape)."""
    sampler = sk.sampler(dynamics, parameters=parameters, scheme="EM", **more)
    position = jnp.zeros(2)
    init = jax.jit(jax.vmap(lambda key: sampler.init(key, position)))
    return init(jax.random.split(jax.random.key(0), CHAINS)).auxiliary


def potential(theta):
    return jnp.sum(theta**2)


def covariance_score(draws, exact):
    """Largest z of the entries of a covariance of Gaussian draws with mean zero."""
    found = draws.T @ draws / len(draws)
    error = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / len(draws))
    return np.max(np.abs(found - exact) / error)


def test_momenta_are_drawn_from_their_gaussian_law_and_thermostats_start_at_their_mean():
    blocks = starts(catalog.get("sgnht"), {"A": 1.7, "mu": 3.0}, potential=potential)
    assert covariance_score(np.asarray(blocks["p"]), np.eye(2)) < 4.5
    assert np.allclose(blocks["xi"], 1.7)


def test_momenta_have_the_covariance_of_the_mass():
    parameters = {"M": MASS, "C": np.eye(2)}
    draws = np.asarray(starts(catalog.get("langevin-mass"), parameters, potential=potential)["p"])
    assert covariance_score(draws, MASS) < 4.5
    # Twin: the check tells the mass from its inverse.
    assert covariance_score(draws, np.linalg.inv(MASS)) > 7


def test_a_matrix_thermostat_starts_at_the_noise_level():
    blocks = starts(catalog.get("sgnht-matrix"), {"A": MASS, "mu": 2.0}, potential=potential)
    assert np.allclose(blocks["xi"][0], MASS, atol=1e-6)


def test_a_law_that_is_not_gaussian_starts_at_zero():
    values = {"m": 1.0, "c": 1.0, "A": 1.0}
    assert not np.any(
        starts(catalog.get("langevin-relativistic"), values, potential=potential)["p"]
    )


def test_the_user_sets_auxiliary_variables(thermostat):
    sampler = sk.sampler(thermostat, potential=lambda q: q**2, parameters={"A": 1.0, "mu": 1.0})
    state = sampler.init(jax.random.key(0), 0.0, auxiliary={"xi": 5.0})
    assert float(state.auxiliary["xi"]) == 5.0
    with pytest.raises(SimulationError, match="theta is no auxiliary variable"):
        sampler.init(jax.random.key(0), 0.0, auxiliary={"theta": 5.0})
    with pytest.raises(SimulationError, match="the start of xi has the wrong shape"):
        sampler.init(jax.random.key(0), 0.0, auxiliary={"xi": np.zeros(2)})
