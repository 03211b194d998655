"""Many steps of one call in a program of the user's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError

H, STEPS, CHAINS, SIZE = 0.1, 13, 5, 3


@pytest.fixture(scope="module")
def sampler():
    return sk.sampler(
        sk.catalog.get("langevin"),
        lambda q: jnp.sum(q["a"] ** 4) / 4 + jnp.sum(q["b"] ** 2) / 2,
        {"A": 1.5},
        "BAOAB",
    )


@pytest.fixture(scope="module")
def begun(sampler):
    """A key and the state of one chain."""
    key = jax.random.key(7)
    return key, sampler.init(key, {"a": jnp.ones(1), "b": jnp.zeros(SIZE - 1)})


@pytest.fixture(scope="module")
def together(sampler, begun):
    """Keys, states and ends of several chains."""
    keys = jax.random.split(begun[0], CHAINS)
    states = jax.vmap(sampler.init)(keys, {"a": jnp.ones((CHAINS, 1)), "b": jnp.zeros((CHAINS, 2))})
    return keys, states, sampler.steps(keys, states, H, STEPS)


def same(found, right, tolerance=2e-6):
    leaves = zip(jax.tree.leaves(found), jax.tree.leaves(right), strict=True)
    return all(a.shape == b.shape and np.allclose(a, b, atol=tolerance) for a, b in leaves)


def test_one_of_them_is_a_step_and_none_changes_nothing(sampler, begun):
    key, state = begun
    assert same(sampler.steps(key, state, H, 1), sampler.step(key, state, H))
    assert same(sampler.steps(key, state, H, 0), state, 0.0)


def test_the_chain_is_the_one_that_a_run_of_the_seed_makes(sampler, begun):
    key, state = begun
    end = sampler.steps(key, state, H, STEPS)
    run = sk.simulate(
        sampler, state.position, step_size=H, steps=STEPS, seed=7, auxiliary=state.auxiliary
    )
    last = {"a": run.samples["theta"][0, -1, :1], "b": run.samples["theta"][0, -1, 1:]}
    assert same(end.position, last)
    other = sampler.steps(jax.random.key(8), state, H, STEPS)
    assert not same(other.position, last, 0.01)


def test_chains_given_together_move_as_each_alone_does(sampler, together):
    keys, states, ends = together
    third = jax.tree.map(lambda x: x[2], (states, ends))
    assert same(sampler.steps(keys[2], third[0], H, STEPS), third[1])


def test_it_goes_through_jit_scan_and_vmap(sampler, together):
    keys, states, ends = together

    def rounds(key, state):
        body = lambda state, key: (sampler.steps(key, state, H, STEPS), None)  # noqa: E731
        return jax.lax.scan(body, state, key[None])[0]

    assert same(jax.jit(jax.vmap(rounds))(keys, states), ends)


@pytest.mark.parametrize("count", [-1, 2.0, True, "3", None])
def test_what_is_no_number_of_steps_is_refused(sampler, begun, count):
    with pytest.raises(SimulationError, match="the number of steps is wrong"):
        sampler.steps(*begun, H, count)


def test_a_traced_count_and_keys_of_two_axes_are_refused(sampler, begun):
    with pytest.raises(SimulationError, match="known when the program is compiled"):
        jax.jit(lambda n: sampler.steps(*begun, H, n))(3)
    with pytest.raises(SimulationError, match="the keys have a wrong shape"):
        sampler.steps(jax.random.split(begun[0], (2, 2)), begun[1], H, 3)
