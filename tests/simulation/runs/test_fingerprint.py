"""A run is resumed by itself alone: what else it reads than numbers and names tells it apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.runs.fingerprint import agrees, digest, sketch
from sdekit.simulation.store.stored import read_samples
from sdekit.simulation.store.zarr_store import SampleStore

OPTIONS = {"step_size": 0.1, "steps": 40, "thin": 2, "chains": 3, "seed": 6}


def quadratic(q):
    return jnp.sum(q**2) / 2


def quartic(q):
    """At its minimum as flat as the other, and of the same value."""
    return jnp.sum(q**4) / 4


def tilted(q):
    return quadratic(q) + 0.01 * jnp.sum(jnp.sin(q))


def resumed(model, path, first, second, **shared):
    """A run by the first options, gone on with by them and then by the second."""
    options = {"position": 0.0, **OPTIONS, **shared, "store": path}
    whole = sk.simulate(model, **{**options, **first}).samples["theta"]
    # Twin: the run itself goes on.
    again = sk.simulate(model, resume=True, **{**options, **first}).samples["theta"]
    assert np.array_equal(again, whole)
    return sk.simulate(model, resume=True, **{**options, **second})


POTENTIAL = {"potential": quadratic, "parameters": {"A": 1.0}}


@pytest.fixture(scope="module")
def sampler(langevin):
    return sk.sampler(langevin, **POTENTIAL)


@pytest.mark.parametrize(
    ("part", "first", "second"),
    [
        ("the start of theta", {"position": 1.0}, {"position": 1.000001}),
        ("the start of theta", {"position": jax.random.normal}, {"position": jax.random.uniform}),
        ("the start of p", {"auxiliary": {"p": 1.0}}, {"auxiliary": {"p": 2.0}}),
        ("the potential at the start", {}, {"potential": quartic}),
        ("the potential at the start", {}, {"potential": tilted}),
        ("the schedule", {"step_size": lambda k: 0.1 + 0.0 * k},
         {"step_size": lambda k: 0.1 / (1.0 + 0.01 * k)}),
        ("the observable a", {"observables": {"a": lambda b: b["theta"]}},
         {"observables": {"a": lambda b: b["theta"] ** 2}}),
    ],
)  # fmt: skip
def test_another_run_is_refused_by_the_part_that_differs(
    sampler, langevin, tmp_path, part, first, second
):
    with pytest.raises(SimulationError, match=f"another run: expected {part} .* found {part}"):
        if "potential" in second:
            resumed(langevin, tmp_path / "run.zarr", first, second, **POTENTIAL)
        else:
            resumed(sampler, tmp_path / "run.zarr", first, second)


def test_dynamics_without_a_name_are_told_apart_by_their_formulas(tmp_path):
    x = sk.scalar("x")
    options = {**OPTIONS, "store": tmp_path / "run.zarr"}
    sk.simulate(sk.Dynamics(drift={x: -x}, diffusion={x: 1}), 0.5, **options)
    other = sk.Dynamics(drift={x: -2 * x}, diffusion={x: 1})
    with pytest.raises(SimulationError, match="another run: expected declaration"):
        sk.simulate(other, 0.5, resume=True, **options)


def test_the_length_of_trajectories_is_part_of_the_run(tmp_path):
    options = {**OPTIONS, "scheme": "HMC", "potential": quadratic, "store": tmp_path / "run.zarr"}
    flow = sk.catalog.get("hamiltonian")
    sk.simulate(flow, jnp.zeros(2), leapfrog_steps=3, **options)
    with pytest.raises(SimulationError, match=r"another run: expected scheme = HMC\(3\)"):
        sk.simulate(flow, jnp.zeros(2), leapfrog_steps=4, resume=True, **options)


def test_other_functions_than_the_potential_are_part_of_the_run(tmp_path):
    x = sk.scalar("x")
    dynamics = sk.Dynamics(drift={x: sk.function("c", x)}, diffusion={x: 1})
    options = {**OPTIONS, "scheme": "EM", "store": tmp_path / "run.zarr"}
    sk.simulate(dynamics, 0.0, functions={"c": lambda q: -q}, **options)
    with pytest.raises(SimulationError, match="another run: expected the function c at the start"):
        sk.simulate(dynamics, 0.0, functions={"c": lambda q: -(q**3)}, resume=True, **options)


def test_minibatches_of_other_data_are_another_run(langevin, tmp_path):
    def target(rows):
        return sk.Minibatch(lambda q: -(q**2) / 2, lambda q, row: -((q - row[0]) ** 2) / 2, rows, 4)

    rows = np.random.default_rng(0).normal(size=(32, 1)).astype(np.float32)
    shared = {"parameters": {"A": 1.0}, "step_size": 0.01}
    first, other = ({"potential": target(given)} for given in (rows, rows + 0.1))
    with pytest.raises(SimulationError, match="another run: expected the potential at the start"):
        resumed(langevin, tmp_path / "run.zarr", first, other, **shared)


def test_a_store_without_a_fingerprint_is_refused(sampler, tmp_path, monkeypatch):
    begin = SampleStore.begin

    def older(self, header, *rest):
        begin(self, {k: v for k, v in header.items() if k != "fingerprint"}, *rest)

    monkeypatch.setattr(SampleStore, "begin", older)
    with pytest.raises(SimulationError, match="found the header of an older version"):
        resumed(sampler, tmp_path / "run.zarr", {}, {})
    assert read_samples(tmp_path / "run.zarr")["theta"].shape == (3, 20)


def test_runs_in_memory_pay_for_no_fingerprint(langevin, tmp_path):
    own = sk.sampler(langevin, **POTENTIAL)
    for options, programs in (({}, 0), ({"store": tmp_path / "run.zarr"}, 1)):
        sk.simulate(own, 0.0, **OPTIONS, **options)
        assert sum(key[0] == "fingerprint" for key in own.programs) == programs


def test_sketches_forgive_rounding_and_nothing_else():
    """Twin: one of 10^4 values that is 5 % off the norm's share is seen; digests see every bit."""
    values = np.random.default_rng(0).normal(size=10_000).astype(np.float32)
    rounded = np.nextafter(values, np.float32(9))
    assert agrees(sketch([values]), sketch([rounded]))
    assert digest(values) != digest(rounded)
    changed = values.copy()
    changed[7] += 5.0
    assert not agrees(sketch([values]), sketch([changed]))
    assert not agrees(None, sketch([values]))
