"""Functions traced once."""

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.simulation.loop.tracing import traced


def test_a_traced_function_gives_what_the_function_gives_and_is_not_called_again():
    calls = []

    def function(state, h):
        calls.append(h)
        return {"x": state["x"] + h * jnp.sin(state["y"]), "y": (state["y"], h)}

    state = {"x": jnp.arange(3.0), "y": jnp.ones(3)}
    found = traced(function, state, jnp.float32(0.1))
    for h in (0.2, 0.3):
        expected = function(state, jnp.float32(h))
        jax.tree.map(np.testing.assert_array_equal, found.call(state, jnp.float32(h)), expected)
    assert len(calls) == 3


def test_it_may_close_over_what_is_being_traced():
    @jax.jit
    def outer(a):
        found = traced(lambda x: a * x, jnp.zeros(2))
        return found.call(found.call(jnp.ones(2)))

    np.testing.assert_array_equal(outer(3.0), [9.0, 9.0])


def test_operations_inside_functions_count():
    plain = traced(lambda x: jnp.sin(x) + x, 1.0).operations
    looped = traced(lambda x: jax.lax.fori_loop(0, 3, lambda i, y: jnp.sin(y) + y, x), 1.0)
    assert plain == 2
    assert looped.operations > plain
