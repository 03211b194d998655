r"""Shifts and scales of a block that may free an energy of everything outside it.

$\int e^{-f((X - m)/s)}dX = s^d\int e^{-f(Y)}dY$: if X = m + Y or X = s Y leaves no outside variable
in the energy, the integral is known up to a constant whatever the shape f. Candidates are read off
the energy; a wrong one does no harm, because the energy is looked at again after the change of
variables. Not for the integral itself (`integrals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import (
    Factor,
    Monomial,
    Terms,
    TooLarge,
    as_expression,
    divided,
)
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted
from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import (
    Expression,
    Inverse,
    MatMul,
    Negation,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.integrals.quadratic import split_by

#: Candidates beyond these are not worth the time.
_MOST_CANDIDATES = 4


def abstraction(
    x: Variable, terms: Terms, outside: frozenset[Variable]
) -> tuple[Expression, dict[Variable, Expression]] | None:
    """The energy with every sum of outside variables as one new variable of the same sign.

    Args:
        x: The block to integrate over.
        terms: The terms of Q that hold x.
        outside: The variables that stay.

    Returns:
        The energy and the meaning of the new variables; None if there is nothing to abstract.
    """
    parts = []
    for shape, coefficients in _by_shape(x, terms).items():
        coefficient = as_expression(coefficients)
        parts.append(Product((coefficient, as_expression({Monomial(shape): Fraction(1)}))))
    energy = parts[0] if len(parts) == 1 else Sum(tuple(parts))
    short, meanings = with_outside_sums_named(energy, (x,), outside)
    return (short, dict(meanings)) if meanings else None


def with_outside_sums_named(
    energy: Expression, blocks: Iterable[Variable], outside: Iterable[Variable]
) -> tuple[Expression, dict[Variable, Expression]]:
    """The energy with every sum that outside variables enter, and no block, as one new variable.

    Args:
        energy: Scalar.
        blocks: What is integrated over.
        outside: The variables that stay.

    Returns:
        The shorter energy and the meaning of the new variables, which have the sign of the sum.
    """
    blocks, outside = tuple(blocks), tuple(outside)
    names: dict[Expression, Variable] = {}
    for node in energy.walk():
        if not isinstance(node, Sum) or node.shape or node in names:
            continue
        if any(node.depends_on(x) for x in blocks) or not any(node.depends_on(y) for y in outside):
            continue
        kind = "positive" if entry_signs(node) == POSITIVE else "real"
        names[node] = Variable(f"{INTERNAL}outside_{len(names)}", (), None, Domain(kind))
    if not names:
        return energy, {}
    return substituted(energy, names), {symbol: node for node, symbol in names.items()}


def _by_shape(x: Variable, terms: Terms) -> dict[frozenset[Factor], dict[Monomial, Fraction]]:
    """The terms sorted by the factors that hold x."""
    groups: dict[frozenset[Factor], dict[Monomial, Fraction]] = {}
    for monomial, coefficient in terms.items():
        mine, rest = monomial.parted(x)
        group = groups.setdefault(frozenset(mine), {})
        group[rest] = group.get(rest, Fraction(0)) + coefficient
    return groups


def centres(x: Variable, energy: Expression) -> list[Expression]:
    """Points m that x - m may enter through: centres of inner quadratics, zeros of inner lines."""
    found: dict[Expression, None] = {}
    for node in energy.walk():
        if len(found) == _MOST_CANDIDATES:
            break
        if isinstance(node, Sum) and not node.shape and node.depends_on(x):
            for centre in _centres_of(node, x):
                found.setdefault(centre)
    return list(found)


def _centres_of(node: Sum, x: Variable) -> Iterator[Expression]:
    try:
        split = split_by(expand(node), x)
    except TooLarge:
        return
    linear = as_expression(split.linear)
    if split.other:
        if not x.shape:
            yield from _middle_of_polynomial(node, x)
        return
    if not split.linear:
        return
    if split.hessian and x.ndim <= 1:
        matrix = as_expression(split.hessian)
        if form_signs(matrix) == POSITIVE:
            solved = MatMul(Inverse(matrix), linear) if x.shape else Quotient(linear, matrix)
            yield Negation(solved)
    elif not x.shape and 0 not in entry_signs(linear):
        yield Negation(Quotient(as_expression(split.constant), linear))


def _middle_of_polynomial(node: Sum, x: Variable) -> Iterator[Expression]:
    """-b / (k a) for a x**k + b x**(k-1) + ..., the mean of its roots."""
    powers: dict[Fraction, dict[Monomial, Fraction]] = {}
    for monomial, coefficient in expand(node).items():
        rest = Monomial(frozenset(f for f in monomial.factors if f[0] != x))
        if any(base.depends_on(x) for base, _ in rest.factors):
            return
        exponent = next((e for base, e in monomial.factors if base == x), Fraction(0))
        powers.setdefault(exponent, {})[rest] = coefficient
    degree = max(powers, default=Fraction(0))
    if degree < 2 or degree.denominator != 1 or degree - 1 not in powers:
        return
    top, below = powers[degree], powers[degree - 1]
    if 0 in entry_signs(as_expression(top)):
        return
    if len(top) == 1:
        ((monomial, coefficient),) = top.items()
        yield as_expression(divided(below, monomial, -degree * coefficient))
    else:
        mean = Quotient(as_expression(below), Product((Number(degree), as_expression(top))))
        yield Negation(mean)


def scales(x: Variable, energy: Expression) -> list[Expression]:
    """Positive factors s that x may enter through as x / s, from monomials a x**k inside."""
    found: dict[Expression, None] = {}
    for node in energy.walk():
        if len(found) == _MOST_CANDIDATES:
            break
        if node.shape or not node.depends_on(x) or x.shape or node == x:
            continue
        for scale in _scales_of(node, x):
            found.setdefault(scale)
    return list(found)


def _scales_of(node: Expression, x: Variable) -> Iterator[Expression]:
    try:
        terms = expand(node)
    except TooLarge:
        return
    for monomial, coefficient in terms.items():
        mine, rest = monomial.parted(x)
        if len(mine) != 1 or _degree(mine[0], x) is None:
            continue
        factor = as_expression({rest: abs(coefficient)})
        if entry_signs(factor) == POSITIVE:
            degree = _degree(mine[0], x)
            assert degree is not None
            yield Power(factor, Number(-1 / degree))


def _degree(factor: tuple[Expression, Fraction], x: Variable) -> Fraction | None:
    """k where the factor is x**k or |x|**k."""
    base, exponent = factor
    if base == x:
        return exponent
    is_length = getattr(base, "name", None) == "abs" and base.children == (x,)
    return exponent if is_length else None
