"""Where the draws of a run go: memory or a store on disk.

Not for the format of stores (`store`).

Checked by: tests/simulation/runs/test_run.py, tests/simulation/store/test_zarr_store.py.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from sdekit.errors import SdekitError, SimulationError
from sdekit.simulation.loop.devices import Share
from sdekit.simulation.runs.fingerprint import Part, agrees
from sdekit.simulation.runs.result import chains_first

#: Share of the running time that writing draws and checkpoints may take. A checkpoint takes some
#: 20 ms, half of it to get the files onto the disk, and up to 200 ms where others use the disk: a
#: killed run loses one to ten seconds.
WRITING_SHARE = 0.02
#: Bytes of draws that wait at most.
WAITING_BYTES = 2**25

Shapes = Mapping[str, tuple[tuple[int, ...], Any]]


class Sink(Protocol):
    """What takes draws, chunk by chunk; arrays are (draws, *shape, chains)."""

    def append(
        self, first_draw: int, samples: Mapping[str, Any], state: Any, next_step: int
    ) -> None:
        """Take the draws of one chunk, and the state from which the run goes on."""
        ...

    def settle(self) -> None:
        """Let all draws count that were taken so far."""
        ...

    def finish(self) -> None:
        """The run is complete."""
        ...

    def close(self) -> None:
        """The run is over, complete or not."""
        ...

    @property
    def taken(self) -> int:
        """How many draws count so far."""
        ...

    def samples(self) -> Mapping[str, np.ndarray]:
        """All draws, (chain, draw, *shape)."""
        ...


class Memory:
    """Draws in memory: the arrays of a run that is one chunk are not copied."""

    def __init__(self, shapes: Shapes, chains: int, draws: int) -> None:
        self.shapes, self.chains, self.draws = shapes, chains, draws
        self._taken = 0
        self.arrays: dict[str, np.ndarray] = {}

    def append(
        self, first_draw: int, samples: Mapping[str, Any], state: Any, next_step: int
    ) -> None:
        """Keep the draws of one chunk."""
        count = len(next(iter(samples.values()))) if samples else 0
        if first_draw == 0 and count == self.draws:
            self.arrays = {name: np.asarray(values) for name, values in samples.items()}
        else:
            for name, values in samples.items():
                if name not in self.arrays:
                    shape = (self.draws, *np.shape(values)[1:])
                    self.arrays[name] = np.empty(shape, np.asarray(values).dtype)
                self.arrays[name][first_draw : first_draw + count] = values
        self._taken = first_draw + count

    @property
    def taken(self) -> int:
        """How many draws there are."""
        return self._taken

    def settle(self) -> None:
        """Draws in memory count at once."""

    def finish(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """Nothing is open."""

    def samples(self) -> dict[str, np.ndarray]:
        """All draws so far."""
        found = {}
        for name, (shape, dtype) in self.shapes.items():
            empty = np.empty((0, *shape, self.chains), dtype)
            found[name] = chains_first(self.arrays.get(name, empty)[: self._taken], False)
        return found


class OnDisk:
    """Draws in a store, written while the run goes on; read back only when asked for.

    Draws wait in memory until they are worth a checkpoint; what waits is repeated after a kill. One
    thread writes: at any moment one piece is being written and another waits at most.
    """

    def __init__(self, store: Any) -> None:
        self.store = store
        self.settled, self.seconds, self.first = time.monotonic(), 0.0, 0
        self.waiting: list[Mapping[str, Any]] = []
        self.latest: tuple[Any, int] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sdekit-store")
        self._writing: Future[None] | None = None

    def resumed(self, state: Any) -> tuple[int, int, Any]:
        """The next step, the draws that are there, and the state to go on from.

        Args:
            state: The state at the start of the run, for its structure.

        Raises:
            SimulationError: If the stored state is that of another potential or other devices.
        """
        if self.store.state_leaves:
            wanted, structure = jax.tree.flatten(state)
            _check_kinds(wanted, self.store.state_leaves)
            stored = jax.tree.unflatten(structure, self.store.state_leaves)
            return self.store.next_step, self.store.next_draw, stored
        # A first checkpoint, so that a run killed before its first draw can be resumed as well.
        self.store.append(0, {}, state, 0)
        return 0, 0, state

    def append(
        self, first_draw: int, samples: Mapping[str, Any], state: Any, next_step: int
    ) -> None:
        """Take the draws; have them written with a checkpoint when enough wait.

        Raises:
            SimulationError: If earlier draws could not be written.
        """
        if samples:
            self.first = self.first if self.waiting else first_draw
            self.waiting.append(samples)
        self.latest = state, next_step
        held = sum(np.asarray(v).nbytes for taken in self.waiting for v in taken.values())
        if self._is_due() or held >= WAITING_BYTES:
            self._begin_writing()
        elif samples:
            # The draws of a short call are a view of a buffer for a long one.
            self.waiting[-1] = {name: np.array(values) for name, values in samples.items()}

    def _is_due(self) -> bool:
        def is_late() -> bool:
            return (time.monotonic() - self.settled) * WRITING_SHARE >= self.seconds

        if is_late():
            # What is being written now says how long it took.
            self._join()
        return is_late()

    def _begin_writing(self) -> None:
        """Hand what waits to the thread, once it is done with what it was given before."""
        self._join()
        if self.latest is not None:
            self.settled = time.monotonic()
            self._writing = self._thread.submit(self._write, self.first, self.waiting, self.latest)
            self.waiting, self.latest = [], None

    def _write(
        self, first: int, waiting: Sequence[Mapping[str, Any]], latest: tuple[Any, int]
    ) -> None:
        """Write draws, and then the checkpoint that makes them count."""
        began = time.monotonic()
        samples = {
            name: np.concatenate([taken[name] for taken in waiting])
            if len(waiting) > 1 else waiting[0][name]
            for name in (waiting[0] if waiting else ())
        }  # fmt: skip
        before = self.store.next_draw
        try:
            self.store.append(first if waiting else before, samples, *latest)
        except (OSError, ValueError) as error:
            # Zarr tells a wrong checksum of a file that is filled up as a ValueError.
            raise SimulationError(
                f"the store cannot be written after draw {before}",
                found=f"{self.store.path}: {getattr(error, 'strerror', None) or error}",
                fix="make room or the folder writable, and give the same call with resume=True: "
                "it goes on from the last checkpoint",
            ) from error
        self.settled = time.monotonic()
        self.seconds = self.settled - began

    def _join(self) -> None:
        """Wait for the thread, and raise what it has raised."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def settle(self) -> None:
        """Write the draws that wait, and wait until they count."""
        self._begin_writing()
        self._join()

    def finish(self) -> None:
        """Write what waits, and mark the store as complete."""
        self.settle()
        self.store.finish()

    def close(self) -> None:
        """Wait until nothing is being written, and let others write, whatever has ended the run."""
        self._thread.shutdown(wait=True)
        self.store.close()

    @property
    def taken(self) -> int:
        """How many the last checkpoint stands behind."""
        return self.store.next_draw

    def samples(self) -> Mapping[str, np.ndarray]:
        """All draws, read from the disk when they are asked for."""
        from sdekit.simulation.store.stored import StoredSamples

        return StoredSamples(self.store.path, self.store.header, self.taken)


