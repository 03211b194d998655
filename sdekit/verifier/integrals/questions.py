"""One integral over a block as a question, and what can be known of it: the data of `integrals`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from sdekit.calculus.expansion import cores
from sdekit.calculus.expansion.monomial_sums import Terms, as_expression
from sdekit.declaration.tree.expression import Elementwise, Expression, Number, Product, Sum
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.integrals.quadratic import Split

HALF = Number(Fraction(1, 2))


class Outcome(Enum):
    """What is known about the integral over a block."""

    CLOSED = "closed form"
    FINITE = "finite"
    INFINITE = "infinite"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Integral:
    """The integral over one block.

    Attributes:
        outcome: What is known.
        reason: By which theorem, as a phrase that follows the name of the block and a colon.
        energy: F, where the integral is const * exp(-F).
        assumptions: What is taken for granted about unknown functions.
    """

    outcome: Outcome
    reason: str
    energy: Expression = ZERO
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One integral to be done.

    Attributes:
        x: The block to integrate over.
        terms: The terms of Q that hold x.
        split: The same by degree in x.
        outside: The variables that are not integrated over now.
    """

    x: Variable
    terms: Terms
    split: Split
    outside: frozenset[Variable]

    @property
    def energy(self) -> Expression:
        """The terms as an expression."""
        return as_expression(self.terms)

    def is_free(self, expression: Expression) -> bool:
        """Whether the expression holds no other variable."""
        return not any(expression.depends_on(y) for y in self.outside)


Family = Callable[[Question], Integral | None]


def coordinates(x: Variable) -> Expression:
    """The number of coordinates of a block."""
    if x.symmetry is None:
        return cores.size(x.shape)
    n = cores.size(x.shape[:1])
    other = Sum((n, Number(Fraction(1 if x.symmetry == "symmetric" else -1))))
    return Product((HALF, n, other))


def log_of(argument: Expression) -> Expression:
    """The logarithm of a scalar."""
    return Elementwise("log", argument)
