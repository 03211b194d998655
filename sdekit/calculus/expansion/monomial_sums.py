"""Sums of monomials: rational coefficient, scalar factors with rational powers, one tensor core.

The data that `expansion` produces, and the way back to an expression. Not for expanding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from sdekit.declaration.tree.expression import (
    Expression,
    Negation,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable

#: An expansion with more monomials than this is given up.
LARGEST_EXPANSION = 600


class TooLarge(Exception):
    """The expansion has more monomials than `LARGEST_EXPANSION`."""


#: A scalar and the power of it.
Factor = tuple[Expression, Fraction]


@dataclass(frozen=True)
class Monomial:
    """A product of powers of scalars, times a tensor core (None for a scalar)."""

    factors: frozenset[Factor] = frozenset()
    core: Expression | None = None

    def parted(self, x: Variable) -> tuple[tuple[Factor, ...], Monomial]:
        """The factors that hold a variable, and the monomial of what is left."""
        mine = tuple(factor for factor in self.factors if factor[0].depends_on(x))
        return mine, Monomial(self.factors - frozenset(mine), self.core)


Terms = Mapping[Monomial, Fraction]
UNIT = Monomial()


def total(parts: Iterable[Terms]) -> dict[Monomial, Fraction]:
    """The sum of expansions, without zero coefficients."""
    found: dict[Monomial, Fraction] = {}
    for terms in parts:
        for monomial, coefficient in terms.items():
            value = found.get(monomial, Fraction(0)) + coefficient
            if value:
                found[monomial] = value
            else:
                found.pop(monomial, None)
    if len(found) > LARGEST_EXPANSION:
        raise TooLarge
    return found


def scaled(terms: Terms, by: Fraction) -> Terms:
    """by * terms."""
    return {m: by * c for m, c in terms.items()} if by else {}


def merged(left: frozenset[Factor], right: frozenset[Factor]) -> frozenset[Factor]:
    """The factors of a product."""
    powers = dict(left)
    for base, exponent in right:
        powers[base] = powers.get(base, Fraction(0)) + exponent
    return frozenset((b, e) for b, e in powers.items() if e)


def divided(terms: Terms, by: Monomial, coefficient: Fraction) -> dict[Monomial, Fraction]:
    """terms / (coefficient * by), monomial by monomial."""
    inverse = frozenset((base, -exponent) for base, exponent in by.factors)
    return {Monomial(merged(m.factors, inverse), m.core): c / coefficient for m, c in terms.items()}


def content(terms: Terms) -> Fraction:
    """The largest positive rational that leaves whole coefficients without a common factor."""
    top = gcd(*(abs(c.numerator) for c in terms.values()))
    return Fraction(top, lcm(*(c.denominator for c in terms.values())))


def as_expression(terms: Terms) -> Expression:
    """The expansion as an expression, its terms in a fixed order, positive ones first."""
    if not terms:
        return ZERO
    ordered = sorted(terms.items(), key=lambda item: (item[1] < 0, _sort_key(item[0])))
    first = _term_expression(*ordered[0])
    rest = [_signed(m, c) for m, c in ordered[1:]]
    return Sum((first, *rest)) if rest else first


def _signed(monomial: Monomial, coefficient: Fraction) -> Expression:
    term = _term_expression(monomial, abs(coefficient))
    return term if coefficient > 0 else Negation(term)


def _sort_key(monomial: Monomial) -> tuple[int, str]:
    names = sorted(repr(base) for base, _ in monomial.factors)
    return len(names), " ".join([*names, repr(monomial.core)])


def _term_expression(monomial: Monomial, coefficient: Fraction) -> Expression:
    """coefficient * factors * core, with negative powers as a quotient."""
    ordered = sorted(monomial.factors, key=lambda f: (repr(f[0]), f[1]))
    above = [_factor_expression(b, e) for b, e in ordered if e > 0]
    below = [_factor_expression(b, -e) for b, e in ordered if e < 0]
    if abs(coefficient.numerator) != 1 or (not above and monomial.core is None):
        above.insert(0, Number(Fraction(abs(coefficient.numerator))))
    if coefficient.denominator != 1:
        below.insert(0, Number(Fraction(coefficient.denominator)))
    if monomial.core is not None:
        above.append(monomial.core)
    if coefficient < 0:
        first = above[0]
        above[0] = Number(-first.value) if isinstance(first, Number) else Negation(first)
    product = above[0] if len(above) == 1 else Product(tuple(above))
    if not below:
        return product
    denominator = below[0] if len(below) == 1 else Product(tuple(below))
    if isinstance(product, Number) and isinstance(denominator, Number):
        return Number(product.value / denominator.value)
    return Quotient(product, denominator)


def _factor_expression(base: Expression, exponent: Fraction) -> Expression:
    return base if exponent == 1 else Power(base, Number(exponent))
