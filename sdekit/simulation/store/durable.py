"""Files that outlive a power failure: on the disk before their name points to them.

Not for what stands in them (`checkpoint`, `store`).

Checked by: tests/simulation/store/test_durable.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def write_durably(path: Path, data: Any) -> None:
    """Write a file at once or not at all; its name lasts once the folder is synced as well.

    Args:
        path: Where; a file there is replaced.
        data: Bytes, or what has a buffer of them.
    """
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        # Without this a power failure may leave the name of the new file on an empty one.
        os.fsync(file.fileno())
    temporary.replace(path)


def sync_folder(path: Path) -> None:
    """Make the names in a folder last."""
    if os.name == "nt":
        return  # Windows opens no folders; its file systems log the names themselves.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
