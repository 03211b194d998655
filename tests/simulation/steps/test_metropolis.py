"""Hamiltonian Monte Carlo keeps the exact law at any step size; its leapfrog alone does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit import catalog
from sdekit.errors import SchemeError, SimulationError

#: Step size at which leapfrog for U = q^2 / 2 has the variance 1 / (1 - h^2 / 4) = 4/3.
H = 1.0
CHAINS, STEPS = 2000, 40


def start(key):
    """Exact draws of the target, so that no burn-in is needed."""
    return jax.random.normal(key, (1,))


def variance_score(scheme, exact, **more):
    run = sk.simulate(
        catalog.get("hamiltonian"), start, potential=lambda q: jnp.sum(q**2) / 2, scheme=scheme,
        step_size=H, steps=STEPS, chains=CHAINS, record=["theta"], **more,
    )  # fmt: skip
    squares = run.samples["theta"][:, -1, 0].astype(np.float64) ** 2
    return (squares.mean() - exact) / (squares.std() / np.sqrt(CHAINS))


def test_the_law_is_exact_at_a_large_step():
    assert abs(variance_score("HMC", 1.0, leapfrog_steps=3)) < 4.5


def test_the_check_has_power():
    """Twin: leapfrog with new momenta and without acceptance has the variance 4/3."""
    run = sk.simulate(
        catalog.get("langevin"), start, potential=lambda q: jnp.sum(q**2) / 2, scheme="OBABO",
        parameters={"A": 50.0}, step_size=H, steps=STEPS, chains=CHAINS, record=["theta"],
    )  # fmt: skip
    squares = run.samples["theta"][:, -1, 0].astype(np.float64) ** 2
    assert (squares.mean() - 1.0) / (squares.std() / np.sqrt(CHAINS)) > 7


def test_a_trajectory_that_diverges_is_rejected():
    run = sk.simulate(
        catalog.get("hamiltonian"), jnp.ones(1), potential=lambda q: jnp.sum(q**4), scheme="HMC",
        step_size=50.0, steps=3, leapfrog_steps=20,
    )  # fmt: skip
    assert np.all(run.samples["theta"] == 1.0)


def test_what_has_no_metropolis_step_is_refused(langevin):
    with pytest.raises(SchemeError, match="HMC is for Hamiltonian flows"):
        sk.sampler(langevin, potential=lambda q: q**2, parameters={"A": 1.0}, scheme="HMC").bind(
            0.0
        )
    with pytest.raises(SimulationError, match="number of leapfrog steps is wrong"):
        sk.sampler(
            catalog.get("hamiltonian"),
            potential=lambda q: jnp.sum(q),
            scheme="HMC",
            leapfrog_steps=0,
        ).bind(jnp.zeros(2))
    target = sk.Minibatch(
        lambda q: 0.0, lambda q, x: -jnp.sum((q - x) ** 2), np.ones((10, 2)), batch_size=2
    )
    with pytest.raises(SimulationError, match="cannot accept or reject with a stochastic gradient"):
        sk.sampler(catalog.get("hamiltonian"), potential=target, scheme="HMC").bind(jnp.zeros(2))


def test_a_run_says_how_many_trajectories_were_accepted_and_which_chains_stood_still():
    sampler = sk.sampler(
        sk.catalog.get("hamiltonian"), lambda q: (q**4).sum() / 4, scheme="HMC", leapfrog_steps=10
    )
    run = sk.simulate(sampler, np.ones(10), step_size=0.9, steps=300, chains=2, seed=1)
    draws = np.concatenate([np.ones((2, 1, 10)), np.asarray(run.samples["theta"])], axis=1)
    moved = np.any(draws[:, 1:] != draws[:, :-1], axis=-1).mean()
    assert f"{moved:.3g} of the trajectories were accepted" in run.notes
    frozen = sk.simulate(sampler, np.full(10, 9.0), step_size=0.9, steps=20, chains=2, seed=1)
    assert "chains that accepted nothing: 0, 1" in frozen.notes
