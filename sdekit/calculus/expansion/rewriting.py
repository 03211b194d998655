"""Replacing symbols in an expression, and asking where an expression stays bounded.

Not for simplifying (`expansion`) nor for evaluating at concrete sizes (`instances`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.ranges import sign_between_ends
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
from sdekit.declaration.functions import record
from sdekit.declaration.functions.record import ElementaryFunction
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.domains import as_constant
from sdekit.declaration.tree.expression import (
    Divergence,
    Elementwise,
    Expression,
    Gradient,
    Inverse,
    LogDet,
    Negation,
    Number,
    Power,
    Product,
    Quotient,
    Size,
    Sum,
)
from sdekit.declaration.tree.symbols import FunctionSymbol, Variable

#: Names of symbols that the verifier brings in begin so; no declaration may use them.
INTERNAL = "sdekit_"


def substituted(expression: Expression, values: Mapping[Any, Expression]) -> Expression:
    """The expression with symbols replaced.

    Args:
        expression: Where to replace.
        values: New expression, of the same shape, for each symbol (or whole sub-expression).

    Raises:
        Unsupported: If a derivative by a replaced variable is written in the expression.
    """
    if expression in values:
        return values[expression]
    if isinstance(expression, (Gradient, Divergence)) and any(
        expression.operand.depends_on(v) for v in values if isinstance(v, Variable)
    ):
        raise Unsupported("a derivative is written inside the energy")
    if not expression.children:
        return expression
    return expression.rebuilt(
        lambda part: substituted(part, values) if isinstance(part, Expression) else part
    )


def with_sizes(expression: Any, sizes: Mapping[str, int]) -> Any:
    """The same expression with open dimensions fixed, in every symbol and tensor."""
    return _fixed(expression, dict(sizes)) if sizes else expression


def with_closed_ends(part: Any, kept: Variable | None = None) -> Any:
    """The same expression with the ends of half-lines and intervals counted in.

    Args:
        part: An expression.
        kept: A variable that is left as it is.
    """
    if isinstance(part, Variable):
        if part == kept or not part.domain.is_bounded:
            return part
        return replace(part, domain=replace(part.domain, closed=True))
    if isinstance(part, Expression) and part.children:
        return part.rebuilt(lambda inner: with_closed_ends(inner, kept))
    return part


def summands(energy: Expression, scale: tuple[Expression, ...] = ()) -> list[Expression]:
    """The terms of a sum as written, constant factors drawn in."""
    match energy:
        case Sum():
            return [part for term in energy.terms for part in summands(term, scale)]
        case Negation():
            return summands(energy.operand, (*scale, Number(Fraction(-1))))
        case Quotient() if not energy.denominator.shape and not energy.denominator.varies:
            inverse = Power(energy.denominator, Number(Fraction(-1)))
            return summands(energy.numerator, (*scale, inverse))
        case Product() if not energy.shape:
            varying = [f for f in energy.factors if f.varies]
            constant = tuple(f for f in energy.factors if not f.varies)
            if len(varying) == 1 and constant and not varying[0].shape:
                return summands(varying[0], (*scale, *constant))
    return [Product((*scale, energy)) if scale else energy]


def _fixed(part: Any, sizes: dict[str, int]) -> Any:
    def fixed(inner: Any) -> Any:
        return _fixed(inner, sizes)

    match part:
        case Dim():
            return Dim(part.name, part.size if part.size is not None else sizes.get(part.name))
        case Size():
            dim = fixed(part.dim)
            return Size(dim) if dim.size is None else Number(Fraction(dim.size))
        case FunctionSymbol():
            arguments, shape = (tuple(map(fixed, items)) for items in (part.arguments, part.shape))
            return replace(part, arguments=arguments, shape=shape)
        case Expression():
            return part.rebuilt(fixed)
    return part


def is_locally_bounded(expression: Expression, x: Variable) -> bool:
    """Whether x -> expression is visibly bounded on every compact part of the domain of x.

    No poles, no logarithms of what can vanish; False says nothing.
    """
    if not expression.depends_on(x):
        return True
    match expression:
        case Quotient():
            below = expression.denominator
            if below.depends_on(x) and not _excludes_zero(below, x):
                return False
        case Power():
            if not _power_is_bounded(expression, x):
                return False
        case Elementwise():
            if not _function_is_bounded(FUNCTIONS[expression.name], expression.operand, x):
                return False
        case Inverse() | LogDet():
            if form_signs(expression.operand) != POSITIVE:
                return False
        case Gradient() | Divergence():
            return False
    return all(is_locally_bounded(child, x) for child in expression.children)


def _function_is_bounded(function: ElementaryFunction, operand: Expression, x: Variable) -> bool:
    """Whether a function is bounded on every bounded set of the values of its operand."""
    if function.smooth == record.POSITIVE:
        if function.edge == "root":
            return never_negative(entry_signs(operand))
        return _is_positive(operand, x)
    if function.smooth == record.NONZERO:
        return function.edge in ("kink", "jump")
    return function.smooth == record.EVERYWHERE


def _power_is_bounded(power: Power, x: Variable) -> bool:
    if not isinstance(power.exponent, Number):
        return not power.exponent.depends_on(x) and _is_positive(power.base, x)
    exponent = power.exponent.value
    if exponent.denominator == 1:
        return exponent >= 0 or _excludes_zero(power.base, x)
    return _is_positive(power.base, x) or (exponent > 0 and never_negative(entry_signs(power.base)))


def _excludes_zero(expression: Expression, x: Variable) -> bool:
    return 0 not in entry_signs(expression) or _sign_inside(expression, x) != 0


def _is_positive(expression: Expression, x: Variable) -> bool:
    return entry_signs(expression) == POSITIVE or _sign_inside(expression, x) == 1


def _sign_inside(expression: Expression, x: Variable) -> int:
    """Sign inside the interval of x, of an affine function or a polynomial in x alone."""
    return _affine_sign(expression, x) or sign_between_ends(expression) or 0


def _affine_sign(expression: Expression, x: Variable) -> int:
    """Sign inside the interval of x of a function a + b x; 0 if unknown."""
    from sdekit.calculus.expansion.expand import collected

    if x.domain.kind != "interval" or expression.shape or x.shape:
        return 0
    assert x.domain.lower is not None and x.domain.upper is not None
    ends = [as_constant(end) for end in (x.domain.lower, x.domain.upper)]
    signs = [entry_signs(collected(substituted(expression, {x: end}))) for end in ends]
    if not _degree_at_most_one(expression, x):
        return 0
    for sign in (1, -1):
        if frozenset({sign}) in signs and all(possible <= {0, sign} for possible in signs):
            return sign
    return 0


def _degree_at_most_one(expression: Expression, x: Variable) -> bool:
    from sdekit.calculus.expansion.expand import expand

    terms = expand(expression)
    return all(monomial.core is None for monomial in terms) and all(
        not base.depends_on(x) or (base == x and exponent == 1)
        for monomial in terms
        for base, exponent in monomial.factors
    )
