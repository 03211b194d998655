"""What `+ - * / ** @` mean for expressions: shape checks, exact numbers, folding of numbers.

Nothing is simplified beyond arithmetic between two numbers, so that the tree stays as written and
its text reads back as the same tree. Not for the named functions (`grammar`).
"""

from __future__ import annotations

import numbers
import re
from fractions import Fraction
from typing import Any

from sdekit.declaration.tree.abbreviations import Comparison
from sdekit.declaration.tree.declared import shape_text
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import (
    Call,
    Expression,
    MatMul,
    Negation,
    Number,
    Power,
    Product,
    Quotient,
    Size,
    Sum,
    Transpose,
)
from sdekit.declaration.tree.symbols import FunctionSymbol
from sdekit.errors import DeclarationError

ZERO = Number(Fraction(0))
ONE = Number(Fraction(1))

#: Integer exponents beyond this occur in no model and would only stall the engines.
LARGEST_EXPONENT = 1000
#: Exact numbers beyond this many bits (about 3000 decimal digits) occur in no model.
LARGEST_NUMBER_BITS = 10_000
_EXACT_NUMBER = re.compile(
    r"\s*[-+]?[0-9]{1,1000}(\.[0-9]{1,1000}|/0*[1-9][0-9]{0,999})?\s*", re.ASCII
)


def parse_number(text: str) -> Fraction:
    """Read an exact number: an integer, a decimal or a quotient of two, with a sign.

    Raises:
        DeclarationError: If the text is none of these.
    """
    if _EXACT_NUMBER.fullmatch(text):
        return Fraction(text.strip())
    raise DeclarationError(
        "expected an exact number", found=repr(text)[:60], fix='write "1/2", "0.5" or "3"'
    )


def as_expression(value: Any) -> Expression:
    """Read a Python value as an expression.

    Args:
        value: An expression, a dimension, an exact number (int, Fraction, SymPy Rational) or a
            SymPy expression of scalars.

    Raises:
        DeclarationError: If it is a float or nothing of these.
    """
    if isinstance(value, Expression):
        return value
    if isinstance(value, Dim):
        return Size(value)
    if isinstance(value, bool):
        raise DeclarationError("a truth value is no number", found=repr(value))
    if isinstance(value, numbers.Rational):
        return number(Fraction(int(value.numerator), int(value.denominator)))
    if any(str(base.__module__).partition(".")[0] == "sympy" for base in type(value).__mro__):
        from sdekit.declaration.text.sympy_reader import from_sympy

        return from_sympy(value)
    if isinstance(value, numbers.Number):
        raise DeclarationError(
            "exact numbers only",
            found=repr(value),
            fix=f"write the number as {_rational_hint(value)}, or declare a parameter and give "
            "its value when the model is run",
        )
    raise DeclarationError(
        "this is no expression",
        expected="expressions, dimensions and exact numbers",
        found=f"{value!r} of type {type(value).__name__}"[:200],
        fix=_fix_of(value),
    )


def _fix_of(value: Any) -> str:
    if isinstance(value, str):
        return "text belongs in a model file: sk.loads(text) or sk.load(path)"
    if isinstance(value, Comparison):
        return f"a comparison is no 0 or 1: write sk.where({value}, 1, 0)"
    return "declare data as symbolic parameters; they get their values when the model is run"


def _rational_hint(value: numbers.Number) -> str:
    try:
        exact = Fraction(repr(float(value)) if isinstance(value, float) else str(value))
    except (ValueError, ZeroDivisionError):
        return "a Fraction"
    return f"Fraction({exact.numerator}, {exact.denominator})"


def number(value: Fraction) -> Number:
    """An exact number of bounded length.

    Raises:
        DeclarationError: If it is longer than any model needs.
    """
    bits = max(value.numerator.bit_length(), value.denominator.bit_length())
    if bits > LARGEST_NUMBER_BITS:
        raise DeclarationError(
            "a number is too large",
            expected=f"at most {LARGEST_NUMBER_BITS} bits",
            found=f"{bits} bits",
            fix="declare it as a parameter",
        )
    return Number(value)


def _same_shape(operation: str, left: Expression, right: Expression) -> None:
    if left.shape == right.shape:
        return
    scalar_side = left if not left.shape else right if not right.shape else None
    tensor_side = right if scalar_side is left else left
    if scalar_side is None:
        raise DeclarationError(
            f"{operation} of different shapes",
            expected="equal shapes",
            found=f"{left!r} of shape {shape_text(left.shape)} and "
            f"{right!r} of shape {shape_text(right.shape)}",
            fix="use @, dot or outer for other products" if operation == "product" else None,
        )
    sizes = ", ".join(dim.name for dim in tensor_side.shape)
    offers = [f"ones({sizes})"]
    if tensor_side.ndim == 2 and tensor_side.shape[0] == tensor_side.shape[1]:
        offers.insert(0, f"eye({tensor_side.shape[0].name})")
    raise DeclarationError(
        f"{operation} of a scalar and a tensor of shape {shape_text(tensor_side.shape)}",
        expected="equal shapes",
        found=f"{left!r} and {right!r}",
        fix=f"multiply the scalar by {' or '.join(offers)}, or write dot(p, p) for a square |p|^2",
    )


def _is_zero(expression: Expression) -> bool:
    return isinstance(expression, Number) and expression.value == 0


