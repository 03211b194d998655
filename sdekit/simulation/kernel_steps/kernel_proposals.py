"""Proposals of a kernel and their acceptance, as pieces of its step.

Not for how they move (`kernel_movers`), nor for what they keep (`sdekit.verifier.markov`): what is
declared is what runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from sdekit.errors import SimulationError
from sdekit.kernels.steps import (
    RATIO,
    Choice,
    Delayed,
    Flow,
    GaussianJump,
    Metropolis,
    Midpoint,
    step_text,
)
from sdekit.simulation.bind.jax_reader import evaluate
from sdekit.simulation.gradients.pathwise import undifferentiable
from sdekit.simulation.kernel_steps.kernel_movers import Account, mover
from sdekit.simulation.kernel_steps.running import (
    KernelPart,
    KernelRun,
    StepPiece,
    in_turn,
    prepared,
)
from sdekit.simulation.steps.scheme import Blocks, StepInput

_DECIDED = "a proposal is accepted or rejected"


@dataclass(frozen=True)
class _Attempt:
    """A proposal before it is accepted or not.

    Attributes:
        piece: Where it ends, flipped, and the log of the ratio t.
        log_acceptance: log g(t).
    """

    piece: KernelPart[Array]
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

    def propose(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array]:
        end, ratio = dict(blocks), account.zero(blocks)
        for move, own in in_turn(movers, given):
            end, gained = move.run(end, own)
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

    normals, uniforms = sum(m.elements for m in movers), sum(m.uniforms for m in movers)
    return _Attempt(KernelPart(normals, uniforms, prepared(movers), propose), log_acceptance)


def _where(accept: Array, new: Blocks, old: Blocks) -> dict[str, Array]:
    return {name: jnp.where(accept, new[name], block) for name, block in old.items()}


def metropolis_piece(here: KernelRun, step: Metropolis) -> StepPiece:
    """A proposal that is accepted or not.

    Raises:
        SimulationError: If the proposal cannot be run.
    """
    attempt = _attempt(here, step)
    proposal = attempt.piece

    def run(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array]:
        assert given.uniforms is not None
        end, ratio = proposal.run(blocks, proposal.own(given, given.constants, 0, 1))
        # Comparisons with NaN are false: a trajectory that diverged is rejected.
        accept = jnp.log(given.uniforms[0]) < attempt.log_acceptance(ratio)
        return _where(accept, end, blocks), accept

    return StepPiece(proposal.elements, 1 + proposal.uniforms, proposal.prepare, run)


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
    pieces = (first.piece, second.piece)
    if any(piece.elements or piece.uniforms for piece in pieces):
        raise SimulationError(
            "delayed rejection is run for attempts without noise of their own",
            expected="words without noise, maps and midpoint rules",
            found=step_text(step),
        )

    def run(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array]:
        assert given.uniforms is not None
        ours, theirs = (own for _, own in in_turn(pieces, given))

        def log_first(at: Blocks) -> tuple[dict[str, Array], Array]:
            end, ratio = first.piece.run(at, ours)
            accepted = jnp.minimum(first.log_acceptance(ratio), 0.0)
            return end, jnp.where(jnp.isnan(accepted), -jnp.inf, accepted)

        near, chance = log_first(blocks)
        far, ratio = second.piece.run(blocks, theirs)
        if step.remembers:
            ratio = ratio + jnp.log1p(-jnp.exp(log_first(far)[1])) - jnp.log1p(-jnp.exp(chance))
        at_once = jnp.log(given.uniforms[0]) < chance
        later = ~at_once & (jnp.log(given.uniforms[1]) < second.log_acceptance(ratio))
        return _where(at_once, near, _where(later, far, blocks)), at_once | later

    return StepPiece(0, 2, prepared(pieces), run)


def choice_piece(here: KernelRun, step: Choice, pieces: tuple[StepPiece, ...]) -> StepPiece:
    """One of several steps; all are computed for all chains, and share their random numbers.

    Raises:
        SimulationError: If the weights are numbers, but no probabilities.
    """

    weights = [weight for weight, _ in step.options]
    here.check_weights(weights, "a choice")

    def run(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array | None]:
        assert given.uniforms is not None
        moved, success = dict(blocks), jnp.zeros(given.uniforms.shape[1:], bool)
        chosen = here.chosen(weights, given.uniforms[0], blocks, given)
        for piece, constants, falls in zip(pieces, given.constants, chosen, strict=True):
            is_chosen = undifferentiable(falls, "a step is chosen")
            end, accepted = piece.run(blocks, piece.own(given, constants, 0, 1))
            moved = _where(is_chosen, end, moved)
            success = success | (is_chosen if accepted is None else is_chosen & accepted)
        return moved, success

    elements = max(piece.elements for piece in pieces)
    uniforms = 1 + max(piece.uniforms for piece in pieces)
    return StepPiece(elements, uniforms, prepared(pieces), run)
