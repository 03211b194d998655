r"""A declared kernel as a scheme: refreshments, maps, and proposals that are accepted or not.

Each step of the run is the whole kernel. Not for proving what it keeps (`sdekit.verifier.markov`):
what is declared is what runs, right or wrong.

Checked by: tests/simulation/kernel_steps/test_kernel_scheme.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from sdekit.kernels.steps import (
    Choice,
    Delayed,
    Flow,
    GaussianJump,
    Map,
    Metropolis,
    Midpoint,
    Refresh,
    Step,
    parts_of,
    step_text,
)
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.kernel_steps.kernel_proposals import (
    choice_piece,
    delayed_piece,
    metropolis_piece,
    move_piece,
)
from sdekit.simulation.kernel_steps.refreshing import map_piece, refresh_piece
from sdekit.simulation.kernel_steps.running import KernelRun, Running, StepPiece, in_turn, prepared
from sdekit.simulation.steps.scheme import Blocks, Cache, Scheme, StepInput


def kernel_scheme(problem: Problem, running: Running) -> Scheme:
    """The scheme whose every step is the whole kernel.

    Raises:
        SimulationError: If a step of the kernel cannot be run.
    """
    here = KernelRun(problem, running)
    pieces = [_piece(here, step) for step in running.kernel.steps]
    first = running.kernel.variables[0]

    def nothing(blocks: Blocks, parameters: Any) -> Array:
        del parameters
        return jnp.zeros(blocks[first.name].shape[first.ndim :], problem.dtype)

    def step(blocks: Blocks, cache: Cache, given: StepInput) -> tuple[dict[str, Array], Cache]:
        accepted: Array | None = None
        for piece, own in in_turn(pieces, given):
            blocks, success = piece.run(blocks, own)
            if success is not None:
                accepted = success if accepted is None else accepted & success
        acceptance = cache.acceptance
        if acceptance is not None and accepted is not None:
            acceptance = acceptance._replace(accepted=acceptance.accepted + accepted)
        return dict(blocks), cache._replace(acceptance=acceptance)

    steps = (part for step in running.kernel.steps for part in parts_of(step))
    accepts = any(isinstance(part, Metropolis) for part in steps)
    told = "; ".join(map(step_text, running.kernel.steps))
    with_values = ", ".join(f"{name} = {value:g}" for name, value in running.values.items())
    return Scheme(
        name=f"{told} ({with_values})" if with_values else told,
        elements=sum(piece.elements for piece in pieces),
        oracles=(),
        evaluations=(),
        carried=(),
        prepare=prepared(pieces),
        step=step,
        uniforms=sum(piece.uniforms for piece in pieces),
        potential_energy=nothing if accepts else None,
    )


def _piece(here: KernelRun, step: Step) -> StepPiece:
    if isinstance(step, Choice):
        return choice_piece(here, step, tuple(_piece(here, option) for _, option in step.options))
    return _RULES[type(step)](here, step)


_RULES: dict[type, Callable[..., StepPiece]] = {
    Refresh: refresh_piece,
    Map: map_piece,
    Metropolis: metropolis_piece,
    Delayed: delayed_piece,
    Flow: move_piece,
    Midpoint: move_piece,
    GaussianJump: move_piece,
}
