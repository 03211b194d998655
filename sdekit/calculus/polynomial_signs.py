"""Signs of sums, judged as polynomials in parts of known range.

A sum is written as a quotient of polynomials with rational coefficients in symbols and in opaque
parts (exp(u), tanh(u), U(x), ...) of which only the range is used: exp > 0, -1 < tanh < 1,
cosh >= 1, |cos| <= 1. Rules: terms of one sign; factors; exact root counting in one variable;
completing the square; Bernstein coefficients on a bounded range. All exact.

Not for structure that needs no polynomial (`signs.py`).

Notation: s is a variable brought to a standard range: free, s >= 0, or 0 <= s <= 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import comb

import sympy as sp

from sdekit.calculus.limits import tick
from sdekit.calculus.signs import Sign, Signs
from sdekit.calculus.sympy_types import Expr, Poly, Symbol

#: Larger polynomials are not judged.
_MOST_TERMS = 120
_HIGHEST_EXPONENT = 16
_MOST_OPERATIONS = 600
#: Squares completed and ranges split one inside the other.
_DEEPEST = 6
#: Polynomials with more terms are not factored.
_FACTORED_TERMS = 40


@dataclass(frozen=True)
class Range:
    """Where a variable lives.

    Attributes:
        kind: "free", "half" (s >= 0) or "unit" (0 <= s <= 1).
        is_open: Whether the ends are excluded.
    """

    kind: str
    is_open: bool = False


FREE = Range("free")
Ranges = dict[Symbol, Range]


def sign_of_sum(expression: sp.Add, signs: Signs) -> Sign:
    """The sign of a sum.

    Args:
        expression: The sum.
        signs: Gives the signs of parts.

    Raises:
        BudgetExceeded: If the time granted is over.
    """
    if expression.count_ops() > _MOST_OPERATIONS:
        return Sign.UNKNOWN
    parts = _Parts(signs)
    written = parts.written(expression)
    if written is None:
        return Sign.UNKNOWN
    sides: tuple[Expr, Expr] = sp.fraction(sp.together(written))
    found = Sign.POSITIVE
    for place, side in enumerate(sides):
        ranges: Ranges = {s: parts.ranges[s] for s in side.free_symbols}
        if not ranges:
            found = found * signs.of(side)
            continue
        variables = sorted(ranges, key=lambda s: s.name)
        polynomial = sp.Poly(side, *variables, domain=sp.QQ)
        one = polynomial_sign(polynomial, ranges, _DEEPEST)
        found = found * (one.without_zero() if place == 1 else one)
    return found


class _Parts:
    """Replaces everything that is no rational operation by variables of standard range."""

    def __init__(self, signs: Signs) -> None:
        self._signs = signs
        self.ranges: Ranges = {}
        self._known: dict[Expr, Expr] = {}

    def written(self, expression: Expr) -> Expr | None:
        """The expression in the new variables; None if it is too large."""
        if expression.is_Rational:
            return expression
        if expression.is_Add or expression.is_Mul:
            parts = [self.written(argument) for argument in expression.args]
            if None in parts:
                return None
            return expression.func(*parts)
        if expression.is_Pow and expression.exp.is_Integer:
            if abs(expression.exp) > _HIGHEST_EXPONENT:
                return None
            base = self.written(expression.base)
            return None if base is None else base**expression.exp
        return self._variable(expression)

    def _variable(self, part: Expr) -> Expr:
        if part not in self._known:
            self._known[part] = self._new(part)
        return self._known[part]

    def _new(self, part: Expr) -> Expr:
        kind = type(part)
        if kind is sp.exp:
            coefficient, rest = part.args[0].as_coeff_Mul()
            if (
                coefficient != 1
                and coefficient.is_Integer
                and abs(coefficient) <= (_HIGHEST_EXPONENT)
            ):
                return self._variable(sp.exp(rest)) ** coefficient
        if kind in (sp.sin, sp.cos):
            # sin^2 + cos^2 = 1 is lost; a bound on each is kept.
            return 2 * self._added(Range("unit")) - 1
        if kind is sp.tanh:
            return 2 * self._added(Range("unit", is_open=True)) - 1
        if kind is sp.cosh:
            return 1 + self._added(Range("half"))
        sign = self._signs.of(part)
        if sign.is_nonnegative:
            return self._added(Range("half", is_open=sign.is_nonzero))
        if sign.is_nonpositive:
            return -self._added(Range("half", is_open=sign.is_nonzero))
        return self._added(FREE)

    def _added(self, where: Range) -> Symbol:
        symbol = sp.Dummy(f"s_{len(self.ranges)}")
        self.ranges[symbol] = where
        return symbol


def polynomial_sign(polynomial: Poly, ranges: Ranges, depth: int) -> Sign:
    """The sign of a polynomial with rational coefficients on a product of ranges.

    Args:
        polynomial: In some of the variables.
        ranges: The range of each variable.
        depth: How many more rules may be nested.
    """
    tick()
    if polynomial.is_zero:
        return Sign.ZERO
    if len(polynomial.terms()) > _MOST_TERMS:
        return Sign.UNKNOWN
    found = _sign_by_terms(polynomial, ranges)
    if found.is_nonzero or depth == 0:
        return found
    for rule in (_sign_by_factors, _sign_by_roots, _sign_by_range, _sign_by_square):
        finer = rule(polynomial, ranges, depth - 1)
        if finer.is_nonzero:
            return finer
        if finer is not Sign.UNKNOWN:
            found = finer
    return found


def _sign_by_terms(polynomial: Poly, ranges: Ranges) -> Sign:
    """Every term has a sign, and all the same."""
    signs = []
    for exponents, coefficient in polynomial.terms():
        is_strict = True
        for symbol, exponent in zip(polynomial.gens, exponents, strict=True):
            where = ranges.get(symbol, FREE)
            if where.kind == "free" and exponent % 2:
                return Sign.UNKNOWN
            is_strict = is_strict and (exponent == 0 or where.is_open)
        own = Sign.POSITIVE if is_strict else Sign.NONNEGATIVE
        signs.append(own if coefficient > 0 else -own)
    return reduce(Sign.__add__, signs)


def _sign_by_factors(polynomial: Poly, ranges: Ranges, depth: int) -> Sign:
    if len(polynomial.terms()) > _FACTORED_TERMS or polynomial.total_degree() > _HIGHEST_EXPONENT:
        return Sign.UNKNOWN
    content, factors = polynomial.factor_list()
    if len(factors) == 1 and factors[0][1] == 1:
        return Sign.UNKNOWN
    found = Sign.POSITIVE if content > 0 else Sign.NEGATIVE
    for factor, multiplicity in factors:
        own = polynomial_sign(factor, ranges, depth)
        if multiplicity % 2 == 0:
            own = Sign.POSITIVE if own.is_nonzero else Sign.NONNEGATIVE
        found = found * own
    return found


def _sign_by_roots(polynomial: Poly, ranges: Ranges, depth: int) -> Sign:
    """In one variable: no sign change inside its range, by exact counting of roots."""
    used = [s for s in polynomial.gens if polynomial.degree(s) > 0]
    if len(used) != 1:
        return Sign.UNKNOWN
    where = ranges[used[0]]
    single = sp.Poly(polynomial.as_expr(), used[0], domain=sp.QQ)
    lower = None if where.kind == "free" else sp.S.Zero
    upper = sp.S.One if where.kind == "unit" else None
    touches = False
    for factor, multiplicity in single.sqf_list()[1]:
        ends = [end for end in (lower, upper) if end is not None and factor.eval(end) == 0]
        inside = factor.count_roots(lower, upper) - len(ends)
        if inside and multiplicity % 2:
            return Sign.UNKNOWN
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


def _signed(value: Expr, *, strict: bool) -> Sign:
    own = Sign.POSITIVE if strict else Sign.NONNEGATIVE
    return own if value > 0 else -own


def _coefficients(polynomial: Poly, symbol: Symbol) -> list[Poly]:
    """Coefficients of the powers of one variable, lowest first, in the other variables."""
    others = [s for s in polynomial.gens if s != symbol] or [sp.Dummy("none")]
    inner = sp.Poly(polynomial.as_expr(), symbol)
    return [sp.Poly(c, *others, domain=sp.QQ) for c in reversed(inner.all_coeffs())]


def _sign_by_range(polynomial: Poly, ranges: Ranges, depth: int) -> Sign:
    """On 0 <= s <= 1: all Bernstein coefficients have one sign. Of even powers: s^2 is a half."""
    best = Sign.UNKNOWN
    for symbol in polynomial.gens:
        degree = polynomial.degree(symbol)
        if degree == 0:
            continue
        where = ranges.get(symbol, FREE)
        if where.kind == "unit":
            coefficients = _coefficients(polynomial, symbol)
            found = _all(_bernstein(coefficients), ranges, depth, where.is_open)
        elif where.kind == "free" and all(
            exponents[polynomial.gens.index(symbol)] % 2 == 0 for exponents in polynomial.monoms()
        ):
            found = _sign_of_halved(polynomial, symbol, ranges, depth)
        else:
            continue
        if found.is_nonzero:
            return found
        best = best if found is Sign.UNKNOWN else found
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


def _all(polynomials: Sequence[Poly], ranges: Ranges, depth: int, is_open: bool) -> Sign:
    """The sign of a mixture of polynomials with non-negative weights that sum to 1.

    Inside an open range every weight is positive, so that one strict sign is enough.
    """
    signs = [polynomial_sign(one, ranges, depth) for one in polynomials]
    found = reduce(Sign.__add__, signs)
    if found.is_nonzero and not is_open and not all(one.is_nonzero for one in signs):
        return Sign.NONNEGATIVE if found is Sign.POSITIVE else Sign.NONPOSITIVE
    return found


def _sign_of_halved(polynomial: Poly, symbol: Symbol, ranges: Ranges, depth: int) -> Sign:
    square = sp.Dummy(f"{symbol.name}_squared")
    place = polynomial.gens.index(symbol)
    gens = [square if s == symbol else s for s in polynomial.gens]
    terms = {
        tuple(e // 2 if k == place else e for k, e in enumerate(exponents)): c
        for exponents, c in polynomial.terms()
    }
    halved = sp.Poly.from_dict(terms, *gens, domain=sp.QQ)
    return polynomial_sign(halved, {**ranges, square: Range("half")}, depth)


def _sign_by_square(polynomial: Poly, ranges: Ranges, depth: int) -> Sign:
    """a s^2 + b s + c has the sign of a where 4 a c - b^2 >= 0.

    Where a vanishes so does b, and c is left: it must have that sign as well.
    """
    best = Sign.UNKNOWN
    for symbol in polynomial.gens:
        if polynomial.degree(symbol) != 2:
            continue
        c, b, a = _coefficients(polynomial, symbol)
        leading = polynomial_sign(a, ranges, depth)
        if leading is Sign.UNKNOWN:
            continue
        discriminant = polynomial_sign(4 * a * c - b * b, ranges, depth)
        own = Sign.POSITIVE if leading.is_nonnegative else Sign.NEGATIVE
        if discriminant is Sign.POSITIVE:
            return own
        if discriminant.is_nonnegative and (
            leading.is_nonzero or (polynomial_sign(c, ranges, depth) * own).is_nonnegative
        ):
            best = Sign.NONNEGATIVE if own is Sign.POSITIVE else Sign.NONPOSITIVE
    return best
