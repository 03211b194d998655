"""A run says what the noise of its gradient does beside what is declared."""

import pickle

import jax.numpy as jnp
import numpy as np

import sdekit as sk

DATA = np.random.default_rng(0).normal(size=100).astype(np.float32)
#: Exact: V = N^2 Var(x) / M, for every position.
V = 100**2 / 10 * DATA.astype(float).var()
H = 0.001
B = H * V / 2


def minibatch(**options):
    return sk.Minibatch(lambda m: 0.0, lambda m, row: -((row - m[0]) ** 2) / 2, DATA, 10, **options)


def simulated(name, parameters, scheme, potential=None, **options):
    given = {"step_size": H, "steps": 40_000, "burn_in": 4_000, "thin": 20, "chains": 8}
    return sk.simulate(
        name if isinstance(name, sk.Dynamics) else sk.catalog.get(name),
        jnp.array([float(DATA.mean())]),
        potential=minibatch() if potential is None else potential,
        parameters=parameters,
        scheme=scheme,
        **{**given, **options},
    )


def told(run):
    return [note for note in run.notes if "gradient" in note]


def test_undeclared_gradient_noise_is_told_with_the_temperature_that_comes_of_it():
    run = simulated("langevin", {"A": 5.0}, "SGHMC")
    (note,) = told(run)
    assert f"B = h V / 2 of {B:.3g} to p" in note
    assert f"T = (A + B)/A = {1 + B / 5:.4g}" in note
    # What it says is so: temperature of the momenta, within the error of correlated draws.
    squares = np.asarray(run.samples["p"], float) ** 2
    means = squares.reshape(8, -1).mean(axis=1)
    error = means.std(ddof=1) / 8**0.5
    assert abs(means.mean() - (1 + B / 5)) < 4.5 * error + 0.02


def test_declared_gradient_noise_that_is_there_needs_no_word_and_gives_the_target():
    """N Var(mu) = 1, where injecting A in full gives (A + B) / A."""
    theta, p = sk.vector("theta", n := sk.dim("n")), sk.vector("p", n)
    A, b = sk.parameter("A", positive=True), sk.parameter("b", positive=True)
    U = sk.potential("U", theta)
    model = sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - A * p},
        {p: A - b},
        gradient_noise={p: b},
        hamiltonian=U + sk.dot(p, p) / 2,
        target=U,
    )
    run = simulated(model, {"A": 5.0, "b": B}, "SGHMC")
    assert run.notes == ()
    wrong = simulated(model, {"A": 5.0, "b": 4 * B}, "SGHMC", steps=40, burn_in=0)
    (note,) = told(wrong)
    assert "the declared gradient noise of p is" in note and "not the declared one" in note
    spread = 100 * (np.asarray(run.samples["theta"], float) - DATA.mean(dtype=float)) ** 2
    means = spread.reshape(8, -1).mean(axis=1)
    assert abs(means.mean() - 1) < 4.5 * means.std(ddof=1) / 8**0.5


def test_declared_gradient_noise_without_a_stochastic_gradient_is_told():
    run = simulated(
        "sgnht-gradient-noise", {"A": 1.0, "B": 1.0, "mu": 1.0}, "BADODAB",
        potential=lambda q: 50 * jnp.sum(q**2), steps=40, burn_in=0,
    )  # fmt: skip
    (note,) = told(run)
    assert "the gradient is exact" in note


def test_a_thermostat_takes_undeclared_noise_out():
    (note,) = told(simulated("sgnht", {"A": 1.0, "mu": 1.0}, "BADODAB", steps=40, burn_in=0))
    assert "A becoming A + B" in note and "temperature" not in note


def test_batches_in_epochs_are_told_apart_and_a_run_that_is_sent_leaves_its_functions():
    given = minibatch(sampling="epochs")
    run = simulated("langevin", {"A": 5.0}, "BAOAB", given, steps=40, burn_in=0)
    assert any("cancels over a pass" in note for note in told(run))
    again = pickle.loads(pickle.dumps(run))
    assert again.problem is None and run.problem is not None
    assert np.array_equal(again.samples["theta"], run.samples["theta"])
