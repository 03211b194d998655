"""diffrax's solvers as schemes of our own loop: their `step`, our noise, chains and stores.

A solver run this way costs what its evaluations cost: no path is rebuilt, no time is accumulated,
and the noise of a chain is the same as for every other scheme. Not for adaptive steps
(`bridges.to_diffrax`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from sdekit.errors import SimulationError
from sdekit.schemes.solvers.solver_table import SOLVERS
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.solvers.diffrax_problem import fixed_step
from sdekit.simulation.solvers.levy_areas import area_milstein, merged_steps
from sdekit.simulation.steps.boundaries import led_back, walls_of
from sdekit.simulation.steps.scheme import Blocks, Cache, Scheme, StepInput


def solver_scheme(problem: Problem, name: str) -> Scheme:
    """The scheme that takes the steps of a diffrax solver.

    Args:
        problem: The bound dynamics.
        name: A name of `solvers.SOLVERS`.

    Raises:
        SchemeError: If the solver does not fit the noise, with the reason.
        SimulationError: If the gradient is stochastic, or there is no noise.

    Checked by: tests/simulation/solvers/test_diffrax_scheme.py.
    """
    if problem.source is not None and problem.source.words:
        raise SimulationError(
            f"the solver {name} needs exact gradients at points between two steps",
            found="a minibatch",
            fix="use a splitting word or 'EM', or give the full potential as a function",
        )
    if SOLVERS[name].diffrax_name:
        made = fixed_step(problem, name)
        elements, advance, rows = made.motions, made.advance, 1 + SOLVERS[name].needs_levy_area
        motions = elements // rows
    else:
        motions, advance = area_milstein(problem)
        elements, rows = 2 * motions + motions * (motions - 1) // 2, 2
    walls = walls_of(problem)

    def step(blocks: Blocks, cache: Cache, given: StepInput) -> tuple[dict[str, Array], Cache]:
        time = jnp.zeros((), problem.dtype) if given.time is None else given.time
        own = {x.name: blocks[x.name] for x in problem.dynamics.variables}
        if given.normals.ndim == 1:
            moved = advance(own, given.normals, time, given.h, given.epoch)
        else:
            moved = jax.vmap(
                lambda b, z: advance(b, z, time, given.h, given.epoch), in_axes=-1, out_axes=-1
            )(own, given.normals)  # fmt: skip
        # Under JAX's 64-bit mode some of diffrax's solvers return double precision.
        moved = {name: block.astype(problem.dtype) for name, block in moved.items()}
        environment = problem.environment({**given.parameters, **own}, time=time, epoch=given.epoch)
        moved, count = led_back(walls, own, moved, environment)
        folds = None if cache.folds is None else cache.folds + count
        return moved, cache._replace(folds=folds)

    def prepare(parameters: Mapping[str, Any], h: ArrayLike, dtype: np.dtype) -> Any:
        return ()

    reflects = any(wall.variable.domain.is_bounded for wall in walls.values())
    # A path that is refined keeps its areas: those of a long step follow from those of short ones.
    merge = partial(merged_steps, motions=motions) if rows == 2 else None
    return Scheme(name, elements, (), (), (), prepare, step, reflects=reflects, merge=merge)
