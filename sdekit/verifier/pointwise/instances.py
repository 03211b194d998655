r"""Concrete choices for what a declaration leaves open: parameters, unknown functions, sizes.

A claim for all potentials and parameters fails if it fails for one admissible choice. Choices are
made in the expression, so that each is again a declaration that the same theorems apply to.
Not for random points of a residual (`sdekit.calculus.field.witnesses.witness`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from fractions import Fraction

from sdekit.declaration.tree.expression import (
    Call,
    Dot,
    Expression,
    Eye,
    Number,
    Ones,
    Product,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Parameter

#: Values tried for a scalar, by what is assumed of it; the first is the plain choice.
_POSITIVE_VALUES = tuple(Fraction(v) for v in ("1", "1/4", "4", "1/2", "2"))
_NONNEGATIVE_VALUES = (*_POSITIVE_VALUES, Fraction(0))
_REAL_VALUES = tuple(Fraction(v) for v in ("1", "-1", "0", "4", "-4", "1/4"))
#: Choices at which several symbols differ from the plain one.
_MIXTURES = 12

Choice = Mapping[Expression, Expression]


def symbols_of(expression: Expression) -> list[Expression]:
    """Parameters without a value, and calls of unknown functions, each once."""
    found: dict[Expression, None] = {}
    for node in expression.walk():
        is_open = (isinstance(node, Parameter) and node.value is None) or isinstance(node, Call)
        if is_open:
            found.setdefault(node)
    return list(found)


def choices(expression: Expression) -> Iterator[Choice]:
    """Concrete choices of everything open: the plain one, one symbol changed at a time, mixtures.

    Args:
        expression: What the choices are made for, at fixed sizes.
    """
    options = {symbol: _options(symbol) for symbol in symbols_of(expression)}
    plain = {symbol: values[0] for symbol, values in options.items()}
    yield plain
    for symbol, values in options.items():
        for value in values[1:]:
            yield {**plain, symbol: value}
    if len(options) > 1:
        for symbol in options:
            yield {s: _zero_or_second(v, s == symbol) for s, v in options.items()}
        chance = random.Random(len(options))
        for _ in range(_MIXTURES):
            yield {symbol: chance.choice(values) for symbol, values in options.items()}


def _zero_or_second(values: list[Expression], is_zero: bool) -> Expression:
    """0 where it is admissible and wanted, else the value after the plain one (-1 for a real)."""
    zeros = [value for value in values if value == ZERO or ZERO in value.children]
    if is_zero and zeros:
        return zeros[0]
    return values[1] if len(values) > 1 else values[0]


def _options(symbol: Expression) -> list[Expression]:
    if isinstance(symbol, Parameter):
        return _values(symbol.shape, symbol.assumptions)
    assert isinstance(symbol, Call)
    return _values(symbol.shape, symbol.function.assumptions)


def _values(shape: tuple, assumptions: frozenset[str]) -> list[Expression]:
    if "antisymmetric" in assumptions:
        return [Product((ZERO, Eye(shape[:1])))]
    numbers = _REAL_VALUES
    if assumptions & {"positive", "positive_definite"}:
        numbers = _POSITIVE_VALUES
    elif assumptions & {"nonnegative", "positive_semidefinite"}:
        numbers = _NONNEGATIVE_VALUES
    scalars = [Number(value) for value in numbers]
    if not shape:
        return list(scalars)
    if len(shape) % 2 == 0 and shape[: len(shape) // 2] == shape[len(shape) // 2 :]:
        unit: Expression = Eye(shape[: len(shape) // 2])
    else:
        unit = Ones(shape)
    return [Product((s, unit)) for s in scalars]


def text_of_choice(choice: Choice) -> tuple[dict[str, str], dict[str, str]]:
    """A choice as the point and the functions of a witness."""
    point: dict[str, str] = {}
    functions: dict[str, str] = {}
    for symbol, value in choice.items():
        if isinstance(value, Number):
            point[repr(symbol)] = repr(value)
        else:
            functions[repr(symbol)] = repr(value)
    return point, functions


# ------------------------------------------------------------------ functions that vary


def varying_functions(expression: Expression) -> dict[Expression, Expression]:
    """A polynomial for each call of an unknown function, inside its assumptions.

    A scalar becomes k |x|^2 / 2 of its arguments (1 + k |x|^2 where it has to be positive), a
    vector of the shape of an argument k times that argument, a matrix such a scalar times the
    identity. Calls of one function get one polynomial, two functions different ones.
    """
    calls = [node for node in symbols_of(expression) if isinstance(node, Call)]
    numbers = {f: k + 1 for k, f in enumerate(dict.fromkeys(call.function for call in calls))}
    return {call: _polynomial(call, numbers[call.function]) for call in calls}


def _polynomial(call: Call, number: int) -> Expression:
    assumed, shape = call.function.assumptions, call.shape
    squares = tuple(_square(argument) for argument in call.arguments)
    square = squares[0] if len(squares) == 1 else Sum(squares)
    if "antisymmetric" in assumed:
        return Product((ZERO, Eye(shape[:1])))
    if assumed & {"positive", "nonnegative", "positive_definite", "positive_semidefinite"}:
        scalar: Expression = Sum((ONE, _times(number, square)))
    else:
        scalar = _times(Fraction(number, 2), square)
        same = [a for a in call.arguments if a.shape == shape]
        if len(shape) == 1 and same:
            return _times(number, same[0])
    if not shape:
        return scalar
    if len(shape) == 2 and shape[0] == shape[1]:
        return Product((scalar, Eye(shape[:1])))
    return Product((scalar, Ones(shape)))


def _times(number: Fraction | int, expression: Expression) -> Expression:
    return expression if number == 1 else Product((Number(Fraction(number)), expression))


def _square(argument: Expression) -> Expression:
    return Dot(argument, argument) if argument.shape else Product((argument, argument))
