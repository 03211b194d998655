"""From the expression tree to tensors in normal form.

One rule per node. The walk is iterative and visits each distinct sub-expression once, so that
neither depth nor sharing hurts. Not for the model as a whole (`generator`).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.derivative import divergence, gradient
from sdekit.calculus.contraction.rules import elementary, matrices, powers
from sdekit.calculus.contraction.rules.powers import exponential
from sdekit.calculus.contraction.rules.projection import has_symmetry_of
from sdekit.calculus.contraction.tensor import (
    Tensor,
    combine,
    contract,
    eye,
    number,
    of_head,
    ones,
    reindex,
    size,
    zero,
)
from sdekit.calculus.limits import Unsupported, tick
from sdekit.calculus.memory import remembered
from sdekit.declaration.tree import expression as tree
from sdekit.declaration.tree.abbreviations import Abbreviation, EachRow
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter, Variable


@remembered
def lower(expression: Expression, shape: tuple[Dim, ...] | None = None) -> Tensor:
    """The tensor that an expression stands for, in normal form.

    Args:
        expression: What a user wrote.
        shape: Shape of the result, where the number 0 may stand for the zero of any shape; the
            shape of the expression when left out.

    Returns:
        A tensor with the axes of the expression.

    Raises:
        Unsupported: If the index calculus cannot express it, such as a tensor inverse.
        BudgetExceeded: If the time granted by `spending` is over.

    Example:
        >>> from sdekit.declaration.tree.dimension import Dim
        >>> from sdekit.declaration.functions.grammar import dot
        >>> from sdekit.declaration.tree.symbols import vector
        >>> p = vector("p", Dim("n"))
        >>> lower(dot(p, p) - Dim("n"))
        dot(p, p) - n

    Checked by: tests/calculus/contraction/test_lowering.py.
    """
    done: dict[Expression, Tensor] = {}
    stack: list[tuple[Expression, bool]] = [(expression, False)]
    while stack:
        node, is_ready = stack.pop()
        if node in done:
            continue
        if not is_ready:
            stack.append((node, True))
            stack.extend((child, False) for child in _operands(node))
            continue
        tick()
        rule = RULES.get(type(node))
        if rule is None:
            raise Unsupported(f"the index calculus has no rule for {type(node).__name__}")
        done[node] = rule(node, *(done[child] for child in _operands(node)))
    result = done[expression]
    if shape is not None and result.is_empty:
        return zero(shape)
    return result


def _operands(node: Expression) -> tuple[Expression, ...]:
    """The children that are values; the variable of a derivative only names one."""
    if isinstance(node, (tree.Gradient, tree.Divergence)):
        return (node.operand,)
    if isinstance(node, Abbreviation) and node.meaning is not None:
        return (node.meaning,)
    return node.children


def _constant(node: tree.Constant) -> Tensor:
    return exponential(number(1)) if node.name == "E" else of_head(heads.constant(node.name))


def _parameter(node: Parameter) -> Tensor:
    return of_head(heads.parameter(node)) if node.value is None else number(node.value)


def _sum(node: tree.Sum, *terms: Tensor) -> Tensor:
    del node
    shape = next((term.shape for term in terms if term.shape), ())
    # The number 0 is the zero of every shape.
    return combine((Fraction(1), term if term.shape == shape else zero(shape)) for term in terms)


def _product(node: tree.Product, *factors: Tensor) -> Tensor:
    del node
    result, *others = factors
    for factor in others:
        result = result * factor
    return result


def _quotient(node: tree.Quotient, numerator: Tensor, denominator: Tensor) -> Tensor:
    del node
    return numerator * powers.reciprocal(denominator)


def _matmul(node: tree.MatMul, left: Tensor, right: Tensor) -> Tensor:
    del node
    rows = [("row", k) for k in range(left.ndim - 1)]
    columns = [("column", k) for k in range(right.ndim - 1)]
    return contract(left, (*rows, "sum"), right, ("sum", *columns), (*rows, *columns))


def _dot(node: tree.Dot, left: Tensor, right: Tensor) -> Tensor:
    del node
    labels = range(left.ndim)
    return contract(left, labels, right, labels, ())


def _outer(node: tree.Outer, left: Tensor, right: Tensor) -> Tensor:
    del node
    first = range(left.ndim)
    second = range(left.ndim, left.ndim + right.ndim)
    return contract(left, first, right, second, (*first, *second))


def _diag(node: tree.Diag, operand: Tensor) -> Tensor:
    if operand.ndim == 2:
        return reindex(operand, ("i", "i"), ("i",))
    return contract(eye(node.operand.shape), ("i", "j"), operand, ("i",), ("i", "j"))


def _call(node: tree.Call, *arguments: Tensor) -> Tensor:
    for formal, argument in zip(node.function.arguments, arguments, strict=True):
        if not has_symmetry_of(argument, formal):
            raise Unsupported(
                f"{node.function.name} is a function of {formal.symmetry} matrices and is called "
                "on a matrix that is not seen to be one"
            )
    return of_head(heads.call(node.function, arguments))


def _inverse(node: tree.Inverse, operand: Tensor) -> Tensor:
    del node
    if operand.ndim != 2:
        raise Unsupported("the inverse of a tensor that is no matrix")
    return matrices.inverse(operand)


def _abbreviation(node: Abbreviation, *operands: Tensor) -> Tensor:
    if not operands or node.meaning is None:
        raise Unsupported(
            f"the {node.word} of all entries is not written for every size; it can be decided at a "
            "given size, n=2"
        )
    return operands[0]


def _each_row(node: EachRow, operand: Tensor) -> Tensor:
    del operand
    raise Unsupported(
        f"{node.word} of an unknown function is not written for every size; it can be decided at "
        "given sizes, n=2"
    )


#: What each node means, given the tensors of its operands.
RULES: dict[type[Expression], Callable[..., Tensor]] = {
    tree.Number: lambda node: number(node.value),
    tree.Constant: _constant,
    tree.Size: lambda node: size(node.dim),
    tree.Time: lambda node: of_head(heads.constant("t")),
    Variable: lambda node: of_head(heads.variable(node)),
    Parameter: _parameter,
    tree.Call: _call,
    tree.Sum: _sum,
    tree.Negation: lambda node, operand: -operand,
    tree.Product: _product,
    tree.Quotient: _quotient,
    tree.Power: lambda node, base, exponent: powers.power(base, exponent),
    tree.MatMul: _matmul,
    tree.Dot: _dot,
    tree.Outer: _outer,
    tree.Trace: lambda node, operand: reindex(operand, ("i", "i"), ()),
    tree.Diag: _diag,
    tree.Eye: lambda node: eye(node.dims),
    tree.Ones: lambda node: ones(node.dims),
    tree.Inverse: _inverse,
    tree.LogDet: lambda node, operand: matrices.logdet(operand),
    tree.Transpose: lambda node, operand: reindex(operand, range(operand.ndim), node.axes),
    tree.Gradient: lambda node, operand: gradient(operand, node.variable),
    tree.Divergence: lambda node, operand: divergence(operand, node.variable),
    Abbreviation: _abbreviation,
    EachRow: _each_row,
    tree.Elementwise: lambda node, operand: elementary.apply(node.name, operand),
}
