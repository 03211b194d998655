"""Which parts of an expression may have a kink or a pole, read off the expression for every n.

Unknown functions are smooth by assumption. Not for what a kink or pole does to the probability
current (`regularity`).
"""

from __future__ import annotations

from collections.abc import Iterator

from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import POSITIVE, entry_signs
from sdekit.declaration.functions import record
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.symbols import Variable


def rough_parts(expression: ex.Expression) -> Iterator[ex.Expression]:
    """The sub-expressions that were not shown to be smooth functions of the state.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> list(rough_parts(sk.abs_(x) / (1 + x**2)))
        [abs(x)]
    """
    for node in expression.walk():
        if _varies(node) and not _is_smooth_step(node):
            yield node


def _varies(node: ex.Expression) -> bool:
    return any(isinstance(part, (Variable, ex.Call)) for part in node.walk())


def _is_smooth_step(node: ex.Expression) -> bool:
    """Whether the node is a smooth function of its children, at all their admissible values."""
    match node:
        case ex.Elementwise():
            return _is_smooth_at(FUNCTIONS[node.name].smooth, node.operand)
        case ex.Quotient():
            return not _varies(node.denominator) or 0 not in entry_signs(node.denominator)
        case ex.Power():
            return _is_smooth_power(node)
        case ex.Inverse() | ex.LogDet():
            return not _varies(node.operand) or form_signs(node.operand) == POSITIVE
    return True


def _is_smooth_at(where: str, operand: ex.Expression) -> bool:
    """Whether a function that is smooth there is so at all values of its operand."""
    if where == record.EVERYWHERE:
        return True
    signs = entry_signs(operand)
    return (where == record.POSITIVE and signs == POSITIVE) or (
        where == record.NONZERO and 0 not in signs
    )


def _is_smooth_power(node: ex.Power) -> bool:
    if not _varies(node.base) and not _varies(node.exponent):
        return True
    exponent = node.exponent
    if isinstance(exponent, ex.Number) and exponent.value.denominator == 1:
        return exponent.value >= 0 or 0 not in entry_signs(node.base)
    return entry_signs(node.base) == POSITIVE


def is_continuous(part: ex.Expression) -> bool:
    """Whether a part that is not smooth is continuous: kinks, and roots of what is not negative."""
    if isinstance(part, ex.Elementwise):
        function = FUNCTIONS[part.name]
        if function.smooth == record.NONZERO:
            return function.edge == "kink"
        return function.edge == "root" and _is_real_at(function.smooth, part.operand)
    if not isinstance(part, ex.Power) or not isinstance(part.exponent, ex.Number):
        return False
    return part.exponent.value > 0 and _is_never_negative(part.base)


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
    return _is_jump(node) and (not _varies(node) or 0 not in entry_signs(node.operand))


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
    return False


def _has_no_root_on_interval(divisor: ex.Expression) -> bool:
    """Whether a polynomial in one interval variable has no root there.

    The ends count: a reflected process reaches them, and the integral of a pole there diverges.
    """
    if isinstance(divisor, ex.Product):
        return all(not _varies(f) or _has_no_root_on_interval(f) for f in divisor.factors)
    if isinstance(divisor, ex.Elementwise) and divisor.name == "sqrt":
        return _has_no_root_on_interval(divisor.operand)
    variables = {node for node in divisor.walk() if isinstance(node, (Variable, ex.Call))}
    w = next(iter(variables), None)
    if len(variables) != 1 or not isinstance(w, Variable) or w.domain.kind != "interval":
        return False
    if w.shape or divisor.shape:
        return False
    import sympy as sp

    from sdekit.declaration.model.component_reader import ComponentReader

    reader = ComponentReader({})
    scalar, symbol = reader.scalar(divisor), reader.coordinate(w, ())
    if scalar.free_symbols != {symbol} or not scalar.is_polynomial(symbol):
        return False
    polynomial = sp.Poly(scalar, symbol)
    if not (polynomial.domain.is_ZZ or polynomial.domain.is_QQ):
        return False
    ends = [sp.Rational(str(end)) for end in (w.domain.lower, w.domain.upper)]
    return polynomial.count_roots(*ends) == 0
