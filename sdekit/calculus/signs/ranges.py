"""Ranges of polynomials in variables that live on an interval, such as 1 - w**2 for w in (-1, 1).

Exact interval arithmetic on closed bounds. Not for signs that assumptions imply (`implied`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sdekit.calculus.memory import remembered
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree.domains import enclosure
from sdekit.declaration.tree.expression import (
    Call,
    Elementwise,
    Expression,
    Negation,
    Number,
    Ones,
    Power,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.symbols import Parameter, Variable

#: Lower and upper bound, both attained or not.
Range = tuple[Fraction, Fraction]


def value_range(expression: Expression) -> Range | None:
    """Bounds of the entries of a polynomial in interval variables and functions with bounds.

    None for anything else.
    """
    match expression:
        case Number():
            return expression.value, expression.value
        case Parameter() if expression.value is not None:
            return expression.value, expression.value
        case Ones():
            return Fraction(1), Fraction(1)
        case Variable() if expression.domain.kind == "interval":
            assert expression.domain.lower is not None and expression.domain.upper is not None
            return enclosure(expression.domain.lower)[0], enclosure(expression.domain.upper)[1]
        case Elementwise():
            bounds = FUNCTIONS[expression.name].bounds
            return None if bounds is None else (Fraction(bounds[0]), Fraction(bounds[1]))
        case Negation():
            inner = value_range(expression.operand)
            return None if inner is None else (-inner[1], -inner[0])
        case Sum():
            return _combined(expression.terms, _added)
        case Product():
            return _combined(expression.factors, _multiplied)
        case Quotient() if isinstance(expression.denominator, Number):
            return _combined(
                (expression.numerator, _reciprocal(expression.denominator)), _multiplied
            )
        case Power():
            return _power(expression)
    return None


def range_signs(bounds: Range | None) -> frozenset[int]:
    """The signs that values in a range can have; all of them where there are no bounds."""
    if bounds is None:
        return frozenset({-1, 0, 1})
    low, high = bounds
    return frozenset(
        s
        for s in (-1, 0, 1)
        if (s < 0 and low < 0) or (s > 0 and high > 0) or (s == 0 and low <= 0 <= high)
    )


def is_inside_its_range(total: Sum) -> bool:
    """Whether a sum takes neither bound, as one of its terms does not.

    Such a term is linear in a variable between open ends, or in an increasing function, whose
    bounds are its limits.
    """
    return any(map(_is_open, total.terms))


def sign_between_ends(operand: Expression) -> int | None:
    """The sign of a polynomial that has no root in the open interval of its variable."""
    polynomial = polynomial_on_interval(operand)
    if polynomial is None:
        return None
    found, ends = polynomial
    if found.count_roots(*ends) != sum(int(found.eval(end) == 0) for end in ends):
        return None
    middle = found.eval((ends[0] + ends[1]) / 2)
    return 1 if middle > 0 else -1


def _is_open(term: Expression) -> bool:
    match term:
        case Variable():
            return term.domain.kind == "interval" and not term.domain.closed
        case Elementwise():
            function = FUNCTIONS[term.name]
            return function.bounds is not None and function.is_increasing
        case Negation():
            return _is_open(term.operand)
        case Product():
            numbers = [f for f in term.factors if isinstance(f, Number) and f.value]
            rest = [f for f in term.factors if not isinstance(f, Number)]
            is_linear = len(rest) == 1 and len(numbers) + 1 == len(term.factors)
            return is_linear and _is_open(rest[0])
        case Quotient():
            return isinstance(term.denominator, Number) and _is_open(term.numerator)
    return False


def _combined(parts: tuple[Expression, ...], rule: object) -> Range | None:
    total: Range | None = None
    for part in parts:
        bounds = value_range(part)
        if bounds is None:
            return None
        total = bounds if total is None else rule(total, bounds)  # type: ignore[operator]
    return total


def _reciprocal(number: Number) -> Number:
    return Number(1 / number.value)


def _added(left: Range, right: Range) -> Range:
    return left[0] + right[0], left[1] + right[1]


def _multiplied(left: Range, right: Range) -> Range:
    corners = [a * b for a in left for b in right]
    return min(corners), max(corners)


def _power(power: Power) -> Range | None:
    base, exponent = value_range(power.base), power.exponent
    if base is None or not isinstance(exponent, Number) or exponent.value.denominator != 1:
        return None
    k = int(exponent.value)
    if k < 0:
        return None
    ends = (base[0] ** k, base[1] ** k)
    low = Fraction(0) if k % 2 == 0 and k and base[0] <= 0 <= base[1] else min(ends)
    return low, max(ends)


@remembered
def polynomial_on_interval(divisor: Expression) -> tuple[Any, list[Any]] | None:
    """A rational polynomial in one interval variable, as SymPy has it, and the ends."""
    variables = {node for node in divisor.walk() if isinstance(node, (Variable, Call))}
    w = next(iter(variables), None)
    if len(variables) != 1 or not isinstance(w, Variable) or w.domain.kind != "interval":
        return None
    if w.shape or divisor.shape:
        return None
    import sympy as sp

    from sdekit.declaration.model.component_reader import ComponentReader

    reader = ComponentReader({})
    scalar, symbol = reader.scalar(divisor), reader.coordinate(w, ())
    if scalar.free_symbols != {symbol} or not scalar.is_polynomial(symbol):
        return None
    polynomial = sp.Poly(scalar, symbol)
    if polynomial.is_zero or not (polynomial.domain.is_ZZ or polynomial.domain.is_QQ):
        return None
    assert w.domain.lower is not None and w.domain.upper is not None
    # A closed interval that holds the domain, and is the domain where its ends are rational.
    ends = enclosure(w.domain.lower)[0], enclosure(w.domain.upper)[1]
    return polynomial, [sp.Rational(end.numerator, end.denominator) for end in ends]
