"""Which expressions are bounded functions of the state, from both sides or from below.

Not for the bounds themselves (`ranges`), nor for how fast something grows (`expansion.growth`).

Checked by: tests/verifier/integrals/test_lower_bounds.py.
"""

from __future__ import annotations

from math import prod

from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.ranges import value_range
from sdekit.calculus.signs.sign_values import never_negative
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation
from sdekit.declaration.tree.operators import ONE
from sdekit.declaration.tree.symbols import Variable


def is_bounded(part: ex.Expression) -> bool:
    """Whether a scalar, or every entry of a tensor, is a bounded function of the state."""
    if not part.varies:
        return True
    match part:
        case ex.Call():
            return "bounded" in part.function.assumptions
        case Variable():
            return part.domain.kind in ("circle", "interval")
        case ex.Elementwise():
            if FUNCTIONS[part.name].bounds is not None:
                return True
            return part.name == "exp" and 1 not in entry_signs(part.operand)
        case ex.Sum() | ex.Product() | ex.Negation() | ex.Dot() | ex.Outer() | ex.MatMul():
            # At each size a contraction is a finite sum.
            return all(is_bounded(child) for child in part.children)
        case ex.Power():
            e = part.exponent
            whole = isinstance(e, ex.Number) and e.value.denominator == 1 and e.value >= 0
            return whole and is_bounded(part.base)
    return False


def below_largest(part: ex.Expression) -> ex.Expression:
    """The mean of a in the place of its largest entry: never above c max(a), c >= 0."""
    factors = part.factors if isinstance(part, ex.Product) else (part,)
    rest = tuple(f for f in factors if not isinstance(f, Abbreviation))
    if len(rest) + 1 != len(factors) or not never_negative(entry_signs(ex.Product((ONE, *rest)))):
        return part
    (largest,) = (f for f in factors if isinstance(f, Abbreviation))
    if largest.word != "max" or largest.meaning is not None:
        return part
    (a,) = largest.arguments
    number = ex.Product((ONE, *map(ex.Size, a.shape)))
    return ex.Product((*rest, ex.Quotient(ex.Dot(a, ex.Ones(a.shape)), number)))


def is_bounded_below(part: ex.Expression) -> bool:
    """Whether the entries have a bound from below that is no function of the state."""
    return never_negative(entry_signs(part)) or _is_bounded_above(part, -1)


def _is_bounded_above(part: ex.Expression, sign: int = 1) -> bool:
    """Whether the entries, times a sign, have a bound from above."""
    if not part.varies or sign not in entry_signs(part):
        return True
    match part:
        case ex.Elementwise(name="log") if sign > 0:
            return value_range(part.operand) is not None
        case ex.Negation():
            return _is_bounded_above(part.operand, -sign)
        case ex.Sum():
            return all(_is_bounded_above(term, sign) for term in part.terms)
        case ex.Dot() if isinstance(part.right, ex.Ones):
            return _is_bounded_above(part.left, sign)
        case ex.Product():
            varying = [f for f in part.factors if f.varies]
            signs = [entry_signs(f) for f in part.factors if not f.varies]
            if len(varying) != 1 or any(len(own) != 1 for own in signs):
                return False
            return _is_bounded_above(varying[0], sign * prod(next(iter(own)) for own in signs))
    return False
