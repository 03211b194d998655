"""Random exact points inside everything that is assumed: values of symbols and of jets.

A value depends on the seed and the name alone, not on the order of asking. Symbols get small
rationals that satisfy all their SymPy assumptions; coordinates stay inside their domains; declared
positive definite matrices are drawn as L L^T; unknown functions get a free jet, because any finite
jet at a point belongs to some polynomial.

Not for evaluating anything there (`taylor.py`), not for judging (`witness.py`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from flint import fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.ring.partials import JetOf
from sdekit.calculus.field.witnesses.ball_functions import rational
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.sympy_types import Expr

#: The numbers that a reader likes best.
_SMALL = tuple(Fraction(n, 2) for n in (2, 4, -2, 6, -4, 1, 3, -1, -6, 5, -3, 8))
#: Then numbers without coincidences, small ones for narrow domains, large ones for distant ones.
_VARIED = tuple(Fraction(n, d) for n in range(-11, 12) for d in (1, 2, 3, 5, 7) if n)
_TINY = tuple(value / 16 for value in _VARIED)
_LARGE = tuple(value * 12 for value in _VARIED)
_WHOLE = tuple(Fraction(n) for n in range(-5, 8))
_POOLS = (_SMALL, _VARIED, _SMALL, _TINY, _VARIED, _LARGE)
#: Sixteenths of an interval.
_INSIDE = tuple(Fraction(k, 16) for k in (8, 4, 12, 5, 11, 1, 15, 3, 13, 7))


@dataclass(frozen=True)
class Interval:
    """Open bounds of a coordinate; None where it has none.

    Attributes:
        lower: A rational number not below the lower end.
        upper: One not above the upper end.
        ends: The ends themselves, where they are not rational.
    """

    lower: Fraction | None = None
    upper: Fraction | None = None
    ends: tuple[Expr, Expr] | None = None


@dataclass(frozen=True)
class Scene:
    """What points must respect.

    Attributes:
        coordinates: The state.
        bounds: Coordinate -> its interval, where it is not the real line.
        matrices: Matrices of symbols or calls that are declared positive definite.
        semidefinite: Matrices that are declared positive semidefinite.
    """

    coordinates: tuple[sp.Symbol, ...]
    bounds: Mapping[sp.Symbol, Interval]
    matrices: tuple[sp.ImmutableMatrix, ...] = ()
    semidefinite: tuple[sp.ImmutableMatrix, ...] = ()

    @property
    def drawn_matrices(self) -> tuple[sp.ImmutableMatrix, ...]:
        """All matrices whose entries are drawn together, as L L^T."""
        return self.matrices + self.semidefinite


class Point:
    """Values of symbols and jets at one random point, drawn when they are first asked for.

    Args:
        scene: What the point must respect.
        seed: Names the point.
        fixed: Values that are given instead of drawn.

    Attributes:
        values: What has been asked for so far.
    """

    def __init__(
        self,
        scene: Scene,
        seed: int,
        fixed: Mapping[sp.Symbol | JetOf, fmpq] | None = None,
    ) -> None:
        self.seed = seed
        self.scene = scene
        self.values: dict[sp.Symbol | JetOf, fmpq] = {}
        self._fixed = dict(fixed or {})
        self._pool = seed % len(_POOLS)
        for matrix in scene.drawn_matrices:
            self._draw_definite(matrix)

    def __call__(self, key: sp.Symbol | JetOf) -> fmpq:
        """The value of a symbol or a jet.

        Raises:
            Unsupported: If no rational satisfies the symbol's assumptions.
        """
        value = self.values.get(key)
        if value is None:
            value = self._fixed[key] if key in self._fixed else rational(self._draw(key))
            self.values[key] = value
        return value

    def _draw(self, key: sp.Symbol | JetOf) -> Fraction:
        chance = random.Random(f"{self.seed} {_name(key)}")
        if isinstance(key, JetOf):
            if key.places:
                return chance.choice(_POOLS[self._pool])
            return chance.choice(_allowed(_assumptions(key.call), self._pool))
        bounds = self.scene.bounds.get(key)
        if bounds is not None and bounds.lower is not None and bounds.upper is not None:
            return bounds.lower + (bounds.upper - bounds.lower) * chance.choice(_INSIDE)
        drawn = chance.choice(_allowed(_assumptions(key), self._pool))
        if bounds is not None and bounds.lower is not None:
            return bounds.lower + abs(drawn)
        return drawn

    def _draw_definite(self, matrix: sp.ImmutableMatrix) -> None:
        """L L^T with a positive diagonal of L, for a matrix whose entries are free."""
        entries = {(i, j): _free(matrix[i, j]) for i in range(matrix.rows) for j in range(i + 1)}
        if None in entries.values() or any(entry in self._fixed for entry in entries.values()):
            return
        chance = random.Random(f"{self.seed} {_name(entries[0, 0])}")
        factor = [
            [Fraction(chance.randint(1, 3)) if i == j else Fraction(chance.randint(-2, 2))
             for j in range(i + 1)]
            for i in range(matrix.rows)
        ]  # fmt: skip
        for (i, j), entry in entries.items():
            product = sum((factor[i][k] * factor[j][k] for k in range(j + 1)), Fraction(0))
            if entry is not None:
                self.values[entry] = rational(product)


def _name(key: sp.Symbol | JetOf | None) -> str:
    return f"{_call_name(key.call)} {key.places}" if isinstance(key, JetOf) else str(key)


@lru_cache(maxsize=64)
def _call_name(call: AppliedUndef) -> str:
    # A potential of 500 components takes longer to print than to evaluate.
    return str(call)


def _free(entry: Expr) -> sp.Symbol | JetOf | None:
    """A matrix entry as a key of a point; None if it is an expression."""
    if isinstance(entry, sp.Symbol):
        return entry
    return JetOf(entry, ()) if isinstance(entry, AppliedUndef) else None


#: What may be declared of an unknown function; SymPy lists the assumptions of symbols only.
_SIGNS = ("positive", "negative", "nonnegative", "nonpositive")


def _assumptions(key: Expr) -> frozenset[tuple[str, bool]]:
    if isinstance(key, sp.Symbol):
        known = key.assumptions0
    else:
        signs = {name: getattr(key, f"is_{name}") for name in _SIGNS}
        known = {name: truth for name, truth in signs.items() if truth is not None}
    return frozenset((name, bool(truth)) for name, truth in known.items())


@lru_cache(maxsize=256)
def _allowed(assumptions: frozenset[tuple[str, bool]], pool: int) -> Sequence[Fraction]:
    """The numbers of a pool that satisfy SymPy assumptions."""
    for candidates in (_POOLS[pool], _WHOLE):
        numbers = [sp.Rational(value.numerator, value.denominator) for value in candidates]
        kept = [
            value
            for value, number in zip(candidates, numbers, strict=True)
            if all(getattr(number, f"is_{name}") == truth for name, truth in assumptions)
        ]
        if kept:
            return kept
    raise Unsupported("no rational number satisfies the assumptions made of a symbol")
