"""Rules that find the sign of a polynomial on a product of ranges, all exact.

Terms of one sign; factors; exact root counting in one variable; completing the square; Bernstein
coefficients on a bounded range. A few exact points say early when there is no sign to be found.

Not for expressions (`signs.py`, `polynomial_signs.py`).

Notation: s is a variable of standard range: free, s >= 0, or 0 <= s <= 1.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import comb, prod

import sympy as sp

from sdekit.calculus.limits import tick
from sdekit.calculus.signs.sign_values import (
    NEGATIVE,
    NONNEGATIVE,
    POSITIVE,
    UNKNOWN,
    ZERO,
    Signs,
    never_negative,
    opposite,
    product_signs,
    signs_of_square,
    sum_signs,
)
from sdekit.declaration.model.sympy_types import Expr, Poly, Symbol

#: Larger polynomials are not judged, nor factored.
_MOST_TERMS = 120
_FACTORED_TERMS = 40
_FACTORED_DEGREE = 16
#: Polynomials that the rules are tried on for one sum.
_MOST_STEPS = 60
#: Points at which a sign is looked for that would contradict another.
_POINTS = 12


@dataclass(frozen=True)
class Range:
    """Where a variable lives.

    Attributes:
        kind: "free", "half" (s >= 0) or "unit" (0 <= s <= 1).
        is_open: Whether the ends are excluded.
    """

    kind: str
    is_open: bool = False


class Effort:
    """How much more may be tried: rules one inside the other, and steps in all.

    Counting, unlike time, gives the same answer on every machine.
    """

    def __init__(self, depth: int, spent: list[int] | None = None) -> None:
        self._depth = depth
        self._spent = [0] if spent is None else spent

    def spend(self) -> bool:
        """Count one step; whether there was one left."""
        self._spent[0] += 1
        return self._depth > 0 and self._spent[0] <= _MOST_STEPS

    def deeper(self) -> Effort:
        """The same count of steps, one rule further inside."""
        return Effort(self._depth - 1, self._spent)


FREE = Range("free")
Ranges = dict[Symbol, Range]


def polynomial_sign(polynomial: Poly, ranges: Ranges, effort: Effort) -> Signs:
    """The sign of a polynomial with rational coefficients on a product of ranges.

    Args:
        polynomial: In some of the variables.
        ranges: The range of each variable.
        effort: How much more may be tried.
    """
    tick()
    if polynomial.is_zero:
        return ZERO
    if len(polynomial.terms()) > _MOST_TERMS:
        return UNKNOWN
    found = _sign_by_terms(polynomial, ranges)
    if 0 not in found or not effort.spend() or _has_both_signs(polynomial, ranges):
        return found
    for rule in (_sign_by_factors, _sign_by_roots, _sign_by_range, _sign_by_square):
        found &= rule(polynomial, ranges, effort.deeper())
        if 0 not in found:
            return found
    return found


def _has_both_signs(polynomial: Poly, ranges: Ranges) -> bool:
    """Whether a few exact points already show that there is no sign to be found."""
    chance = random.Random(0)
    kinds = [ranges.get(symbol, FREE).kind for symbol in polynomial.gens]
    terms = [(exponents, Fraction(str(c))) for exponents, c in polynomial.terms()]
    signs = set()
    for _ in range(_POINTS):
        point = [
            Fraction(chance.randint(1, 15), 16 if kind == "unit" else chance.choice((2, 8, 32)))
            * (chance.choice((-1, 1)) if kind == "free" else 1)
            for kind in kinds
        ]
        value = sum(
            c * prod(v**e for v, e in zip(point, exponents, strict=True)) for exponents, c in terms
        )
        signs.add((value > 0) - (value < 0))
        if {-1, 1} <= signs:
            return True
    return False


def _sign_by_terms(polynomial: Poly, ranges: Ranges) -> Signs:
    """Every term has a sign, and all the same."""
    signs = []
    for exponents, coefficient in polynomial.terms():
        is_strict = True
        for symbol, exponent in zip(polynomial.gens, exponents, strict=True):
            where = ranges.get(symbol, FREE)
            if where.kind == "free" and exponent % 2:
                return UNKNOWN
            is_strict = is_strict and (exponent == 0 or where.is_open)
        signs.append(_signed(coefficient, strict=is_strict))
    return reduce(sum_signs, signs)


def _sign_by_factors(polynomial: Poly, ranges: Ranges, effort: Effort) -> Signs:
    if len(polynomial.terms()) > _FACTORED_TERMS or polynomial.total_degree() > _FACTORED_DEGREE:
        return UNKNOWN
    content, factors = polynomial.factor_list()
    if len(factors) == 1 and factors[0][1] == 1:
        return UNKNOWN
    found = _signed(content, strict=True)
    for factor, multiplicity in factors:
        own = polynomial_sign(factor, ranges, effort)
        found = product_signs(found, own if multiplicity % 2 else signs_of_square(own))
    return found


def _sign_by_roots(polynomial: Poly, ranges: Ranges, effort: Effort) -> Signs:
    """In one variable: no sign change inside its range, by exact counting of roots."""
    used = [s for s in polynomial.gens if polynomial.degree(s) > 0]
    if len(used) != 1:
        return UNKNOWN
    where = ranges[used[0]]
    single = sp.Poly(polynomial.as_expr(), used[0], domain=sp.QQ)
    lower = None if where.kind == "free" else sp.S.Zero
    upper = sp.S.One if where.kind == "unit" else None
    touches = False
    for factor, multiplicity in single.sqf_list()[1]:
        ends = [end for end in (lower, upper) if end is not None and factor.eval(end) == 0]
        inside = factor.count_roots(lower, upper) - len(ends)
        if inside and multiplicity % 2:
            return UNKNOWN
        touches = touches or bool(inside) or bool(ends and not where.is_open)
    value = single.eval(_point_off_roots(single, where))
    return _signed(value, strict=not touches)


def _point_off_roots(polynomial: Poly, where: Range) -> Expr:
    """A point inside the range at which the polynomial does not vanish."""
    for k in range(1, polynomial.degree() + 2):
        point = sp.Rational(1, k + 1)
        if polynomial.eval(point) != 0:
            return point
    raise AssertionError("a polynomial has more roots than its degree")


def _signed(value: Expr, *, strict: bool) -> Signs:
    own = POSITIVE if strict else NONNEGATIVE
    return own if value > 0 else opposite(own)


def _coefficients(polynomial: Poly, symbol: Symbol) -> list[Poly]:
    """Coefficients of the powers of one variable, lowest first, in the other variables."""
    place = polynomial.gens.index(symbol)
    others = [s for s in polynomial.gens if s != symbol] or [sp.Dummy("none")]
    rows: list[dict[tuple[int, ...], Expr]] = [{} for _ in range(polynomial.degree(symbol) + 1)]
    for exponents, c in polynomial.terms():
        rest = exponents[:place] + exponents[place + 1 :]
        rows[exponents[place]][rest or (0,)] = c
    return [sp.Poly.from_dict(row, *others, domain=sp.QQ) for row in rows]


def _sign_by_range(polynomial: Poly, ranges: Ranges, effort: Effort) -> Signs:
    """On 0 <= s <= 1: all Bernstein coefficients have one sign. Of even powers: s^2 is a half."""
    best = UNKNOWN
    for symbol in polynomial.gens:
        degree = polynomial.degree(symbol)
        if degree == 0:
            continue
        where = ranges.get(symbol, FREE)
        if where.kind == "unit":
            coefficients = _coefficients(polynomial, symbol)
            found = _all(_bernstein(coefficients), ranges, effort, where.is_open)
        elif where.kind == "free" and all(
            exponents[polynomial.gens.index(symbol)] % 2 == 0 for exponents in polynomial.monoms()
        ):
            found = _sign_of_halved(polynomial, symbol, ranges, effort)
        else:
            continue
        best &= found
        if 0 not in best:
            return best
    return best


def _bernstein(rows: Sequence[Poly]) -> list[Poly]:
    degree = len(rows) - 1
    return [
        sum(
            (rows[j] * sp.Rational(comb(k, j), comb(degree, j)) for j in range(1, k + 1)),
            rows[0],
        )
        for k in range(degree + 1)
    ]


def _all(polynomials: Sequence[Poly], ranges: Ranges, effort: Effort, is_open: bool) -> Signs:
    """The sign of a mixture of polynomials with non-negative weights that sum to 1.

    Inside an open range every weight is positive, so that one strict sign is enough.
    """
    signs = [polynomial_sign(one, ranges, effort) for one in polynomials]
    found = reduce(sum_signs, signs)
    return found if is_open or not any(0 in one for one in signs) else found | ZERO


def _sign_of_halved(polynomial: Poly, symbol: Symbol, ranges: Ranges, effort: Effort) -> Signs:
    square = sp.Dummy(f"{symbol.name}_squared")
    place = polynomial.gens.index(symbol)
    gens = [square if s == symbol else s for s in polynomial.gens]
    terms = {
        tuple(e // 2 if k == place else e for k, e in enumerate(exponents)): c
        for exponents, c in polynomial.terms()
    }
    halved = sp.Poly.from_dict(terms, *gens, domain=sp.QQ)
    return polynomial_sign(halved, {**ranges, square: Range("half")}, effort)


def _sign_by_square(polynomial: Poly, ranges: Ranges, effort: Effort) -> Signs:
    """a s^2 + b s + c has the sign of a where 4 a c - b^2 >= 0.

    Where a vanishes so does b, and c is left: it must have that sign as well.
    """
    best = UNKNOWN
    for symbol in polynomial.gens:
        if polynomial.degree(symbol) != 2:
            continue
        c, b, a = _coefficients(polynomial, symbol)
        leading = polynomial_sign(a, ranges, effort)
        if {-1, 1} <= leading:
            continue
        discriminant = polynomial_sign(4 * a * c - b * b, ranges, effort)
        own = POSITIVE if never_negative(leading) else NEGATIVE
        if discriminant == POSITIVE:
            return own
        if never_negative(discriminant) and (
            0 not in leading or polynomial_sign(c, ranges, effort) <= own | ZERO
        ):
            best = own | ZERO
    return best
