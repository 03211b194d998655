"""What a failure of the power leaves of a store is at every moment what its checkpoint counts.

The model of a disk: a file has the bytes that it had when it was last synced. Its name points to it
either from when it was given, or only from when its folder was synced; file systems do either.
"""

import os
import shutil
import stat

import numpy as np
import pytest

from sdekit.errors import DataError
from sdekit.simulation.store import durable
from sdekit.simulation.store.stored import read_samples
from sdekit.simulation.store.zarr_store import SampleStore

RNG = np.random.default_rng(0)
THETA = RNG.normal(size=(12, 2, 3)).astype(np.float32)  # (draws, n, chains)


class Disk:
    """The files below a folder as a power failure would leave them."""

    def __init__(self, folder, held, forgotten):
        self.folder, self.held, self.forgotten = folder, held, forgotten
        self.bytes = {}
        self.names = {folder: {}}
        self.moments = []

    def synced(self, descriptor):
        number = os.fstat(descriptor).st_ino
        path = next(p for p in (self.folder, *self.folder.rglob("*")) if p.stat().st_ino == number)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self.names[path] = self.listed(path)
        elif self.forgotten not in path.parts:
            self.bytes[number] = path.read_bytes()
            # Another name keeps the number of the file from being given to a new one.
            if not (self.held / str(number)).exists():
                os.link(path, self.held / str(number))
        early = {p: self.listed(p) for p in (self.folder, *self.folder.rglob("*")) if p.is_dir()}
        self.moments += [(dict(self.bytes), early), (dict(self.bytes), dict(self.names))]

    @staticmethod
    def listed(path):
        return {p.name: p.stat().st_ino if p.is_file() else None for p in path.iterdir()}


def restore(moment, folder, onto):
    """Write what the disk held at a moment."""
    contents, names = moment
    shutil.rmtree(onto, ignore_errors=True)
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        copy = onto / place.relative_to(folder)
        copy.mkdir(parents=True)
        for name, number in names.get(place, {}).items():
            if number is None:
                waiting.append(place / name)
            else:
                (copy / name).write_bytes(contents.get(number, b""))


@pytest.fixture
def failures(tmp_path, monkeypatch):
    """Write a store in three pieces; all states in which the power could have failed."""

    def write(forgotten=None):
        folder, held = tmp_path / "disk", tmp_path / "held"
        folder.mkdir()
        held.mkdir()
        disk, fsync = Disk(folder, held, forgotten), os.fsync

        def recorded(descriptor):
            fsync(descriptor)
            disk.synced(descriptor)

        monkeypatch.setattr(durable.os, "fsync", recorded)
        store = SampleStore(folder / "run.zarr")
        store.begin({}, {"theta": ((2,), "float32")}, chains=3, draws=12)
        for first, last in ((0, 5), (5, 6), (6, 12)):
            store.append(first, {"theta": THETA[first:last]}, {"z": np.full(2, last)}, last)
        monkeypatch.setattr(durable.os, "fsync", fsync)
        return folder, disk.moments

    return write


def test_a_power_failure_leaves_what_the_checkpoint_counts(failures, tmp_path):
    folder, moments = failures()
    found = set()
    for moment in moments:
        restore(moment, folder, tmp_path / "copy")
        if not (tmp_path / "copy" / "run.zarr.checkpoint").exists():
            continue
        store = SampleStore.reopen(tmp_path / "copy" / "run.zarr")
        samples = read_samples(tmp_path / "copy" / "run.zarr")["theta"]
        assert np.array_equal(samples, np.moveaxis(THETA[: store.next_draw], -1, 0))
        assert np.all(store.state_leaves[0] == store.next_draw)
        found.add(store.next_draw)
    assert found == {5, 6, 12}


@pytest.mark.parametrize(
    ("forgotten", "told"),
    [("theta", "Expecting value"), ("run.zarr.checkpoint.new", "cannot be read")],
)
def test_where_files_are_not_synced_it_does_not(failures, tmp_path, forgotten, told):
    """Twin: without the files of the draws, or of the checkpoint, the same store is lost."""
    folder, moments = failures(forgotten)
    restore(moments[-1], folder, tmp_path / "copy")
    with pytest.raises((ValueError, DataError), match=told):
        read_samples(tmp_path / "copy" / "run.zarr")
