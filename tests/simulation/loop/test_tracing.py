"""Functions traced once, and data that they close over."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.simulation.loop import tracing
from sdekit.simulation.loop.tracing import jitted, traced


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


@pytest.mark.parametrize(("size", "is_argument"), [(tracing.LARGE // 4, True), (1000, False)])
def test_only_large_data_are_arguments_of_the_program(size, is_argument):
    # Sums of small whole numbers are the same in every order.
    data = jnp.arange(size, dtype=jnp.float32) % 7
    weights = np.arange(size, dtype=np.float32) % 3

    def function(x, tree):
        def body(i, carry):
            return carry + tree["a"] * jnp.dot(data, weights) + data[i]

        return {"sum": jax.lax.fori_loop(0, 3, body, x), "x": (x,)}

    arguments = (jnp.float32(2.0), {"a": jnp.float32(3.0)})
    plain = jax.jit(function)
    program = tracing._with_data(plain, arguments, {})
    assert (program is not None) == is_argument
    if program is not None:
        text = program.func.lower(*program.args, *arguments).as_text()
        assert len(text) < tracing.LARGE < len(plain.lower(*arguments).as_text())
    found = jitted(function)
    for x in (2.0, jnp.arange(2.0)):  # another shape is another program
        expected = plain(x, {"a": 3.0})
        jax.tree.map(np.testing.assert_array_equal, found(x, {"a": 3.0}), expected)


def test_data_of_a_program_stay_what_they_were_when_it_was_made():
    data = np.ones(tracing.LARGE // 4, np.float32)
    program = jitted(lambda x: x + jnp.sum(jnp.asarray(data)))
    expected = float(program(jnp.float32(0.0)))
    data *= 2
    assert float(program(jnp.float32(0.0))) == expected == data.size
    assert float(jitted(lambda x: x + jnp.sum(jnp.asarray(data)))(0.0)) == 2 * data.size
