"""Proposals of a kernel and their acceptance, as pieces of its step.

Not for how they move (`kernel_movers`), nor for what they keep (`sdekit.verifier.markov`): what is
declared is what runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.errors import SimulationError
from sdekit.kernels.building import RATIO
from sdekit.kernels.kernel_text import step_text
from sdekit.kernels.steps import Choice, Delayed, Flow, GaussianJump, Metropolis, Midpoint
from sdekit.simulation.bind.jax_reader import evaluate
from sdekit.simulation.gradients.pathwise import undifferentiable
from sdekit.simulation.kernel_steps.kernel_movers import Account, mover
from sdekit.simulation.kernel_steps.running import KernelRun, StepPiece
from sdekit.simulation.steps.scheme import Blocks, StepInput

_DECIDED = "a proposal is accepted or rejected"


@dataclass(frozen=True)
class _Attempt:
    """A proposal before it is accepted or not.

    Attributes:
        elements: Normals.
        uniforms: Uniform numbers, that of the acceptance left out.
        prepare: (parameters, h, dtype) -> constants.
        propose: (blocks, input) -> where it ends, flipped, and the log of the ratio t.
        log_acceptance: log g(t).
    """

    elements: int
    uniforms: int
    prepare: Callable[..., Any]
    propose: Callable[[Blocks, StepInput], tuple[dict[str, Array], Array]]
    log_acceptance: Callable[[Array], Array]


def _attempt(here: KernelRun, step: Metropolis) -> _Attempt:
    if len(step.proposal) > 1 and any(isinstance(part, GaussianJump) for part in step.proposal):
        raise SimulationError(
            "a jump is not run together with other moves of one proposal",
            expected="one jump, or words, maps and midpoint rules one after the other",
            found=step_text(step),
        )
    account = Account(here, step)
    movers = [mover(account, part) for part in step.proposal]

    def prepare(parameters: Mapping[str, Any], h: Any, dtype: np.dtype) -> Any:
        return tuple(each.prepare(parameters, h, dtype) for each in movers)

    def propose(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array]:
        end, ratio = dict(blocks), account.zero(blocks)
        normals = uniforms = 0
        for each, constants in zip(movers, given.constants, strict=True):
            own = _own(given, normals, uniforms, constants)
            normals, uniforms = normals + each.elements, uniforms + each.uniforms
            end, gained = each.moves(end, own)
            ratio = ratio + gained
        if account.counts_whole:
            ratio = ratio + account.energy(blocks, given) - account.energy(end, given)
        return here.mapped(step.flip, end, given), undifferentiable(ratio, _DECIDED)

    def log_acceptance(ratio: Array) -> Array:
        if step.accept == "metropolis":
            return ratio
        if step.accept == "always":
            return jnp.where(jnp.isfinite(ratio), 0.0, ratio)
        if step.accept == "barker":
            return -jax.nn.softplus(-ratio)
        environment = here.problem.environment({RATIO.name: jnp.exp(ratio)})
        return jnp.log(jnp.asarray(evaluate(step.accept, environment)))  # type: ignore[arg-type]

    elements, uniforms = (
        sum(getattr(m, name) for m in movers) for name in ("elements", "uniforms")
    )
    return _Attempt(elements, uniforms, prepare, propose, log_acceptance)


def _own(given: StepInput, normals: int, uniforms: int, constants: Any) -> StepInput:
    """The input from some normal and uniform number on."""
    left = None if given.uniforms is None else given.uniforms[uniforms:]
    return replace(given, normals=given.normals[normals:], uniforms=left, constants=constants)


def _where(accept: Array, new: Blocks, old: Blocks) -> dict[str, Array]:
    return {name: jnp.where(accept, new[name], block) for name, block in old.items()}


def metropolis_piece(here: KernelRun, step: Metropolis) -> StepPiece:
    """A proposal that is accepted or not.

    Raises:
        SimulationError: If the proposal cannot be run.
    """
    attempt = _attempt(here, step)

    def run(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array]:
        assert given.uniforms is not None
        end, ratio = attempt.propose(blocks, _own(given, 0, 1, given.constants))
        # Comparisons with NaN are false: a trajectory that diverged is rejected.
        accept = jnp.log(given.uniforms[0]) < attempt.log_acceptance(ratio)
        return _where(accept, end, blocks), accept

    return StepPiece(attempt.elements, 1 + attempt.uniforms, attempt.prepare, run)


def move_piece(here: KernelRun, step: Flow | Midpoint | GaussianJump) -> StepPiece:
    """A move by itself, which is never rejected."""
    return metropolis_piece(here, Metropolis((step,), accept="always"))


def delayed_piece(here: KernelRun, step: Delayed) -> StepPiece:
    r"""A second attempt where the first is rejected.

    $$a_2(z) = \min\Bigl(1,\ t_2\,\frac{1 - a_1(z'')}{1 - a_1(z)}\Bigr),\qquad z'' = F S_2 z$$

    Raises:
        SimulationError: If an attempt draws noise, or cannot be run.

    Source: Mira (2001); Sohl-Dickstein, Mudigonda and DeWeese (2014) for maps [recalled].
    """
    first, second = _attempt(here, step.first), _attempt(here, step.second)
    if any(each.elements or each.uniforms for each in (first, second)):
        raise SimulationError(
            "delayed rejection is run for attempts without noise of their own",
            expected="words without noise, maps and midpoint rules",
            found=step_text(step),
        )

    def prepare(parameters: Mapping[str, Any], h: Any, dtype: np.dtype) -> Any:
        return tuple(each.prepare(parameters, h, dtype) for each in (first, second))

    def run(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array]:
        assert given.uniforms is not None
        ours, theirs = (replace(given, constants=constants) for constants in given.constants)

        def log_first(at: Blocks) -> tuple[dict[str, Array], Array]:
            end, ratio = first.propose(at, ours)
            accepted = jnp.minimum(first.log_acceptance(ratio), 0.0)
            return end, jnp.where(jnp.isnan(accepted), -jnp.inf, accepted)

        near, chance = log_first(blocks)
        far, ratio = second.propose(blocks, theirs)
        if step.remembers:
            ratio = ratio + jnp.log1p(-jnp.exp(log_first(far)[1])) - jnp.log1p(-jnp.exp(chance))
        at_once = jnp.log(given.uniforms[0]) < chance
        later = ~at_once & (jnp.log(given.uniforms[1]) < second.log_acceptance(ratio))
        return _where(at_once, near, _where(later, far, blocks)), at_once | later

    return StepPiece(0, 2, prepare, run)


def choice_piece(here: KernelRun, step: Choice, pieces: tuple[StepPiece, ...]) -> StepPiece:
    """One of several steps; all are computed for all chains, and share their random numbers."""

    def prepare(parameters: Mapping[str, Any], h: Any, dtype: np.dtype) -> Any:
        return tuple(piece.prepare(parameters, h, dtype) for piece in pieces)

    def run(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array | None]:
        assert given.uniforms is not None
        drawn, total = given.uniforms[0], jnp.zeros(())
        chosen, success = dict(blocks), jnp.zeros(jnp.shape(drawn), bool)
        for (weight, _), piece, constants in zip(
            step.options, pieces, given.constants, strict=True
        ):
            before, total = total, total + here.value(weight, blocks, given)
            is_chosen = undifferentiable((before <= drawn) & (drawn < total), "a step is chosen")
            end, accepted = piece.run(blocks, _own(given, 0, 1, constants))
            chosen = _where(is_chosen, end, chosen)
            success = success | (is_chosen if accepted is None else is_chosen & accepted)
        return chosen, success

    elements = max(piece.elements for piece in pieces)
    return StepPiece(elements, 1 + max(piece.uniforms for piece in pieces), prepare, run)
