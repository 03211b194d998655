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
from sdekit.simulate.durable import sync_folder, write_durably

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

    Checked by: tests/simulate/test_checkpoint.py, tests/simulate/test_store.py.
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
    write_durably(path, buffer.getbuffer())
    sync_folder(path.parent)


def load_checkpoint(path: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    """The arrays and facts of a checkpoint.

    Args:
        path: File.

    Returns:
        Arrays in the order they were given, and the facts.

    Raises:
        DataError: If there is no checkpoint, or the file is damaged or of another format.
    """
    if not path.is_file():
        raise DataError(
            "there is no checkpoint to resume from", found=str(path), fix="start the run anew"
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            arrays = [stored[f"array_{index}"] for index in range(facts["arrays"])]
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError) as error:
        raise DataError(
            "the checkpoint cannot be read",
            found=f"{path}: {str(error).splitlines()[0]}",
            fix="it was damaged after it was written; start the run anew",
        ) from error
    if facts["format"] != FORMAT:
        raise DataError(
            "the checkpoint has another format",
            expected=FORMAT,
            found=facts["format"],
            fix="resume with the version of sdekit that wrote it",
        )
    return arrays, facts
