r"""Signs of polynomials in sizes, at all whole numbers n >= 1.

In one size the set of signs is exact: beyond Cauchy's bound $1 + \max|a_i/a_d|$ no root is left. In
several, n = 1 + m is put in: coefficients of one sign decide. Not for states and parameters
(`implied_signs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, comb

from sdekit.declaration.tree.expression import (
    Expression,
    Negation,
    Number,
    Power,
    Product,
    Quotient,
    Size,
    Sum,
)

#: Powers of sizes, by name, and the coefficient of each.
SizePolynomial = Mapping[tuple[tuple[str, int], ...], Fraction]
_UNIT: tuple[tuple[str, int], ...] = ()
#: Sizes are looked at one by one up to here, and polynomials read up to this degree.
_LARGEST = 1000
_DEGREE = 12


def size_polynomial(expression: Expression) -> SizePolynomial | None:
    """The expression as a polynomial in sizes; None if it is none."""
    match expression:
        case Number():
            return {_UNIT: expression.value} if expression.value else {}
        case Size():
            if expression.dim.size is not None:
                return {_UNIT: Fraction(expression.dim.size)}
            return {((expression.dim.name, 1),): Fraction(1)}
        case Negation():
            return _scaled(size_polynomial(expression.operand), Fraction(-1))
        case Quotient(denominator=Number(value=divisor)) if divisor:
            return _scaled(size_polynomial(expression.numerator), 1 / divisor)
        case Power(exponent=Number(value=whole)):
            if whole.denominator == 1 and 0 <= whole <= _DEGREE:
                return _multiplied([size_polynomial(expression.base)] * int(whole))
        case Product():
            return _multiplied([size_polynomial(factor) for factor in expression.factors])
        case Sum():
            found: dict[tuple[tuple[str, int], ...], Fraction] = {}
            for term in map(size_polynomial, expression.terms):
                if term is None:
                    return None
                for powers, c in term.items():
                    found[powers] = found.get(powers, Fraction(0)) + c
            return {powers: c for powers, c in found.items() if c}
    return None


def _scaled(polynomial: SizePolynomial | None, by: Fraction) -> SizePolynomial | None:
    return None if polynomial is None else {powers: by * c for powers, c in polynomial.items()}


def _multiplied(factors: list[SizePolynomial | None]) -> SizePolynomial | None:
    product: dict[tuple[tuple[str, int], ...], Fraction] = {_UNIT: Fraction(1)}
    for factor in factors:
        if factor is None:
            return None
        found: dict[tuple[tuple[str, int], ...], Fraction] = {}
        for left, a in product.items():
            for right, b in factor.items():
                powers = dict(left)
                for name, k in right:
                    powers[name] = powers.get(name, 0) + k
                if sum(powers.values()) > _DEGREE:
                    return None
                key = tuple(sorted(powers.items()))
                found[key] = found.get(key, Fraction(0)) + a * b
        product = {powers: c for powers, c in found.items() if c}
    return product


def size_signs(polynomial: SizePolynomial) -> frozenset[int] | None:
    """The signs that a polynomial takes at sizes n >= 1; None if that is not known.

    Args:
        polynomial: In any number of sizes.

    Returns:
        A set that holds every sign; of a polynomial in one size exactly the signs.

    Example:
        >>> sorted(size_signs({(("n", 1),): Fraction(1), (): Fraction(-1)}))
        [0, 1]

    Checked by: tests/calculus/signs/test_size_signs.py.
    """
    names = {name for powers in polynomial for name, _ in powers}
    if len(names) <= 1:
        return _exact_signs(polynomial)
    shifted = _shifted(polynomial)
    signs = {_sign(c) for c in shifted.values()}
    if len(signs) > 1:
        return None
    return frozenset(signs) if shifted.get(_UNIT) else frozenset(signs | {0})


def sizes_of_sign(polynomial: SizePolynomial, signs: frozenset[int]) -> list[int] | None:
    """The sizes below Cauchy's bound where a polynomial in one size has one of the signs."""
    bound = _beyond_roots(polynomial)
    if bound is None:
        return None
    return [n for n in range(1, bound + 1) if _sign(_value(polynomial, n)) in signs]


def _exact_signs(polynomial: SizePolynomial) -> frozenset[int] | None:
    bound = _beyond_roots(polynomial)
    if bound is None:
        return None
    return frozenset(_sign(_value(polynomial, n)) for n in range(1, bound + 1))


def _beyond_roots(polynomial: SizePolynomial) -> int | None:
    """A size from which on the sign does not change; None if it is too large to go there."""
    if not polynomial:
        return 1
    degrees = {sum(k for _, k in powers): c for powers, c in polynomial.items()}
    leading = degrees[max(degrees)]
    bound = ceil(1 + max(abs(c / leading) for c in degrees.values()))
    return bound if bound <= _LARGEST else None


def _value(polynomial: SizePolynomial, n: int) -> Fraction:
    return sum((c * n ** sum(k for _, k in p) for p, c in polynomial.items()), Fraction(0))


def _shifted(polynomial: SizePolynomial) -> dict[tuple[tuple[str, int], ...], Fraction]:
    """The polynomial in m, n = 1 + m for every size n."""
    found: dict[tuple[tuple[str, int], ...], Fraction] = {}
    for powers, c in polynomial.items():
        parts: dict[tuple[tuple[str, int], ...], Fraction] = {_UNIT: c}
        for name, k in powers:
            parts = {
                (*p, *(((name, j),) if j else ())): a * comb(k, j)
                for p, a in parts.items()
                for j in range(k + 1)
            }
        for p, a in parts.items():
            found[p] = found.get(p, Fraction(0)) + a
    return {p: a for p, a in found.items() if a}


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)
