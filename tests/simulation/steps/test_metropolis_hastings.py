"""MALA and the random walk: exact for every step size, whatever the drift."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SchemeError, SimulationError


def standard_error(values):
    means = values.reshape(len(values), -1).mean(axis=1)
    return means.std(ddof=1) / len(means) ** 0.5


def simulated(dynamics, scheme, potential, start, h, **more):
    given = {"steps": 6_000, "burn_in": 300, "chains": 16, "thin": 2}
    return sk.simulate(
        dynamics, start, potential=potential, scheme=scheme, step_size=h, **{**given, **more}
    )


@pytest.mark.parametrize("scheme", ["MALA", "Metropolis"])
def test_the_law_is_exact_where_euler_maruyama_is_far_off(scheme):
    """Variance 1/K = 1/2; EM at h K = 1.2 has 1/K / (1 - h K / 2) = 1.25."""
    run = simulated(
        sk.catalog.get("overdamped"), scheme, lambda q: jnp.sum(q**2), jnp.zeros(2), 0.6
    )
    squares = np.asarray(run.samples["theta"], float) ** 2
    assert abs(squares.mean() - 0.5) < 4.5 * standard_error(squares)
    assert "of the proposals were accepted" in run.notes[0]


def test_euler_maruyama_has_its_own_variance_there():
    """Twin: the same numbers without the Metropolis step."""
    run = simulated(sk.catalog.get("overdamped"), "EM", lambda q: jnp.sum(q**2), jnp.zeros(2), 0.6)
    squares = np.asarray(run.samples["theta"], float) ** 2
    assert abs(squares.mean() - 1.25) < 4.5 * standard_error(squares)
    assert squares.mean() - 0.5 > 7 * standard_error(squares)


def test_noise_that_depends_on_the_state_is_weighed_by_its_own_density():
    """D = 1 + x^2, the drift left without div D: exp(-H) is what MALA samples all the same."""
    x = sk.scalar("x")
    given = sk.Dynamics({x: -x * (1 + x**2)}, {x: 1 + x**2}, hamiltonian=x**2 / 2)
    run = simulated(given, "MALA", None, 0.0, 0.3, steps=12_000)
    squares = np.asarray(run.samples["x"], float) ** 2
    assert abs(squares.mean() - 1) < 4.5 * standard_error(squares)


def test_a_bounded_domain_is_kept():
    """exp(-x) on x > 0 has mean 1."""
    x = sk.scalar("x", domain="positive")
    given = sk.Dynamics({x: -1}, {x: 1}, hamiltonian=x)
    run = simulated(given, "Metropolis", None, 1.0, 1.0, steps=12_000)
    values = np.asarray(run.samples["x"], float)
    assert values.min() > 0
    assert abs(values.mean() - 1) < 4.5 * standard_error(values)


def test_it_is_the_published_recursion():
    """One step by hand, from the same normals: the proposal is that of Euler-Maruyama."""
    given = sk.catalog.get("overdamped")
    small = {"steps": 1, "burn_in": 0, "thin": 1, "chains": 64, "seed": 3}
    start = jnp.array([0.4, -1.1])
    mala, plain = (
        np.asarray(
            simulated(given, scheme, lambda q: jnp.sum(q**4), start, 1e-3, **small).samples["theta"]
        )
        for scheme in ("MALA", "EM")
    )
    moved = ~np.all(mala == np.asarray(start), axis=-1)
    assert moved.mean() > 0.9
    assert np.allclose(mala[moved], plain[moved], rtol=0, atol=1e-6)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SchemeError, match="no noise on theta"):
        sk.sampler(sk.catalog.get("langevin"), lambda q: q @ q, {"A": 1.0}, "MALA")
    minibatch = sk.Minibatch(lambda m: 0.0, lambda m, r: -((r - m[0]) ** 2), jnp.ones(10), 2)
    with pytest.raises(SimulationError, match="stochastic gradient"):
        simulated(sk.catalog.get("overdamped"), "MALA", minibatch, jnp.zeros(1), 0.1)


def test_a_temperature_inside_h_is_one_in_either_way_of_writing():
    n = sk.dim("n")
    q, p = sk.vector("q", n), sk.vector("p", n)
    U, T = sk.potential("U", q), sk.parameter("T", positive=True)
    found = []
    for H in (U / T + sk.dot(p, p) / (2 * T), (U + sk.dot(p, p) / 2) / T):
        flow = sk.Dynamics({q: p, p: -sk.grad(U, q)}, {}, hamiltonian=H, target=U / T)
        run = simulated(
            flow, "HMC", lambda z: jnp.sum(z**2) / 2, jnp.zeros(2), 0.5,
            parameters={"T": 3.0}, leapfrog_steps=5, steps=1_000,
        )  # fmt: skip
        found.append(np.asarray(run.samples["q"], float))
    assert np.allclose(*found, atol=1e-3)
    squares = found[0] ** 2
    assert abs(squares.mean() - 3) < 4.5 * standard_error(squares)
