"""Whether a store on the disk is whole: arrays, lengths and files that its checkpoint counts on.

Samples are stored without compression, so that the size of every file is known and a lost or
shortened one is told without reading it; each file has a checksum, which reading compares. Not for
reading or writing (`stored`, `zarr_store`).

Checked by: tests/simulation/store/test_store_damage.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from sdekit.errors import DataError

T = TypeVar("T")

#: What a CRC-32C adds to a file.
CHECKSUM_BYTES = 4

_ANEW = "it was damaged after it was written; bring back a copy, or delete it with its checkpoint"


def check_store(path: Path) -> None:
    """Whether there is a store.

    Raises:
        DataError: If there is none.
    """
    if not (path / "zarr.json").is_file():
        raise DataError("there is no store here", found=str(path), fix="check the path")


def tried(path: Path, read: Callable[[], T]) -> T:
    """What reading of the store's descriptions gives.

    Raises:
        DataError: If one is missing or broken.
    """
    try:
        return read()
    except (ValueError, KeyError, TypeError, OSError) as error:
        told = str(error).strip().partition("\n")[0]
        raise DataError(
            "the store cannot be read",
            expected="a Zarr group with the group posterior",
            found=f"{path}: {type(error).__name__}: {told}"[:200],
            fix=_ANEW,
        ) from error


def header_of(path: Path, root: Any) -> dict[str, Any]:
    """What identifies the run of a store.

    Raises:
        DataError: If the store is not one of sdekit.
    """
    header = root.attrs.get("sdekit")
    if not isinstance(header, dict):
        raise DataError(
            "the store does not say which run it holds", found=str(path), fix="check the path"
        )
    return header


def check_arrays(path: Path, arrays: Any, names: Iterable[str], draws: int) -> None:
    """Whether all draws that count are there.

    Args:
        path: Of the store.
        arrays: Its arrays by name.
        names: Variables that it must hold.
        draws: Draws that count.

    Raises:
        DataError: If an array is missing or too short, or one of its files is.
    """
    for name in (*names, "chain", "draw"):
        if name not in arrays:
            raise DataError(
                f"the store lacks {name}", expected=f"posterior/{name}", found=str(path), fix=_ANEW
            )
    chains = arrays["chain"].shape[0]
    for name in names:
        shape = arrays[name].shape
        if len(shape) < 2 or shape[0] != chains or shape[1] < draws:
            raise DataError(
                f"the array {name} of the store is too short",
                expected=f"{chains} chains of {draws} draws",
                found=f"shape {shape}",
                fix=_ANEW,
            )
        _check_files(path / "posterior" / name, arrays[name], draws)


def _check_files(folder: Path, array: Any, draws: int) -> None:
    """Whether the files of an array that hold draws have their size."""
    size = math.prod(array.chunks) * array.dtype.itemsize
    for codec in array.compressors:
        if type(codec).__name__ != "Crc32cCodec":
            return
        size += CHECKSUM_BYTES
    rest = ["0"] * (len(array.shape) - 2)
    for number in range(-(-draws // array.chunks[1])):
        file = folder.joinpath("c", "0", str(number), *rest)
        found = file.stat().st_size if file.is_file() else "no file"
        if found != size:
            raise DataError(
                f"a file of the array {folder.name} of the store is damaged",
                expected=f"{size} bytes",
                found=f"{found} at {file}",
                fix=_ANEW,
            )
