r"""Signs and definiteness that the declared assumptions imply, read off an expression for every n.

Rules only ever keep too many signs (`sign_values`), so a conclusion from "no negative sign is
possible" is a proof. The definiteness of matrices is `forms`.

Not for decisions by algebra such as completing squares; `sdekit.calculus.signs.sign` and
`sdekit.verifier.pointwise.pivots` do that at concrete sizes.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from sdekit.calculus.signs.arches import wave_signs
from sdekit.calculus.signs.ranges import is_inside_its_range, range_signs, value_range
from sdekit.calculus.signs.sign_values import (
    NEGATIVE,
    NONNEGATIVE,
    NONPOSITIVE,
    POSITIVE,
    UNKNOWN,
    ZERO,
    Signs,
    never_negative,
    opposite,
    product_signs,
    sign_of_number,
    signs_of_square,
    sum_signs,
    summed,
)
from sdekit.calculus.signs.size_signs import size_polynomial, size_signs
from sdekit.declaration.functions.record import ElementaryFunction
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree.expression import (
    Call,
    Constant,
    Diag,
    Dot,
    Elementwise,
    Expression,
    Eye,
    LogDet,
    MatMul,
    Negation,
    Number,
    Ones,
    Outer,
    Power,
    Product,
    Quotient,
    Size,
    Sum,
    Trace,
    Transpose,
)
from sdekit.declaration.tree.symbols import Parameter, Variable


@lru_cache(maxsize=4096)
def entry_signs(expression: Expression) -> Signs:
    """Possible signs of a scalar, or of the entries of a tensor, for all states and parameters.

    Args:
        expression: Scalar or tensor.

    Returns:
        A set that holds the sign of every entry at every admissible point.

    Example:
        >>> from sdekit.declaration.tree.symbols import parameter, scalar
        >>> xi = scalar("xi")
        >>> sorted(entry_signs(parameter("A", positive=True) + xi**2))
        [1]

    Checked by: tests/calculus/signs/test_implied_signs.py.
    """
    rule = _ENTRY_RULES.get(type(expression))
    # No sign at all would mean no real value anywhere; nothing is to be concluded from that.
    return (rule(expression) if rule else UNKNOWN) or UNKNOWN


def _variable(node: Variable) -> Signs:
    domain = node.domain
    if domain.kind == "positive" or (domain.lower is not None and domain.lower >= 0):
        return NONNEGATIVE if domain.closed and not (domain.lower or 0) > 0 else POSITIVE
    if domain.upper is not None and domain.upper <= 0:
        return NEGATIVE if domain.upper < 0 or not domain.closed else NONPOSITIVE
    return UNKNOWN


def _assumed(assumptions: frozenset[str]) -> Signs:
    if "positive" in assumptions:
        return POSITIVE
    return NONNEGATIVE if "nonnegative" in assumptions else UNKNOWN


def _parameter(node: Parameter) -> Signs:
    if node.value is not None:
        return sign_of_number(node.value)
    return _assumed(node.assumptions)


def _sum(node: Sum) -> Signs:
    signs = ZERO
    for term in node.terms:
        signs = sum_signs(signs, entry_signs(term))
    if len(signs) == 1:
        return signs
    polynomial = size_polynomial(node)
    if polynomial is not None:
        return size_signs(polynomial) or signs
    if signs != UNKNOWN:
        return signs
    found = range_signs(value_range(node))
    return found - ZERO if len(found) == 2 and is_inside_its_range(node) else found


def _product(node: Product) -> Signs:
    signs = POSITIVE
    for factor in set(node.factors):
        one = entry_signs(factor)
        repeated = one if node.factors.count(factor) % 2 else product_signs(one, one) - {-1}
        signs = product_signs(signs, repeated)
    return signs


def _quotient(node: Quotient) -> Signs:
    # A quotient has a value only where the denominator is not zero.
    return product_signs(entry_signs(node.numerator), entry_signs(node.denominator) - ZERO)


def _power(node: Power) -> Signs:
    base = entry_signs(node.base)
    if not isinstance(node.exponent, Number):
        if base == POSITIVE:
            return POSITIVE
        is_power = never_negative(base) and entry_signs(node.exponent) == POSITIVE
        return NONNEGATIVE if is_power else UNKNOWN
    exponent = node.exponent.value
    if exponent < 0:
        base -= ZERO
    if exponent == 0:
        return POSITIVE
    if exponent.denominator == 1:
        return base if exponent % 2 else signs_of_square(base)
    # An even root is real only where the base is nonnegative; odd roots are not read off.
    return base - NEGATIVE if exponent.denominator % 2 == 0 or never_negative(base) else UNKNOWN


def _elementwise(node: Elementwise) -> Signs:
    inner = entry_signs(node.operand)
    if node.name == "sqrt":
        return inner - NEGATIVE
    if node.name == "abs":
        return signs_of_square(inner)
    if node.name == "log":
        return _excess_over_one(node.operand)
    if node.name in ("sin", "cos", "tan"):
        return wave_signs(node) or UNKNOWN
    return signs_by_record(FUNCTIONS[node.name], inner)


def signs_by_record(function: ElementaryFunction, inner: Signs) -> Signs:
    """Signs of f(u) from those of u, by what the record says."""
    known = {"": UNKNOWN, "positive": POSITIVE, "nonnegative": NONNEGATIVE}
    if function.sign in known:
        return known[function.sign]
    return inner - ZERO if function.sign == "argument, no zero" else inner


def _excess_over_one(operand: Expression) -> Signs:
    """Signs of operand - 1 for cosh, and for sums that hold a number of at least 1."""
    if isinstance(operand, Elementwise) and operand.name == "cosh":
        return NONNEGATIVE
    if not isinstance(operand, Sum):
        return UNKNOWN
    constants = [_constant_entry(term) for term in operand.terms]
    constant = sum((value for value in constants if value is not None), Fraction(0))
    signs = sign_of_number(constant - 1)
    for term, value in zip(operand.terms, constants, strict=True):
        if value is None:
            signs = sum_signs(signs, entry_signs(term))
    return signs


def _constant_entry(term: Expression) -> Fraction | None:
    """The number that every entry of the term is; None if that is not visible."""
    if isinstance(term, Number):
        return term.value
    return Fraction(1) if isinstance(term, Ones) else None


def _dot(node: Dot) -> Signs:
    from sdekit.calculus.signs.forms import form_signs

    if node.left == node.right:
        return entry_square(node.left)
    for one, other in ((node.left, node.right), (node.right, node.left)):
        # x.Mx, of a matrix x the sum over its columns, or over its rows for x.(xM).
        if isinstance(other, MatMul) and one in (other.left, other.right) and one.ndim in (1, 2):
            signs = form_signs(other.left if other.right == one else other.right)
            return signs if signs == ZERO else signs | ZERO
    return summed(product_signs(entry_signs(node.left), entry_signs(node.right)))


def entry_square(tensor: Expression) -> Signs:
    """Signs of the sum of the squares of all entries."""
    signs = entry_signs(tensor)
    return POSITIVE if 0 not in signs else ZERO if signs == ZERO else NONNEGATIVE


def _matmul(node: MatMul) -> Signs:
    if not node.shape:
        return _dot(Dot(node.left, node.right))
    return summed(product_signs(entry_signs(node.left), entry_signs(node.right)))


def _trace(node: Trace) -> Signs:
    from sdekit.calculus.signs.forms import form_signs

    signs = form_signs(node.operand)
    return signs if signs != UNKNOWN else summed(entry_signs(node.operand))


def _logdet(node: LogDet) -> Signs:
    return UNKNOWN if not isinstance(node.operand, Eye) else ZERO


_ENTRY_RULES = {
    Number: lambda node: sign_of_number(node.value),
    Constant: lambda _: POSITIVE,
    Size: lambda _: POSITIVE,
    Variable: _variable,
    Parameter: _parameter,
    Call: lambda node: _assumed(node.function.assumptions),
    Sum: _sum,
    Negation: lambda node: opposite(entry_signs(node.operand)),
    Product: _product,
    Quotient: _quotient,
    Power: _power,
    Elementwise: _elementwise,
    Dot: _dot,
    MatMul: _matmul,
    Outer: lambda node: product_signs(entry_signs(node.left), entry_signs(node.right)),
    Trace: _trace,
    LogDet: _logdet,
    Eye: lambda _: NONNEGATIVE,
    Ones: lambda _: POSITIVE,
    Diag: lambda node: entry_signs(node.operand) | (ZERO if node.ndim == 2 else frozenset()),
    Transpose: lambda node: entry_signs(node.operand),
}
