"""Is an expression visibly periodic in a circle variable?

Not for jumps at the cut (`cut`).
"""

from __future__ import annotations

from dataclasses import replace

from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.monomial_sums import TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.domains import TWO_PI
from sdekit.declaration.tree.expression import (
    Call,
    Elementwise,
    Expression,
    Negation,
    Number,
    Ones,
    Outer,
    Product,
    Quotient,
    Sum,
    Transpose,
)
from sdekit.declaration.tree.operators import ONE
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.integrals.quadratic import split_by


def is_periodic(expression: Expression, x: Variable) -> bool:
    """Whether the expression visibly has the period of x; unknown functions are taken to."""
    if not expression.depends_on(x):
        return True
    if expression == x:
        return False
    is_wave = isinstance(expression, Elementwise) and expression.name in ("sin", "cos", "tan")
    if is_wave and _turns_by(expression.children[0], x, TWO_PI):
        return True
    if isinstance(expression, Call):
        period = x.domain.circumference
        return all(
            argument == x or is_periodic(argument, x) or _turns_by(argument, x, period)
            for argument in expression.arguments
        )
    return all(
        is_periodic(child, x) for child in expression.children if not _is_formal(expression, child)
    )


def _is_formal(node: Expression, child: Expression) -> bool:
    """The variable of a derivative is no value of it."""
    return getattr(node, "variable", None) is child


def _turns_by(operand: Expression, x: Variable, period: Expression) -> bool:
    """Whether one turn of x moves the operand, or each entry, by a whole number of periods."""
    if x.shape:
        return _is_linear(operand, x, Quotient(x.domain.circumference, period))
    try:
        split = split_by(expand(operand), x)
    except TooLarge:
        return False
    if split.hessian or split.other:
        return False
    return _is_whole(Product((as_expression(split.linear), x.domain.circumference)), period)


def _is_whole(length: Expression, period: Expression) -> bool:
    try:
        turns = collected(Quotient(length, period))
    except TooLarge:
        return False
    return isinstance(turns, Number) and turns.value.denominator == 1


def _is_linear(node: Expression, x: Variable, scale: Expression) -> bool:
    """Whether every entry is a sum of entries of x and of other things, moved by whole numbers.

    One turn of x moves `scale * x` by one.
    """
    if not node.depends_on(x):
        return True
    match node:
        case Variable():
            return _is_whole(scale, ONE)
        case Sum() | Negation() | Transpose():
            return all(_is_linear(child, x, scale) for child in node.children)
        case Outer():
            one, other = node.left, node.right
            if isinstance(one, Ones):
                return _is_linear(other, x, scale)
            return isinstance(other, Ones) and _is_linear(one, x, scale)
        case Quotient() if not node.denominator.shape and not node.denominator.depends_on(x):
            return _is_linear(node.numerator, x, Quotient(scale, node.denominator))
        case Product():
            varying = [f for f in node.factors if f.depends_on(x)]
            constant = [f for f in node.factors if not f.depends_on(x)]
            if len(varying) != 1 or any(f.shape for f in constant):
                return False
            return _is_linear(varying[0], x, Product((scale, *constant)))
    return False


def without_turns(dynamics: Dynamics) -> Dynamics:
    """The same dynamics with U(x + L) written as U(x), where x is a circle of period L.

    Unknown functions of an angle have its period by assumption.
    """
    moved: dict[Expression, Expression] = {}
    for x in dynamics.variables:
        if x.domain.kind != "circle" or x.shape:
            continue
        for expression in dynamics.expressions():
            for node in expression.walk():
                if isinstance(node, Call) and node not in moved:
                    arguments = tuple(_unturned(a, x) for a in node.arguments)
                    if arguments != node.arguments:
                        moved[node] = replace(node, arguments=arguments)
    return dynamics.rewritten(lambda e: substituted(e, moved)) if moved else dynamics


def turned_function(dynamics: Dynamics) -> Call | None:
    """An unknown function of an angle at another place, such as U(phi + 2 pi), which is U(phi)."""
    for expression in dynamics.expressions():
        for node in expression.walk():
            for argument in node.arguments if isinstance(node, Call) else ():
                angles = argument.variables
                if argument not in angles and any(x.domain.kind == "circle" for x in angles):
                    assert isinstance(node, Call)
                    return node
    return None


def _unturned(argument: Expression, x: Variable) -> Expression:
    if argument == x or not argument.depends_on(x) or argument.shape:
        return argument
    try:
        is_turned = _is_whole(Sum((argument, Negation(x))), x.domain.circumference)
    except TooLarge:
        return argument
    return x if is_turned else argument
