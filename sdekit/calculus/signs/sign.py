"""Sound, incomplete sign calculus for real SymPy expressions: no `simplify`, no floats, no search.

What is returned holds at every real point at which the expression is defined and its symbols
satisfy their assumptions; UNKNOWN says nothing. Signs are read off structure (squares, exp, sqrt,
products, sums of terms of one sign); sums that do not give in are polynomials in bounded or
sign-definite parts, which `polynomial_signs.py` judges.

Not for zero tests (`field`), not for values (`balls.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import reduce

import sympy as sp
from flint import arb
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.witnesses.balls import number_value
from sdekit.calculus.limits import Unsupported, tick
from sdekit.calculus.signs.implied_signs import signs_by_record
from sdekit.calculus.signs.sign_values import (
    NONNEGATIVE,
    POSITIVE,
    UNKNOWN,
    ZERO,
    Signs,
    product_signs,
    sign_of_number,
    signs_of_square,
    sum_signs,
)
from sdekit.declaration.functions.records import BY_SYMPY
from sdekit.declaration.model.sympy_types import Expr


def sign(expression: Expr, facts: Mapping[Expr, Signs] | None = None) -> Signs:
    """What is known of the sign of an expression.

    Args:
        expression: SymPy, real, without floats.
        facts: Known signs of symbols or sub-expressions beyond their SymPy assumptions.

    Raises:
        BudgetExceeded: If the time granted is over.

    Example:
        >>> x, y = sp.symbols("x y", real=True)
        >>> sorted(sign(x**2 - x * y + y**2)), sorted(sign(1 - sp.tanh(x) ** 2)), sorted(sign(x))
        ([0, 1], [1], [-1, 0, 1])

    Checked by: tests/calculus/signs/test_sign.py.
    """
    return _Judge(facts or {}).of(sp.sympify(expression))


class _Judge:
    """Signs under the same facts, each distinct sub-expression judged once."""

    def __init__(self, facts: Mapping[Expr, Signs]) -> None:
        self._known: dict[Expr, Signs] = dict(facts)

    def of(self, expression: Expr) -> Signs:
        """The sign of an expression."""
        known = self._known.get(expression)
        if known is None:
            tick()
            # No sign at all would mean no value anywhere, from which nothing is to be concluded.
            known = self._known[expression] = self._new(expression) or UNKNOWN
        return known

    def _new(self, expression: Expr) -> Signs:
        if not expression.free_symbols and not expression.atoms(AppliedUndef):
            return _sign_of_number(expression)
        if expression.is_Symbol or isinstance(expression, AppliedUndef):
            return _assumed(expression)
        if expression.is_Add:
            return self._sum(expression)
        if expression.is_Mul:
            return reduce(product_signs, (self.of(factor) for factor in expression.args))
        if expression.is_Pow:
            return self._power(*expression.args)
        return self._function(expression)

    def _sum(self, expression: sp.Add) -> Signs:
        found = reduce(sum_signs, (self.of(term) for term in expression.args))
        if 0 not in found:
            return found
        # Loaded here: most signs need no polynomials.
        from sdekit.calculus.signs.polynomial_signs import sign_of_sum

        return found & sign_of_sum(expression, self.of)

    def _power(self, base: Expr, exponent: Expr) -> Signs:
        below = self.of(base)
        if exponent.is_Integer:
            found = below if exponent % 2 else signs_of_square(below)
            return found - ZERO if exponent < 0 else found
        if exponent.is_Rational:
            return POSITIVE if exponent < 0 or 0 not in below else NONNEGATIVE
        if below == POSITIVE:
            return POSITIVE
        # A negative base has real powers for integer exponents only.
        return UNKNOWN if exponent.is_integer is not False else NONNEGATIVE

    def _function(self, expression: Expr) -> Signs:
        inner = self.of(expression.args[0])
        if isinstance(expression, (sp.Max, sp.Min)):
            # The sign of the largest is the largest sign.
            rule = max if isinstance(expression, sp.Max) else min
            return frozenset(map(rule, itertools.product(*map(self.of, expression.args))))
        if isinstance(expression, sp.Abs):
            return signs_of_square(inner)
        if isinstance(expression, sp.log):
            return self.of(expression.args[0] - 1)
        if isinstance(expression, sp.gamma):
            return POSITIVE if inner == POSITIVE else UNKNOWN
        record = BY_SYMPY.get(type(expression).__name__)
        return signs_by_record(record, inner) if record else UNKNOWN


def _assumed(symbol: Expr) -> Signs:
    """The signs that a symbol or an unknown function is declared to have."""
    excluded = {1: symbol.is_nonpositive, 0: symbol.is_nonzero, -1: symbol.is_nonnegative}
    return frozenset(s for s in UNKNOWN if not excluded[s])


def _sign_of_number(expression: Expr) -> Signs:
    try:
        value = number_value(expression)
    except Unsupported:
        return UNKNOWN
    if isinstance(value, arb) and (not value.is_finite() or value.contains(0)):
        return UNKNOWN
    return sign_of_number(value)
