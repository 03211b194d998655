"""What a word of a kernel runs: its letters with their shares of the step, each a part or a move.

Not for whether they are exact or reversed by a flip (`sdekit.verifier.markov`).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SchemeError
from sdekit.kernels.steps import (
    Flow,
    GaussianJump,
    Map,
    Metropolis,
    Midpoint,
    Refresh,
    Step,
    parts_of,
)
from sdekit.schemes.split.flow_records import Part
from sdekit.schemes.split.splitting import Splitting, splitting
from sdekit.schemes.split.word import parse_word


class Occurrence(NamedTuple):
    """One occurrence of a part: how much of the step it takes."""

    part: Part
    share: Fraction


@lru_cache(maxsize=64)
def parts_of_dynamics(dynamics: Dynamics) -> Splitting:
    """The splitting of a dynamics, found once."""
    return splitting(dynamics)


def letters_of_word(flow: Flow) -> tuple[Occurrence, ...]:
    """The letters of one word.

    Raises:
        SchemeError: If the word has letters that the dynamics lacks, or runs noise backwards.
    """
    parts = parts_of_dynamics(flow.dynamics)
    used = [letter for letter in parts.letters if letter in flow.word]
    word = parse_word(flow.word, used or parts.letters)
    found = tuple(Occurrence(parts.part(letter), share) for letter, share in word)
    for part, share in found:
        if share < 0 and part.diffusion:
            raise SchemeError(
                f"the word {flow.word!r} runs the noise of {part.letter} backwards",
                expected="multipliers >= 0 for parts with noise",
                found=f"{part.letter}[{share}]",
            )
    return found


def moved_by(step: Step) -> frozenset[Variable]:
    """The variables that a step may move."""
    moved: set[Variable] = set()
    for part in parts_of(step):
        if isinstance(part, Refresh):
            moved |= set(part.variables)
        elif isinstance(part, GaussianJump):
            moved.add(part.variable)
        elif isinstance(part, Map):
            moved |= {x for x, _ in part.images}
        elif isinstance(part, Metropolis):
            moved |= {x for x, _ in part.flip}
        elif isinstance(part, Flow):
            moved |= {x for letter in letters_of_word(part) for x in letter.part.moves}
        elif isinstance(part, Midpoint):
            moved |= set(part.dynamics.variables)
    return frozenset(moved)
