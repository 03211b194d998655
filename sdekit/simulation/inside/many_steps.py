"""Many steps of one call inside a user's program, with noise in blocks.

Not for runs that keep draws (`driver`).

Checked by: tests/simulation/inside/test_many_steps.py.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.step_size import is_whole
from sdekit.simulation.loop.blocks import plan_run, tiled
from sdekit.simulation.loop.compiled_loop import advance
from sdekit.simulation.loop.program import Fixed, Keys, LoopState, Program
from sdekit.simulation.noise.streams import MOST_STEPS, NoiseSource
from sdekit.simulation.steps.scheme import Scheme


def check_step_count(count: Any) -> None:
    """Refuse what is no number of steps.

    Raises:
        SimulationError: If it is no whole number from 0 on, or traced.
    """
    if not is_whole(count) or not 0 <= count < MOST_STEPS:
        raise SimulationError(
            "the number of steps is wrong",
            expected="a whole number from 0 on, known when the program is compiled",
            found=repr(count)[:60],
        )


def is_many(key: Array) -> bool:
    """Whether there are keys of several chains.

    Raises:
        SimulationError: If they have more than one axis.
    """
    shape = key.shape if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key.shape[:-1]
    if len(shape) > 1:
        raise SimulationError(
            "the keys have a wrong shape", expected="() or (chains,)", found=f"{shape}"
        )
    return bool(shape)


def many_steps(
    problem: Problem,
    scheme: Scheme,
    noise: NoiseSource,
    state: LoopState,
    *,
    keys: Keys,
    h: Array,
    count: int,
) -> LoopState:
    """The state `count` steps on.

    Args:
        problem: The bound dynamics.
        scheme: The step.
        noise: Where normals and bits come from.
        state: Of one chain, or of all with chains last.
        keys: Of the chains.
        h: Step size.
        count: Number of steps.
    """
    if count == 0:
        return state
    # Loops of a user's program may be transformed, which the mark of machine loops does not know.
    program = Program(scheme, noise, names=(), machine_loops=False)
    chains = math.prod(keys.normals.shape[1:])
    numbers = sum(math.prod(shape) for shape in problem.block_shapes.values())
    tiles, each = tiled(chains, numbers)
    plan = plan_run(
        1,
        count,
        chains=chains,
        normals=noise.words(scheme.elements),
        numbers=numbers,
        recorded=0,
        draw_bytes=scheme.draw_bytes,
        tiles=tiles if tiles * each == chains else 1,
    )
    constants = scheme.prepare(problem.parameters, h, noise.dtype)
    fixed = Fixed(h, constants, problem.parameters, {})
    return advance(program, plan, state, keys, fixed, jnp.uint32(0), jnp.int32(1))[0]
