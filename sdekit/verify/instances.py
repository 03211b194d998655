r"""Concrete choices for what a declaration leaves open: parameters, unknown functions, sizes.

A claim for all potentials and parameters fails if it fails for one admissible choice. Choices are
made in the expression, so that each is again a declaration that the same theorems apply to.
Not for random points of a residual (`sdekit.calculus.field.witness`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from sdekit.declare.expression import (
    Call,
    Dot,
    Expression,
    Eye,
    Number,
    Ones,
    Product,
    Size,
    Sum,
)
from sdekit.declare.operators import ONE, ZERO
from sdekit.declare.symbols import Parameter

#: Values tried for a scalar, by what is assumed of it; the first is the plain choice.
_POSITIVE_VALUES = tuple(Fraction(v) for v in ("1", "1/4", "4", "1/2", "2"))
_NONNEGATIVE_VALUES = (*_POSITIVE_VALUES, Fraction(0))
_REAL_VALUES = tuple(Fraction(v) for v in ("1", "-1", "0", "4", "-4", "1/4"))
_SIZES = (1, 2, 3, 4)

Choice = Mapping[Expression, Expression]


def symbols_of(expression: Expression) -> list[Expression]:
    """Parameters without a value, open sizes and calls of unknown functions, each once."""
    found: dict[Expression, None] = {}
    for node in expression.walk():
        is_open = (
            (isinstance(node, Parameter) and node.value is None)
            or isinstance(node, Call)
            or (isinstance(node, Size) and node.dim.size is None)
        )
        if is_open:
            found.setdefault(node)
    return list(found)


def choices(expression: Expression, sizes: Mapping[str, int] | None = None) -> Iterator[Choice]:
    """Concrete choices of everything open: the plain one, then one symbol changed at a time.

    Args:
        expression: What the choices are made for.
        sizes: Sizes that are given and not to be varied.
    """
    options = {symbol: _options(symbol, sizes) for symbol in symbols_of(expression)}
    if any(not values for values in options.values()):
        return
    plain = {symbol: values[0] for symbol, values in options.items()}
    yield plain
    for symbol, values in options.items():
        for value in values[1:]:
            yield {**plain, symbol: value}
    # Two signs at once, such as both coefficients of a sum negative.
    last = {
        symbol: values[1] if len(values) > 1 else values[0] for symbol, values in options.items()
    }
    yield last


def _options(symbol: Expression, sizes: Mapping[str, int] | None) -> list[Expression]:
    if isinstance(symbol, Size):
        chosen = (sizes or {}).get(symbol.dim.name)
        return [Number(Fraction(k)) for k in ([chosen] if chosen else _SIZES)]
    if isinstance(symbol, Parameter):
        return _values(symbol.shape, symbol.assumptions)
    assert isinstance(symbol, Call)
    return _values(symbol.shape, symbol.function.assumptions)


def _values(shape: tuple, assumptions: frozenset[str]) -> list[Expression]:
    if "antisymmetric" in assumptions:
        return [ZERO]
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
    return [ZERO if s.value == 0 else Product((s, unit)) for s in scalars]


def choice_text(choice: Choice) -> tuple[dict[str, int], dict[str, str], dict[str, str]]:
    """A choice as (dimensions, point, functions) of a witness."""
    dimensions: dict[str, int] = {}
    point: dict[str, str] = {}
    functions: dict[str, str] = {}
    for symbol, value in choice.items():
        if isinstance(symbol, Size):
            assert isinstance(value, Number)
            dimensions[symbol.dim.name] = int(value.value)
        elif isinstance(value, Number):
            point[repr(symbol)] = repr(value)
        else:
            functions[repr(symbol)] = repr(value)
    return dimensions, point, functions


# ------------------------------------------------------------------ functions that vary


def varying_functions(expression: Expression) -> dict[Expression, Expression]:
    """A polynomial for each call of an unknown function, inside its assumptions.

    A scalar becomes |x|^2 / 2 of its arguments (1 + |x|^2 where it has to be positive), a vector
    of the shape of an argument that argument, a matrix such a scalar times the identity. Calls of
    one function get one polynomial.
    """
    return {node: _polynomial(node) for node in symbols_of(expression) if isinstance(node, Call)}


def _polynomial(call: Call) -> Expression:
    assumed, shape = call.function.assumptions, call.shape
    square = Sum(tuple(_square(argument) for argument in call.arguments))
    if len(square.terms) == 1:
        square = square.terms[0]  # type: ignore[assignment]
    if "antisymmetric" in assumed:
        return Product((ZERO, Eye(shape[:1])))
    if assumed & {"positive", "nonnegative", "positive_definite", "positive_semidefinite"}:
        scalar: Expression = Sum((ONE, square))
    else:
        scalar = Product((Number(Fraction(1, 2)), square))
    if not shape:
        return scalar
    if len(shape) == 2 and shape[0] == shape[1]:
        return Product((scalar, Eye(shape[:1])))
    same = [a for a in call.arguments if a.shape == shape]
    if same and scalar == Product((Number(Fraction(1, 2)), square)):
        return same[0]
    return Product((scalar, Ones(shape)))


def _square(argument: Expression) -> Expression:
    return Dot(argument, argument) if argument.shape else Product((argument, argument))
