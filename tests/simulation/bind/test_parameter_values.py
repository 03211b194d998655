"""Inequalities that a declaration assumes between parameters, against the numbers of a run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.bind.parameter_values import settled

V = sk.scalar("v", domain="positive")
K, M, S = (sk.parameter(name, positive=True) for name in "kms")
#: A square-root diffusion that never meets 0.
RATE = sk.Dynamics(drift={V: K * (M - V)}, noise={V: S * sk.sqrt(V)}, assume=[2 * K * M >= S**2])
#: Equal sides, of which rounding makes 0.16 and 0.16000000000000003.
EQUAL = {"k": 2.0, "m": 0.04, "s": 0.4}
WORDS = r"contradict what the declaration assumes of them: expected .*s\*\*2, found 0.16 and 0.1681"


def test_every_way_of_running_refuses_numbers_that_contradict_an_assumption():
    wrong = {**EQUAL, "s": 0.41}
    steps = {"step_size": 0.1, "steps": 2}
    for run in [
        lambda given: sk.sampler(RATE, parameters=given).bind(1.0),
        lambda given: sk.solve(RATE, 1.0, parameters=given, **steps),
        lambda given: sk.simulate(RATE, 1.0, parameters=given, **steps),
        lambda given: sk.to_diffrax(RATE, 1.0, t1=1.0, parameters=given),
        lambda given: sk.expect(RATE, lambda b: b["v"], 1.0, t1=1.0, tolerance=1, parameters=given),
        lambda given: sk.simulate(
            RATE, 1.0, parameters={"k": 2.0, "m": 0.04}, sweep={"s": [0.4, given["s"]]}, **steps
        ),
    ]:
        with pytest.raises(SimulationError, match=WORDS):
            run(wrong)
    # Twin: sides that are equal up to rounding.
    sk.sampler(RATE, parameters=EQUAL).bind(1.0)


def test_a_strict_assumption_refuses_equal_sides_and_reads_sizes():
    n = sk.dim("n")
    x, a = sk.vector("x", n), sk.parameter("a", n)
    facts = [sk.dot(a, a) < n]
    spread = sk.Dynamics(drift={x: -a * x}, noise={x: 1}, assume=facts)
    sk.sampler(spread, parameters={"a": [1.0, 0.5]}).bind(np.zeros(2))
    with pytest.raises(SimulationError, match="found 2 and 2"):
        sk.sampler(spread, parameters={"a": [1.0, 1.0]}).bind(np.zeros(2))


def test_traced_values_that_contradict_an_assumption_become_nan():
    def volatility(s):
        return settled(RATE, {"k": 2.0, "m": 0.04, "s": s}, np.dtype(np.float32))["s"]

    found = jax.vmap(volatility)(jnp.array([0.3, 0.4, 0.41]))
    np.testing.assert_array_equal(np.isnan(found), [False, False, True])
