"""Where a store is, and who writes to it: paths read once, and a lock that one run holds.

Not for what stands in a store (`zarr_store`).

Checked by: tests/simulation/store/test_store_path.py.
"""

from __future__ import annotations

import contextlib
import os
import socket
import weakref
from pathlib import Path
from typing import Any, TextIO

from sdekit.errors import SimulationError

try:
    import fcntl
except ImportError:  # Windows has no flock; runs there do not see each other.
    fcntl = None


def store_path(path: Any) -> Path:
    """The path of a store as everybody who uses it reads it, with `~` expanded.

    Raises:
        SimulationError: If no store can stand there.
    """
    if not isinstance(path, (str, Path)):
        raise SimulationError(
            "store is no path", expected='a path such as "run.zarr"', found=repr(path)[:60]
        )
    try:
        found = Path(path).expanduser()
        if not found.name or found.name == "..":
            raise ValueError("it names no file of its own")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            os.stat(found.with_name(f"{found.name}.checkpoint.new"))
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SimulationError(
            "no store can stand at this path",
            expected='a path such as "run.zarr"',
            found=f"{str(path)[:60]!r}: {reason}",
            fix="choose another path",
        ) from error
    return found


def checkpoint_path(path: str | Path) -> Path:
    """The checkpoint that belongs to a store."""
    found = store_path(path)
    return found.with_name(found.name + ".checkpoint")


class WriterLock:
    """What one run holds while it writes a store; the system lets go of it when the process ends.

    Args:
        path: Of the store; the lock is a file beside it, which goes when the run ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".lock")
        self._file: TextIO | None = None

    def take(self) -> None:
        """Become the one who writes.

        Raises:
            SimulationError: If another run is writing, naming its process.
            OSError: If the folder cannot be written.
        """
        if fcntl is None or self._file is not None:
            return
        while True:
            file = self.path.open("a+", encoding="utf-8")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                writer = file.read(200) or "another process"
                file.close()
                raise SimulationError(
                    "another run is writing this store",
                    expected="one run for each store",
                    found=f"{self.path.with_suffix('')}, written by {writer}",
                    fix="wait for it to end, or choose another path",
                ) from None
            except OSError:
                # Some network file systems have no locks: then nobody can be told apart.
                file.close()
                return
            if self._is_current(file.fileno()):
                break
            file.close()  # its holder removed it between our opening and locking it
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        self._file = file
        weakref.finalize(self, file.close)

    def _is_current(self, file: int) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(file), self.path.stat())
        return False

    def release(self) -> None:
        """Let others write."""
        if self._file is not None:
            self.path.unlink(missing_ok=True)
            self._file.close()
            self._file = None
