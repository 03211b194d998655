"""Where chains start."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError

SHORT = {"step_size": 1e-8, "steps": 1, "chains": 3}
X, Y = sk.scalar("x"), sk.scalar("y")
OU = sk.sampler(sk.Dynamics(drift={X: -X}, diffusion={X: 1}, hamiltonian=X**2 / 2))
PLANE = sk.sampler(sk.Dynamics(drift={X: -X, Y: -Y}, diffusion={X: 1}))
N = sk.dim("n")
V = sk.vector("v", N)
VECTOR = sk.sampler(sk.Dynamics(drift={V: -V}, diffusion={V: 1}))
LANGEVIN = sk.sampler(
    sk.catalog.get("langevin"), lambda z: sum(jnp.sum(a**2) / 2 for a in _leaves(z)), {"A": 1.0}
)


def _leaves(position):
    return position.values() if isinstance(position, dict) else [position]


def first(run, name):
    return np.asarray(run.samples[name], float)[:, 0]


def near(found, wanted):
    """A step of 1e-8 moves by 1.4e-4 standard normals."""
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_a_row_for_each_chain_of_a_scalar_and_of_a_vector():
    starts = np.array([-20.0, 0.0, 40.0])
    near(first(sk.simulate(OU, starts, **SHORT), "x"), starts)
    near(first(sk.simulate(OU, starts=starts, **SHORT), "x"), starts)
    rows = np.arange(6.0).reshape(3, 2)
    run = sk.simulate(VECTOR, rows, **SHORT)
    near(first(run, "v"), rows)
    assert not any("starts=" in note for note in run.notes)


def test_some_variables_may_have_rows_and_others_one_start_for_all():
    run = sk.simulate(PLANE, {"y": 5.0, "x": np.array([1.0, 2.0, 3.0])}, **SHORT)
    near(first(run, "x"), [1, 2, 3])
    near(first(run, "y"), [5, 5, 5])


def test_a_vector_of_as_many_entries_as_chains_is_one_start_where_its_rank_is_declared():
    run = sk.simulate(VECTOR, np.arange(3.0), **SHORT)
    near(first(run, "v"), np.tile(np.arange(3.0), (3, 1)))
    assert not any("starts=" in note for note in run.notes)


@pytest.mark.parametrize("chains", [2, 3])
def test_a_bare_potential_takes_any_shape_and_the_run_notes_how_it_was_read(chains):
    """Twin: with other numbers of chains than rows there is nothing to mistake."""
    run = sk.simulate(LANGEVIN, np.ones((3, 2)), **{**SHORT, "chains": chains})
    assert run.samples["theta"].shape == (chains, 1, 6)
    assert any("starts=" in note for note in run.notes) == (chains == 3)


def test_starts_of_a_tree_have_a_row_for_each_chain_in_every_leaf():
    rows = {"w": np.arange(12.0).reshape(3, 2, 2), "b": np.array([7.0, 8.0, 9.0])}
    run = sk.simulate(LANGEVIN, starts=rows, **SHORT)
    near(np.asarray(run.position["w"])[:, 0], rows["w"])
    near(np.asarray(run.position["b"])[:, 0], rows["b"])
    assert not any("starts=" in note for note in run.notes)


def test_chains_of_a_start_are_those_of_their_numbers():
    """The chains of starts are the chains that run alone from there, noise and momenta included."""
    rows = np.arange(6.0).reshape(3, 2)
    given = {"step_size": 0.1, "steps": 5, "chains": 3, "seed": 4}
    together = sk.simulate(LANGEVIN, starts=rows, **given).samples["theta"]
    for chain, row in enumerate(rows):
        alone = sk.simulate(LANGEVIN, row, **given).samples["theta"]
        np.testing.assert_allclose(together[chain], alone[chain], rtol=1e-4, atol=1e-5)


def test_auxiliary_variables_may_have_rows_too():
    momenta = np.arange(6.0).reshape(3, 2)
    run = sk.simulate(LANGEVIN, np.zeros(2), auxiliary={"p": momenta}, **SHORT)
    near(first(run, "p"), momenta)


def test_starts_of_one_chain_and_of_many_groups_of_chains():
    near(first(sk.simulate(OU, np.array([4.0]), **{**SHORT, "chains": 1}), "x"), [4])
    many = np.linspace(-1, 1, 70_001)
    run = sk.simulate(OU, many, **{**SHORT, "chains": len(many)})
    near(first(run, "x"), many)


REFUSED = {
    "rows of another number": ({"position": np.zeros(4)}, "not one row for each chain"),
    "no row": ({"starts": np.zeros(4)}, r"starts has not one row.*leading axis of 3"),
    "a number": ({"starts": 1.0}, "starts has not one row"),
    "both": ({"position": 0.0, "starts": np.zeros(3)}, "where do the chains start.*both"),
    "neither": ({}, "where do the chains start.*neither"),
    "one is not finite": ({"starts": np.array([0.0, np.nan, 1.0])}, "not finite"),
    "text": ({"starts": ["a", "b", "c"]}, "no array of real numbers|not one row"),
    "two axes too many": ({"position": np.zeros((3, 3, 1))}, "wrong shape"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_starts_that_do_not_fit_are_refused(what):
    given, message = REFUSED[what]
    with pytest.raises(SimulationError, match=message):
        sk.simulate(OU, **given, **SHORT)


def test_a_start_outside_the_domain_is_found_in_every_chain():
    box = sk.scalar("b", domain=["0", "1"])
    inside = sk.Dynamics(drift={box: 0}, diffusion={box: 1})
    with pytest.raises(SimulationError, match=r"outside its domain.*1.5"):
        sk.simulate(inside, np.array([0.5, 0.2, 1.5]), **SHORT)


def test_a_run_goes_on_from_another_with_its_momenta_its_time_and_new_noise():
    given = {"step_size": 0.1, "steps": 50, "chains": 3, "seed": 4}
    first = sk.simulate(LANGEVIN, starts=np.zeros((3, 2)), **given)
    again = sk.simulate(LANGEVIN, start_from=first, step_size=1e-8, steps=1, seed=4)
    for name in ("theta", "p"):
        np.testing.assert_allclose(again.samples[name][:, 0], first.samples[name][:, -1], atol=1e-3)
    assert again.chains == 3
    assert again.times[0] == pytest.approx(5.0, abs=1e-6)
    assert (again.steps_before, first.steps_before) == (50, 0)


def test_the_same_seed_gives_a_run_that_goes_on_no_noise_twice():
    """Of a walk the steps are the noise; the twin shows it twice."""
    walk = sk.sampler(sk.Dynamics(drift={X: 0}, diffusion={X: 1}), scheme="EM")
    given = {"step_size": 0.1, "steps": 4000, "seed": 4}
    first = sk.simulate(walk, 0.0, **given)
    on = sk.simulate(walk, start_from=first, **given)
    further = sk.simulate(walk, start_from=on, **given)
    steps = [np.diff(run.samples["x"][0]) for run in (first, on, further)]
    correlations = np.corrcoef(steps)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() * np.sqrt(4000) < 4.5
    twin = np.diff(sk.simulate(walk, first.samples["x"][0, -1], **given).samples["x"][0])
    assert np.corrcoef(twin, steps[0])[0, 1] > 0.9


def test_a_tree_in_double_precision_goes_on_and_is_read_without_rounding():
    """Without noise two halves of a run are the run, to the last bit."""
    flow = sk.sampler(
        sk.catalog.get("hamiltonian"), lambda at: jnp.sum(at["w"] ** 4) + at["b"] ** 2,
        precision="float64",
    )  # fmt: skip
    start = {"w": np.full((2, 2), 1 / 3), "b": np.array(0.1)}
    whole = sk.simulate(flow, start, step_size=0.1, steps=6)
    half = sk.simulate(flow, start, step_size=0.1, steps=3)
    rest = sk.simulate(flow, start_from=half, step_size=0.1, steps=3)
    for name in ("w", "b"):
        assert whole.position[name].dtype == np.float64
        np.testing.assert_array_equal(rest.position[name][0, -1], whole.position[name][0, -1])


def test_a_position_that_is_a_tree_goes_on_and_so_does_another_dynamics():
    rows = {"w": np.arange(12.0).reshape(3, 2, 2), "b": np.array([7.0, 8.0, 9.0])}
    first = sk.simulate(LANGEVIN, starts=rows, **SHORT)
    overdamped = sk.sampler(sk.catalog.get("overdamped"), LANGEVIN.potential)
    run = sk.simulate(overdamped, start_from=first, step_size=1e-8, steps=1)
    near(np.asarray(run.position["w"])[:, 0], rows["w"])
    near(np.asarray(run.position["b"])[:, 0], rows["b"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"position": 0.0}, "where do the chains start"),
        ({"starts": np.zeros(3)}, "where do the chains start"),
        ({"auxiliary": {"p": 0.0}}, "where do the chains start"),
        ({"chains": 2}, "another number of chains"),
        ({"start_from": "run.zarr"}, "start_from is no run"),
    ],
)
def test_a_run_that_cannot_be_gone_on_with_is_refused(given, message):
    first = sk.simulate(OU, 0.0, **SHORT)
    with pytest.raises(SimulationError, match=message):
        sk.simulate(OU, **{"start_from": first, "step_size": 0.1, "steps": 1, **given})
