"""Expressions as text: in the grammar of model files, which reads back as the same tree.

Not for typeset formulas (`latex`) or Unicode for the terminal (`unicode_text` here).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation, Comparison, EachRow
from sdekit.declaration.tree.symbols import Parameter, Variable

#: How tightly each kind of node binds; a node inside a tighter one needs parentheses.
SUM, PRODUCT, UNARY, POWER, ATOM = range(5)


def grammar_text(node: ex.Expression) -> str:
    """The expression in the grammar of model files.

    Example:
        >>> from sdekit.declaration.tree.symbols import scalar, parameter
        >>> x, a = scalar("x"), parameter("a")
        >>> grammar_text(-a * (x - 1) ** 2 / 2)
        '-a*(x - 1)**2/2'
    """
    return _text(node)[0]


def _wrap(node: ex.Expression, level: int) -> str:
    text, own = _text(node)
    return text if own >= level else f"({text})"


def _text(node: ex.Expression) -> tuple[str, int]:
    writer = _WRITERS.get(type(node))
    if writer is None:
        raise TypeError(f"no text for {type(node).__name__}")
    return writer(node)


def _number(node: ex.Number) -> tuple[str, int]:
    level = PRODUCT if node.value.denominator != 1 else UNARY if node.value < 0 else ATOM
    return str(node.value), level


def _sum(node: ex.Sum) -> tuple[str, int]:
    pieces = [_wrap(node.terms[0], SUM)]
    for term in node.terms[1:]:
        if isinstance(term, ex.Negation):
            pieces.append(f" - {_wrap(term.operand, PRODUCT)}")
        elif isinstance(term, ex.Number) and term.value < 0:
            pieces.append(f" - {-term.value}")
        else:
            pieces.append(f" + {_wrap(term, PRODUCT)}")
    return "".join(pieces), SUM


def _negation(node: ex.Negation) -> tuple[str, int]:
    return f"-{_wrap(node.operand, UNARY)}", UNARY


def _product(node: ex.Product) -> tuple[str, int]:
    first, *rest = node.factors
    return "*".join([_wrap(first, PRODUCT)] + [_wrap(factor, UNARY) for factor in rest]), PRODUCT


def _quotient(node: ex.Quotient) -> tuple[str, int]:
    return f"{_wrap(node.numerator, PRODUCT)}/{_wrap(node.denominator, UNARY)}", PRODUCT


def _matmul(node: ex.MatMul) -> tuple[str, int]:
    return f"{_wrap(node.left, PRODUCT)}@{_wrap(node.right, UNARY)}", PRODUCT


def _power(node: ex.Power) -> tuple[str, int]:
    return f"{_wrap(node.base, ATOM)}**{_wrap(node.exponent, UNARY)}", POWER


def _function(word: str, *arguments: str) -> tuple[str, int]:
    return f"{word}({', '.join(arguments)})", ATOM


def _transpose(node: ex.Transpose) -> tuple[str, int]:
    if node.axes == tuple(reversed(range(node.operand.ndim))):
        return f"{_wrap(node.operand, ATOM)}.T", ATOM
    return _function("transpose", grammar_text(node.operand), *map(str, node.axes))


def shown_arguments(
    node: Abbreviation, text: Callable[[ex.Expression], str], relations: Mapping[str, str] = {}
) -> list[str]:
    """The arguments of an abbreviation as text, the two sides of a condition as one of them."""
    shown = [text(argument) for argument in node.arguments]
    if not node.relation:
        return shown
    relation = relations.get(node.relation, node.relation)
    return [f"{shown[0]} {relation} {shown[1]}", *shown[2:]]


def comparison_text(comparison: Comparison) -> str:
    """A comparison in the grammar of model files."""
    return f"{grammar_text(comparison.left)} {comparison.relation} {grammar_text(comparison.right)}"


def _dims(dims: ex.Shape) -> tuple[str, ...]:
    return tuple(dim.name if dim.name != f"size_{dim.size}" else str(dim.size) for dim in dims)


_WRITERS = {
    ex.Number: _number,
    ex.Constant: lambda node: (node.name, ATOM),
    ex.Size: lambda node: (_dims((node.dim,))[0], ATOM),
    ex.Time: lambda node: ("time", ATOM),
    Variable: lambda node: (node.name, ATOM),
    Parameter: lambda node: (node.name, ATOM),
    ex.Call: lambda node: _function(node.function.name, *map(grammar_text, node.arguments)),
    ex.Sum: _sum,
    ex.Negation: _negation,
    ex.Product: _product,
    ex.Quotient: _quotient,
    ex.Power: _power,
    ex.MatMul: _matmul,
    ex.Dot: lambda node: _function("dot", grammar_text(node.left), grammar_text(node.right)),
    ex.Outer: lambda node: _function("outer", grammar_text(node.left), grammar_text(node.right)),
    ex.Trace: lambda node: _function("trace", grammar_text(node.operand)),
    ex.Diag: lambda node: _function("diag", grammar_text(node.operand)),
    ex.Eye: lambda node: _function("eye", *_dims(node.dims)),
    ex.Ones: lambda node: _function("ones", *_dims(node.dims)),
    ex.Inverse: lambda node: _function("inv", grammar_text(node.operand)),
    ex.LogDet: lambda node: _function("logdet", grammar_text(node.operand)),
    ex.Transpose: _transpose,
    ex.Gradient: lambda node: _function("grad", grammar_text(node.operand), node.variable.name),
    ex.Divergence: lambda node: _function("div", grammar_text(node.operand), node.variable.name),
    ex.Elementwise: lambda node: _function(node.name, grammar_text(node.operand)),
    Abbreviation: lambda node: _function(node.word, *shown_arguments(node, grammar_text)),
    EachRow: lambda node: _function(node.word, node.function.name, grammar_text(node.operand)),
}
