"""Reading samples from the disk: of one process or of several, also while a run goes on.

Not for writing them (`store`).

Checked by: tests/simulation/store/test_zarr_store.py, tests/simulation/runs/test_hosts.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdekit.diagnostics.draw_statistics import as_posterior
from sdekit.errors import DataError
from sdekit.simulation.store.checkpoint import counted_draws
from sdekit.simulation.store.store_checks import check_arrays, header_of, tried
from sdekit.simulation.store.store_path import checkpoint_path, store_path
from sdekit.simulation.store.zarr_store import arrays_of, module, opened


def part_name(chains: range) -> str:
    """Name of the store of one process, below the path that several processes share."""
    return f"chains-{chains.start}-{chains.stop - 1}.zarr"


def parts_below(path: Path) -> list[Path]:
    """The stores of several processes below a path, in the order of their chains."""
    return sorted(path.glob("chains-*-*.zarr"), key=lambda part: int(part.name.split("-")[1]))


def read_samples(path: str | Path) -> dict[str, Any]:
    """The samples of a store, also of one that is being written or was interrupted.

    Args:
        path: Where the store is.

    Returns:
        Per variable a NumPy array (chain, draw, *shape), cut to the draws that count; of a sweep
        (sweep, chain, draw, *shape).

    Raises:
        DataError: If there is no store, it is damaged, or one of several processes lacks chains.

    Checked by: tests/simulation/store/test_zarr_store.py.
    """
    dataset, size = open_dataset(path), _sweep_size(store_path(path))
    found = {str(name): _values(store_path(path), dataset[name]) for name in dataset.data_vars}
    if size is None:
        return found
    return {k: v.reshape(size, len(v) // size, *v.shape[1:]) for k, v in found.items()}


def _sweep_size(path: Path) -> int | None:
    """Number of values of a sweep; None where the store holds none."""
    if parts_below(path):
        return None
    values = header_of(path, opened(path)).get("sweep")
    return None if values is None else len(next(iter(values.values())))


def _values(path: Path, variable: Any) -> np.ndarray:
    """Draws read from their files, whose checksums must be right."""
    return tried(path, variable.to_numpy)


class StoredSamples(Mapping[str, np.ndarray]):
    """The draws of a run in its store, each variable read when it is first asked for.

    They may be more than fit the memory; `open_dataset` reads parts of them.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], draws: int) -> None:
        """Nothing is read.

        Args:
            path: Where the store is.
            header: That of the run, which names its variables.
            draws: Number of draws, of those that the store may hold later.
        """
        self.path, self.draws = path, draws
        self._header = json.loads(json.dumps(header))
        self._names = tuple(header["variables"])
        self._read: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        """The draws of a variable, (chain, draw, *shape).

        Raises:
            KeyError: If there is no such variable.
            DataError: If the store is gone, damaged, has lost draws, or holds another run by now.
        """
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            values = _values(self.path, self._dataset()[name])
            self._read[name] = values[:, : self.draws]
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all variables, without reading their draws."""
        dataset = self._dataset()
        shapes = {name: dataset[name].shape for name in self._names}
        return {name: (chains, self.draws, *rest) for name, (chains, _, *rest) in shapes.items()}

    def _dataset(self) -> Any:
        dataset = open_dataset(self.path)
        stored = header_of(self.path, opened(self.path))
        # A run that was lengthened since is still this one.
        if {**stored, "draws": 0} != {**self._header, "draws": 0}:
            raise DataError(
                "another run stands in the store by now",
                found=str(self.path),
                fix="give each run a store of its own, or read its samples before the next",
            )
        if dataset.sizes["draw"] < self.draws:
            raise DataError(
                "the store has lost draws of this run",
                expected=f"{self.draws} draws",
                found=dataset.sizes["draw"],
                fix="run it again",
            )
        return dataset


def open_dataset(path: str | Path) -> Any:
    """The samples as an xarray Dataset that reads from the disk when it is asked for values.

    A store of several processes is read at once, and cut to the draws that all chains have.

    Raises:
        DataError: If there is no store, it is damaged, or one of several processes lacks chains.

    Checked by: tests/simulation/store/test_zarr_store.py.
    """
    path = store_path(path)
    parts = parts_below(path)
    if not parts:
        return _one_process(path)
    _check_parts(parts)
    datasets = [_one_process(part) for part in parts]
    counted = min(dataset.sizes["draw"] for dataset in datasets)
    cut = [dataset.isel(draw=slice(0, counted)) for dataset in datasets]
    return module("xarray").concat(cut, dim="chain", join="exact")


def _check_parts(parts: list[Path]) -> None:
    """Whether the stores of several processes make one run."""
    roots = [opened(part) for part in parts]
    # The fingerprint is that of each process's own chains.
    headers = [
        {**header_of(part, root), "fingerprint": None}
        for part, root in zip(parts, roots, strict=True)
    ]
    if any(header != headers[0] for header in headers):
        raise DataError(
            "the stores of several processes are not of one run",
            found=", ".join(part.name for part in parts),
            fix=f"keep those of one run in {parts[0].parent}",
        )
    present = np.concatenate([root["posterior"]["chain"][:] for root in roots])
    if not np.array_equal(present, np.arange(headers[0]["chains"])):
        raise DataError(
            "the store lacks the chains of a process",
            expected=f"chains 0 to {headers[0]['chains'] - 1}",
            found=", ".join(part.name for part in parts),
            fix="bring the stores of all processes into one folder",
        )


def _one_process(path: Path) -> Any:
    xarray = module("xarray")
    # Before the arrays: what a checkpoint counts on stays, and they may grow in between.
    checkpoint = checkpoint_path(path)
    stands_behind = counted_draws(checkpoint) if checkpoint.is_file() else None
    root = opened(path)
    arrays = arrays_of(path, root)
    lengths = {
        name: array.shape[1] for name, array in arrays.items() if name not in ("chain", "draw")
    }
    counted = min(lengths.values(), default=0)
    if stands_behind:
        check_arrays(path, arrays, header_of(path, root).get("variables", lengths), stands_behind)
    if stands_behind is not None:
        counted = min(counted, stands_behind)
    pieces = []
    for name in lengths:
        # One variable at a time: during a write their lengths may differ.
        others = [other for other in (*lengths, "draw") if other != name]
        piece = xarray.open_zarr(
            str(path), group="posterior", consolidated=False, chunks=None, drop_variables=others
        )
        pieces.append(piece.isel(draw=slice(0, counted)))
    merged = xarray.merge(pieces) if pieces else xarray.Dataset()
    return merged.assign_coords(draw=np.arange(counted))


def to_arviz(path: str | Path) -> Any:
    """The samples of a store as `arviz.InferenceData` (0.x) or `xarray.DataTree` (ArviZ 1.x).

    They are read when needed; those of a sweep have its axis behind chains and draws.

    Raises:
        DataError: If there is no store, it is damaged, or one of several processes lacks chains.
        MissingDependencyError: Without ArviZ.

    Checked by: tests/simulation/store/test_zarr_store.py.
    """
    dataset, size = open_dataset(path), _sweep_size(store_path(path))
    if size is not None:
        rows, chains = dataset.sizes["chain"], dataset.sizes["chain"] // size
        own = {"sweep": ("chain", np.arange(rows) // chains), "row": ("chain", np.arange(rows))}
        own["of_value"] = ("chain", np.arange(rows) % chains)
        dataset = dataset.drop_vars("chain").assign_coords(own).rename({"chain": "rows"})
        dataset = dataset.drop_vars("row").set_index(rows=["sweep", "of_value"]).unstack("rows")
        dataset = dataset.rename({"of_value": "chain"}).transpose("chain", "draw", "sweep", ...)
    return as_posterior(dataset)
