"""Monomials in numbered generators: products, powers, order.

Not for sums of them (`polynomial.py`).
"""

from __future__ import annotations

#: ((generator, exponent), ...), sorted by generator; exponents are non-zero, may be negative.
Monomial = tuple[tuple[int, int], ...]

UNIT: Monomial = ()


def multiply_monomials(a: Monomial, b: Monomial) -> Monomial:
    """The product of two monomials."""
    if not a:
        return b
    if not b:
        return a
    if a[-1][0] < b[0][0]:
        return a + b
    if b[-1][0] < a[0][0]:
        return b + a
    exponents = dict(a)
    for generator, exponent in b:
        total = exponents.get(generator, 0) + exponent
        if total:
            exponents[generator] = total
        else:
            del exponents[generator]
    return tuple(sorted(exponents.items()))


def power_of_monomial(monomial: Monomial, exponent: int) -> Monomial:
    """The monomial to an integer power."""
    return tuple((generator, e * exponent) for generator, e in monomial) if exponent else UNIT


def lexicographic(monomial: Monomial) -> Monomial:
    """Key of a multiplicative order, so that a product's leading term is the factors' product."""
    return tuple((-generator, exponent) for generator, exponent in monomial)
