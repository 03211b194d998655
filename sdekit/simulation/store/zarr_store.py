"""Writing samples to the disk while a run goes on, as Zarr that xarray and ArviZ read.

Layout: group `posterior`, one array (chain, draw, ...) per variable, coordinates `chain` and
`draw`; beside it `<path>.checkpoint`. What counts as sampled is what the last checkpoint says, so
a run killed at any moment resumes from there and repeats the rest bit for bit. All files that a
checkpoint counts on are on the disk before it is, so that this holds when the power fails, too.

Several processes write a store each, side by side in one folder: they share no file, so that none
can hurt the other's, on one machine or on many. Not for reading (`stored`) nor for choosing what is
sampled (`run`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import numpy as np

from sdekit.errors import DataError, MissingDependencyError, SimulationError
from sdekit.simulation.store.checkpoint import load_checkpoint, save_checkpoint
from sdekit.simulation.store.store_checks import check_arrays, check_store, tried
from sdekit.simulation.store.store_path import WriterLock, checkpoint_path, store_path

#: Bytes of one file of the store; larger files are written at once but read in larger pieces.
FILE_BYTES = 16_000_000
#: Bytes below which a file holds more draws than the first chunk gave.
LEAST_FILE_BYTES = 16_000_000


class SampleStore:
    """A store that a run writes to, chunk by chunk.

    Args:
        path: Directory to write, by habit ending in `.zarr`.

    Example:
        >>> import tempfile, numpy as np
        >>> folder = tempfile.mkdtemp()
        >>> store = SampleStore(folder + "/run.zarr")
        >>> store.begin({"seed": 0}, {"theta": ((2,), "float32")}, chains=3, draws=4)
        >>> store.append(0, {"theta": np.zeros((4, 2, 3), "float32")}, (np.zeros(1),), 40)
        >>> store.finish()
        >>> import sdekit as sk
        >>> sk.read_samples(folder + "/run.zarr")["theta"].shape
        (3, 4, 2)

    Checked by: tests/simulation/store/test_zarr_store.py.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = store_path(path)
        self.lock = WriterLock(self.path)
        self.header: dict[str, Any] = {}
        self.chains = self.draws = self.next_step = self.next_draw = 0
        self.state_leaves: list[np.ndarray] = []
        self.group: Any = None
        self._files: Any = None

    def begin(
        self,
        header: Mapping[str, Any],
        shapes: Mapping[str, tuple[tuple[int, ...], Any]],
        chains: int,
        draws: int,
        first_chain: int = 0,
    ) -> None:
        """Create the store.

        Args:
            header: What identifies the run (JSON); kept in the store and in each checkpoint.
            shapes: Shape without chains, and number type, of each variable.
            chains: Number of chains.
            draws: Number of draws the run will keep.
            first_chain: Number of the first of the chains.

        Raises:
            SimulationError: If something stands at the path already, or another run writes there.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.lock.take()
        if _is_unborn(self.path):
            shutil.rmtree(self.path)
        if self.path.is_file():
            raise SimulationError(
                "a file stands where the store is to be",
                expected="nothing, or a store to resume",
                found=str(self.path),
                fix="choose another path",
            )
        if self.path.exists():
            raise SimulationError(
                "there is a store at this path already",
                found=str(self.path),
                fix="delete it, choose another path, or resume it",
            )
        self.header, self.chains = dict(header), chains
        root = self._open("w-")
        root.attrs["sdekit"] = json.loads(json.dumps(self.header))
        self.group = root.create_group("posterior")
        # ArviZ compares these attributes; an empty group would not be a posterior to it.
        self.group.attrs["inference_library"] = "sdekit"
        self.draws = draws
        self._create(shapes, draws)
        chain = self.group.create_array(
            "chain", shape=(chains,), dtype="int64", dimension_names=("chain",)
        )
        chain[:] = np.arange(first_chain, first_chain + chains)

    def _open(self, mode: str) -> Any:
        """The root group of the files, for writing."""
        zarr = module("zarr")
        from sdekit.simulation.store.zarr_files import DurableFiles

        self._files = DurableFiles(zarr.storage.LocalStore(self.path))
        return zarr.open_group(self._files, mode=mode, zarr_format=3)

    def _create(self, shapes: Mapping[str, tuple[tuple[int, ...], Any]], length: int) -> None:
        """Empty arrays whose files hold `length` draws, or fewer where these are too large."""
        for name, (shape, dtype) in shapes.items():
            kind = np.dtype(dtype)
            per_draw = max(1, self.chains * kind.itemsize * int(np.prod(shape)))
            self.group.create_array(
                name,
                shape=(self.chains, 0, *shape),
                chunks=(self.chains, max(1, min(length, FILE_BYTES // per_draw)), *shape),
                dtype=kind,
                fill_value=np.nan if kind.kind == "f" else 0,
                # Samples are noise in all but their leading bits: compression costs time only.
                # The sum tells a file that was damaged after it was written.
                compressors=[module("zarr").codecs.Crc32cCodec()],
                dimension_names=("chain", "draw", *(f"{name}_dim_{i}" for i in range(len(shape)))),
                overwrite=True,
            )
        self.group.create_array(
            "draw",
            shape=(0,),
            chunks=(max(1, length),),
            dtype="int64",
            dimension_names=("draw",),
            overwrite=True,
        )

    def append(
        self, first_draw: int, samples: Mapping[str, Any], state: Any, next_step: int
    ) -> None:
        """Add the draws of one chunk and then the checkpoint that makes them count.

        Args:
            first_draw: Number of the first of these draws.
            samples: Per variable shape (draws, *shape, chains).
            state: PyTree of arrays from which the run goes on.
            next_step: Number of the step it goes on with.

        Raises:
            SimulationError: If the draws do not follow those that are there.
        """
        if first_draw != self.next_draw:
            raise SimulationError(
                "these draws do not follow the last ones of the store",
                expected=f"first draw {self.next_draw}",
                found=first_draw,
                fix="reopen the store and resume from its checkpoint",
            )
        count = len(next(iter(samples.values()))) if samples else 0
        last = first_draw + count
        if count and not first_draw:
            # Short enough that filling up a file costs nothing, long enough that files are few.
            row = sum(np.asarray(v).nbytes for v in samples.values()) // count
            length = min(max(count, LEAST_FILE_BYTES // max(1, row)), max(count, self.draws))
            self._create({n: (np.shape(v)[1:-1], v.dtype) for n, v in samples.items()}, length)
        if count:
            # All lengths first: they are small writes, so that a reader nearly never sees
            # arrays of different lengths.
            for name in (*samples, "draw"):
                array = self.group[name]
                array.resize((last,) if name == "draw" else (self.chains, last, *array.shape[2:]))
            for name, values in samples.items():
                self.group[name][:, first_draw:last] = np.moveaxis(np.asarray(values), -1, 0)
            self.group["draw"][first_draw:last] = np.arange(first_draw, last)
        self.next_draw, self.next_step = last, next_step
        self.state_leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
        facts = {"header": self.header, "draws": last, "next_step": next_step}
        # The checkpoint may count these draws only when the power can fail without losing them.
        self._files.sync_folders()
        save_checkpoint(checkpoint_path(self.path), self.state_leaves, facts)

    def finish(self) -> None:
        """Mark the run as complete, and let others write."""
        self.group.attrs["is_complete"] = True
        self._files.sync_folders()
        self.close()

    def close(self) -> None:
        """Let others write, whatever has ended the run."""
        self.lock.release()

    @classmethod
    def reopen(cls, path: str | Path) -> SampleStore:
        """The store of an interrupted run; nothing in it is changed before `go_on`.

        Args:
            path: Where it is.

        Returns:
            A store with `header`, `next_step`, `next_draw` and `state_leaves` to go on from.

        Raises:
            DataError: If there is no store or no checkpoint, or one of them is damaged.
            SimulationError: If another run is writing it.
        """
        store = cls(path)
        try:
            store.lock.take()
            store._read()
        except BaseException:
            store.close()
            raise
        return store

    def _read(self) -> None:
        """Look at the files and the checkpoint."""
        path = self.path
        if checkpoint_path(path).exists() and not path.exists():
            raise DataError(
                "there is a checkpoint without its store",
                expected=str(path),
                found=str(checkpoint_path(path)),
                fix="delete the checkpoint, or choose another path",
            )
        check_store(path)
        facts_needed = ("header", "draws", "next_step")
        self.state_leaves, facts = load_checkpoint(checkpoint_path(path), facts_needed)
        arrays = arrays_of(path, _root(path))
        self.header = facts["header"]
        self.next_draw, self.next_step = facts["draws"], facts["next_step"]
        self.draws = self.header.get("draws", self.next_draw)
        if self.next_draw:
            # Lengthening an array that lost draws would fill it up with what nobody sampled.
            names = self.header.get("variables", _drawn(arrays))
            check_arrays(path, arrays, names, self.next_draw)
        self.chains = arrays["chain"].shape[0] if "chain" in arrays else 0

    def go_on(self, draws: int) -> None:
        """Cut the files back to the last checkpoint, and take draws.

        Args:
            draws: Draws of the whole run; more than it was begun with lengthen it.

        Raises:
            DataError: If the files are damaged.
        """
        root = tried(self.path, lambda: self._open("r+"))
        arrays = arrays_of(self.path, root)
        self.group = root["posterior"]
        if draws > self.draws:
            self.draws = self.header["draws"] = draws
            root.attrs["sdekit"] = self.header
            self.group.attrs["is_complete"] = False
        if self.next_draw:
            arrays["draw"].resize((self.next_draw,))
        for array in _drawn(arrays).values():
            array.resize((array.shape[0], self.next_draw, *array.shape[2:]))


def _drawn(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays that hold draws of variables."""
    return {name: array for name, array in arrays.items() if name not in ("chain", "draw")}


def _is_unborn(path: Path) -> bool:
    """Whether a run was killed here before its first checkpoint, so that nothing is lost."""
    if checkpoint_path(path).exists() or not (path / "zarr.json").is_file():
        return False
    root = _root(path)
    arrays = arrays_of(path, root) if "posterior" in root else {}
    is_empty = all(array.shape[1] == 0 for array in arrays.values() if array.ndim > 1)
    return "sdekit" in root.attrs and is_empty


def opened(path: Path) -> Any:
    """The root group of a store, for reading.

    Raises:
        DataError: If there is no store, or it is damaged.
    """
    check_store(path)
    root = _root(path)
    arrays_of(path, root)
    return root


def _root(path: Path) -> Any:
    return tried(path, lambda: module("zarr").open_group(str(path), mode="r"))


def arrays_of(path: Path, root: Any) -> dict[str, Any]:
    """The arrays of a store by name.

    Raises:
        DataError: If their descriptions are missing or broken.
    """
    return tried(path, lambda: dict(root["posterior"].arrays()))


def module(name: str) -> Any:
    """A module of the `store` extra.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"storing and reading samples needs {name}", fix="pip install 'sdekit[store]'"
        ) from error
