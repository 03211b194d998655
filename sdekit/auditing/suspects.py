"""What a discrepancy between implied and declared coefficients looks like, in words.

Candidates are the mistakes that published and shipped samplers make: a term missing, negated,
doubled or halved, a norm where its square belongs, a noise scale with a wrong power of the step
size or of a parameter. Not for finding that there is a discrepancy (`audit`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sdekit.declaration.functions.grammar import sqrt
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.addends import product
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import divide, multiply, negate

#: Relative distance at which two numbers are taken for the same candidate.
_CLOSE = 0.06
_FACTORS = ((1.0, ""), (2.0, "2*"), (0.5, "1/2*"))
#: Powers of h that a wrong noise scale has, beside sqrt(h): none, h and h sqrt(h).
_POWERS = {0: "", 2: "h*", 3: "h**(3/2)*"}
#: How far the power between two step sizes may be from one that is named.
_CLOSE_POWER = 0.15


@dataclass(frozen=True)
class Candidate:
    """A term that may stand where another is declared.

    Attributes:
        term: What would be there instead; None for nothing.
        text: In words.
    """

    term: Expression | None
    text: str


def candidates(term: Expression) -> Iterator[Candidate]:
    """What a term is mistaken for."""
    yield Candidate(None, f"the term {term!r} is missing")
    yield Candidate(negate(term), f"the term {term!r} has the opposite sign")
    yield Candidate(multiply(2, term), f"the term {term!r} is doubled")
    yield Candidate(divide(term, 2), f"the term {term!r} is halved")
    for node in term.walk():
        if isinstance(node, ex.Dot) and node.left == node.right:
            norm = replaced(term, node, sqrt(node))
            yield Candidate(norm, f"{norm!r} stands where {term!r} is expected")


def replaced(node: Expression, old: Expression, new: Expression) -> Expression:
    """The expression with a node replaced, through sums, products, quotients and powers."""
    if node == old:
        return new
    match node:
        case ex.Negation():
            return negate(replaced(node.operand, old, new))
        case ex.Quotient():
            top = replaced(node.numerator, old, new)
            return divide(top, replaced(node.denominator, old, new))
        case ex.Product():
            return product([replaced(factor, old, new) for factor in node.factors])
    return node


def noise_text(
    name: str,
    implied: np.ndarray,
    declared: float,
    written: str,
    steps: np.ndarray,
    values: Mapping[str, float],
) -> str:
    """What a wrong noise scale looks like.

    Args:
        name: Of the block.
        implied: Mean of Cov D(h)/(2h) over the diagonal at each step size, shape (k,).
        declared: Mean of the declared diffusion over the same entries.
        written: The declared diffusion as written.
        steps: Shape (k,).
        values: Scalar parameters by name.
    """
    if declared <= 0:
        return f"{name} gets noise where none is declared"
    expected = f"sqrt(2*{written}*h)"
    # Rounding leaves something, and a covariance of equal increments may be zero or below.
    if np.any(implied <= 0) or np.all(implied <= 1e-6 * declared):
        return f"{name} gets no noise where a scale of {expected} is expected"
    powers = 1 + np.diff(np.log(implied)) / np.diff(np.log(steps))
    for power, text in _POWERS.items():
        if np.all(np.abs(powers - power) < _CLOSE_POWER):
            scale = math.sqrt(2 * implied[0] * steps[0] / steps[0] ** power)
            shown = f"{text}{_named(scale, values)}"
            return f"noise scale of {name} is {shown} where {expected} is expected"
    ratio = implied[0] / declared
    if np.any(np.abs(powers - 1) > 0.5):
        return (
            f"noise of {name} has {ratio:.4g} times the variance that {expected} has at a step "
            f"size of {steps[0]:g}"
        )
    return (
        f"noise scale of {name} is sqrt({_named(2 * implied[0], values)}*h) where {expected} is "
        f"expected (variance {ratio:.4g} times the declared one)"
    )


def _named(number: float, values: Mapping[str, float]) -> str:
    """The number as a small number times a power of a parameter, if it is one; simplest first."""
    forms = []
    for name, value in values.items():
        powers = ((1.0, name), (2.0, f"{name}**2"), (0.5, f"sqrt({name})"), (-1.0, f"1/{name}"))
        for (exponent, text), (factor, shown) in itertools.product(powers, _FACTORS):
            # A parameter equal to 1 fits everything, so it explains nothing.
            if value > 0 and value != 1:
                forms.append((factor * value**exponent, f"{shown}{text}"))
    close = [text for value, text in forms if abs(value / number - 1) < _CLOSE]
    return min(close, key=len, default=f"{number:.4g}")
