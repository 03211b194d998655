"""Is an expression visibly periodic in a circle variable, with period 2 pi?

Not for jumps at the cut (`cut`).
"""

from __future__ import annotations

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import TooLarge, as_expression
from sdekit.declaration.tree.expression import (
    Call,
    Elementwise,
    Expression,
    Negation,
    Number,
    Ones,
    Outer,
    Product,
    Sum,
    Transpose,
)
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.integrals.quadratic import split_by


def is_periodic(expression: Expression, x: Variable) -> bool:
    """Whether the expression visibly has period 2 pi in x; unknown functions are taken to."""
    if not expression.depends_on(x):
        return True
    if expression == x:
        return False
    is_wave = isinstance(expression, Elementwise) and expression.name in ("sin", "cos", "tan")
    if is_wave and _has_integer_slope(expression.children[0], x):
        return True
    if isinstance(expression, Call):
        return all(argument == x or is_periodic(argument, x) for argument in expression.arguments)
    return all(
        is_periodic(child, x) for child in expression.children if not _is_formal(expression, child)
    )


def _is_formal(node: Expression, child: Expression) -> bool:
    """The variable of a derivative is no value of it."""
    return getattr(node, "variable", None) is child


def _has_integer_slope(operand: Expression, x: Variable) -> bool:
    if operand == x:
        return True
    if x.shape:
        return _is_integer_linear(operand, x)
    try:
        split = split_by(expand(operand), x)
    except TooLarge:
        return False
    if split.hessian or split.other:
        return False
    slope = as_expression(split.linear)
    return isinstance(slope, Number) and slope.value.denominator == 1


def _is_integer_linear(node: Expression, x: Variable) -> bool:
    """Whether every entry is a sum of integer multiples of entries of x, and of other things."""
    if node == x or not node.depends_on(x):
        return True
    match node:
        case Sum() | Negation() | Transpose():
            return all(_is_integer_linear(child, x) for child in node.children)
        case Outer():
            one, other = node.left, node.right
            if isinstance(one, Ones):
                return _is_integer_linear(other, x)
            return isinstance(other, Ones) and _is_integer_linear(one, x)
        case Product():
            varying = [f for f in node.factors if f.depends_on(x)]
            whole = [f for f in node.factors if isinstance(f, Number) and f.value.denominator == 1]
            is_whole = len(varying) == 1 and len(whole) == len(node.factors) - 1
            return is_whole and _is_integer_linear(varying[0], x)
    return False
