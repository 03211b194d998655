"""One file that holds all a run needs to go on: written at once or not at all.

Not for samples (`store.py`). A checkpoint survives the killing of the process, and the failure of
the power, at any moment: the new file is on the disk before it takes the old one's name.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdekit.errors import DataError, SimulationError
from sdekit.simulation.store.durable import sync_folder, write_durably

#: 2: the state holds the observables as well.
FORMAT = 2


def save_checkpoint(path: Path, arrays: Sequence[Any], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint in place of the one at `path`.

    Args:
        path: File.
        arrays: NumPy or JAX arrays.
        facts: What JSON can hold.

    Raises:
        SimulationError: If a fact is no JSON.

    Checked by: tests/simulation/store/test_checkpoint.py,
    tests/simulation/store/test_zarr_store.py.
    """
    try:
        text = json.dumps({"format": FORMAT, "arrays": len(arrays), **facts})
    except TypeError as error:
        raise SimulationError(
            "a checkpoint holds facts that JSON cannot hold",
            found=str(error),
            fix="give numbers, text, lists and dictionaries",
        ) from error
    buffer = io.BytesIO()
    named = {f"array_{index}": np.asarray(array) for index, array in enumerate(arrays)}
    np.savez(buffer, allow_pickle=False, facts=np.array(text), **named)
    with buffer.getbuffer() as held:
        write_durably(path, held)
    sync_folder(path.parent)


def load_checkpoint(
    path: Path, needed: Sequence[str] = ()
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """The arrays and facts of a checkpoint.

    Args:
        path: File.
        needed: Facts that it must hold.

    Returns:
        Arrays in the order they were given, and the facts.

    Raises:
        DataError: If there is no checkpoint, or the file is damaged or of another format.
    """
    if not path.is_file():
        raise DataError(
            "there is no checkpoint to resume from", found=str(path), fix="start the run anew"
        )
    facts, arrays = _read(path, with_arrays=True)
    if facts["format"] != FORMAT:
        raise DataError(
            "the checkpoint has another format",
            expected=FORMAT,
            found=facts["format"],
            fix="resume with the version of sdekit that wrote it; its samples can be read",
        )
    missing = [name for name in needed if name not in facts]
    if missing:
        raise _unreadable(path, f"no {', '.join(missing)}")
    return arrays, facts


def counted_draws(path: Path) -> int:
    """The number of draws that a checkpoint stands behind, whatever its format.

    Raises:
        DataError: If the file is damaged.
    """
    draws = _read(path, with_arrays=False)[0].get("draws")
    if not isinstance(draws, int):
        raise _unreadable(path, "no number of draws")
    return draws


def _read(path: Path, with_arrays: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            count = facts["arrays"] if with_arrays else 0
            arrays = [stored[f"array_{index}"] for index in range(count)]
            if "format" not in facts:
                raise KeyError("no format")
    except (zipfile.BadZipFile, ValueError, TypeError, KeyError, EOFError, OSError) as error:
        raise _unreadable(path, str(error).partition("\n")[0]) from error
    return facts, arrays


def _unreadable(path: Path, why: str) -> DataError:
    return DataError(
        "the checkpoint cannot be read",
        found=f"{path}: {why}",
        fix="it was damaged after it was written; delete it and the store, and start anew",
    )
