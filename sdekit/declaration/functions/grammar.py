"""The named functions of the grammar: dot, outer, trace, ..., grad, div, exp, log, ...

Every function checks shapes where it is called. Not for the operators (`operators`) nor for any
evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sdekit.declaration.functions.records import FUNCTIONS, words
from sdekit.declaration.tree.declared import shape_text
from sdekit.declaration.tree.dimension import Dim, as_dims
from sdekit.declaration.tree.expression import (
    Constant,
    Diag,
    Divergence,
    Dot,
    Elementwise,
    Expression,
    Eye,
    Gradient,
    Inverse,
    LogDet,
    Number,
    Ones,
    Outer,
    Time,
    Trace,
)
from sdekit.declaration.tree.operators import as_expression
from sdekit.declaration.tree.operators import transpose as transpose
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import DeclarationError

pi = Constant("pi")
#: The base of natural logarithms.
E = Constant("E")
#: The time t; a model that uses it has no stationary law, only simulation and moments.
time = Time()


def dot(left: Any, right: Any) -> Expression:
    r"""Full contraction $\sum_{i\ldots} a_{i\ldots} b_{i\ldots}$ of two equal shapes.

    Args:
        left, right: Tensors of one shape.

    Raises:
        DeclarationError: If the shapes differ or are ().
    """
    left, right = as_expression(left), as_expression(right)
    if left.shape != right.shape or not left.shape:
        raise DeclarationError(
            "dot contracts two tensors of one shape",
            found=f"{left!r} of shape {shape_text(left.shape)} and "
            f"{right!r} of shape {shape_text(right.shape)}",
            fix="use * for scalars, @ for a matrix and a vector",
        )
    return Dot(left, right)


def outer(left: Any, right: Any) -> Expression:
    """All products of entries; the axes of the left come first.

    Args:
        left, right: Tensors.

    Raises:
        DeclarationError: If one of them is a scalar.
    """
    left, right = as_expression(left), as_expression(right)
    if not left.shape or not right.shape:
        raise DeclarationError(
            "outer multiplies two tensors", found=f"{left!r}, {right!r}", fix="use * for scalars"
        )
    return Outer(left, right)


def _square(word: str, operand: Any) -> Expression:
    operand = as_expression(operand)
    if operand.ndim != 2 or operand.shape[0] != operand.shape[1]:
        raise DeclarationError(
            f"{word} needs a square matrix",
            found=f"{operand!r} of shape {shape_text(operand.shape)}",
        )
    return operand


def trace(operand: Any) -> Expression:
    """Sum of the diagonal of a square matrix."""
    return Trace(_square("trace", operand))


def diag(operand: Any) -> Expression:
    """The diagonal matrix of a vector, or the diagonal of a square matrix."""
    operand = as_expression(operand)
    return Diag(operand if operand.ndim == 1 else _square("diag", operand))


def eye(*dims: Dim | int) -> Expression:
    """The identity on blocks of shape dims: eye(n) is n x n; eye(k, n) acts on k x n blocks.

    Raises:
        DeclarationError: If no size, or something else than sizes, is given.
    """
    if not dims:
        raise DeclarationError("eye needs a size", fix="write eye(n)")
    return Eye(as_dims(dims, "tensor", "eye"))


def ones(*dims: Dim | int) -> Expression:
    """The tensor of ones of the given sizes."""
    if not dims:
        raise DeclarationError("ones needs a size", fix="write ones(n), or 1 for a scalar")
    return Ones(as_dims(dims, "tensor", "ones"))


def inv(operand: Any) -> Expression:
    """Inverse of a square matrix."""
    return Inverse(_square("inv", operand))


def logdet(operand: Any) -> Expression:
    """log det of a positive definite matrix."""
    return LogDet(_square("logdet", operand))


def _variable(word: str, x: Any) -> Variable:
    x = as_expression(x)
    if not isinstance(x, Variable):
        raise DeclarationError(
            f"{word} differentiates by a variable",
            found=f"{x!r}",
            fix="name a variable of the model as the second argument",
        )
    return x


def grad(f: Any, x: Any) -> Expression:
    r"""$\partial f/\partial x$; the axes of x are appended to those of f.

    Args:
        f: An expression of any shape.
        x: A variable.

    Raises:
        DeclarationError: If x is no variable.
    """
    return Gradient(as_expression(f), _variable("grad", x))


def diff(f: Any, *variables: Any) -> Expression:
    """Repeated derivative by scalar variables: diff(U(x, y), x, y).

    Args:
        f: An expression.
        *variables: Scalar variables, in the order of the derivatives.

    Raises:
        DeclarationError: If no variable is given, or one of them is no scalar.
    """
    result = as_expression(f)
    if not variables:
        raise DeclarationError("diff needs a variable", fix="write diff(f, x)")
    for x in variables:
        x = _variable("diff", x)
        if x.shape:
            raise DeclarationError(
                f"diff by {x.name}, which is no scalar", fix=f"write grad(f, {x.name})"
            )
        result = Gradient(result, x)
    return result


def div(field: Any, x: Any) -> Expression:
    r"""$\sum_{j} \partial F_{\ldots j}/\partial x_j$ over the last axes of F.

    Args:
        field: F, an expression whose last axes are those of x.
        x: A variable.

    Raises:
        DeclarationError: If the last axes of F are not those of x, or x is no variable.
    """
    field, x = as_expression(field), _variable("div", x)
    if x.shape and field.shape[field.ndim - x.ndim :] != x.shape:
        raise DeclarationError(
            f"div by {x.name} contracts the last axes, which do not fit",
            expected=f"a shape that ends in {shape_text(x.shape)}",
            found=f"{field!r} of shape {shape_text(field.shape)}",
        )
    return Divergence(field, x)


def _elementary(name: str, operand: Any) -> Expression:
    operand = as_expression(operand)
    folded = _fold_number(name, operand)
    return Elementwise(name, operand) if folded is None else folded


def _fold_number(name: str, operand: Expression) -> Expression | None:
    """sqrt of a perfect square, as in the numbers people write; everything else stays."""
    if name != "sqrt" or not isinstance(operand, Number):
        return None
    value = operand.value
    if value < 0:
        raise DeclarationError("square root of a negative number", found=f"sqrt({value})")
    roots = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if roots[0] ** 2 == value.numerator and roots[1] ** 2 == value.denominator:
        return Number(Fraction(*roots))
    return None


@lru_cache(maxsize=256)
def elementary(name: str) -> Callable[[Any], Expression]:
    """The function of the grammar that a record describes."""
    record = FUNCTIONS[name]

    def function(x: Any) -> Expression:
        return _elementary(name, x)

    function.__name__ = function.__qualname__ = record.python_name
    function.__doc__ = record.summary
    return function


def __getattr__(python_name: str) -> Any:
    """The elementary functions, made from their records when they are first asked for (PEP 562)."""
    for name in words():
        if FUNCTIONS[name].python_name == python_name:
            function = globals()[python_name] = elementary(name)
            return function
    raise AttributeError(f"module {__name__!r} has no attribute {python_name!r}")
