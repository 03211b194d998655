"""Paths of stores are read once, and one run at a time writes a store."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DataError, SimulationError
from sdekit.simulation.store.store_path import WriterLock, checkpoint_path, store_path
from sdekit.simulation.store.stored import read_samples

X = sk.scalar("x")
OU = sk.Dynamics(drift={X: -X}, diffusion={X: 1}, hamiltonian=X**2 / 2)
OPTIONS = {"step_size": 0.1, "steps": 100, "chains": 2}


@pytest.mark.parametrize(
    "path", [".", "..", "", "a" * 300, "run\0.zarr", 5, None, "~no-such-user/run"]
)
def test_what_is_no_path_of_a_store_is_one_clear_error(path):
    with pytest.raises(SimulationError, match="store") as caught:
        store_path(path)
    assert "\n" not in str(caught.value)


def test_the_home_folder_is_expanded_by_all_who_use_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    run = sk.simulate(OU, 0.0, store="~/run.zarr", **OPTIONS)
    assert checkpoint_path("~/run.zarr") == tmp_path / "run.zarr.checkpoint"
    assert sorted(os.listdir(tmp_path)) == ["run.zarr", "run.zarr.checkpoint"]
    assert np.array_equal(read_samples("~/run.zarr")["x"], run.samples["x"])


def test_a_second_writer_is_refused_by_the_name_of_the_first(tmp_path):
    lock = WriterLock(tmp_path / "run.zarr")
    lock.take()
    with pytest.raises(SimulationError, match=rf"written by process {os.getpid()} on "):
        sk.simulate(OU, 0.0, store=tmp_path / "run.zarr", **OPTIONS)
    assert os.listdir(tmp_path) == ["run.zarr.lock"]
    lock.release()
    # Twin: nobody writes any more, and nothing is left of the lock.
    sk.simulate(OU, 0.0, store=tmp_path / "run.zarr", **OPTIONS)
    assert not (tmp_path / "run.zarr.lock").exists()


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path):
    code = (
        "import os, sys, pathlib\n"
        "from sdekit.simulation.store.store_path import WriterLock\n"
        "lock = WriterLock(pathlib.Path(sys.argv[1]))\n"
        "lock.take()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / "run.zarr"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert (tmp_path / "run.zarr.lock").exists()
    sk.simulate(OU, 0.0, store=path, **OPTIONS)


def test_of_two_runs_that_begin_at_once_one_is_refused_and_none_is_lost(tmp_path):
    path, ends = tmp_path / "run.zarr", []
    sampler = sk.sampler(OU, scheme="EM")
    alone = sk.simulate(sampler, 0.0, seed=0, **OPTIONS).samples["x"]
    together = threading.Barrier(2)

    def begin():
        together.wait()
        try:
            ends.append(np.asarray(sk.simulate(sampler, 0.0, store=path, **OPTIONS).samples["x"]))
        except SimulationError as refused:
            ends.append(str(refused))

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [end for end in ends if isinstance(end, str)]
    assert len(told) == 1 and ("another run is writing" in told[0] or "a store at" in told[0])
    assert np.array_equal(read_samples(path)["x"], alone)


def test_a_refused_resume_leaves_every_file_as_it_was(tmp_path):
    path = tmp_path / "run.zarr"
    sk.simulate(OU, 0.0, store=path, **OPTIONS)
    files = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(SimulationError, match="another run"):
        sk.simulate(OU, 0.0, store=path, resume=True, seed=3, **OPTIONS)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == files


def test_a_changed_byte_of_a_draw_is_told(tmp_path):
    path = tmp_path / "run.zarr"
    sk.simulate(OU, 0.0, store=path, **OPTIONS)
    # Twin: what was written reads.
    assert read_samples(path)["x"].shape == (2, 100)
    file = next(f for f in (path / "posterior" / "x" / "c").rglob("*") if f.is_file())
    held = bytearray(file.read_bytes())
    held[17] ^= 1
    file.write_bytes(held)
    with pytest.raises(DataError, match=r"cannot be read.*checksum"):
        read_samples(path)
