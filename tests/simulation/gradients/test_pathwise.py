"""Paths that jump are not differentiated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.gradients.pathwise import undifferentiable

W, P, A = sk.scalar("w", domain="positive"), sk.scalar("p"), sk.parameter("A", positive=True)


def end(dynamics, scheme, a):
    sampler = sk.sampler(dynamics, parameters={"A": a}, scheme=scheme)
    state = sampler.init(jax.random.key(0), 0.1)
    keys = jax.random.split(jax.random.key(1), 10)
    return jax.lax.scan(lambda at, k: (sampler.step(k, at, 0.1), None), state, keys)[0].position


def test_a_value_is_handed_on_and_not_differentiated():
    assert jax.jit(jax.vmap(lambda x: undifferentiable(x, "it")))(jnp.ones(2)).shape == (2,)
    with pytest.raises(SimulationError, match="these paths have no derivative"):
        jax.grad(lambda x: undifferentiable(2 * x, "it"))(1.0)


def test_a_reflected_momentum_is_not_differentiated():
    dynamics = sk.Dynamics(
        drift={W: P, P: -A - P}, diffusion={P: 1}, hamiltonian=A * W + P**2 / 2, target=A * W
    )
    assert np.isfinite(jax.jit(lambda a: end(dynamics, None, a))(0.8))
    with pytest.raises(SimulationError, match="where w is reflected its momentum jumps"):
        jax.grad(lambda a: end(dynamics, None, a))(0.8)


def test_a_reflection_without_momentum_is_differentiated():
    """Twin: |x| has a kink and no jump."""
    dynamics = sk.Dynamics(drift={W: -A + 0 * W}, diffusion={W: 1}, hamiltonian=A * W)
    slope = jax.grad(lambda a: end(dynamics, "EM", a))(0.8)
    difference = (end(dynamics, "EM", 0.8 + 1e-3) - end(dynamics, "EM", 0.8 - 1e-3)) / 2e-3
    # A path of ten steps moves by some 1e-3; single precision leaves 1e-7 / 1e-3 of that.
    assert abs(slope - difference) < 1e-3 * max(1.0, abs(difference))


def test_acceptance_is_not_differentiated():
    q = sk.scalar("q")
    flow = sk.Dynamics(
        drift={q: P, P: -A * q}, hamiltonian=A * q**2 / 2 + P**2 / 2, target=A * q**2 / 2
    )
    with pytest.raises(SimulationError, match="a trajectory is accepted or rejected"):
        jax.grad(lambda a: end(flow, "HMC", a))(0.8)
