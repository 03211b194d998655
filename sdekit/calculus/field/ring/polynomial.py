"""Sparse Laurent polynomials over the rationals, in generators that are numbered as they come.

For the differential field: a few terms in very many generators (a thermostat with 500 components
has 1,500 of them), so a monomial lists only the generators that occur. Large products and all
factoring are done by FLINT, in a ring of just the generators at hand.

Not for what a generator means: derivations and relations are the tower's (`tower.py`).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import reduce
from math import gcd, lcm

from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from sdekit.calculus.field.ring.monomials import (
    UNIT,
    Monomial,
    lexicographic,
    multiply_monomials,
    power_of_monomial,
)
from sdekit.calculus.limits import BudgetExceeded, tick

ZERO_NUMBER = fmpq(0)
ONE_NUMBER = fmpq(1)

#: FLINT is faster, conversions included, for this many term products in so few generators.
_FLINT_PRODUCTS = 20_000
_FLINT_GENERATORS = 12
#: A product of more terms than this is not formed: memory, not time, would run out.
_MOST_PRODUCTS = 1_000_000
#: Nor is a power with more bits than this.
_MOST_BITS = 1_000_000
#: FLINT calls cannot be stopped, so larger inputs are not factored. Total degree, and terms.
_FACTOR_DEGREE = 60
_FACTOR_TERMS = 200


def power_of_number(number: fmpq, exponent: int) -> fmpq:
    """A non-zero number to an integer power.

    Raises:
        BudgetExceeded: If the power has so many digits that it would fill the memory.
    """
    bits = max(number.p.bit_length(), number.q.bit_length())
    if abs(number) != 1 and bits * abs(exponent) > _MOST_BITS:
        raise BudgetExceeded(f"a number to the power {exponent} is too large")
    return number**exponent


class Polynomial:
    """An immutable Laurent polynomial; equal and hashable by its terms.

    Attributes:
        terms: Monomial -> non-zero rational coefficient. Not to be changed.
    """

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: dict[Monomial, fmpq]) -> None:
        self.terms = terms
        self._hash: int | None = None

    @staticmethod
    def number(value: int | fmpq) -> Polynomial:
        """A constant."""
        value = fmpq(value)
        return Polynomial({UNIT: value} if value else {})

    @staticmethod
    def generator(index: int, exponent: int = 1) -> Polynomial:
        """A power of one generator."""
        return Polynomial({((index, exponent),): ONE_NUMBER})

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __len__(self) -> int:
        return len(self.terms)

    def __iter__(self) -> Iterator[tuple[Monomial, fmpq]]:
        return iter(self.terms.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.terms == other.terms

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"Polynomial({self.terms})"

    def __neg__(self) -> Polynomial:
        return Polynomial({monomial: -c for monomial, c in self.terms.items()})

    def __add__(self, other: Polynomial) -> Polynomial:
        if len(self) < len(other):
            self, other = other, self
        return total((self, other)) if other else self

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + -other

    def __mul__(self, other: Polynomial) -> Polynomial:
        if len(self) > len(other):
            self, other = other, self
        if not self.terms:
            return self
        products = len(self) * len(other)
        if products > _MOST_PRODUCTS:
            raise BudgetExceeded(f"a product of {products} terms is too large")
        if len(self) == 1:
            ((monomial, c),) = self.terms.items()
            return other.shifted(monomial, c)
        if products > _FLINT_PRODUCTS and len(self.generators() | other.generators()) <= (
            _FLINT_GENERATORS
        ):
            return _flint_product(self, other)
        terms: dict[Monomial, fmpq] = {}
        for monomial, c in self.terms.items():
            tick(len(other))
            for other_monomial, d in other.terms.items():
                product = multiply_monomials(monomial, other_monomial)
                terms[product] = terms.get(product, ZERO_NUMBER) + c * d
        return Polynomial({monomial: c for monomial, c in terms.items() if c})

    def __pow__(self, exponent: int) -> Polynomial:
        if exponent < 0 and len(self) != 1:
            raise ValueError("only a monomial has a negative power here")
        if len(self) == 1:
            ((monomial, c),) = self.terms.items()
            coefficient = power_of_number(c, exponent)
            return Polynomial({power_of_monomial(monomial, exponent): coefficient})
        result, base = Polynomial.number(1), self
        while exponent:
            if exponent & 1:
                result = result * base
            exponent >>= 1
            if exponent:
                base = base * base
        return result

    def shifted(self, monomial: Monomial, factor: fmpq = ONE_NUMBER) -> Polynomial:
        """The product with one term."""
        if not monomial:
            return self if factor == 1 else self.scaled(factor)
        tick(len(self))
        return Polynomial(
            {multiply_monomials(monomial, own): c * factor for own, c in self.terms.items()}
        )

    def scaled(self, factor: int | fmpq) -> Polynomial:
        """The product with a non-zero number."""
        return Polynomial({monomial: c * factor for monomial, c in self.terms.items()})

    def constant(self) -> fmpq | None:
        """The value of a constant polynomial, None for others."""
        if not self.terms:
            return ZERO_NUMBER
        return self.terms.get(UNIT) if len(self) == 1 else None

    def generators(self) -> set[int]:
        """The generators that occur."""
        return {generator for monomial in self.terms for generator, _ in monomial}

    def partial_derivatives(self, wanted: Container[int]) -> dict[int, Polynomial]:
        """d/dg for every wanted generator g that occurs, as if all were independent."""
        tick(len(self))
        parts: dict[int, dict[Monomial, fmpq]] = {}
        for monomial, c in self.terms.items():
            for place, (generator, exponent) in enumerate(monomial):
                if generator not in wanted:
                    continue
                lowered = ((generator, exponent - 1),) if exponent != 1 else ()
                rest = monomial[:place] + lowered + monomial[place + 1 :]
                parts.setdefault(generator, {})[rest] = c * exponent
        return {generator: Polynomial(terms) for generator, terms in parts.items()}

    def common_monomial(self) -> Monomial:
        """The monomial m with the largest exponents such that this / m has none below zero."""
        lowest: dict[int, int] = {}
        for count, monomial in enumerate(self.terms):
            exponents = dict(monomial)
            for generator in lowest.keys() | exponents.keys():
                before = lowest.get(generator, 0 if count else exponents.get(generator, 0))
                lowest[generator] = min(before, exponents.get(generator, 0))
        return tuple(sorted((g, e) for g, e in lowest.items() if e))

    def content(self) -> fmpq:
        """The number c for which this / c has coprime integers, the leading one positive."""
        if not self.terms:
            return ONE_NUMBER
        numerator = reduce(gcd, (int(c.p) for c in self.terms.values()), 0)
        denominator = reduce(lcm, (int(c.q) for c in self.terms.values()))
        leading = self.terms[max(self.terms, key=lexicographic)]
        return fmpq(numerator if leading > 0 else -numerator, denominator)

    def degree_parts(self, generator: int) -> dict[int, Polynomial]:
        """Exponent of the generator -> what multiplies that power."""
        tick(len(self))
        parts: dict[int, dict[Monomial, fmpq]] = {}
        for monomial, c in self.terms.items():
            exponent, rest = 0, monomial
            for place, (own, e) in enumerate(monomial):
                if own == generator:
                    exponent, rest = e, monomial[:place] + monomial[place + 1 :]
                    break
            parts.setdefault(exponent, {})[rest] = c
        return {exponent: Polynomial(terms) for exponent, terms in parts.items()}


ZERO = Polynomial({})
ONE = Polynomial.number(1)


def total(polynomials: Iterable[Polynomial]) -> Polynomial:
    """The sum of any number of polynomials, in time linear in their terms."""
    terms: dict[Monomial, fmpq] = {}
    for polynomial in polynomials:
        tick(len(polynomial))
        if not terms:
            terms = dict(polynomial.terms)
            continue
        for monomial, c in polynomial.terms.items():
            value = terms.get(monomial, ZERO_NUMBER) + c
            if value:
                terms[monomial] = value
            else:
                del terms[monomial]
    return Polynomial(terms)


def _ring(size: int) -> fmpq_mpoly_ctx:
    return fmpq_mpoly_ctx.get([f"g{i}" for i in range(size)], Ordering.lex)


def _to_flint(polynomial: Polynomial, places: Mapping[int, int]) -> fmpq_mpoly:
    """The polynomial, without negative exponents, in the ring of the given generators."""
    dense = {}
    for monomial, c in polynomial.terms.items():
        exponents = [0] * len(places)
        for generator, exponent in monomial:
            exponents[places[generator]] = exponent
        dense[tuple(exponents)] = c
    return _ring(len(places)).from_dict(dense)


def _from_flint(polynomial: fmpq_mpoly, generators: list[int]) -> Polynomial:
    terms = {}
    for exponents, c in polynomial.to_dict().items():
        tick()
        monomial = tuple((g, int(e)) for g, e in zip(generators, exponents, strict=True) if e)
        terms[monomial] = c
    return Polynomial(terms)


def _flint_product(a: Polynomial, b: Polynomial) -> Polynomial:
    tick()
    shift_a, shift_b = a.common_monomial(), b.common_monomial()
    a, b = a.shifted(power_of_monomial(shift_a, -1)), b.shifted(power_of_monomial(shift_b, -1))
    generators = sorted(a.generators() | b.generators())
    places = {generator: place for place, generator in enumerate(generators)}
    product = _from_flint(_to_flint(a, places) * _to_flint(b, places), generators)
    return product.shifted(multiply_monomials(shift_a, shift_b))


def irreducible_factors(polynomial: Polynomial) -> list[tuple[Polynomial, int]]:
    """Irreducible factors over the rationals, up to a number.

    Args:
        polynomial: Without negative exponents, not zero.

    Returns:
        (factor, multiplicity); a polynomial too large for a call that cannot be stopped is given
        back as its own only factor, which costs completeness of the zero test, not soundness.
    """
    degree = max(sum(e for _, e in monomial) for monomial in polynomial.terms)
    if degree > _FACTOR_DEGREE or len(polynomial) > _FACTOR_TERMS:
        return [(polynomial, 1)]
    generators = sorted(polynomial.generators())
    places = {generator: place for place, generator in enumerate(generators)}
    _, factors = _to_flint(polynomial, places).factor()
    return [(_from_flint(factor, generators), int(e)) for factor, e in factors]
