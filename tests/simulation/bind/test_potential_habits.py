"""A potential that fails because of a habit is told what to write instead."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk

LANGEVIN = sk.catalog.get("langevin")
HABITS = [
    ([0.0, 0.0], lambda q: (q @ q) / 2, "np.array"),
    (0.0, lambda q: (q @ q) / 2, "np.zeros"),
    (np.zeros(2), lambda q: jnp.float32(np.sum(np.asarray(q) ** 2)), "use jax.numpy"),
    (np.zeros(2), lambda q: float(q[0]), "leave float"),
    (np.zeros(2), lambda q: q[0] if q[0] > 0 else -q[0], "jnp.where"),
]


@pytest.mark.parametrize(("position", "potential", "fix"), HABITS)
def test_a_habit_inside_a_potential_is_named(position, potential, fix):
    ready = sk.sampler(LANGEVIN, potential=potential, parameters={"A": 1.0})
    with pytest.raises(sk.SdekitError, match=f"fails at the position given.*{fix}"):
        sk.simulate(ready, position, step_size=0.1, steps=2)


def test_another_failure_is_told_as_it_is():
    """Twin: an error of the user's own has no habit behind it, and none is guessed."""
    ready = sk.sampler(LANGEVIN, potential=lambda q: q.nothing, parameters={"A": 1.0})
    with pytest.raises(sk.SdekitError, match="nothing") as told:
        sk.simulate(ready, np.zeros(2), step_size=0.1, steps=2)
    assert told.value.fix == "call it by hand at the position to see it fail"
