"""The files of a Zarr store, each written durably. Not for the arrays in them (`store`).

Zarr replaces whole files when a draw is added to one that has draws already: were the new file not
on the disk before it takes the name, a power failure could lose draws that a checkpoint counts.

Checked by: tests/simulation/store/test_durable.py.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from zarr.abc.buffer import Buffer
from zarr.storage import LocalStore, WrapperStore

from sdekit.simulation.store.durable import sync_folder, write_durably


class DurableFiles(WrapperStore[LocalStore]):
    """A local Zarr store whose files outlive a power failure after `sync_folders`.

    Args:
        store: Where they are.
    """

    def __init__(self, store: LocalStore) -> None:
        super().__init__(store)
        self._changed: set[Path] = set()

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file."""
        path = self._store.root / key
        folders = [path.parent]
        while not folders[-1].exists():
            folders.append(folders[-1].parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(write_durably, path, value.as_numpy_array())
        self._changed.update(folders)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write a file that is not there."""
        if not await self.exists(key):
            await self.set(key, value)

    def sync_folders(self) -> None:
        """Make the names of all files last that were written since the last call."""
        for folder in self._changed:
            if folder.exists():  # Zarr deletes the folders of an array that it creates anew
                sync_folder(folder)
        self._changed.clear()
