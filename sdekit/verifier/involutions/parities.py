r"""The flips that reverse a process, from a linear system over the field of two elements.

The single flips commute, so that every function is a sum of parts that each of them keeps or
negates: $f = \sum_{e} f_e$, $f_e\circ T_j = (-1)^{e_j}f_e$. A product of flips $T^s$ keeps H, keeps
D and negates u exactly if $e\cdot s$ has the right value for every part that is not zero; these are
linear equations for s modulo 2. Not for involutions of another kind (`flips.swaps`, `forced`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from sdekit.calculus.contraction import Lowered, Tensor, is_zero, substitute
from sdekit.calculus.contraction.tensor import combine
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.involutions.flips import Flip, flips, joined

_HALF = Fraction(1, 2)

#: Coefficients of s, one for each flip, and the right-hand side.
Equation = tuple[frozenset[int], int]


def reversing_flips(model: Lowered, velocity: Mapping[Variable, Tensor]) -> tuple[Flip, ...] | None:
    """Flips that may reverse the current and keep H and D; None if no product of them does.

    Args:
        model: The coefficients.
        velocity: That of the probability current.

    Returns:
        A candidate with few flips; a part that is not seen to vanish counts as not zero, so that
        None is no refutation.

    Checked by: tests/verifier/involutions/test_parities.py.
    """
    generators = tuple(flips(model))
    rows: dict[int, Equation] = {}
    for tensor, own, value in _conditions(model, velocity, generators):
        # A flip that is already left out tells no parts apart that matter.
        left_out = {k for k, row in rows.items() if row == (frozenset({k}), 0)}
        usable = {k: flip for k, flip in enumerate(generators) if k not in left_out}
        for parity, blocked in _parities(tensor, usable):
            found = [(parity ^ own, value), *((frozenset({k}), 0) for k in blocked)]
            if not all(_is_consistent(rows, equation) for equation in found):
                return None
    chosen: dict[Variable, Flip] = {}
    for k in sorted(pivot for pivot, (_, value) in rows.items() if value):
        flip = generators[k]
        before = chosen.get(flip.variable)
        chosen[flip.variable] = flip if before is None else joined(before, flip)
    return tuple(chosen.values()) or None


def _conditions(
    model: Lowered, velocity: Mapping[Variable, Tensor], generators: Sequence[Flip]
) -> list[tuple[Tensor, frozenset[int], int]]:
    """What is to be kept or negated, the flips that negate it beside, and the right-hand side."""
    reflected = {
        x: frozenset(k for k, f in enumerate(generators) if f.variable == x and f.sign < 0)
        for x in model.variables
    }
    tensors = [(model.energy, frozenset[int](), 0)]
    tensors += [(u, reflected[x], 1) for x, u in velocity.items()]
    tensors += [(D, reflected[x] ^ reflected[y], 0) for (x, y), D in model.diffusion.items()]
    return sorted(tensors, key=lambda condition: len(condition[0].terms))


def _parities(
    tensor: Tensor, generators: Mapping[int, Flip]
) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    """The flips that negate each part that is not seen to vanish, and those not worked out."""
    parts = [] if _vanishes(tensor) else [(tensor, frozenset[int](), frozenset[int]())]
    for k, flip in generators.items():
        finer = []
        for part, odd, blocked in parts:
            try:
                turned = substitute(part, {flip.variable: flip.image})
            except Unsupported:
                finer.append((part, odd, blocked | {k}))
                continue
            if turned == part:
                finer.append((part, odd, blocked))
                continue
            even = combine(((_HALF, part), (_HALF, turned)))
            # Parts are not zero already: only what is new is looked at.
            if not _vanishes(even):
                finer.append((even, odd, blocked))
            if even.is_empty or not _vanishes(part - even):
                finer.append((part - even, odd | {k}, blocked))
        parts = finer
    for _, odd, blocked in parts:
        yield odd, blocked


def _vanishes(tensor: Tensor) -> bool:
    return tensor.is_empty or is_zero(tensor)


def _is_consistent(rows: dict[int, Equation], equation: Equation) -> bool:
    """Whether a system in reduced form, to which the equation is added, has solutions modulo 2.

    The last unknown of an equation is determined by those before it, so that positions stay where
    they are; with free unknowns at 0, those are 1 whose row has 1 on the right.
    """
    unknowns, value = equation
    for pivot, (others, right) in rows.items():
        if pivot in unknowns:
            unknowns, value = unknowns ^ others, value ^ right
    if not unknowns:
        return not value
    last = max(unknowns)
    for pivot, (others, right) in rows.items():
        if last in others:
            rows[pivot] = others ^ unknowns, right ^ value
    rows[last] = unknowns, value
    return True
