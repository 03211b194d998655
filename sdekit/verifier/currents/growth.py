"""How fast a coefficient can grow: the least power of 1 + |z| that is seen to bound it.

Bounded domains count as bounded, unknown functions as unbounded. Not for lower bounds (`tails`,
`coercivity`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.symbols import Variable

#: What |f(u)| <= c (1 + |u|)^k has for k, by the growth of the record.
_DEGREES = {"bounded": Fraction(0), "root": Fraction(1, 2), "linear": Fraction(1)}


def growth(node: ex.Expression) -> Fraction | None:
    """An exponent d with |f(z)| <= c (1 + |z|)^d; None where none is seen.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> growth(x**2 * sk.sin(x) + sk.sqrt(1 + x**2))
        Fraction(2, 1)
    """
    if _is_constant(node):
        return Fraction(0)
    match node:
        case Variable():
            return Fraction(0 if node.domain.kind in ("circle", "interval") else 1)
        case ex.Sum():
            return _largest(node.terms)
        case ex.Product() | ex.MatMul() | ex.Dot() | ex.Outer():
            return _total(node.children)
        case ex.Negation() | ex.Trace() | ex.Diag() | ex.Transpose():
            return growth(node.operand)
        case ex.Quotient() if _is_constant(node.denominator):
            return growth(node.numerator)
        case ex.Power():
            return _power(node)
        case ex.Elementwise():
            return _elementwise(node)
    return None


def _is_constant(node: ex.Expression) -> bool:
    return not any(isinstance(part, (Variable, ex.Call, ex.Time)) for part in node.walk())


def _largest(parts: tuple[ex.Expression, ...]) -> Fraction | None:
    found = [growth(part) for part in parts]
    known = [degree for degree in found if degree is not None]
    return max(known) if len(known) == len(found) else None


def _total(parts: tuple[ex.Expression, ...]) -> Fraction | None:
    total = Fraction(0)
    for part in parts:
        degree = growth(part)
        if degree is None:
            return None
        total += degree
    return total


def _power(node: ex.Power) -> Fraction | None:
    degree = growth(node.base)
    exponent = node.exponent
    if degree is None or not isinstance(exponent, ex.Number) or exponent.value < 0:
        return None
    return degree * exponent.value


def _elementwise(node: ex.Elementwise) -> Fraction | None:
    factor = _DEGREES.get(FUNCTIONS[node.name].growth)
    if factor is None or factor == 0:
        return factor
    degree = growth(node.operand)
    return None if degree is None else degree * factor
