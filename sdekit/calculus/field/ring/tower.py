"""A differential field that grows while expressions are read: generators, derivations, zero test.

An element is a Laurent polynomial in numbered generators (`generators.py`). Denominators that are
not monomials are generators of their own with negative exponents, so that sums need no common
denominator; only `cleared` brings one about, and only if the zero test needs it.

Soundness: every rewriting is an identity wherever all kernels are defined, so an element whose
normal form is zero is zero there. Completeness is not claimed: generators may depend on each other
in ways that are not known here, so an element with a non-zero normal form may still be zero.

Not for reading SymPy (`reading.py`); kernels are built in `kernels.py`, factors in `factors.py`.

Notation: d_i is the derivative along coordinate i.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy as sp

from sdekit.calculus.field.ring import clearing
from sdekit.calculus.field.ring import element_factors as factors
from sdekit.calculus.field.ring.generators import Coordinate, Generator
from sdekit.calculus.field.ring.polynomial import ZERO, Polynomial, total
from sdekit.calculus.field.ring.transcendentals import Sine
from sdekit.calculus.limits import tick
from sdekit.declaration.model.sympy_types import Expr

#: Scale of each exponential and angle, order of each root, by kind and printed argument.
Scales = dict[tuple[str, Expr], int]


class Tower:
    """Generators in the order in which they were found, and the calculus of their elements.

    Args:
        coordinates: The symbols that derivatives are taken along.
        is_fine: Whether kernels are taken apart as far as possible: polynomials factored,
            exponentials and angles split by monomial, cos and sin made rational. Slower, and
            complete for more expressions. Zero is zero either way.
        scales: Scales found by an earlier tower for the same expressions; it is filled in.

    Attributes:
        assumed: Factors that are assumed to be positive or negative.
    """

    def __init__(
        self,
        coordinates: Sequence[sp.Symbol],
        *,
        is_fine: bool = False,
        scales: Scales | None = None,
    ) -> None:
        self.is_fine = is_fine
        self.scales: Scales = {} if scales is None else scales
        self.generators: list[Generator] = []
        self.assumed: set[Polynomial] = set()
        #: A generator that a finer one of the same kind has replaced, as a power of that one.
        self.replaced: dict[int, Polynomial] = {}
        #: Current generator and scale of each exponential, angle and root, by kind and argument.
        self.atoms: dict[tuple[str, Polynomial], tuple[int, int]] = {}
        self._numbers: dict[Generator, int] = {}
        self._supports: list[frozenset[int]] = []
        self._related: set[int] = set()
        self._derivatives: dict[tuple[int, int], Polynomial] = {}
        self._gradients: dict[Polynomial, dict[int, Polynomial]] = {}
        self._expressions: dict[int, Expr] = {}
        self._signs: dict[Polynomial, Polynomial] = {}
        self.coordinates = tuple(coordinates)
        for place, symbol in enumerate(coordinates):
            self.number_of(Coordinate(symbol, place))

    # Generators

    def number_of(self, generator: Generator) -> int:
        """The number of a generator, new or known."""
        number = self._numbers.get(generator)
        if number is None:
            # Its support first: it may find generators that this one is built of.
            support = generator.support(self)
            if generator.order():
                generator.power(self)
                self._related.add(len(self.generators))
            number = self._numbers[generator] = len(self.generators)
            self.generators.append(generator)
            self._supports.append(support)
        return number

    def element(self, generator: Generator) -> Polynomial:
        """A generator as an element."""
        return Polynomial.generator(self.number_of(generator))

    def support(self, polynomial: Polynomial) -> frozenset[int]:
        """The coordinates that an element may depend on."""
        return frozenset().union(*(self._supports[g] for g in polynomial.generators()))

    def replace(self, number: int, power: Polynomial) -> None:
        """Write a generator as a power of another from now on."""
        self.replaced[number] = power
        self._related.add(number)

    # Derivations

    def gradient(
        self, polynomial: Polynomial, wanted: Iterable[int] | None = None
    ) -> dict[int, Polynomial]:
        """d_i of an element by the chain rule, for the wanted coordinates (all by default).

        Returns:
            Coordinate -> derivative, without those that vanish.
        """
        places = self.support(polynomial) if wanted is None else frozenset(wanted)
        moving = {g for g in polynomial.generators() if not places.isdisjoint(self._supports[g])}
        parts: dict[int, list[Polynomial]] = {}
        for generator, partial in polynomial.partial_derivatives(moving).items():
            tick()
            for place in places & self._supports[generator]:
                slope = self._derivative_of_generator(generator, place)
                if slope:
                    parts.setdefault(place, []).append(partial * slope)
        sums = {place: total(terms) for place, terms in parts.items()}
        return {place: derivative for place, derivative in sums.items() if derivative}

    def derivative(self, polynomial: Polynomial, coordinate: int) -> Polynomial:
        """d_i of an element."""
        return self.gradient(polynomial, (coordinate,)).get(coordinate, ZERO)

    def slope(self, argument: Polynomial, coordinate: int) -> Polynomial:
        """d_i of the argument of a generator: all of them at once, and remembered.

        One at a time would go through a long argument once for every coordinate.
        """
        known = self._gradients.get(argument)
        if known is None:
            known = self._gradients[argument] = self.gradient(argument)
        return known.get(coordinate, ZERO)

    def _derivative_of_generator(self, number: int, place: int) -> Polynomial:
        known = self._derivatives.get((number, place))
        if known is None:
            own = Polynomial.generator(number)
            known = self.generators[number].derivative(self, own, place)
            self._derivatives[number, place] = known
        return known

    # Normal form

    def reduced(self, polynomial: Polynomial) -> Polynomial:
        """The element with the algebraic relations g^order = ... used up; cheap, not canonical."""
        while True:
            open_generators = {
                generator
                for monomial in polynomial.terms
                for generator, exponent in monomial
                if generator in self._related and self._is_reducible(generator, exponent)
            }
            if not open_generators:
                return polynomial
            polynomial = self._lowered(polynomial, max(open_generators))

    def _is_reducible(self, generator: int, exponent: int) -> bool:
        if generator in self.replaced:
            return True
        # 1/sin stays: 1 - cos^2 would be a denominator that does not cancel against sin.
        if isinstance(self.generators[generator], Sine):
            return exponent >= 2
        return not 0 <= exponent < self.generators[generator].order()

    def _lowered(self, polynomial: Polynomial, generator: int) -> Polynomial:
        replacement = self.replaced.get(generator)
        order = 1 if replacement is not None else self.generators[generator].order()
        power = replacement if replacement is not None else self.generators[generator].power(self)
        keeps_negative = replacement is None and isinstance(self.generators[generator], Sine)
        terms = []
        for exponent, part in polynomial.degree_parts(generator).items():
            times, rest = divmod(exponent, order)
            if keeps_negative and exponent < 0:
                times, rest = 0, exponent
            own = Polynomial.generator(generator, rest) if rest else Polynomial.number(1)
            factor = power**times if times >= 0 else self.inverse(power) ** -times
            terms.append(part * own * factor)
        return total(terms)

    def divided(self, polynomial: Polynomial) -> Polynomial:
        """The element with numerators divided by single denominators; cheap, not canonical."""
        return clearing.divided(self, polynomial)

    def cleared(self, polynomial: Polynomial) -> Polynomial:
        """A non-zero multiple of the element without denominators; it may be very large."""
        return clearing.cleared(self, polynomial)

    def is_zero(self, polynomial: Polynomial) -> bool:
        """Whether the normal form is zero, which proves that the element is.

        Raises:
            BudgetExceeded: If the time granted is over, or the normal form is too large.
        """
        reduced = self.reduced(polynomial)
        if not reduced:
            return True
        divided = self.divided(reduced)
        return not divided or not self.cleared(divided)

    # Division and order

    def inverse(self, polynomial: Polynomial) -> Polynomial:
        """1 / element, a single term.

        Raises:
            Unsupported: If the element is zero.
        """
        return factors.inverse(self, polynomial)

    def sign(self, polynomial: Polynomial) -> Polynomial:
        """sign(element): 1, -1 or a product of sign generators."""
        return factors.sign(self, polynomial)

    def absolute(self, polynomial: Polynomial) -> Polynomial:
        """|element|."""
        return self.sign(polynomial) * polynomial

    def sign_of_atom(self, polynomial: Polynomial) -> Polynomial:
        """sign of an element that is not taken apart further; remembered."""
        known = self._signs.get(polynomial)
        if known is None:
            known = self._signs[polynomial] = factors.sign_of_atom(self, polynomial)
        return known

    def assume_positive(self, polynomial: Polynomial) -> None:
        """Use from now on that an element is positive; products of unknown signs are not used."""
        content, monomial, found = factors.split(self, polynomial)
        atoms = [(Polynomial.generator(number), exponent) for number, exponent in monomial]
        atoms += found
        if len(atoms) == 1 and atoms[0][1] % 2:
            self._signs[atoms[0][0]] = Polynomial.number(1 if content > 0 else -1)
            self.assumed.add(atoms[0][0])

    # Printing

    def expression(self, polynomial: Polynomial) -> Expr:
        """The element in SymPy, term by term."""
        terms = []
        for monomial, c in polynomial:
            tick()
            powers = [self._printed(generator) ** exponent for generator, exponent in monomial]
            terms.append(sp.Mul(sp.Rational(int(c.p), int(c.q)), *powers))
        return sp.Add(*terms)

    def _printed(self, generator: int) -> Expr:
        known = self._expressions.get(generator)
        if known is None:
            known = self._expressions[generator] = self.generators[generator].expression(self)
        return known
