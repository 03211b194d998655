"""Sound, incomplete sign calculus for real SymPy expressions: no `simplify`, no floats, no search.

What is returned holds at every real point at which the expression is defined and its symbols
satisfy their assumptions; UNKNOWN says nothing. Signs are read off structure (squares, exp, sqrt,
products, sums of terms of one sign); sums that do not give in are polynomials in bounded or
sign-definite parts, which `polynomial_signs.py` judges.

Not for zero tests (`field`), not for values (`balls.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

import sympy as sp
from flint import arb
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.witnesses.balls import number_value
from sdekit.calculus.limits import Unsupported, tick
from sdekit.calculus.signs.sign_values import Sign, made
from sdekit.declaration.functions.records import BY_SYMPY
from sdekit.declaration.model.sympy_types import Expr


def sign(expression: Expr, facts: Mapping[Expr, Sign] | None = None) -> Sign:
    """What is known of the sign of an expression.

    Args:
        expression: SymPy, real, without floats.
        facts: Known signs of symbols or sub-expressions beyond their SymPy assumptions.

    Raises:
        BudgetExceeded: If the time granted is over.

    Example:
        >>> x, y = sp.symbols("x y", real=True)
        >>> sign(x**2 - x * y + y**2), sign(1 - sp.tanh(x) ** 2), sign(x * y)
        (<Sign.NONNEGATIVE: 'nonnegative'>, <Sign.POSITIVE: 'positive'>, <Sign.UNKNOWN: 'unknown'>)

    Checked by: tests/calculus/signs/test_sign.py.
    """
    return Signs(facts or {}).of(sp.sympify(expression))


def is_nonzero(expression: Expr, facts: Mapping[Expr, Sign] | None = None) -> bool:
    """Whether an expression is known to vanish nowhere, of either sign."""
    return Signs(facts or {}).is_nonzero(sp.sympify(expression))


class Signs:
    """Signs under the same facts, each distinct sub-expression judged once."""

    def __init__(self, facts: Mapping[Expr, Sign]) -> None:
        self._known: dict[Expr, Sign] = dict(facts)

    def of(self, expression: Expr) -> Sign:
        """The sign of an expression."""
        known = self._known.get(expression)
        if known is None:
            tick()
            known = self._known[expression] = self._new(expression)
        return known

    def is_nonzero(self, expression: Expr) -> bool:
        """Whether an expression vanishes nowhere."""
        if self.of(expression).is_nonzero:
            return True
        if expression.is_Mul:
            return all(self.is_nonzero(factor) for factor in expression.args)
        if expression.is_Pow and expression.exp.is_Integer:
            return expression.exp < 0 or self.is_nonzero(expression.base)
        return bool(expression.is_Symbol and expression.is_nonzero)

    def _new(self, expression: Expr) -> Sign:
        if not expression.free_symbols and not expression.atoms(AppliedUndef):
            return _sign_of_number(expression)
        if expression.is_Symbol or isinstance(expression, AppliedUndef):
            return _assumed(expression)
        if expression.is_Add:
            return self._sum(expression)
        if expression.is_Mul:
            return reduce(Sign.__mul__, (self.of(factor) for factor in expression.args))
        if expression.is_Pow:
            return self._power(*expression.args)
        if isinstance(expression, (sp.Max, sp.Min)):
            return self._extremum(expression)
        return self._function(expression)

    def _sum(self, expression: sp.Add) -> Sign:
        found = reduce(Sign.__add__, (self.of(term) for term in expression.args))
        if found is not Sign.UNKNOWN and found.is_nonzero:
            return found
        # Loaded here: most signs need no polynomials.
        from sdekit.calculus.signs.polynomial_signs import sign_of_sum

        finer = sign_of_sum(expression, self.of)
        return found if finer is Sign.UNKNOWN else finer

    def _power(self, base: Expr, exponent: Expr) -> Sign:
        below = self.of(base)
        if exponent.is_Integer:
            found = below if exponent % 2 else made(True, self.is_nonzero(base))
            return found.without_zero() if exponent < 0 else found
        if exponent.is_Rational:
            return made(True, below.is_nonzero or exponent < 0)
        if below is Sign.POSITIVE:
            return Sign.POSITIVE
        # A negative base has real powers for integer exponents only.
        return Sign.UNKNOWN if exponent.is_integer is not False else Sign.NONNEGATIVE

    def _extremum(self, expression: Expr) -> Sign:
        found = [self.of(argument) for argument in expression.args]
        if isinstance(expression, sp.Min):
            return -_largest(-one for one in found)
        return _largest(found)

    def _function(self, expression: Expr) -> Sign:
        if isinstance(expression, sp.Abs):
            return made(True, self.is_nonzero(expression.args[0]))
        if isinstance(expression, sp.log):
            return self.of(expression.args[0] - 1)
        if isinstance(expression, sp.gamma):
            positive = self.of(expression.args[0]) is Sign.POSITIVE
            return Sign.POSITIVE if positive else Sign.UNKNOWN
        record = BY_SYMPY.get(type(expression).__name__)
        match record.sign if record else "":
            case "positive":
                return Sign.POSITIVE
            case "nonnegative":
                return Sign.NONNEGATIVE
            case "argument":
                return self.of(expression.args[0])
            case "argument, no zero":
                return self.of(expression.args[0]).without_zero()
        return Sign.UNKNOWN


def _largest(found: Iterable[Sign]) -> Sign:
    """The sign of the largest of numbers with these signs."""
    known = list(found)
    for one in (Sign.POSITIVE, Sign.NONNEGATIVE):
        if one in known:
            return one
    if Sign.ZERO in known:
        return Sign.ZERO if all(one.is_nonpositive for one in known) else Sign.NONNEGATIVE
    if all(one is Sign.NEGATIVE for one in known):
        return Sign.NEGATIVE
    return Sign.NONPOSITIVE if all(one.is_nonpositive for one in known) else Sign.UNKNOWN


def _assumed(symbol: Expr) -> Sign:
    """The sign that a symbol or an unknown function is declared to have."""
    if symbol.is_zero:
        return Sign.ZERO
    if symbol.is_positive:
        return Sign.POSITIVE
    if symbol.is_negative:
        return Sign.NEGATIVE
    if symbol.is_nonnegative:
        return Sign.NONNEGATIVE
    return Sign.NONPOSITIVE if symbol.is_nonpositive else Sign.UNKNOWN


def _sign_of_number(expression: Expr) -> Sign:
    try:
        value = number_value(expression)
    except Unsupported:
        return Sign.UNKNOWN
    if isinstance(value, arb):
        if not value.is_finite() or value.contains(0):
            return Sign.UNKNOWN
        return Sign.POSITIVE if value > 0 else Sign.NEGATIVE
    if value == 0:
        return Sign.ZERO
    return Sign.POSITIVE if value > 0 else Sign.NEGATIVE
