"""The chains of all processes brought together, where `jax.distributed` runs several.

Not for which process runs which chains (`devices`).

Checked by: tests/simulation/runs/test_hosts.py.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import reduce
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Spec

from sdekit.errors import SimulationError
from sdekit.simulation.loop.totals import Moments, Totals, joined, total_moments

#: Name of the mesh axis of one device of each process.
PROCESSES = "processes"


def gathered_samples(own: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Draws of the chains of all processes, (chain, draw, *shape); every process must ask.

    Args:
        own: Draws of the chains of this process.

    Raises:
        SimulationError: If a chain stopped before the others; all processes raise it.
    """
    everywhere = _gathered(own)
    draws = [next(iter(found.values())).shape[1] for found in everywhere]
    if len(set(draws)) > 1:
        raise SimulationError(
            "the processes hold different numbers of draws",
            expected="as many in each",
            found=", ".join(map(str, draws)),
            fix="resume the run where it stopped, or look at each process's own draws",
        )
    return {name: np.concatenate([found[name] for found in everywhere]) for name in own}


def gathered_moments(own: Mapping[str, Moments]) -> dict[str, Moments]:
    """Moments over the chains of all processes; every process must ask."""
    named = {
        f"{name}/{field}": array
        for name, found in own.items()
        for field, array in found.totals._asdict().items()
    }
    everywhere = _gathered(named)
    return {
        name: total_moments(
            reduce(
                joined,
                [Totals(*(found[f"{name}/{field}"] for field in Totals._fields))
                 for found in everywhere],
            )
        )
        for name in own
    }  # fmt: skip


def _gathered(arrays: Mapping[str, Any]) -> list[dict[str, np.ndarray]]:
    """The arrays of every process, in the order of the processes.

    They travel as bytes: shapes may differ, and JAX would round double precision.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    own = np.frombuffer(buffer.getbuffer(), np.uint8)
    lengths = _all(np.frombuffer(np.int64(own.size).tobytes(), np.uint8)).view(np.int64)[:, 0]
    padded = np.zeros(int(lengths.max()), np.uint8)
    padded[: own.size] = own
    found = []
    for row, length in zip(_all(padded), lengths, strict=True):
        with np.load(io.BytesIO(row[:length].tobytes()), allow_pickle=False) as stored:
            found.append({name: stored[name] for name in arrays})
    return found


def _all(row: np.ndarray) -> np.ndarray:
    """Equally long rows of bytes of all processes, (process, byte).

    `multihost_utils.process_allgather` wants as many devices in each process; one of each will do.
    """
    first = {device.process_index: device for device in reversed(jax.devices())}
    mesh = Mesh(np.asarray([first[number] for number in sorted(first)]), (PROCESSES,))
    split, whole = (NamedSharding(mesh, Spec(*axes)) for axes in ((PROCESSES,), ()))
    rows = jax.make_array_from_process_local_data(split, row[None])
    everywhere = jax.jit(lambda x: x, out_shardings=whole)(rows)
    return np.ascontiguousarray(everywhere.addressable_data(0))
