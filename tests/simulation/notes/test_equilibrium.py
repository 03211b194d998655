"""A run with momenta says whether they are in thermal equilibrium, as its own scheme would be."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk


def run_of(name, parameters, scheme, **more):
    given = {"step_size": 0.5, "steps": 10_000, "burn_in": 500, "thin": 2, "chains": 4}
    given |= {"potential": lambda z: jnp.sum(z**2) / 2}
    dynamics = name if isinstance(name, sk.Dynamics) else sk.catalog.get(name)
    start = jnp.zeros(3)
    return sk.simulate(dynamics, start, parameters=parameters, scheme=scheme, **{**given, **more})


def temperature_notes(run):
    return [note for note in run.notes if "temperature" in note]


def heated(factor):
    """Langevin dynamics whose noise is `factor` of what its friction takes out."""
    n = sk.dim("n")
    theta, p = sk.vector("theta", n), sk.vector("p", n)
    U, A = sk.potential("U", theta), sk.parameter("A", positive=True)
    f = sk.parameter("f", positive=True)
    drift = {theta: p, p: -sk.grad(U, theta) - A * p}
    H = U + sk.dot(p, p) / 2
    return sk.Dynamics(drift, {p: f * A}, hamiltonian=H, target=U), {"A": 1.0, "f": factor}


def test_baoab_at_a_large_step_has_the_value_of_its_scheme_and_no_warning():
    """Twin of the next: 1 - h^2/4 = 0.9375 is many standard errors from 1."""
    run = run_of("langevin", {"A": 1.0}, "BAOAB")
    found = run.equilibrium
    assert found.predicted == pytest.approx(0.9375, rel=1e-3)
    assert abs(found.value - 0.9375) < 4.5 * found.error
    assert abs(found.value - 1) > 7 * found.error
    assert run.notes == ()


def test_momenta_that_run_away_are_told_though_their_error_is_as_large():
    """The log density in place of the potential; twins: no run of the other tests has the note."""
    given = {"potential": lambda z: -jnp.sum(z**2), "steps": 60, "burn_in": 0}
    run = run_of("langevin", {"A": 1.0}, "BAOAB", **given)
    (note,) = run.notes
    assert "run away" in note and "minus* the log density" in note
    assert not run.equilibrium.is_off


def test_a_planted_temperature_is_told():
    model, parameters = heated(1.2)
    run = run_of(model, parameters, "BAOAB")
    (note,) = temperature_notes(run)
    assert "0.9375 by the scheme" in note
    assert abs(run.equilibrium.value - 1.2 * 0.9375) < 4.5 * run.equilibrium.error


def test_a_planted_temperature_of_a_thermostat_is_told():
    n = sk.dim("n")
    theta, p, xi = sk.vector("theta", n), sk.vector("p", n), sk.scalar("xi")
    U, A = sk.potential("U", theta), sk.parameter("A", positive=True)
    s = sk.parameter("s", positive=True)
    model = sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - xi * p, xi: (sk.dot(p, p) - s * n) / 3},
        {p: A},
        hamiltonian=U + sk.dot(p, p) / 2 + 3 * (xi - A) ** 2 / 2,
        target=U,
    )
    right = run_of(model, {"A": 1.0, "s": 1.0}, "BADODAB", step_size=0.3)
    wrong = run_of(model, {"A": 1.0, "s": 1.3}, "BADODAB", step_size=0.3)
    assert not right.equilibrium.is_off
    assert wrong.equilibrium.is_off


def test_every_h_has_the_value_one():
    """A relativistic kinetic energy has 1 as well, though <p.p>/n is another number."""
    values = {"A": 1.0, "m": 1.0, "c": 1.0}
    run = run_of("langevin-relativistic", values, None, step_size=0.1, steps=20_000)
    found = run.equilibrium
    assert found.predicted is None and not found.is_off
    assert abs(found.value - 1) < 4.5 * found.error + 0.02
    squares = float((np.asarray(run.samples["p"], float) ** 2).mean())
    assert abs(squares - 1) > 0.2


def test_a_run_without_momenta_or_without_their_draws_has_none():
    assert run_of("overdamped", {}, "EM", steps=400).equilibrium is None
    kept = run_of("langevin", {"A": 1.0}, "BAOAB", steps=400, record=["theta"])
    assert kept.equilibrium is None and temperature_notes(kept) == []


def test_a_scalar_momentum_is_one_too():
    q, p = sk.scalar("q"), sk.scalar("p")
    dynamics = sk.Dynamics(
        {q: p, p: -q - p}, {p: 1}, hamiltonian=(q**2 + p**2) / 2, target=q**2 / 2
    )
    run = sk.simulate(
        dynamics, 0.0, scheme="OBABO", step_size=0.1, steps=4000, burn_in=100, chains=20, seed=2
    )
    found = run.equilibrium
    assert abs(found.value - 1) < 4.5 * found.error
    assert temperature_notes(run) == []
