"""Signs of sums, judged as polynomials in parts of known range.

A sum is written as a quotient of polynomials with rational coefficients in symbols and in opaque
parts (exp(u), tanh(u), U(x), ...) of which only the range is used: exp > 0, -1 < tanh < 1,
cosh >= 1, |cos| <= 1. The rules for polynomials are in `sign_rules.py`.

Not for structure that needs no polynomial (`signs.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import sympy as sp

from sdekit.calculus.signs.sign_rules import FREE, Effort, Range, Ranges, polynomial_sign
from sdekit.calculus.signs.sign_values import (
    POSITIVE,
    UNKNOWN,
    ZERO,
    Signs,
    never_negative,
    product_signs,
)
from sdekit.declaration.model.sympy_types import Expr, Symbol

#: Larger sums are not judged.
_HIGHEST_EXPONENT = 16
_MOST_OPERATIONS = 600
#: Terms that a numerator or denominator may have, multiplied out.
_MOST_EXPANDED = 5000
#: Squares completed and ranges split one inside the other.
_DEEPEST = 6


def sign_of_sum(expression: sp.Add, sign_of: Callable[[Expr], Signs]) -> Signs:
    """The sign of a sum.

    Args:
        expression: The sum.
        sign_of: Gives the signs of parts.

    Raises:
        BudgetExceeded: If the time granted is over.
    """
    if expression.count_ops() > _MOST_OPERATIONS:
        return UNKNOWN
    parts = _Parts(sign_of)
    written = parts.written(expression)
    if written is None:
        return UNKNOWN
    sides: tuple[Expr, Expr] = sp.fraction(sp.together(written))
    if max(_expanded_terms(side) for side in sides) > _MOST_EXPANDED:
        return UNKNOWN
    effort = Effort(_DEEPEST)
    found = POSITIVE
    for place, side in enumerate(sides):
        ranges: Ranges = {s: parts.ranges[s] for s in side.free_symbols}
        if not ranges:
            found = product_signs(found, sign_of(side))
            continue
        variables = sorted(ranges, key=lambda s: s.name)
        polynomial = sp.Poly(side, *variables, domain=sp.QQ)
        one = polynomial_sign(polynomial, ranges, effort)
        found = product_signs(found, one - ZERO if place == 1 else one)
    return found


def _expanded_terms(expression: Expr) -> int:
    """A bound of the number of terms after expanding sums, products and integer powers."""
    if expression.is_Add:
        return sum(_expanded_terms(term) for term in expression.args)
    if expression.is_Mul:
        return prod(_expanded_terms(factor) for factor in expression.args)
    if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
        return _expanded_terms(expression.base) ** int(expression.exp)
    return 1


class _Parts:
    """Replaces everything that is no rational operation by variables of standard range."""

    def __init__(self, sign_of: Callable[[Expr], Signs]) -> None:
        self._sign_of = sign_of
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
            inside = self._sign_of(part.args[0])
            if never_negative(inside) or 1 not in inside:
                # Above 1, or the inverse of something above 1.
                size = 1 + self._added(Range("half", is_open=0 not in inside))
                return size if never_negative(inside) else 1 / size
        if kind in (sp.sin, sp.cos):
            # sin^2 + cos^2 = 1 is lost; a bound on each is kept.
            return 2 * self._added(Range("unit")) - 1
        if kind is sp.tanh:
            return 2 * self._added(Range("unit", is_open=True)) - 1
        if kind is sp.cosh:
            return 1 + self._added(Range("half"))
        sign = self._sign_of(part)
        if never_negative(sign):
            return self._added(Range("half", is_open=0 not in sign))
        if 1 not in sign:
            return -self._added(Range("half", is_open=0 not in sign))
        return self._added(FREE)

    def _added(self, where: Range) -> Symbol:
        symbol = sp.Dummy(f"s_{len(self.ranges)}")
        self.ranges[symbol] = where
        return symbol