def _check_kinds(wanted: Sequence[Any], stored: Sequence[np.ndarray]) -> None:
    """Whether a stored state has the arrays that this run carries."""
    pairs = zip_longest(map(_kind, wanted), map(_kind, stored), fillvalue="no array")
    differing = next((pair for pair in pairs if pair[0] != pair[1]), None)
    if differing is not None:
        raise SimulationError(
            "the state in the store is not one of this run",
            expected=differing[1],
            found=differing[0],
            fix="resume with the position, potential and devices of the first call",
        )


def _kind(leaf: Any) -> str:
    array = np.asarray(leaf)
    return f"{array.dtype}{list(array.shape)}"


def _check_parts(path: Path, share: Share) -> None:
    """Whether what stands at the path is of as many processes, with the same chains."""
    from sdekit.simulation.store.stored import part_name, parts_below

    several = len(share.parts) > 1
    wanted = {part_name(chains) for chains in share.parts} if several else set()
    found = {part.name for part in parts_below(path)}
    if several and (path / "zarr.json").is_file():
        found |= {"the store of one process"}
    if not found <= wanted:
        raise SimulationError(
            "the store was written by other processes",
            expected=", ".join(sorted(wanted)) or "the store of one process",
            found=", ".join(sorted(found)),
            fix="choose another path, or resume with as many processes and devices as before",
        )


