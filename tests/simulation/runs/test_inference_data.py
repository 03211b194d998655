"""Draws as ArviZ's data: a position keeps the names and shapes of its leaves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.simulation.bind.position import layout_of
from sdekit.simulation.runs.inference_data import (
    acceptance_rates,
    energies_of_draws,
    named_leaves,
    sample_stats,
)

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


START = {"w": jnp.zeros((2, 2)), "b": jnp.zeros(())}


def energy_of_tree(at):
    return jnp.sum(at["w"] ** 2) / 2 + 2 * at["b"] ** 2


def langevin_run(**options):
    return sk.simulate(
        sk.catalog.get("langevin"), START, potential=energy_of_tree, parameters={"A": 1.0},
        step_size=0.1, steps=60, thin=3, chains=2, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run():
    return langevin_run(precision="float64")


def test_the_energy_of_each_draw_is_h_of_the_declaration(run):
    w, b = run.position["w"], run.position["b"]
    expected = (w**2).sum((2, 3)) / 2 + 2 * b**2 + (run.samples["p"] ** 2).sum(2) / 2
    np.testing.assert_allclose(energies_of_draws(run), expected, rtol=1e-12)
    assert energies_of_draws(run).dtype == np.float64
    # The twin: energies in another order of draws are others.
    assert not np.allclose(energies_of_draws(run)[:, ::-1], expected)


def test_arviz_gets_the_energy_beside_the_draws(run):
    data = run.to_arviz()
    assert data.sample_stats["energy"].shape == (2, 20)
    assert "acceptance_rate" not in data.sample_stats


def test_without_a_variable_of_h_there_is_no_energy():
    found = langevin_run(record=["theta"])
    assert energies_of_draws(found) is None
    assert sample_stats(found) == {}
    assert "posterior" in str(found.to_arviz())


def test_behind_a_minibatch_there_is_no_energy():
    rows = np.linspace(-1.0, 1.0, 20)
    noisy = sk.Minibatch(
        lambda q: -(q**2) / 2, lambda q, row: -((q - row) ** 2) / 2, rows, batch_size=5
    )
    found = sk.simulate(
        sk.catalog.get("overdamped"), jnp.zeros(()), potential=noisy, step_size=1e-3, steps=4
    )
    assert energies_of_draws(found) is None


def test_the_rate_of_a_chain_is_the_share_of_its_moves():
    x = sk.scalar("x")
    walk = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    found = sk.simulate(walk, 0.0, scheme="MALA", step_size=2.5, steps=400, chains=3)
    moved = np.diff(found.samples["x"], axis=1, prepend=0.0) != 0
    np.testing.assert_allclose(acceptance_rates(found), moved.mean(1), atol=1e-12)
    assert 0.1 < moved.mean() < 0.9
    stats = sample_stats(found)
    assert stats["acceptance_rate"].shape == stats["energy"].shape == (3, 400)
    assert f"{moved.mean():.3g} of the proposals" in " ".join(found.notes)
