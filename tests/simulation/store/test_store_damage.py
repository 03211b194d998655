"""A store that was damaged is told in one clear error, and never gone on with."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DataError, SimulationError
from sdekit.simulation.store import zarr_store as store_files
from sdekit.simulation.store.store_path import checkpoint_path
from sdekit.simulation.store.stored import open_dataset
from sdekit.simulation.store.zarr_store import SampleStore

OPTIONS = {"step_size": 0.1, "steps": 40, "thin": 2, "chains": 3, "seed": 6}


@pytest.fixture(scope="module")
def sampler(langevin):
    return sk.sampler(langevin, lambda q: jnp.sum(q**2) / 2, parameters={"A": 1.0})


@pytest.fixture(scope="module")
def intact(sampler, tmp_path_factory):
    path = tmp_path_factory.mktemp("intact") / "run.zarr"
    sk.simulate(sampler, 0.5, store=path, **OPTIONS)
    return path


@pytest.fixture
def path(intact, tmp_path):
    """A copy to be damaged."""
    shutil.copytree(intact, tmp_path / "run.zarr")
    shutil.copy(checkpoint_path(intact), checkpoint_path(tmp_path / "run.zarr"))
    return tmp_path / "run.zarr"


def resumed(sampler, path):
    return sk.simulate(sampler, 0.5, store=path, resume=True, **OPTIONS)


def rewrite(path, **changed):
    """The checkpoint with other facts; None leaves one out."""
    file = checkpoint_path(path)
    with np.load(file) as stored:
        held = {name: stored[name] for name in stored.files}
    facts = {**json.loads(str(held.pop("facts"))), **changed}
    kept = {name: fact for name, fact in facts.items() if fact is not None}
    with file.open("wb") as opened:
        np.savez(opened, facts=np.array(json.dumps(kept)), **held)


def lose_theta(path):
    shutil.rmtree(path / "posterior" / "theta")


def lose_a_file(path):
    next(
        file for file in (path / "posterior" / "theta" / "c").rglob("*") if file.is_file()
    ).unlink()


def shorten_a_file(path):
    file = next(f for f in (path / "posterior" / "theta" / "c").rglob("*") if f.is_file())
    file.write_bytes(b"xx")


def shorten_theta(path):
    described = path / "posterior" / "theta" / "zarr.json"
    held = json.loads(described.read_text())
    held["shape"][1] -= 1
    described.write_text(json.dumps(held))


def break_posterior(path):
    (path / "posterior" / "zarr.json").write_text("{")


def break_theta(path):
    (path / "posterior" / "theta" / "zarr.json").write_text("{")


def break_root(path):
    (path / "zarr.json").write_text("{")


DAMAGES = {
    lose_theta: "the store lacks theta: expected posterior/theta",
    lose_a_file: "a file of the array theta .*expected 244 bytes, found no file",
    shorten_a_file: "a file of the array theta .*expected 244 bytes, found 2 at",
    shorten_theta: r"the array theta .*: expected 3 chains of 20 draws, found .*\(3, 19\)",
    break_posterior: "the store cannot be read: expected a Zarr group .*JSONDecodeError",
    break_theta: "the store cannot be read: expected a Zarr group .*JSONDecodeError",
    break_root: "the store cannot be read: expected a Zarr group .*JSONDecodeError",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_store_is_neither_resumed_nor_read(sampler, path, damage):
    # Twin: the whole copy is resumed and read.
    whole = resumed(sampler, path).samples["theta"]
    assert np.array_equal(whole, sk.read_samples(path)["theta"])
    damage(path)
    for use in (lambda: resumed(sampler, path), lambda: open_dataset(path)):
        with pytest.raises(DataError, match=DAMAGES[damage]) as caught:
            use()
        assert caught.value.fix
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fact", ["format", "header", "draws", "next_step", "arrays"])
def test_a_checkpoint_without_a_fact_is_refused(sampler, path, fact):
    rewrite(path, **{fact: None})
    with pytest.raises(DataError, match=f"the checkpoint cannot be read: found .*{fact}"):
        resumed(sampler, path)


def test_samples_of_an_older_format_are_read_but_not_resumed(sampler, path):
    rewrite(path, format=1, draws=12)
    assert sk.read_samples(path)["theta"].shape == (3, 12)
    with pytest.raises(DataError, match="another format: expected 2, found 1"):
        resumed(sampler, path)
    rewrite(path, draws=None)
    with pytest.raises(DataError, match="no number of draws"):
        sk.read_samples(path)


def test_a_run_killed_while_its_first_draws_made_new_arrays_is_resumed(sampler, intact, path):
    """Before the first draw counts, arrays are made anew; no draw is lost with them."""
    shutil.rmtree(path)
    checkpoint_path(path).unlink()
    append = SampleStore.append

    def killed(self, first_draw, samples, *rest):
        if samples:
            raise KeyboardInterrupt
        append(self, first_draw, samples, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SampleStore, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            sk.simulate(sampler, 0.5, store=path, **OPTIONS)
    for name in ("theta", "draw"):
        shutil.rmtree(path / "posterior" / name)
    assert sk.read_samples(path)["p"].shape == (3, 0)
    again = resumed(sampler, path).samples["theta"]
    assert np.array_equal(again, sk.read_samples(intact)["theta"])


def test_a_checkpoint_without_its_store_is_told(sampler, path):
    shutil.rmtree(path)
    with pytest.raises(DataError, match=r"without its store.*Fix: delete the checkpoint"):
        resumed(sampler, path)


def test_a_file_is_no_store(sampler, tmp_path):
    (tmp_path / "run.zarr").write_text("x")
    for resume in (False, True):
        with pytest.raises(SimulationError, match="a file stands where the store is to be"):
            sk.simulate(sampler, 0.5, store=tmp_path / "run.zarr", resume=resume, **OPTIONS)


def test_several_files_of_an_array_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(store_files, "FILE_BYTES", 24)
    store = SampleStore(tmp_path / "run.zarr")
    store.begin({}, {"x": ((2,), "float32")}, chains=1, draws=10)
    store.append(0, {"x": np.ones((10, 2, 1), np.float32)}, (), 10)
    assert sk.read_samples(store.path)["x"].shape == (1, 10, 2)
    (store.path / "posterior" / "x" / "c" / "0" / "2" / "0").unlink()
    with pytest.raises(DataError, match="found no file at"):
        sk.read_samples(store.path)
