"""A scheme as factors of its one-step operator: what acts together, how long, how exactly.

Not for which moves make a step (`sdekit.schemes.split.unroll`) nor for operators themselves
(`sdekit.schemes.order.ring_stages`, `sdekit.schemes.order.all_sizes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sdekit.declaration.model.noise_factor import sum_of_blocks
from sdekit.errors import SchemeError
from sdekit.schemes.split.flow_records import Blocks, Part, Updates
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import Move, unroll


@dataclass(frozen=True)
class Factor:
    """One factor of a step.

    Attributes:
        updates: Drift of what acts.
        diffusion: Its diffusion, both triangles, declared gradient noise among it: as white noise
            in the stage that has the gradient, drawn anew each time.
        share: How much of the step.
        frozen: False for the flow itself; True for one Euler-Maruyama step.
    """

    updates: Updates
    diffusion: Blocks
    share: Fraction
    frozen: bool = False


def plan(splitting: Splitting, scheme: str) -> tuple[Factor, ...]:
    """The factors of a step, the first applied first.

    Runge-Kutta sub-steps agree with the flow up to order 4 and are listed as the flow.

    Raises:
        SchemeError: If the scheme does not fit, or has no such factors, as where gradient noise
            reads what its own kick moves.
    """
    return tuple(factor for move in unroll(splitting, scheme) for factor in _factors(move))


def whole_noise(piece: Part | Move) -> Blocks:
    """What is injected and what the gradient carries, both triangles."""
    if not piece.gradient_noise:
        return piece.diffusion
    return tuple(sum_of_blocks(dict(piece.diffusion), dict(piece.gradient_noise)).items())


def _factors(move: Move) -> tuple[Factor, ...]:
    if move.method == "moments":
        raise SchemeError(
            f"there is no order theory of the letter {move.name}",
            found="a step with the exact mean and variance: of weak order 2 inside the interval, "
            "with a leading error that is not analysed",
            fix="measure with sk.empirical_order",
        )
    noise, frozen = whole_noise(move), move.method == "euler_maruyama"
    read = {x for _, block in move.gradient_noise for x in block.variables}
    if read & set(move.moves) and not frozen:
        raise SchemeError(
            f"the gradient noise of {move.name} reads what it moves",
            expected="gradient noise that depends on the positions, and moves the momenta",
            found=", ".join(sorted(x.name for x in read & set(move.moves))),
            fix='use scheme="EM", which takes it at the start of the step',
        )
    if move.method != "strang":
        return (Factor(move.updates, noise, move.share, frozen),)
    half = Factor(move.updates, (), move.share / 2)
    return (half, Factor((), noise, move.share), half)
