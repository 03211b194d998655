"""A scheme as factors of its one-step operator: which parts act together, how long, how exactly.

Not for operators themselves (`sdekit.schemes.order.ring_stages`, `sdekit.schemes.order.all_sizes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sdekit.errors import SchemeError
from sdekit.schemes.split.flow_records import Inexact, Part, Shift
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.word import ALGORITHM_1, ALGORITHM_2, EULER_MARUYAMA


@dataclass(frozen=True)
class Factor:
    """One factor of a step.

    Attributes:
        parts: The parts that act together.
        share: How much of the step.
        frozen: False for the flow itself; True for one Euler-Maruyama step.
        piece: "whole", or only the "drift" or the "noise" of the parts.
    """

    parts: tuple[Part, ...]
    share: Fraction
    frozen: bool = False
    piece: str = "whole"


def plan(splitting: Splitting, word: str) -> tuple[Factor, ...]:
    """The factors of a step, the first applied first.

    Runge-Kutta sub-steps agree with the flow up to order 4 and are listed as the flow.

    Raises:
        SchemeError: If the word does not fit.
    """
    if word == EULER_MARUYAMA:
        return (Factor(splitting.parts, Fraction(1), frozen=True),)
    if word in (ALGORITHM_1, ALGORITHM_2):
        return _algorithm(splitting, word)
    return tuple(
        factor
        for letter, share in splitting.parse(word)
        for factor in _factors(splitting.part(letter), share)
    )


def _algorithm(splitting: Splitting, word: str) -> tuple[Factor, ...]:
    if splitting.algorithm_1 is None:
        raise SchemeError(
            f"{word} needs positions that move along momenta",
            found=f"the parts {', '.join(splitting.letters)}",
            fix=f"use {EULER_MARUYAMA}, or the word {splitting.default_word}",
        )
    return tuple(
        Factor(stage, Fraction(1), frozen=not _is_one_shift(stage))
        for stage in splitting.algorithm_1
    )


def _is_one_shift(parts: tuple[Part, ...]) -> bool:
    return len(parts) == 1 and isinstance(parts[0].flow, Shift)


def _factors(part: Part, share: Fraction) -> tuple[Factor, ...]:
    if not isinstance(part.flow, Inexact) or part.flow.method == "rk4":
        return (Factor((part,), share),)
    if part.flow.method == "euler_maruyama":
        return (Factor((part,), share, frozen=True),)
    half = Factor((part,), share / 2, piece="drift")
    return (half, Factor((part,), share, piece="noise"), half)
