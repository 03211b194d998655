"""Values of SymPy expressions at exact points: exact rationals where possible, else rigorous balls.

A ball that excludes zero proves that the value is not zero. Where an expression is not real or not
defined its ball is NaN, so callers ask `is_finite()` and never trust a sign alone.

Not for derivatives of whole expressions (`field/taylor.py`), not for integrals.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import reduce

import sympy as sp
from flint import arb, fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.witnesses.ball_functions import (
    PRECISION,
    Number,
    ball,
    extremum,
    function_triple,
    polygamma_triple,
    power_triple,
    rational,
    working_precision,
)
from sdekit.calculus.limits import Unsupported, tick
from sdekit.declaration.model.sympy_types import Expr

_ZERO, _ONE = fmpq(0), fmpq(1)


def constant_value(expression: Expr) -> Number | None:
    """The value of a number such as 2/3, pi or E; None for anything else."""
    if expression.is_Rational:
        return fmpq(int(expression.p), int(expression.q))
    if expression == sp.pi:
        return arb.pi()
    if expression == sp.E:
        return arb.const_e()
    if expression == sp.EulerGamma:
        return arb.const_euler()
    if expression == sp.Catalan:
        return arb.const_catalan()
    return None


def ball_value(
    expression: Expr,
    environment: Mapping[Expr, Fraction | int | fmpq | arb] | None = None,
    precision: int = PRECISION,
) -> arb:
    """A ball that contains the value of an expression at an exact point.

    Args:
        expression: SymPy, without floats.
        environment: Value of each symbol, applied unknown function and Derivative that occurs.
        precision: Working bits.

    Returns:
        The ball; NaN or infinite where the expression is not real or could not be enclosed.

    Raises:
        Unsupported: For a symbol without a value or a function that is not known.

    Example:
        >>> x = sp.Symbol("x")
        >>> ball_value(sp.sqrt(2) * x - sp.log(x), {x: Fraction(1)}).contains(0)
        False

    Checked by: tests/calculus/field/witnesses/test_balls.py.
    """
    return ball(number_value(expression, environment, precision))


def number_value(
    expression: Expr,
    environment: Mapping[Expr, Fraction | int | fmpq | arb] | None = None,
    precision: int = PRECISION,
) -> Number:
    """The same as `ball_value`, but an exact rational wherever only rational steps were needed."""
    known: dict[Expr, Number] = {}
    for key, value in (environment or {}).items():
        known[key] = value if isinstance(value, arb) else rational(value)
    with working_precision(precision):
        return _value(sp.sympify(expression), known)


def _value(expression: Expr, known: dict[Expr, Number]) -> Number:
    found = known.get(expression)
    if found is None:
        tick()
        found = known[expression] = _new_value(expression, known)
    return found


def _new_value(expression: Expr, known: dict[Expr, Number]) -> Number:
    constant = constant_value(expression)
    if constant is not None:
        return constant
    if expression.is_Symbol or not expression.args:
        raise Unsupported(f"{expression} has no value")
    if isinstance(expression, (AppliedUndef, sp.Derivative, sp.Subs)):
        raise Unsupported(f"{expression} has no value")
    values = [_value(argument, known) for argument in expression.args]
    if expression.is_Add:
        return sum(values, _ZERO)
    if expression.is_Mul:
        return reduce(lambda a, b: a * b, values, _ONE)
    if expression.is_Pow:
        exponent = values[1]
        if isinstance(exponent, fmpq) and expression.exp.is_Rational:
            return power_triple(values[0], exponent)[0]
        return _general_power(values[0], exponent)
    if isinstance(expression, (sp.Max, sp.Min)):
        return reduce(lambda a, b: extremum(type(expression), a, b), values)
    if expression.func is sp.polygamma:
        return polygamma_triple(int(expression.args[0]), values[1])[0]
    return function_triple(type(expression), values[0])[0]


def _general_power(base: Number, exponent: Number) -> Number:
    """base ** exponent for an exponent that is no literal number: real for a positive base only."""
    base = ball(base)
    return (base.log() * exponent).exp() if base > 0 else arb.nan()
