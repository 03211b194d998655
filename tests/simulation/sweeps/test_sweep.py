"""A run with a sweep is the runs of its values, in one program."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DivergenceError, SimulationError
from sdekit.simulation.store.stored import read_samples, to_arviz
from sdekit.simulation.sweeps.swept_run import SHARED

FRICTIONS, STIFFNESSES = [0.5, 1.0, 4.0], [2.0, 1.0, 0.5]
OPTIONS = {"step_size": 0.1, "steps": 60, "chains": 2, "seed": 3}


@pytest.fixture(scope="module")
def langevin():
    x, p = sk.scalar("x"), sk.scalar("p")
    a, k = sk.parameter("A", positive=True), sk.parameter("k", positive=True)
    return sk.Dynamics(
        drift={x: p, p: -k * x - a * p}, diffusion={p: a},
        hamiltonian=k * x**2 / 2 + p**2 / 2, target=k * x**2 / 2, name="spring",
    )  # fmt: skip


@pytest.fixture(scope="module")
def swept(langevin):
    return sk.simulate(langevin, 0.3, sweep={"A": FRICTIONS, "k": STIFFNESSES}, **OPTIONS)


def test_each_value_gives_the_run_that_it_gives_alone(langevin, swept):
    assert swept.samples["x"].shape == (3, 2, 60)
    for i in (0, 2):
        values = {"A": FRICTIONS[i], "k": STIFFNESSES[i]}
        alone = sk.simulate(langevin, 0.3, parameters=values, **OPTIONS)
        # Sums of a vector may round otherwise than those of another length.
        np.testing.assert_allclose(swept[i].samples["p"], alone.samples["p"], atol=2e-6)
        np.testing.assert_array_equal(swept[i].samples["p"], swept.samples["p"][i])
        assert {k: float(v) for k, v in swept[i].parameters.items()} == values
        assert swept[i].notes == alone.notes
        assert swept[i].chains == 2
        np.testing.assert_array_equal(swept[i].state.blocks["x"], swept[i].samples["x"][:, -1])
    other = sk.simulate(langevin, 0.3, parameters={"A": 1.0, "k": 2.0}, **OPTIONS)
    assert np.abs(other.samples["p"] - swept[0].samples["p"]).max() > 0.01


def test_a_swept_run_names_its_values(swept):
    assert len(swept) == 3
    assert [float(run.parameters["A"]) for run in swept] == FRICTIONS
    assert SHARED in swept.notes
    assert "A and k" in repr(swept)
    posterior = swept.to_arviz().posterior
    assert posterior["x"].dims == ("chain", "draw", "sweep")
    np.testing.assert_array_equal(posterior["x"].isel(sweep=1), swept[1].samples["x"])
    np.testing.assert_allclose(posterior["time"], 0.1 * np.arange(1, 61))
    with pytest.raises(IndexError):
        swept[3]


def test_a_sweep_compiles_one_loop_for_all_values(langevin, swept):
    sampler = sk.sampler(langevin, parameters={"A": 1.0, "k": 1.0})
    first = sk.simulate(sampler, 0.3, sweep={"A": FRICTIONS, "k": STIFFNESSES}, **OPTIONS)
    np.testing.assert_array_equal(first.samples["x"], swept.samples["x"])
    before = {name: len(own.programs) for name, own in sampler.programs.items()}
    again = sk.simulate(sampler, 0.3, sweep={"A": [1.0, 3.0, 2.0], "k": [1.0] * 3}, **OPTIONS)
    assert {name: len(own.programs) for name, own in sampler.programs.items()} == before
    assert np.abs(again.samples["x"] - first.samples["x"]).max() > 0.01


def test_a_stored_sweep_goes_on_where_it_stopped(langevin, swept, tmp_path):
    asked = {"sweep": {"A": FRICTIONS, "k": STIFFNESSES}, "store": tmp_path / "run.zarr"}
    short = {**OPTIONS, "steps": 20}
    sk.simulate(langevin, 0.3, **asked, **short)
    longer = sk.simulate(langevin, 0.3, **asked, **OPTIONS, resume=True)
    np.testing.assert_array_equal(longer.samples["x"], swept.samples["x"])
    np.testing.assert_array_equal(read_samples(tmp_path / "run.zarr")["x"], swept.samples["x"])
    posterior = to_arviz(tmp_path / "run.zarr").posterior
    np.testing.assert_array_equal(
        posterior["x"].transpose("sweep", "chain", "draw"), swept.samples["x"]
    )
    asked["sweep"] = {"A": FRICTIONS, "k": [2.0, 1.0, 0.6]}
    with pytest.raises(SimulationError, match="sweep"):
        sk.simulate(langevin, 0.3, **asked, **OPTIONS, resume=True)


def test_metropolis_steps_and_schedules_take_swept_values():
    x, k = sk.scalar("x"), sk.parameter("k", positive=True)
    overdamped = sk.Dynamics(drift={x: -k * x}, diffusion={x: 1}, hamiltonian=k * x**2 / 2)
    for options in ({"scheme": "MALA"}, {"step_size": lambda n: 0.2 / (1 + n)}):
        asked = {"step_size": 0.2, "steps": 40, "seed": 1, **options}
        swept = sk.simulate(overdamped, 1.0, sweep={"k": [1.0, 3.0]}, **asked)
        alone = sk.simulate(overdamped, 1.0, parameters={"k": 3.0}, **asked)
        np.testing.assert_allclose(swept[1].samples["x"], alone.samples["x"], atol=2e-6)
        assert swept[1].notes == alone.notes


def test_arrays_are_swept_by_their_first_axis():
    n = sk.dim("n")
    x, m = sk.vector("x", n), sk.parameter("M", n, n)
    linear = sk.Dynamics(drift={x: -m @ x}, diffusion={x: sk.eye(n)})
    matrices = np.stack([np.eye(2), [[1.0, 0.5], [-0.5, 2.0]]])
    asked = {"step_size": 0.1, "steps": 10, "scheme": "EM"}
    swept = sk.simulate(linear, np.ones(2), sweep={"M": matrices}, **asked)
    alone = sk.simulate(linear, np.ones(2), parameters={"M": matrices[1]}, **asked)
    np.testing.assert_allclose(swept[1].samples["x"], alone.samples["x"], atol=2e-6)
    assert swept.axis()[0] == "sweep"


def test_a_chain_that_diverges_is_named_with_its_value():
    x, k = sk.scalar("x"), sk.parameter("k")
    cubic = sk.Dynamics(drift={x: k * x**3}, noise={x: 1})
    asked = {"step_size": 0.1, "steps": 100, "chains": 2, "scheme": "EM"}
    with pytest.raises(DivergenceError, match=r"chain \d at k = 3") as raised:
        sk.simulate(cubic, 2.0, sweep={"k": [-0.1, 3.0]}, **asked)
    assert raised.value.run.samples["x"].shape[:2] == (2, 2)


def test_a_sweep_that_is_none_is_refused_in_words(langevin):
    x = sk.scalar("x")
    u = sk.potential("U", x)
    k = sk.parameter("k", positive=True)
    with_potential = sk.Dynamics(drift={x: -k * sk.grad(u, x)}, diffusion={x: k}, hamiltonian=u)
    import sympy as sp

    formula = sp.Symbol("k", positive=True) * sp.Symbol("x") ** 2
    driven = sk.Dynamics(drift={x: -k * x + sk.cos(k * sk.time)}, noise={x: 1})
    for given, asked, words in [
        ({"B": [1.0]}, {}, "no parameter that can be swept"),
        ({"A": [1.0, -1.0], "k": [1.0, 1.0]}, {}, "positive"),
        ({"A": [1.0, np.nan], "k": [1.0, 1.0]}, {}, "not finite"),
        ({"A": [1.0, 2.0], "k": [1.0]}, {}, "2 of A, 1 of k"),
        ({"A": []}, {}, "go together"),
        ({"A": 1.0}, {}, "no list of values"),
        ({}, {}, "no dictionary"),
        ({"A": [1.0]}, {}, "parameter k has no value"),
        ({"A": [1.0]}, {"parameters": {"k": 1.0}, "part": (0, 2)}, "values\\[i::N\\]"),
        (
            {"A": [1.0]},
            {"parameters": {"k": 1.0}, "observables": {"m": lambda b: b["x"]}},
            "differ",
        ),
    ]:
        with pytest.raises(SimulationError, match=words):
            sk.simulate(langevin, 0.3, sweep=given, **asked, **OPTIONS)
    with pytest.raises(SimulationError, match="SymPy"):
        sk.simulate(with_potential, 0.3, potential=formula, sweep={"k": [1.0]}, **OPTIONS)
    with pytest.raises(SimulationError, match="float64"):
        sk.simulate(driven, 0.3, sweep={"k": [1.0]}, **OPTIONS)


def test_momenta_whose_law_changes_its_form_are_refused():
    x, p, c = sk.scalar("x"), sk.scalar("p"), sk.parameter("c")
    energy = x**2 / 2 + p**2 / 2 + c * p**4
    quartic = sk.Dynamics(
        drift={x: sk.grad(energy, p), p: -x - sk.grad(energy, p)}, diffusion={p: 1},
        hamiltonian=energy, target=x**2 / 2,
    )  # fmt: skip
    with pytest.raises(SimulationError, match="another form"):
        sk.simulate(quartic, 0.0, sweep={"c": [0.0, 1.0]}, **OPTIONS)
    kept = sk.simulate(quartic, 0.0, sweep={"c": [0.5, 1.0]}, **OPTIONS)
    assert np.all(np.isfinite(jnp.asarray(kept.samples["p"])))
