"""Words over the entries of tensors: max, min, sum, norm, logsumexp, where, rows, pairs.

In Python they are `sk.max`, `sk.sum`, ..., as in NumPy. Not for functions of one number such as
`relu` (`records`).

Checked by: tests/declaration/functions/test_entries.py.
"""

from __future__ import annotations

from typing import Any

from sdekit.declaration.functions.grammar import dot, elementary
from sdekit.declaration.tree.abbreviations import Abbreviation, Comparison, EachRow
from sdekit.declaration.tree.declared import shape_text
from sdekit.declaration.tree.expression import Call, Expression, Ones
from sdekit.declaration.tree.operators import ONE, as_expression
from sdekit.declaration.tree.symbols import FunctionSymbol
from sdekit.errors import DeclarationError


def _two(word: str, left: Any, right: Any) -> tuple[Expression, Expression]:
    """Two operands of one shape; the number 0 is the zero of every shape."""
    left, right = as_expression(left), as_expression(right)
    try:
        _ = left - right
    except DeclarationError as error:
        raise DeclarationError(
            f"{word} of two things of different shapes",
            expected="equal shapes, or the number 0",
            found=error.found,
            fix=error.fix,
        ) from None
    return left, right


def _tensor(word: str, operand: Any) -> Expression:
    operand = as_expression(operand)
    if not operand.shape:
        raise DeclarationError(
            f"{word} runs over the entries of a tensor",
            found=f"the scalar {operand!r}",
            fix=f"give {word} a vector or a matrix",
        )
    return operand


def _extreme(word: str, operands: tuple[Any, ...]) -> Expression:
    if len(operands) == 1:
        return Abbreviation(word, (_tensor(word, operands[0]),), None)
    if len(operands) != 2:
        raise DeclarationError(
            f"{word} takes one tensor or two operands",
            found=f"{len(operands)} operands",
            fix=f"nest them: {word}({word}(a, b), c)",
        )
    left, right = _two(word, *operands)
    distance = elementary("abs")(left - right)
    meaning = (left + right + (distance if word == "max" else -distance)) / 2
    return Abbreviation(word, (left, right), meaning)


def max(*operands: Any) -> Expression:
    """The larger of two, entry by entry, as max(a, b); or the largest entry, as max(a).

    Raises:
        DeclarationError: If two shapes differ, or one operand is a scalar.
    """
    return _extreme("max", operands)


def min(*operands: Any) -> Expression:
    """The smaller of two, entry by entry, as min(a, b); or the smallest entry, as min(a).

    Raises:
        DeclarationError: If two shapes differ, or one operand is a scalar.
    """
    return _extreme("min", operands)


def sum(operand: Any) -> Expression:
    """The sum of all entries of a tensor."""
    operand = _tensor("sum", operand)
    return Abbreviation("sum", (operand,), dot(operand, Ones(operand.shape)))


def norm(operand: Any) -> Expression:
    r"""$(\sum_{i\ldots} a_{i\ldots}^2)^{1/2}$ over all entries of a tensor; it has a kink at 0."""
    operand = _tensor("norm", operand)
    return Abbreviation("norm", (operand,), elementary("sqrt")(dot(operand, operand)))


def logsumexp(operand: Any) -> Expression:
    r"""$\log\sum_{i\ldots} e^{a_{i\ldots}}$ over all entries of a tensor."""
    operand = _tensor("logsumexp", operand)
    total = dot(elementary("exp")(operand), Ones(operand.shape))
    return Abbreviation("logsumexp", (operand,), elementary("log")(total))


def where(condition: Any, inside: Any, outside: Any) -> Expression:
    """`inside` where the condition holds, `outside` elsewhere: where(a > b, x, y).

    The condition compares two scalars, or two tensors of the shape of the choices, entry by entry.
    Proofs read it as x (1 + sign(a - b))/2 + y (1 - sign(a - b))/2, which differs where a = b, and
    both choices have to be defined everywhere.

    Args:
        condition: a > b, or another comparison.
        inside: The value where it holds.
        outside: The value elsewhere, of the same shape.

    Raises:
        DeclarationError: If the condition is no comparison, or shapes do not fit.
    """
    if not isinstance(condition, Comparison):
        raise DeclarationError(
            "the condition of where is no comparison",
            expected="where(a > b, x, y)",
            found=repr(condition)[:80],
            fix="write the comparison itself as the first argument",
        )
    left, right = _two("a comparison", condition.left, condition.right)
    inside, outside = _two("where", inside, outside)
    gap = left - right if condition.relation in (">", ">=") else right - left
    shape = inside.shape or outside.shape
    if gap.shape not in ((), shape):
        raise DeclarationError(
            "the condition and the choices of where have different shapes",
            expected=f"a comparison of scalars, or of shape {shape_text(shape)}",
            found=shape_text(gap.shape),
        )
    side = elementary("sign")(gap)
    one = Ones(gap.shape) if gap.shape else ONE
    meaning = (one + side) * inside / 2 + (one - side) * outside / 2
    return Abbreviation("where", (left, right, inside, outside), meaning, condition.relation)


def _each(word: str, function: Any, operand: Any) -> EachRow:
    operand = _tensor(word, operand)
    symbol = function.function if isinstance(function, Call) else function
    if not isinstance(symbol, FunctionSymbol):
        raise DeclarationError(
            f"{word} applies an unknown function",
            expected=f"{word}(U, X) with a declared function U",
            found=repr(function)[:80],
        )
    row = operand.shape[1:]
    shapes = tuple(argument.shape for argument in symbol.arguments)
    if symbol.shape or shapes != (row,):
        raise DeclarationError(
            f"{word} needs a scalar function of one row",
            expected=f"{symbol.name} of one argument of shape {shape_text(row)}",
            found=f"arguments of shapes {', '.join(map(shape_text, shapes))}, values of shape "
            f"{shape_text(symbol.shape)}",
        )
    return EachRow(symbol, operand, word == "pairs")


def rows(function: Any, operand: Any) -> Expression:
    """U of every row of a tensor: a vector with one entry for each index of its first axis.

    Args:
        function: A call of the unknown function, such as U of `sk.potential("U", x)`.
        operand: A tensor of two axes or more.

    Raises:
        DeclarationError: If U is no scalar function of one argument of the shape of a row.
    """
    return _each("rows", function, operand)


def pairs(function: Any, operand: Any) -> Expression:
    """The symmetric matrix of U(x_i - x_j), i < j, over pairs of rows, with zero diagonal.

    Args:
        function: A call of the unknown function; of difference vectors.
        operand: One row for each particle.

    Raises:
        DeclarationError: If U is no scalar function of one argument of the shape of a row.
    """
    return _each("pairs", function, operand)
