"""What the compiled loop runs and what it needs: records shared by the loop and the host.

Not for the loop itself (`loop`) nor for the host's side (`driver`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.simulation.bind.double import Epoch, epoch, epoch_at
from sdekit.simulation.loop.schedules import Grid
from sdekit.simulation.noise.streams import NoiseSource
from sdekit.simulation.steps.scheme import Cache, Scheme
from sdekit.simulation.sweeps.swept_step import LaneValues


class LoopState(NamedTuple):
    """All that a run needs to go on bit by bit, beside the number of the next step.

    Attributes:
        blocks: Blocks in the variables of the scheme, and extra arrays.
        cache: Shared gradients and what gradient sources carry.
    """

    blocks: dict[str, Array]
    cache: Cache


class Keys(NamedTuple):
    """What each chain has of its own beside its state, chains last.

    Attributes:
        normals: Threefry key, uint32 (2[, chains]), of one stream, as the next three.
        gradients: Of the stream of minibatches.
        accept: Of the stream of uniform numbers.
        updates: Of the stream of updates.
        own: Values that differ between the lanes of a sweep; None where none do.
    """

    normals: Array
    gradients: Array
    accept: Array
    updates: Array
    own: LaneValues | None = None


class Fixed(NamedTuple):
    """What stays the same during one call.

    Attributes:
        h: Step size; None under a schedule.
        constants: Prepared coefficients; None under a schedule.
        parameters: Arrays by name.
        tables: Tables of gradient sources, by oracle.
        low: What rounding to single precision took from h and the parameters, (h, by name), where
            coefficients read the time; None elsewhere.
        begin: Halves of the time at step 0.
        own: Values of the lanes of a sweep; None without one.
    """

    h: Any
    constants: Any
    parameters: Mapping[str, Any]
    tables: Mapping[str, Any]
    low: tuple[Any, Mapping[str, Any]] | None = None
    begin: tuple[Any, Any] = (0.0, 0.0)
    own: LaneValues | None = None

    def clock(
        self, number: Array, dtype: np.dtype, schedule: Any = None
    ) -> tuple[Any, Epoch | None]:
        """Time and epoch at the start of a step, of constant size or of a grid of times."""
        is_grid = isinstance(schedule, Grid)
        if self.low is None:
            if is_grid:
                return schedule.time(number), None
            return self.begin[0] + number.astype(dtype) * self.h, None
        low_h, lows = self.low
        halves = {name: (self.parameters[name], low) for name, low in lows.items()}
        if is_grid:
            return jnp.zeros((), dtype), epoch_at(schedule.time(number), halves)
        return jnp.zeros((), dtype), epoch(number, (self.h, low_h), halves, self.begin)


@dataclass(frozen=True, eq=False)
class Program:
    """What is compiled: a scheme with what is kept of it.

    Attributes:
        scheme: The step.
        noise: Where normals and bits come from.
        names: Variables to keep of a draw.
        schedule: Step number -> step size; None for a constant one.
        timed: Whether coefficients read the time.
        observe: (accumulated, blocks, weight) -> accumulated, for each kept draw.
        monitored: Whether to note the first step after which a chain is not finite.
        machine_loops: Whether small loops are compiled as one machine loop (`machine_loop`).
        updating: Updates of the user (`updates.updating`); None where there are none.
    """

    scheme: Scheme
    noise: NoiseSource
    names: tuple[str, ...]
    schedule: Callable[[Any], Any] | None = None
    timed: bool = False
    observe: Callable[[Any, Mapping[str, Array], Any], Any] | None = None
    monitored: bool = False
    machine_loops: bool = True
    updating: Any = None
