"""A scheme as factors of its one-step operator: what acts together, how long, how exactly.

Not for which moves make a step (`sdekit.schemes.split.unroll`) nor for operators themselves
(`sdekit.schemes.order.ring_stages`, `sdekit.schemes.order.all_sizes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sdekit.schemes.split.flow_records import Blocks, Updates
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import Move, unroll


@dataclass(frozen=True)
class Factor:
    """One factor of a step.

    Attributes:
        updates: Drift of what acts.
        diffusion: Its diffusion, both triangles.
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
        SchemeError: If the scheme does not fit, or has no such factors.
    """
    return tuple(factor for move in unroll(splitting, scheme) for factor in _factors(move))


def _factors(move: Move) -> tuple[Factor, ...]:
    if move.method != "strang":
        frozen = move.method == "euler_maruyama"
        return (Factor(move.updates, move.diffusion, move.share, frozen),)
    half = Factor(move.updates, (), move.share / 2)
    return (half, Factor((), move.diffusion, move.share), half)
