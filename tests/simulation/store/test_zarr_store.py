"""Samples on the disk: readable at any moment, cut back to the last checkpoint, resumable."""

import arviz
import numpy as np
import pytest
import xarray

import sdekit as sk
from sdekit.errors import DataError, SimulationError
from sdekit.simulation.loop.schedules import robbins_monro
from sdekit.simulation.store.store_path import checkpoint_path
from sdekit.simulation.store.stored import open_dataset, read_samples, to_arviz
from sdekit.simulation.store.zarr_store import SampleStore

RNG = np.random.default_rng(0)
THETA = RNG.normal(size=(10, 2, 3)).astype(np.float32)  # (draws, n, chains)
XI = RNG.normal(size=(10, 3)).astype(np.float32)
HEADER = {"seed": 5, "name": "SGNHT"}


def piece(first, last):
    return {"theta": THETA[first:last], "xi": XI[first:last]}


def written(path, pieces=((0, 4), (4, 8), (8, 10))):
    store = SampleStore(path)
    store.begin(HEADER, {"theta": ((2,), "float32"), "xi": ((), "float32")}, chains=3, draws=10)
    for first, last in pieces:
        store.append(first, piece(first, last), {"z": np.full(2, last)}, 100 * last)
    return store


def test_what_is_appended_is_read(tmp_path):
    written(tmp_path / "run.zarr").finish()
    samples = read_samples(tmp_path / "run.zarr")
    assert np.array_equal(samples["theta"], np.moveaxis(THETA, -1, 0))
    assert np.array_equal(samples["xi"], XI.T)


def test_xarray_and_arviz_read_the_store(tmp_path):
    written(tmp_path / "run.zarr").finish()
    tree = xarray.open_datatree(tmp_path / "run.zarr", engine="zarr", consolidated=False)
    assert tree["posterior"]["theta"].dims == ("chain", "draw", "theta_dim_0")
    data = to_arviz(tmp_path / "run.zarr")
    exact = XI.T.mean()
    assert arviz.summary(data, var_names=["xi"], kind="stats", round_to="none")["mean"].iloc[
        0
    ] == pytest.approx(exact, rel=1e-5)


def test_an_interrupted_append_does_not_count_and_is_cut_on_reopening(tmp_path):
    path = tmp_path / "run.zarr"
    store = written(path, pieces=((0, 4),))
    # As if killed between the samples and the checkpoint, with one variable still behind.
    store.group["theta"].resize((3, 8, 2))
    store.group["theta"][:, 4:8] = 99.0
    assert open_dataset(path).sizes["draw"] == 4
    store.close()
    again = SampleStore.reopen(path)
    again.go_on(10)
    assert (again.next_draw, again.next_step, again.header) == (4, 400, {**HEADER, "draws": 10})
    assert np.array_equal(again.state_leaves[0], [4, 4])
    again.append(4, piece(4, 10), {"z": np.zeros(2)}, 1000)
    assert np.array_equal(read_samples(path)["theta"], np.moveaxis(THETA, -1, 0))


def test_a_store_is_not_overwritten(tmp_path):
    written(tmp_path / "run.zarr").close()
    with pytest.raises(SimulationError, match="a store at this path already"):
        written(tmp_path / "run.zarr")


def test_draws_must_follow_each_other(tmp_path):
    store = written(tmp_path / "run.zarr", pieces=((0, 4),))
    with pytest.raises(SimulationError, match="expected first draw 4, found 6"):
        store.append(6, piece(6, 8), {}, 0)


def test_a_missing_store_or_checkpoint_is_named(tmp_path):
    with pytest.raises(DataError, match="no store here"):
        read_samples(tmp_path / "nothing.zarr")
    written(tmp_path / "run.zarr", pieces=())
    assert not checkpoint_path(tmp_path / "run.zarr").exists()
    with pytest.raises(DataError, match="no checkpoint to resume from"):
        SampleStore.reopen(tmp_path / "run.zarr")
    assert read_samples(tmp_path / "run.zarr")["theta"].shape == (3, 0, 2)


def test_a_run_killed_before_its_first_checkpoint_can_begin_again(tmp_path):
    written(tmp_path / "run.zarr", pieces=())
    written(tmp_path / "run.zarr")
    assert read_samples(tmp_path / "run.zarr")["theta"].shape == (3, 10, 2)


def test_a_resumed_run_knows_the_step_sizes_of_all_draws(tmp_path, monkeypatch, written_at_once):
    x = sk.scalar("x")
    ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    sampler = sk.sampler(ou, scheme="EM")
    options = {"step_size": robbins_monro(0.2, 0.05, 20_000), "steps": 20_000, "thin": 20}
    whole = sk.simulate(sampler, 0.0, **options)
    append = SampleStore.append

    def killed(self, first_draw, *rest):
        if first_draw:
            raise KeyboardInterrupt
        append(self, first_draw, *rest)

    monkeypatch.setattr(SampleStore, "append", killed)
    with pytest.raises(KeyboardInterrupt):
        sk.simulate(sampler, 0.0, store=tmp_path / "run.zarr", **options)
    monkeypatch.setattr(SampleStore, "append", append)
    again = sk.simulate(sampler, 0.0, store=tmp_path / "run.zarr", resume=True, **options)
    np.testing.assert_array_equal(again.samples["x"], whole.samples["x"])
    np.testing.assert_array_equal(again.step_sizes, whole.step_sizes)
    assert again.step_sizes.shape == (1_000,)
    last = robbins_monro(0.2, 0.05, 20_000)(19_999)
    np.testing.assert_allclose(again.step_sizes[-1], last, rtol=1e-6)
