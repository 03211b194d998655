"""Draws as ArviZ's data: a position keeps the names and shapes of its leaves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.simulation.bind.position import layout_of
from sdekit.simulation.runs.inference_data import named_leaves

LANGEVIN = sk.catalog.get("langevin")
THETA = tuple(x for x in LANGEVIN.variables if x.name == "theta")


def quadratic(position):
    return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(position)) / 2


def shapes_of(position):
    """Shapes by name of draws of a position (2 chains, 3 draws) beside a momentum p."""
    layout = layout_of(position, THETA)
    count = layout.shapes[0][0]
    samples = {"theta": np.arange(6.0 * count).reshape(2, 3, count), "p": np.zeros((2, 3, count))}
    found = named_leaves(samples, layout)
    assert sum(v.size for n, v in found.items() if n != "p") == 6 * count, "no draw is lost"
    return {name: values.shape[2:] for name, values in found.items() if name != "p"}


def test_draws_of_a_pytree_keep_names_shapes_and_values_of_its_leaves():
    start = {"w": jnp.zeros((2, 3)), "b": jnp.zeros(2), "scale": jnp.zeros(())}
    run = sk.simulate(
        LANGEVIN, start, potential=quadratic, parameters={"A": 1.0}, step_size=0.1, steps=5,
        chains=2,
    )  # fmt: skip
    posterior = run.to_arviz().posterior
    for name, leaf in start.items():
        assert posterior[name].shape == (2, 5, *leaf.shape)
        np.testing.assert_array_equal(posterior[name].to_numpy(), run.position[name])
    assert "theta" not in posterior
    assert "p" not in posterior or posterior["p"].shape == (2, 5, 9)


def test_nested_leaves_are_named_by_their_keys():
    start = {"layer": {"w": np.zeros((1, 2))}, "pair": (np.zeros(2), 0.0)}
    assert shapes_of(start) == {"layer.w": (1, 2), "pair.0": (2,), "pair.1": ()}


def test_a_bare_array_keeps_the_name_of_its_variable():
    assert shapes_of(np.zeros((2, 3))) == {"theta": (2, 3)}


@pytest.mark.parametrize(
    "start",
    [
        {"p": np.zeros(2), "w": np.zeros(1)},
        {"draw": np.zeros(2), "w": np.zeros(1)},
        {"a/b": np.zeros(2), "w": np.zeros(1)},
        {"": np.zeros(2), "w": np.zeros(1)},
        {"w": np.zeros(2), "w_dim_0": np.zeros(1)},
        {"a": {"b": np.zeros(2)}, "a.b": np.zeros(1)},
    ],
)
def test_leaves_whose_names_would_clash_are_numbered(start):
    assert shapes_of(start) == {"theta[0]": (2,), "theta[1]": (1,)} or shapes_of(start) == {
        "theta[0]": (1,),
        "theta[1]": (2,),
    }
