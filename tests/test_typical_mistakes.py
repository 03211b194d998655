"""Typical mistakes of newcomers: each is told by what it is, what was found, and what to write."""

import math
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SdekitError, UnknownNameError

X, Y = sk.scalar("x"), sk.scalar("y")
N = sk.dim("n")
Q, P = sk.vector("q", N), sk.vector("p", N)
K = sk.parameter("k", positive=True)
U = sk.potential("U", Q)
OU = sk.Dynamics(drift={X: -K * X}, noise={X: 1})
LANGEVIN = sk.catalog.get("langevin")

#: The mistake, and what its message must say; "fix" where an instruction must be among the facts.
MISTAKES = {
    "NumPy's sine": (lambda: np.sin(X), "sk.sin", "fix"),
    "math's sine": (lambda: math.sin(X), "sk.sqrt, sk.exp", "fix"),
    "a comparison as a factor": (lambda: X * (X > 0), "sk.where", "fix"),
    "a comparison as a condition": (lambda: 1 if X > 0 else 0, "where", "fix"),
    "a float": (lambda: 0.1 * X, r"Fraction\(1, 10\)", "fix"),
    "a caret": (lambda: X ^ 2, r"\*\*", "fix"),
    "an entry": (lambda: Q[0], "whole vectors", "fix"),
    "a scalar plus a vector": (lambda: Q + X, "ones", "fix"),
    "text as a key": (lambda: sk.Dynamics({"x": -X}, noise={X: 1}), "without quotes", "fix"),
    "a list as the drift": (lambda: sk.Dynamics([-X], noise={X: 1}), "drift={", ""),
    "an undeclared variable": (lambda: sk.Dynamics({X: -Y}, noise={X: 1}), "y has no drift", "fix"),
    "text as a dynamics": (lambda: sk.verify("langevin"), "sk.catalog.get", "fix"),
    "a misspelt entry": (lambda: sk.catalog.get("langvin"), "langevin", ""),
    "a word in small letters": (lambda: sk.order(LANGEVIN, "baoab"), "BAOAB", "fix"),
    "a letter that is not there": (lambda: sk.order(LANGEVIN, "BAXAB"), "found X", ""),
    "no value": (
        lambda: sk.simulate(OU, 0.0, step_size=0.1, steps=9, scheme="EM"), "parameters={", "fix",
    ),
    "a misspelt parameter": (
        lambda: sk.simulate(OU, 0.0, parameters={"kk": 1.0}, step_size=0.1, steps=9),
        "found kk", "",
    ),
    "no start": (lambda: sk.simulate(OU, parameters={K: 1.0}, step_size=0.1, steps=9), "start", ""),
    "no step size": (
        lambda: sk.simulate(OU, 0.0, parameters={K: 1.0}, steps=9), "step_size", "fix",
    ),
    "a list as a position": (
        lambda: sk.simulate(
            LANGEVIN, [0.0, 0.0], potential=lambda q: q @ q, parameters={"A": 1.0}, step_size=0.1,
            steps=9,
        ), "np.array", "fix",
    ),
    "NumPy in a potential": (
        lambda: sk.simulate(
            LANGEVIN, np.zeros(2), potential=lambda q: np.sin(q).sum(), parameters={"A": 1.0},
            step_size=0.1, steps=9,
        ), "jax.numpy", "fix",
    ),
    "a vector as a potential": (
        lambda: sk.simulate(
            LANGEVIN, np.zeros(2), potential=lambda q: q**2, parameters={"A": 1.0}, step_size=0.1,
            steps=9,
        ), "sum over", "fix",
    ),
    "a barrier as a comparison": (
        lambda: sk.simulate(
            OU, 0.0, parameters={K: 1.0}, step_size=0.1, steps=9, events={"out": X > 1}
        ), "sk.barrier", "",
    ),
    "JAX in a declaration": (lambda: jnp.sin(X), "sk.sin for jnp.sin", "fix"),
    "a square of a vector in an energy": (lambda: U + P**2 / 2, r"dot\(p, p\)", "fix"),
    "the name of an entry as a dynamics": (
        lambda: sk.simulate("cir", 1.0, step_size=0.1, steps=9), "sk.catalog.get", "fix",
    ),
    "parameters without names": (
        lambda: sk.simulate(OU, 0.0, parameters=[1.0], step_size=0.1, steps=9), '{"A": 1.0',
        "fix",
    ),
    "steps as a float": (
        lambda: sk.simulate(OU, 0.0, parameters={K: 1.0}, step_size=0.1, steps=1e3),
        r"steps=int\(", "fix",
    ),
    "a negative step": (
        lambda: sk.simulate(OU, 0.0, parameters={K: 1.0}, step_size=-0.1, steps=9), "positive",
        "fix",
    ),
    "a key as a seed": (
        lambda: sk.simulate(OU, 0.0, parameters={K: 1.0}, step_size=0.1, steps=9, seed=1.5),
        "seed=0", "fix",
    ),
    "an observable without a name": (
        lambda: sk.simulate(
            OU, 0.0, parameters={K: 1.0}, step_size=0.1, steps=9, observables=lambda b: b["x"]
        ), "give each a name", "fix",
    ),
    "a word of another library": (
        lambda: sk.sample(lambda q: q @ q, np.zeros(2), num_samples=10), "draws", "fix",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_typical_mistake_is_told_with_its_facts(name):
    mistake, said, fix = MISTAKES[name]
    with pytest.raises(SdekitError, match=said) as told:
        mistake()
    facts = told.value
    assert facts.what
    assert facts.found is not None or facts.expected is not None or facts.fix
    assert facts.fix or not fix


def test_a_run_that_is_asked_for_a_variable_names_where_the_draws_are():
    run = sk.simulate(OU, 0.0, parameters={K: 1.0}, step_size=0.1, steps=1, scheme="EM")
    with pytest.raises(AttributeError, match=r'run.samples\["x"\]'):
        run.x  # noqa: B018 - the access is the test
    for asked in ("x", "y", 0):
        with pytest.raises(UnknownNameError, match=r'run.samples\["x"\]'):
            run[asked]
    assert not hasattr(run, "y") and pickle.loads(pickle.dumps(run)).seed == 0
