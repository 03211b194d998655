"""The additive terms of an expression, as a reader would list them.

Not for normal forms (`calculus`): products of tensors are not multiplied out beyond sums.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sdekit.declaration.tree.expression import Expression, Negation, Number, Product, Quotient, Sum
from sdekit.declaration.tree.operators import divide, multiply, negate


def additive_terms(expression: Expression) -> list[Expression]:
    """The terms, with quotients, negations and products of sums taken apart; none for 0.

    Example:
        >>> import sdekit as sk
        >>> n = sk.dim("n")
        >>> p, mu = sk.vector("p", n), sk.parameter("mu")
        >>> additive_terms((sk.dot(p, p) - n) / mu)
        [dot(p, p)/mu, -n/mu]
    """
    match expression:
        case Number() if expression.value == 0:
            return []
        case Sum():
            return [part for term in expression.terms for part in additive_terms(term)]
        case Negation():
            return [negate(part) for part in additive_terms(expression.operand)]
        case Quotient():
            parts = additive_terms(expression.numerator)
            return [divide(part, expression.denominator) for part in parts]
        case Product():
            choices = [additive_terms(factor) for factor in expression.factors]
            return [product(chosen) for chosen in itertools.product(*choices)]
    return [expression]


def product(factors: Sequence[Expression]) -> Expression:
    """The product of at least one factor."""
    result = factors[0]
    for factor in factors[1:]:
        result = multiply(result, factor)
    return result
