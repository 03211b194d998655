"""Which chains and devices a process runs, and how the axis of chains is split over the devices.

After `jax.distributed.initialize` each process takes a stretch of the chains onto its own devices.
A chain needs no other, so that processes never wait for each other while they sample, and a chain
that diverges stops its own process only. (JAX itself ends the others some minutes after a process
has gone; with a store they can be resumed.) Not for what runs on the devices (`driver`) nor for
bringing results together (`gathering`).

Checked by: tests/simulation/runs/test_run.py, tests/simulation/runs/test_hosts.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import jax
import numpy as np
from jax.sharding import PartitionSpec as Spec

from sdekit.errors import SimulationError
from sdekit.simulation.bind.step_size import is_whole

#: Name of the mesh axis over which chains are sharded.
CHAINS = "chains"


@dataclass(frozen=True)
class Share:
    """What one process runs.

    Attributes:
        devices: Its devices, at most one per chain.
        chains: Numbers of its chains.
        parts: Numbers of the chains of every process that takes part.
    """

    devices: tuple[Any, ...]
    chains: range
    parts: tuple[range, ...]


def split_last_axis(x: Any) -> Spec:
    """The last axis, that of chains, over the mesh; scalars everywhere."""
    return Spec(*(None,) * (x.ndim - 1), CHAINS) if x.ndim else Spec()


def chosen_share(devices: Any, chains: int) -> Share:
    """What this process runs: its share of all chains, or all on devices that are named.

    Args:
        devices: None for all devices of all processes; or a number of devices of this process, or
            some of them, which then run all chains.
        chains: Number of all chains.

    Raises:
        SimulationError: If there are fewer devices than asked for, devices of another process are
            named, or there are fewer chains than processes.
    """
    here = tuple(jax.local_devices())
    if devices is None:
        counts = [0] * jax.process_count()
        for device in jax.devices():
            counts[device.process_index] += 1
        parts = chain_parts(counts, chains)
        own = parts[jax.process_index()]
        return Share(here[: len(own)], own, parts)
    everything = range(chains)
    if isinstance(devices, int | np.integer):
        if not is_whole(devices) or not 1 <= devices <= len(here):
            raise SimulationError(
                "the number of devices is wrong", expected=f"1 to {len(here)}", found=devices
            )
        return Share(here[: min(devices, chains)], everything, (everything,))
    given: tuple[Any, ...] = tuple(devices)
    foreign = [str(device) for device in given if device not in here]
    if foreign or not given:
        raise SimulationError(
            "the devices are not those of this process",
            expected=f"some of {', '.join(map(str, here))}",
            found=", ".join(foreign) or "none",
            fix="leave devices out to use those of all processes",
        )
    return Share(given[:chains], everything, (everything,))


def part_share(part: Any, devices: Any, chains: int) -> Share:
    """What one of several runs does that share the chains and know nothing of each other.

    Args:
        part: (i, N): the i-th of N parts, counted from 0.
        devices: Devices of this process, or how many.
        chains: Number of all chains.

    Raises:
        SimulationError: If it is no such pair, a part would have no chain, or `jax.distributed`
            shares the chains already.
    """
    is_pair = isinstance(part, (tuple, list)) and len(part) == 2
    if not is_pair or not all(map(is_whole, part)):
        raise SimulationError(
            "part is no pair", expected="(i, N)", found=repr(part)[:60], fix="give part=(0, 2)"
        )
    number, count = part
    if not 0 <= number < count:
        raise SimulationError(
            "there is no such part", expected=f"(0, {count}) to ({count - 1}, {count})", found=part,
            fix="count parts from 0",
        )  # fmt: skip
    if jax.process_count() > 1:
        raise SimulationError(
            "the processes of jax.distributed share the chains already",
            found=f"part={tuple(part)}",
            fix="leave part out, or run without jax.distributed",
        )
    parts = chain_parts([1] * count, chains)
    own = parts[number]
    return Share(chosen_share(devices, len(own)).devices, own, parts)


def chain_parts(devices: Iterable[int], chains: int) -> tuple[range, ...]:
    """Stretches of the chains, about as long as processes have devices.

    Args:
        devices: Number of devices of each process.
        chains: Number of chains.

    Raises:
        SimulationError: If a process would have no chain.

    Example:
        >>> chain_parts([4, 4], 11)
        (range(0, 5), range(5, 11))
    """
    ends = list(accumulate(devices, initial=0))
    bounds = [chains * end // ends[-1] for end in ends]
    if any(first == last for first, last in pairwise(bounds)):
        raise SimulationError(
            "a process would have no chain",
            expected=f"at least {len(bounds) - 1} chains, one for each process or part",
            found=chains,
            fix="run more chains, or name this process's devices to run all chains on them",
        )
    return tuple(range(first, last) for first, last in pairwise(bounds))