def open_sink(
    store: Any, resume: bool, header: Mapping[str, Any], shapes: Shapes, share: Share, draws: int
) -> Sink:
    """The sink of a run.

    Args:
        store: None for memory, a path, or a `SampleStore`.
        resume: Whether to go on with the run in the store, if one was begun.
        header: What identifies the run.
        shapes: Shape without chains, and dtype, of each variable.
        share: Which chains this process runs, and others.
        draws: Draws of the whole run.

    Raises:
        SimulationError: If there is nothing to resume, or another run or the parts of other
            processes stand in the store.
    """
    chains, first = len(share.chains), share.chains.start
    if store is None:
        if resume:
            raise SimulationError("there is nothing to resume", fix="give store=...")
        return Memory(shapes, chains, draws)
    from sdekit.simulation.store.store_path import checkpoint_path
    from sdekit.simulation.store.stored import part_name
    from sdekit.simulation.store.zarr_store import SampleStore

    opened = store if isinstance(store, SampleStore) else SampleStore(store)
    _check_parts(opened.path, share)
    if len(share.parts) > 1:
        if opened is store:
            raise SimulationError(
                "several processes cannot write one store",
                expected="a path, below which each writes its own",
                found=type(store).__name__,
                fix="give store as a path",
            )
        opened = SampleStore(opened.path / part_name(share.chains))
    # The same line starts a run and goes on with it: jobs that were killed are simply run again.
    if not resume or not checkpoint_path(opened.path).is_file():
        try:
            opened.begin(dict(header), dict(shapes), chains, draws, first)
        except OSError as error:
            opened.close()
            raise SimulationError(
                "the store cannot be written",
                expected="a path in a folder that can be written",
                found=f"{opened.path}: {error.strerror or error}",
                fix="choose another path",
            ) from error
        except SimulationError:
            opened.close()
            raise
        return OnDisk(opened)
    opened = SampleStore.reopen(opened.path)
    try:
        _check_header(opened.header, header)
        opened.go_on(draws)
    except SdekitError:
        opened.close()
        raise
    return OnDisk(opened)


#: Parts that may differ: a run may be lengthened, and functions agree to rounding only.
_LENGTHENED = ("fingerprint", "draws")


def _check_header(stored: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    """Whether a stored run is this one.

    Raises:
        SimulationError: If it is another, naming what differs.
    """
    if "fingerprint" not in stored:
        raise SimulationError(
            "the store does not tell its run from others",
            expected="a fingerprint of start, functions and schedule",
            found="the header of an older version",
            fix="resume with the version of sdekit that wrote it, or choose another path",
        )
    differing = sorted(k for k in header if k not in _LENGTHENED and header[k] != stored.get(k))
    if header["draws"] < stored["draws"]:
        differing.append("draws")
    if differing:
        raise _another_run(
            ", ".join(f"{k} = {stored.get(k)}" for k in differing),
            ", ".join(f"{k} = {header[k]}" for k in differing),
        )
    for name, part in header["fingerprint"].items():
        own = stored["fingerprint"].get(name)
        if not agrees(own, part):
            # The first that differs is the cause: another start has another gradient as well.
            raise _another_run(f"{name} {_shown(own)}", f"{name} {_shown(part)}")


def _another_run(expected: str, found: str) -> SimulationError:
    return SimulationError(
        "the store holds another run",
        expected=expected[:200],
        found=found[:200],
        fix="resume with the arguments of the first call, or choose another path",
    )


def _shown(part: Part | None) -> str:
    """A part of a fingerprint in a message."""
    if isinstance(part, list):
        return f"({', '.join(f'{number:.6g}' for number in part)})"
    return str(part)
