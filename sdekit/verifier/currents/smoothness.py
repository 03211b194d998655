"""Which parts of an expression may have a kink or a pole, read off the expression for every n.

Unknown functions are smooth by assumption. Not for what a kink or pole does to the probability
current (`regularity`).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from sdekit.calculus.expansion.expand import collected
from sdekit.calculus.memory import remembered
from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.ranges import polynomial_on_interval, sign_between_ends
from sdekit.calculus.signs.sign_values import POSITIVE, Signs, never_negative
from sdekit.declaration.functions import record
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation


def rough_parts(expression: ex.Expression, *, inside: bool = False) -> Iterator[ex.Expression]:
    """The sub-expressions that were not shown to be smooth functions of the state.

    Args:
        expression: Any.
        inside: Whether the ends of intervals do not count, as for what happens in the domain.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> list(rough_parts(sk.abs_(x) / (1 + x**2)))
        [abs(x)]
    """
    for node in expression.walk():
        if node.varies and not _is_smooth_step(node, inside):
            yield node


@remembered
def _is_smooth_step(node: ex.Expression, inside: bool) -> bool:
    """Whether the node is a smooth function of its children, at all their admissible values."""
    match node:
        case ex.Elementwise():
            return _is_smooth_at(FUNCTIONS[node.name].smooth, node.operand, inside)
        case ex.Quotient():
            return not node.denominator.varies or 0 not in _signs(node.denominator, inside)
        case ex.Power():
            return _is_smooth_power(node, inside)
        case Abbreviation():
            return False
        case ex.Inverse() | ex.LogDet():
            return not node.operand.varies or form_signs(node.operand) == POSITIVE
        case ex.Gradient() | ex.Divergence():
            # The derivative of a kink jumps.
            return next(rough_parts(node.operand, inside=inside), None) is None
    return True


def _is_smooth_at(where: str, operand: ex.Expression, inside: bool) -> bool:
    """Whether a function that is smooth there is so at all values of its operand."""
    if where == record.EVERYWHERE:
        return True
    signs = _signs(operand, inside)
    return (where == record.POSITIVE and signs == POSITIVE) or (
        where == record.NONZERO and 0 not in signs
    )


def _is_smooth_power(node: ex.Power, inside: bool) -> bool:
    if not node.base.varies and not node.exponent.varies:
        return True
    exponent = node.exponent
    if isinstance(exponent, ex.Number) and exponent.value.denominator == 1:
        return exponent.value >= 0 or 0 not in _signs(node.base, inside)
    return _signs(node.base, inside) == POSITIVE


def _signs(operand: ex.Expression, inside: bool) -> Signs:
    """Possible signs; of a polynomial on an open interval by counting its roots there."""
    signs = entry_signs(operand)
    if not inside or 0 not in signs:
        return signs
    found = sign_between_ends(operand)
    return signs if found is None else frozenset({found})


def is_continuous(part: ex.Expression) -> bool:
    """Whether a part that is not smooth is continuous: kinks, and roots of what is not negative."""
    if isinstance(part, ex.Elementwise):
        function = FUNCTIONS[part.name]
        if function.smooth == record.NONZERO:
            return function.edge == "kink"
        return function.edge == "root" and _is_real_at(function.smooth, part.operand)
    if isinstance(part, Abbreviation):
        # The largest entry of a tensor is continuous; all else has to be spelled out first.
        return part.meaning is None
    if not isinstance(part, ex.Power) or part.exponent.varies:
        return False
    return entry_signs(part.exponent) == POSITIVE and _is_never_negative(part.base)


def may_be_undefined(expression: ex.Expression) -> bool:
    """Whether a root or a logarithm of something that may be negative is in the expression."""
    return any(_needs_nonnegative(node) for node in expression.walk())


def may_jump(expression: ex.Expression) -> bool:
    """Whether a sign, or a function of a pole such as atan(1/x), is in the expression."""
    return any(
        _is_jump(node) or (not FUNCTIONS[node.name].edge and has_pole(node.operand))
        for node in expression.walk()
        if isinstance(node, ex.Elementwise) and not _is_jump_at_constant(node)
    )


def _is_jump(node: ex.Elementwise) -> bool:
    return FUNCTIONS[node.name].edge == "jump"


def _is_jump_at_constant(node: ex.Elementwise) -> bool:
    return _is_jump(node) and (not node.varies or 0 not in entry_signs(node.operand))


def _needs_nonnegative(node: ex.Expression) -> bool:
    if isinstance(node, ex.Elementwise):
        return not _is_real_at(FUNCTIONS[node.name].smooth, node.operand)
    if not isinstance(node, ex.Power) or _is_never_negative(node.base):
        return False
    return not isinstance(node.exponent, ex.Number) or node.exponent.value.denominator > 1


def _is_real_at(where: str, operand: ex.Expression) -> bool:
    """Whether a function that is smooth there is real, edges included, at its operand."""
    if where in (record.EVERYWHERE, record.NONZERO, record.ELSEWHERE):
        return True
    return where == record.POSITIVE and _is_never_negative(operand)


def _is_never_negative(operand: ex.Expression) -> bool:
    return -1 not in entry_signs(operand)


def has_pole(expression: ex.Expression) -> bool:
    """Whether the expression may be unbounded near a state of the domain, its ends included."""
    return any(not (is_continuous(p) or _is_finite(p)) for p in rough_parts(expression))


def _is_finite(part: ex.Expression) -> bool:
    match part:
        case ex.Elementwise():
            return FUNCTIONS[part.name].edge == "jump"
        case ex.Quotient():
            return _has_no_root_on_interval(part.denominator)
        case ex.Power():
            return _has_no_root_on_interval(part.base)
        case ex.Gradient():
            # The slope of a function that is Lipschitz on bounded sets.
            return all(map(_is_lipschitz, rough_parts(part.operand)))
    return False


def _is_lipschitz(part: ex.Expression) -> bool:
    """Kinks, lengths, and powers of at least one of what is not negative."""
    match part:
        case ex.Elementwise(name="sqrt", operand=ex.Dot() as square):
            return square.left == square.right
        case ex.Elementwise():
            return FUNCTIONS[part.name].edge == "kink"
        case Abbreviation():
            # The largest entry.
            return part.meaning is None
        case ex.Power() if not part.exponent.varies:
            excess = collected(ex.Sum((part.exponent, ex.Number(Fraction(-1)))))
            return never_negative(entry_signs(excess)) and _is_never_negative(part.base)
    return False


def _has_no_root_on_interval(divisor: ex.Expression) -> bool:
    """Whether a polynomial in one interval variable has no root there.

    The ends count: a reflected process reaches them, and the integral of a pole there diverges.
    """
    if isinstance(divisor, ex.Product):
        return all(not f.varies or _has_no_root_on_interval(f) for f in divisor.factors)
    if isinstance(divisor, ex.Elementwise) and divisor.name == "sqrt":
        return _has_no_root_on_interval(divisor.operand)
    polynomial = polynomial_on_interval(divisor)
    if polynomial is None:
        return False
    found, ends = polynomial
    return found.count_roots(*ends) == 0
