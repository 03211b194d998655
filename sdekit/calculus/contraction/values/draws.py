"""Small numbers for symbols, inside the declared assumptions.

Not for unknown functions (`polynomials`) nor for what is computed from other values (`model`).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from fractions import Fraction

from flint import fmpq

from sdekit.calculus.contraction.values.function_polynomials import Index
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.domains import REAL, Domain
from sdekit.declaration.tree.symbols import Parameter, Variable

#: Numbers that are easy to check by hand, in the order in which simpler ones are tried first.
_SMALL = tuple(fmpq(p, q) for p, q in ((1, 1), (2, 1), (-1, 1), (3, 1), (-2, 1), (1, 2), (3, 2)))
_SMALL_POSITIVE = tuple(value for value in _SMALL if value > 0)


def drawn_entries(
    symbol: Variable | Parameter,
    sizes: Mapping[Dim, int],
    rng: random.Random,
    is_definite: bool,
) -> dict[Index, fmpq]:
    """The independent entries of a variable or parameter.

    Args:
        symbol: What to draw.
        sizes: The size of each dimension.
        rng: Source of choices.
        is_definite: Make a symmetric parameter positive semidefinite even if not declared so.
    """
    lengths = [sizes[dim] for dim in symbol.shape]
    indices = list(itertools.product(*map(range, lengths)))
    if isinstance(symbol, Variable):
        domain, symmetry = symbol.domain, symbol.symmetry
    else:
        domain, assumed = REAL, symbol.assumptions
        symmetry = next((s for s in ("symmetric", "antisymmetric") if s in assumed), None)
        if "positive_definite" in assumed:
            return _gram(rng, lengths[0], True)
        if "positive_semidefinite" in assumed or (is_definite and symmetry == "symmetric"):
            return _gram(rng, lengths[0], False)
        if "positive" in assumed or "nonnegative" in assumed:
            return {index: rng.choice(_SMALL_POSITIVE) for index in indices}
    values = {index: _inside(domain, rng) for index in indices}
    if symmetry == "symmetric":
        return {index: values[index] for index in indices if index[0] <= index[1]}
    if symmetry == "antisymmetric":
        return {index: values[index] for index in indices if index[0] < index[1]}
    return values


def _inside(domain: Domain, rng: random.Random) -> fmpq:
    """A simple number inside a domain."""
    if domain.kind == "positive":
        return rng.choice(_SMALL_POSITIVE)
    if domain.kind == "interval":
        lower, upper = domain.simple_ends
        share = Fraction(rng.randint(1, 5), 6)
        value = lower + (upper - lower) * share
        return fmpq(value.numerator, value.denominator)
    return rng.choice(_SMALL)


def _gram(rng: random.Random, size: int, is_definite: bool) -> dict[Index, fmpq]:
    """Upper triangle of L L^T for a lower triangular L with small entries."""
    smallest = 1 if is_definite else 0
    lower = [
        [rng.randint(max(smallest, 1), 2) if i == j else rng.randint(-1, 1) for j in range(i + 1)]
        for i in range(size)
    ]
    if not is_definite and size > 1 and rng.random() < 0.25:
        lower[-1][-1] = 0
    return {
        (i, j): fmpq(sum(lower[i][k] * lower[j][k] for k in range(min(i, j) + 1)))
        for i in range(size)
        for j in range(i, size)
    }
