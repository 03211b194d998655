"""One step of rows that differ in parameters: each lane with its own values and coefficients.

Checked by: tests/simulation/sweeps/test_sweep.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
from jax import Array

from sdekit.simulation.steps.scheme import Blocks, Cache, Scheme, StepInput


class LaneValues(NamedTuple):
    """What belongs to one lane beside its state, lanes last.

    Attributes:
        parameters: Values of swept parameters, by name.
        constants: Coefficients of the step; None under a schedule.
    """

    parameters: Mapping[str, Any]
    constants: Any


def swept_step(
    scheme: Scheme, state: tuple[Blocks, Cache], given: StepInput, own: LaneValues
) -> tuple[dict[str, Array], Cache]:
    """One step of all lanes, or of one without the axis of lanes.

    Args:
        scheme: The step.
        state: Blocks, and what the step before handed on, lanes last.
        given: With normals, draws and uniforms that have lanes last; the rest is shared.
        own: Values of the lanes.
    """
    noise = (given.normals, given.draws, given.uniforms)
    lanes = [-1 if oracle.source.words else None for oracle in scheme.evaluations]
    axes = (-1, tuple(lanes), None if given.uniforms is None else -1)

    def one(blocks: Any, cache: Any, noise: Any, own: LaneValues) -> Any:
        parameters = {**given.parameters, **own.parameters}
        constants = own.constants
        if constants is None:
            dtype = next(iter(blocks.values())).dtype
            constants = scheme.prepare(parameters, given.h, dtype)
        normals, draws, uniforms = noise
        lane = replace(
            given, normals=normals, draws=draws, uniforms=uniforms, constants=constants,
            parameters=parameters,
        )  # fmt: skip
        return scheme.step(blocks, cache, lane)

    if given.normals.ndim == 1:
        return one(*state, noise, own)
    each = jax.vmap(one, in_axes=(-1, -1, axes, -1), out_axes=-1)
    return each(dict(state[0]), state[1], noise, own)
