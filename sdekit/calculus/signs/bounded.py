"""Which expressions are bounded functions of the state, from both sides or from below.

Not for the bounds themselves (`ranges`), nor for how fast something grows (`expansion.growth`).

Checked by: tests/verifier/integrals/test_lower_bounds.py.
"""

from __future__ import annotations

from math import prod

from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.ranges import value_range
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
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


def written_below(part: ex.Expression) -> ex.Expression:
    """Something that is never above c f, c >= 0, in words that growth is read of.

    The mean of a for its largest entry; n log c for log det (A + c I) with A semidefinite.
    """
    factors = part.factors if isinstance(part, ex.Product) else (part,)
    hidden = [f for f in factors if isinstance(f, (Abbreviation, ex.LogDet))]
    rest = tuple(f for f in factors if f not in hidden)
    if len(hidden) != 1 or not never_negative(entry_signs(ex.Product((ONE, *rest)))):
        return part
    match hidden[0]:
        case Abbreviation(word="max", meaning=None, arguments=(a,)):
            number = ex.Product((ONE, *map(ex.Size, a.shape)))
            below = ex.Quotient(ex.Dot(a, ex.Ones(a.shape)), number)
        case ex.LogDet(operand=ex.Sum() as matrix):
            floors = [c for c in map(_of_identity, matrix.terms) if c is not None]
            if not floors or not all(never_negative(form_signs(term)) for term in matrix.terms):
                return part
            floor = floors[0]
            is_exp = isinstance(floor, ex.Elementwise) and floor.name == "exp"
            log = floor.children[0] if is_exp else ex.Elementwise("log", floor)
            below = ex.Product((ex.Size(matrix.shape[0]), log))
        case _:
            return part
    return ex.Product((*rest, below))


def _of_identity(term: ex.Expression) -> ex.Expression | None:
    """c > 0 where the term is c times the identity."""
    factors = term.factors if isinstance(term, ex.Product) else (term,)
    scalars = tuple(f for f in factors if not f.shape)
    if len(scalars) + 1 != len(factors) or not any(isinstance(f, ex.Eye) for f in factors):
        return None
    scale = scalars[0] if len(scalars) == 1 else ex.Product((ONE, *scalars))
    return scale if entry_signs(scale) == POSITIVE else None


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
