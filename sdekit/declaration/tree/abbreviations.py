"""Nodes for words that stand for a longer formula, and for functions applied row by row.

`max(a, b)` is printed and run as such; proofs read its meaning, (a + b + |a - b|)/2, so that its
kink is seen by everything that sees the kink of an absolute value. Not for checking what a user
hands to such a word (`sdekit.declaration.functions.entries`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sdekit.declaration.tree.expression import Expression, Shape
from sdekit.declaration.tree.symbols import FunctionSymbol
from sdekit.errors import DeclarationError

RELATIONS = (">", ">=", "<", "<=")


@dataclass(frozen=True)
class Comparison:
    """Left and right in a relation: the condition of `where`, or an assumption of a model."""

    left: Expression
    relation: str
    right: Expression

    def __bool__(self) -> bool:
        raise DeclarationError(
            "a comparison of expressions has no truth value",
            expected="a formula that holds both cases",
            found=repr(self),
            fix="write where(a > b, x, y); for the larger of two use sk.max, not Python's max",
        )

    def __repr__(self) -> str:
        return f"{self.left!r} {self.relation} {self.right!r}"


@dataclass(frozen=True, eq=False, repr=False)
class Abbreviation(Expression):
    """A word with arguments that stands for a longer formula.

    Attributes:
        word: The word of the grammar.
        arguments: What it is applied to; of `where` the two sides of the condition come first.
        meaning: The formula it stands for; None where the grammar has none for every size, as for
            the largest entry of a vector.
        relation: Of `where`, the relation of the condition; else "".
    """

    word: str
    arguments: tuple[Expression, ...]
    meaning: Expression | None
    relation: str = ""

    def _shape(self) -> Shape:
        return () if self.meaning is None else self.meaning.shape

    @cached_property
    def children(self) -> tuple[Expression, ...]:
        """The arguments; the meaning says the same again."""
        return self.arguments


@dataclass(frozen=True, eq=False, repr=False)
class EachRow(Expression):
    """A scalar function of every row of a tensor, or of every difference of two rows.

    Attributes:
        function: The function, of one argument of the shape of a row.
        operand: The tensor; its first axis counts the rows.
        is_paired: False for `rows`, entry i being U(x_i); True for `pairs`, the entries (i, j) and
            (j, i) being U(x_i - x_j) for i < j, and 0 on the diagonal.
    """

    function: FunctionSymbol
    operand: Expression
    is_paired: bool = False

    def _shape(self) -> Shape:
        return self.operand.shape[:1] * (2 if self.is_paired else 1)

    @property
    def word(self) -> str:
        """The word of the grammar."""
        return "pairs" if self.is_paired else "rows"


def spelled_out(expression: Expression) -> Expression:
    """The expression with every abbreviation replaced by its meaning, where it has one."""
    if not any(isinstance(node, Abbreviation) for node in expression.walk()):
        return expression
    if isinstance(expression, Abbreviation) and expression.meaning is not None:
        return spelled_out(expression.meaning)
    return expression.rebuilt(lambda p: spelled_out(p) if isinstance(p, Expression) else p)