def add(left: Any, right: Any) -> Expression:
    """left + right; the number 0 is the zero of every shape.

    Raises:
        DeclarationError: If the shapes differ.
    """
    left, right = as_expression(left), as_expression(right)
    if isinstance(left, Number) and isinstance(right, Number):
        return number(left.value + right.value)
    if _is_zero(left) and right.shape:
        return right
    if _is_zero(right) and left.shape:
        return left
    _same_shape("sum", left, right)
    return Sum((*left.terms, right)) if isinstance(left, Sum) else Sum((left, right))


def subtract(left: Any, right: Any) -> Expression:
    """left - right, kept as left + Negation(right)."""
    return add(left, negate(right))


def negate(operand: Any) -> Expression:
    """-operand."""
    operand = as_expression(operand)
    return Number(-operand.value) if isinstance(operand, Number) else Negation(operand)


def multiply(left: Any, right: Any) -> Expression:
    """left * right: scalars times anything, tensors of one shape entry by entry.

    Raises:
        DeclarationError: If two tensors have different shapes.
    """
    left, right = as_expression(left), as_expression(right)
    if isinstance(left, Number) and isinstance(right, Number):
        return number(left.value * right.value)
    if left.shape and right.shape:
        _same_shape("product", left, right)
    return Product((*left.factors, right)) if isinstance(left, Product) else Product((left, right))


def divide(left: Any, right: Any) -> Expression:
    """left / right, by a scalar or entry by entry.

    Raises:
        DeclarationError: If the divisor is the number 0 or the shapes do not fit.
    """
    left, right = as_expression(left), as_expression(right)
    if _is_zero(right):
        raise DeclarationError("division by zero", found=f"{left!r} / 0")
    if isinstance(left, Number) and isinstance(right, Number):
        return number(left.value / right.value)
    if right.shape and left.shape:
        _same_shape("quotient", left, right)
    return Quotient(left, right)


def power(base: Any, exponent: Any) -> Expression:
    """base ** exponent, entry by entry; the exponent is a scalar.

    Raises:
        DeclarationError: If the exponent is a tensor, or an integer beyond `LARGEST_EXPONENT`.
    """
    base, exponent = as_expression(base), as_expression(exponent)
    if exponent.shape:
        raise DeclarationError(
            "an exponent is no scalar", found=f"{exponent!r} of shape {shape_text(exponent.shape)}"
        )
    if isinstance(exponent, Number):
        if max(abs(exponent.value.numerator), exponent.value.denominator) > LARGEST_EXPONENT:
            raise DeclarationError(
                "an exponent is too large",
                expected=f"at most {LARGEST_EXPONENT}",
                found=repr(exponent)[:40],
            )
        if isinstance(base, Number) and exponent.value.denominator == 1:
            if base.value == 0 and exponent.value < 0:
                raise DeclarationError("division by zero", found=f"0 ** {exponent!r}")
            _check_power_size(base.value, int(exponent.value))
            return number(base.value ** int(exponent.value))
    return Power(base, exponent)


def _check_power_size(base: Fraction, exponent: int) -> None:
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent)
    if bits > 2 * LARGEST_NUMBER_BITS:
        raise DeclarationError("a number is too large", found=f"about {bits} bits")


def compare(left: Any, relation: str, right: Any) -> Comparison:
    """The comparison of two expressions, for `where` and for the assumptions of a model."""
    return Comparison(as_expression(left), relation, as_expression(right))


def matmul(left: Any, right: Any) -> Expression:
    """left @ right: the last axis of left against the first axis of right.

    Raises:
        DeclarationError: If one is a scalar or the two sizes differ.
    """
    left, right = as_expression(left), as_expression(right)
    if not left.shape or not right.shape or left.shape[-1] != right.shape[0]:
        raise DeclarationError(
            "the operands of @ do not fit",
            expected="the last size of the left equal to the first size of the right",
            found=f"{left!r} of shape {shape_text(left.shape)} and "
            f"{right!r} of shape {shape_text(right.shape)}",
            fix="use * to multiply by a scalar" if not (left.shape and right.shape) else None,
        )
    return MatMul(left, right)


def transpose(operand: Any, *axes: int) -> Expression:
    """The operand with its axes reversed, or in the order given.

    Args:
        operand: Any expression.
        *axes: Axis k of the result is axis axes[k] of the operand; all in reverse when left out.

    Raises:
        DeclarationError: If the axes are no permutation.
    """
    operand = as_expression(operand)
    order = axes or tuple(reversed(range(operand.ndim)))
    if sorted(order) != list(range(operand.ndim)):
        raise DeclarationError(
            "transpose needs every axis once",
            expected=f"a permutation of 0..{operand.ndim - 1}",
            found=order,
        )
    unchanged = list(order) == list(range(operand.ndim))
    return operand if unchanged else Transpose(operand, tuple(order))


def call(function: FunctionSymbol, *arguments: Any) -> Expression:
    """The unknown function at other arguments.

    Raises:
        DeclarationError: If number or shapes of the arguments are not as declared.
    """
    given = tuple(as_expression(argument) for argument in arguments)
    formal = ", ".join(argument.name for argument in function.arguments)
    if len(given) != len(function.arguments):
        raise DeclarationError(
            f"function {function.name} takes another number of arguments",
            expected=f"{function.name}({formal})",
            found=f"{len(given)} arguments",
        )
    for argument, expected in zip(given, function.arguments, strict=True):
        if argument.shape != expected.shape:
            raise DeclarationError(
                f"argument {expected.name} of function {function.name} has another shape",
                expected=shape_text(expected.shape),
                found=f"{argument!r} of shape {shape_text(argument.shape)}",
            )
    return Call(function, given)
