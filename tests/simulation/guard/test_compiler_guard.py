"""The compiler guard of a run: planted faults of each kind stop it, clean twins do not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.guard.compiler_guard import CompilerGuard

#: An operation that is the identity, but for compiled programs, which are made to be 1 % off.
faulty = Primitive("planted_fault")
faulty.def_impl(lambda x: x)
faulty.def_abstract_eval(lambda x: x)
batching.defvectorized(faulty)
mlir.register_lowering(faulty, mlir.lower_fun(lambda x: x * 1.01, multiple_results=False))

A = {"A": 1.0}
DATA = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)


def planted(function, on_value=lambda x: x, on_gradient=lambda x: x):
    """A function whose value or gradient goes through an operation."""

    @jax.custom_vjp
    def made(q):
        return on_value(function(q))

    def forward(q):
        return made(q), on_gradient(jax.grad(function)(q))

    made.defvjp(forward, lambda gradient, seed: (seed * gradient,))
    return made


def quartic(q):
    return jnp.sum(q**4) / 4 + jnp.sum(q)


def run(name, potential, scheme, chains=1, steps=40, **more):
    parameters = A if name == "langevin" else {}
    sampler = sk.sampler(sk.catalog.get(name), potential, parameters, scheme)
    return sk.simulate(sampler, np.full(2, 0.5), step_size=0.01, steps=steps, chains=chains, **more)


@pytest.mark.parametrize(
    ("fault", "name", "scheme", "chains"),
    [
        ("on_gradient", "langevin", "BAOAB", 1),
        ("on_gradient", "langevin", "EM", 3),
        ("on_value", "hamiltonian", "HMC", 3),
        ("on_value", "langevin", "BAOAB", 1),
    ],
)
def test_a_planted_fault_stops_the_run_and_its_clean_twin_does_not(fault, name, scheme, chains):
    what = "gradient" if fault == "on_gradient" else "value"
    with pytest.raises(SimulationError, match=f"the compiler computes the {what} of U") as told:
        run(name, planted(quartic, **{fault: faulty.bind}), scheme, chains)
    assert f"jax {jax.__version__}" in str(told.value) and "jaxlib" in str(told.value)
    clean = run(name, planted(quartic, **{fault: lambda x: x}), scheme, chains)
    assert clean.remarks == ()


@pytest.mark.parametrize("scheme", ["BAOAB", "EM"])
@pytest.mark.parametrize("sampling", ["with replacement", "epochs"])
def test_a_fault_in_a_minibatch_gradient_stops_the_run(scheme, sampling):
    def posterior(through):
        def likelihood(q, row):
            return planted(lambda q: -jnp.sum((row - q) ** 2) / 2, on_gradient=through)(q)

        return sk.Minibatch(lambda q: 0.0, likelihood, DATA, 8, sampling=sampling)

    with pytest.raises(SimulationError, match="the compiler computes the gradient of U"):
        run("langevin", posterior(faulty.bind), scheme)
    assert run("langevin", posterior(lambda x: x), scheme, chains=3).remarks == ()


def test_a_fault_of_the_loop_alone_is_found():
    """What the loop hands on is compared, whatever the starting program gave."""
    for name, scheme, spoil in (
        ("langevin", "BAOAB", lambda cache: cache._replace(
            gradients=jax.tree.map(lambda g: g * 1.01, cache.gradients))),
        ("hamiltonian", "HMC", lambda cache: cache._replace(
            acceptance=cache.acceptance._replace(energy=cache.acceptance.energy + 0.01))),
    ):  # fmt: skip
        sampler = sk.sampler(sk.catalog.get(name), quartic, A if name == "langevin" else {}, scheme)
        done = sk.simulate(sampler, np.full(2, 0.5), step_size=0.01, steps=10, chains=2)
        scheme_run = sampler.bind(np.full(2, 0.5)).scheme
        guard = CompilerGuard(scheme_run, done.parameters, 2, False, 10, {})
        guard.handed_on(done.state)
        with pytest.raises(SimulationError, match="the compiler computes the"):
            guard.handed_on(done.state._replace(cache=spoil(done.state.cache)))


def test_the_loop_is_looked_at_after_its_first_calls_on_resume_and_at_the_end(
    monkeypatch, tmp_path
):
    steps = []
    before = CompilerGuard.handed_on

    def noted(self, state):
        steps.append(np.asarray(state.blocks["theta"]).copy())
        before(self, state)

    monkeypatch.setattr(CompilerGuard, "handed_on", noted)
    given = {"burn_in": 10, "store": tmp_path / "a.zarr"}
    done = run("langevin", quartic, "BAOAB", **given)
    # The start, beside it, the end of burn-in, the first draws (here the last).
    assert len(steps) == 4
    assert len({s.tobytes() for s in steps}) == 4
    assert np.array_equal(steps[-1], done.samples["theta"][0, -1])
    last = steps[-1]
    steps.clear()
    run("langevin", quartic, "BAOAB", 1, 80, resume=True, **given)
    assert np.array_equal(steps[2], last)


def test_what_is_too_large_for_a_short_run_is_not_compared_and_noted():
    rows = np.ones((2**18, 2), np.float32)

    def large(q):
        return jnp.sum((rows - q) ** 2) / 2**19

    short = run("langevin", large, "EM", steps=4)
    assert "not all compared" in short.remarks[0]
    assert any("not all compared" in note for note in short.notes)
