"""Refreshments and closed forms of a kernel, as pieces of its step.

Not for proposals that are accepted or not (`proposals`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.kernels.steps import Map, Refresh, step_text
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import shape_of
from sdekit.simulation.bind.start import StartLaw, law_of_block, start_blocks
from sdekit.simulation.kernel_steps.running import KernelRun, StepPiece, unprepared
from sdekit.simulation.steps.scheme import Blocks, StepInput


def refresh_piece(here: KernelRun, step: Refresh) -> StepPiece:
    """New values of blocks from their Gaussian law given the others, or part of the way.

    Raises:
        SimulationError: If that law is not Gaussian.
    """
    problem = here.problem
    law = here.running.kernel.hamiltonian if step.law is None else step.law
    dynamics = problem.dynamics
    drawn_from = Dynamics(
        drift=dynamics.drift, hamiltonian=law, target_variables=dynamics.target_variables
    ) if step.law is not None else dynamics  # fmt: skip
    values = {name: np.asarray(v, problem.dtype) for name, v in here.running.values.items()}
    own = replace(problem, dynamics=drawn_from, parameters={**problem.parameters, **values})
    laws = tuple(law_of_block(own, x) for x in step.variables)
    wrong = [law.variable.name for law in laws if not law.is_drawn]
    if wrong or (len(laws) > 1 and not _is_uncoupled(law, step.variables)):
        raise SimulationError(
            f"the conditional law of {', '.join(wrong) or 'the blocks'} is not drawn",
            expected="a Gaussian law of each block, given the others",
            found=step_text(step),
        )
    moved = {x.name for x in step.variables}
    count = sum(math.prod(shape_of(x, problem.sizes)) for x in step.variables)

    def run(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], None]:
        rest = {name: block for name, block in blocks.items() if name not in moved}
        fresh = _drawn_blocks(own, laws, rest, given.normals)
        if step.keep == ZERO and step.noise is None:
            return fresh, None
        mean = _drawn_blocks(own, laws, rest, jnp.zeros_like(given.normals))
        keep = here.value(step.keep, blocks, given)
        noise = jnp.sqrt(1 - keep**2)
        if step.noise is not None:
            noise = here.value(step.noise, blocks, given)
        new = {
            name: mean[name]
            + keep * (blocks[name] - mean[name])
            + noise * (fresh[name] - mean[name])
            for name in moved
        }
        return {**blocks, **new}, None

    return StepPiece(count, 0, unprepared, run)


def _is_uncoupled(energy: Expression, variables: tuple[Variable, ...]) -> bool:
    from sdekit.calculus.contraction import gradient, is_zero, lower

    H = lower(energy)
    return all(is_zero(gradient(gradient(H, x), y)) for x in variables for y in variables if x != y)


def _drawn_blocks(
    problem: Problem, laws: tuple[StartLaw, ...], rest: Blocks, normals: Array
) -> dict[str, Array]:
    def of_one(own: Any, z: Array) -> dict[str, Array]:
        return {**own, **start_blocks(problem, laws, own, {}, z)}

    if normals.ndim == 1:
        return of_one(rest, normals)
    return jax.vmap(of_one, in_axes=-1, out_axes=-1)(rest, normals)


def map_piece(here: KernelRun, step: Map) -> StepPiece:
    """A closed form."""

    def run(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], None]:
        return here.mapped(step.images, blocks, given), None

    return StepPiece(0, 0, unprepared, run)
