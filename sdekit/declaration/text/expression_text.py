"""Expressions as text: in the grammar of model files, which reads back as the same tree.

Not for typeset formulas (`latex`) or Unicode for the terminal (`unicode_text` here).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation, Comparison, EachRow
from sdekit.declaration.tree.symbols import Parameter, Variable

Rule = Callable[[Any], tuple[str, int]] | tuple[str, int, tuple[int, ...]]

#: How tightly each kind of node binds; a node inside a tighter one needs parentheses.
SUM, PRODUCT, UNARY, POWER, ATOM = range(5)


@dataclass(frozen=True)
class Notation:
    """One way of writing expressions.

    Attributes:
        brackets: Around what binds less tightly than it must, with %s for that.
        rules: For each kind of node a function that gives its text and how tightly that binds; or
            a format of its children, how tightly it binds, and how tightly each child must.
    """

    brackets: str
    rules: Mapping[type, Rule]

    def text(self, node: ex.Expression) -> str:
        """The expression as text."""
        return self.bound(node)[0]

    def bound(self, node: ex.Expression) -> tuple[str, int]:
        """The expression as text, and how tightly it binds."""
        rule = self.rules.get(type(node))
        if rule is None:
            raise TypeError(f"no text for {type(node).__name__}")
        if callable(rule):
            return rule(node)
        template, own, levels = rule
        parts = (self.inside(c, k) for c, k in zip(node.children, levels, strict=True))
        return template.format(*parts), own

    def inside(self, node: ex.Expression, level: int) -> str:
        """The expression as text inside something that binds so tightly."""
        text, own = self.bound(node)
        return text if own >= level else self.brackets % text


def grammar_text(node: ex.Expression) -> str:
    """The expression in the grammar of model files.

    Example:
        >>> from sdekit.declaration.tree.symbols import scalar, parameter
        >>> x, a = scalar("x"), parameter("a")
        >>> grammar_text(-a * (x - 1) ** 2 / 2)
        '-a*(x - 1)**2/2'
    """
    return _GRAMMAR.text(node)


def plain_number(node: ex.Number) -> tuple[str, int]:
    """A number as numerator/denominator."""
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


def _product(node: ex.Product) -> tuple[str, int]:
    first, *rest = node.factors
    return "*".join([_wrap(first, PRODUCT)] + [_wrap(factor, UNARY) for factor in rest]), PRODUCT


def _function(word: str, *arguments: str) -> tuple[str, int]:
    return f"{word}({', '.join(arguments)})", ATOM


def _transpose(node: ex.Transpose) -> tuple[str, int]:
    if node.axes == tuple(reversed(range(node.operand.ndim))):
        return f"{_wrap(node.operand, ATOM)}.T", ATOM
    return _function("transpose", grammar_text(node.operand), *map(str, node.axes))


def signed_sum(notation: Notation, node: ex.Sum) -> tuple[str, int]:
    """Terms with their signs between them."""
    text = notation.inside(node.terms[0], SUM)
    for term in node.terms[1:]:
        shown = notation.inside(term, PRODUCT)
        text += f" - {shown[1:]}" if shown.startswith("-") else f" + {shown}"
    return text, SUM


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


_RULES: dict[type, Rule] = {
    ex.Number: plain_number,
    ex.Constant: lambda node: (node.name, ATOM),
    ex.Size: lambda node: (_dims((node.dim,))[0], ATOM),
    ex.Time: lambda node: ("time", ATOM),
    Variable: lambda node: (node.name, ATOM),
    Parameter: lambda node: (node.name, ATOM),
    ex.Call: lambda node: _function(node.function.name, *map(grammar_text, node.arguments)),
    ex.Sum: _sum,
    ex.Negation: ("-{}", UNARY, (UNARY,)),
    ex.Product: _product,
    ex.Quotient: ("{}/{}", PRODUCT, (PRODUCT, UNARY)),
    ex.Power: ("{}**{}", POWER, (ATOM, UNARY)),
    ex.MatMul: ("{}@{}", PRODUCT, (PRODUCT, UNARY)),
    ex.Dot: ("dot({}, {})", ATOM, (SUM, SUM)),
    ex.Outer: ("outer({}, {})", ATOM, (SUM, SUM)),
    ex.Trace: ("trace({})", ATOM, (SUM,)),
    ex.Diag: ("diag({})", ATOM, (SUM,)),
    ex.Eye: lambda node: _function("eye", *_dims(node.dims)),
    ex.Ones: lambda node: _function("ones", *_dims(node.dims)),
    ex.Inverse: ("inv({})", ATOM, (SUM,)),
    ex.LogDet: ("logdet({})", ATOM, (SUM,)),
    ex.Transpose: _transpose,
    ex.Gradient: lambda node: _function("grad", grammar_text(node.operand), node.variable.name),
    ex.Divergence: lambda node: _function("div", grammar_text(node.operand), node.variable.name),
    ex.Elementwise: lambda node: _function(node.name, grammar_text(node.operand)),
    Abbreviation: lambda node: _function(node.word, *shown_arguments(node, grammar_text)),
    EachRow: lambda node: _function(node.word, node.function.name, grammar_text(node.operand)),
}
_GRAMMAR = Notation("(%s)", _RULES)
_wrap = _GRAMMAR.inside
