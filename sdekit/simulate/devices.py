"""Which devices a run uses, and how the axis of chains is split over them.

Not for what runs on them (`driver`).

Checked by: tests/simulate/test_run.py.
"""

from __future__ import annotations

from typing import Any

import jax
from jax.sharding import PartitionSpec as Spec

from sdekit.errors import SimulationError

#: Name of the mesh axis over which chains are sharded.
CHAINS = "chains"


def split_last_axis(x: Any) -> Spec:
    """The last axis, that of chains, over the mesh; scalars everywhere."""
    return Spec(*(None,) * (x.ndim - 1), CHAINS) if x.ndim else Spec()


def chosen_devices(devices: Any, chains: int) -> tuple[Any, ...]:
    """The devices a run uses: those given, else all local ones, at most one per chain.

    Raises:
        SimulationError: If there are fewer devices than asked for.
    """
    here = jax.local_devices()
    if devices is None:
        return tuple(here[: max(1, min(len(here), chains))])
    if isinstance(devices, (bool, int)):
        if isinstance(devices, bool) or not 1 <= devices <= len(here):
            raise SimulationError(
                "the number of devices is wrong", expected=f"1 to {len(here)}", found=devices
            )
        return tuple(here[: min(devices, chains)])
    given: tuple[Any, ...] = tuple(devices)
    return given[: max(1, chains)]
