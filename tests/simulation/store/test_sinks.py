"""Draws are written by a thread while the run goes on: what waits, what is raised, what is left."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DataError, SimulationError
from sdekit.simulation.loop import driver
from sdekit.simulation.store import checkpoint, durable, sinks, stored, zarr_files
from sdekit.simulation.store.sinks import OnDisk

#: Seconds after which a test that waits for another thread has failed.
PATIENCE = 60.0


class Slow:
    """A store that takes draws only when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.begun = threading.Event()
        self.pieces: list[tuple[int, list[float]]] = []
        self.next_draw = 0
        self.path = "run.zarr"
        self.error: BaseException | None = None

    def append(self, first_draw: int, samples: Any, state: Any, next_step: int) -> None:
        self.begun.set()
        assert self.let.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        self.pieces.append((first_draw, [float(x) for x in samples.get("x", [])]))
        self.next_draw = next_step

    def finish(self) -> None:
        self.pieces.append((-1, []))

    def close(self) -> None:
        self.is_closed = True


def draws(first: int, count: int) -> dict[str, np.ndarray]:
    return {"x": np.arange(first, first + count, dtype=np.float32)}


@pytest.fixture
def store() -> Slow:
    return Slow()


def test_the_run_goes_on_while_draws_are_written(
    store: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = OnDisk(store)
    sink.append(0, draws(0, 2), None, 2)
    assert store.begun.wait(PATIENCE)
    # The pace forbids the next write, so that nothing has to wait for the one going on.
    monkeypatch.setattr(sink, "seconds", np.inf)
    sink.append(2, draws(2, 1), None, 3)
    sink.append(3, draws(3, 2), None, 5)
    assert store.pieces == []
    store.let.set()
    sink.finish()
    assert store.pieces == [(0, [0.0, 1.0]), (2, [2.0, 3.0, 4.0]), (-1, [])]
    sink.close()


def test_at_most_one_piece_waits_for_another(store: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where draws come faster than the disk takes them, the run waits instead of growing."""
    monkeypatch.setattr(sinks, "WAITING_BYTES", 1)
    sink = OnDisk(store)
    sink.seconds = np.inf
    sink.append(0, draws(0, 2), None, 2)
    second = threading.Thread(target=sink.append, args=(2, draws(2, 2), None, 4))
    second.start()
    second.join(0.2)
    assert second.is_alive()
    store.let.set()
    second.join(PATIENCE)
    sink.settle()
    assert store.pieces == [(0, [0.0, 1.0]), (2, [2.0, 3.0])]
    sink.close()


@pytest.mark.parametrize("later", ["append", "settle", "finish"])
def test_what_writing_raises_ends_the_run(store: Slow, later: str) -> None:
    store.error = OSError(28, "No space left on device")
    sink = OnDisk(store)
    sink.append(0, draws(0, 2), None, 2)
    store.let.set()
    with pytest.raises(
        SimulationError, match=r"cannot be written after draw 0.*No space left"
    ) as told:
        if later == "append":
            sink.append(2, draws(2, 2), None, 4)
        else:
            getattr(sink, later)()
    assert "resume=True" in str(told.value)
    sink.close()
    assert store.pieces == []


def test_nothing_is_being_written_after_the_end_of_a_run(store: Slow) -> None:
    """As after Ctrl-C: a resumption at once must find no other writer."""
    sink = OnDisk(store)
    sink.append(0, draws(0, 2), None, 2)
    closing = threading.Thread(target=sink.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    store.let.set()
    closing.join(PATIENCE)
    assert store.pieces == [(0, [0.0, 1.0])]


def test_a_run_whose_disk_was_full_goes_on_from_its_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written_at_once: None
) -> None:
    """Files may not grow beyond a size, as on a full disk, until the run is resumed."""
    monkeypatch.setattr(driver, "PACE", 0.0)
    x = sk.scalar("x")
    ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    options = {"step_size": 0.1, "steps": 40_000, "chains": 2, "scheme": "EM", "seed": 1}
    whole = sk.simulate(ou, 0.0, **options)
    write, written = durable.write_durably, []

    def limited(path: Path, data: object) -> None:
        written.append(path)
        if len(written) > 25:
            raise OSError(28, "No space left on device")
        write(path, data)

    with pytest.MonkeyPatch.context() as patch:
        for module in (zarr_files, checkpoint):
            patch.setattr(module, "write_durably", limited)
        with pytest.raises(SimulationError, match=r"after draw [1-9].*No space left"):
            sk.simulate(ou, 0.0, store=tmp_path / "run.zarr", **options)
    again = sk.simulate(ou, 0.0, store=tmp_path / "run.zarr", resume=True, **options)
    np.testing.assert_array_equal(again.samples["x"], whole.samples["x"])


@pytest.mark.parametrize("store", ["", 5, "file/run.zarr"])
def test_a_path_that_cannot_be_written_is_told(
    store: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    x = sk.scalar("x")
    ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1})
    with pytest.raises(
        SimulationError,
        match=r"store (is no path|cannot|can stand).*: expected",
    ):
        sk.simulate(ou, 0.0, step_size=0.1, steps=1, store=store)


def test_stored_draws_are_read_when_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = sk.scalar("x")
    ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    options = {"step_size": 0.1, "steps": 20, "chains": 3, "scheme": "EM", "seed": 1}
    expected = sk.simulate(ou, 0.0, **options).samples["x"]
    opened: list[Path] = []
    open_dataset = stored.open_dataset

    def noted(path: Path) -> Any:
        opened.append(path)
        return open_dataset(path)

    monkeypatch.setattr(stored, "open_dataset", noted)
    run = sk.simulate(ou, 0.0, store=tmp_path / "run.zarr", **options)
    assert not opened
    assert run.draws == 20 and "x (3, 20)" in repr(run)
    np.testing.assert_array_equal(run.samples["x"], expected)
    count = len(opened)
    assert list(run.samples) == ["x"] and run.samples["x"] is run.samples["x"]
    assert len(opened) == count
    with pytest.raises(KeyError):
        run.samples["y"]
    # Another run in its place is not taken for this one.
    late = sk.simulate(ou, 0.0, store=tmp_path / "late.zarr", **options)
    shutil.rmtree(tmp_path / "late.zarr")
    with pytest.raises(DataError):
        late.samples["x"]
    (tmp_path / "late.zarr.checkpoint").unlink()
    sk.simulate(ou, 0.0, store=tmp_path / "late.zarr", **{**options, "seed": 2})
    with pytest.raises(DataError, match="another run stands in the store by now"):
        late.samples["x"]
