"""What the generators of a differential field stand for, and how each is differentiated.

Here: symbols, jets of unknown functions, and what is algebraic over earlier elements (sign, root, a
named polynomial). The tower keeps one number for each distinct generator.

Not for exp, log, cos and their kin (`transcendentals.py`), not for reading expressions
(`reading.py`), not for arithmetic (`polynomial.py`).

Notation: g is the generator, a its argument, d_i the derivative along coordinate i.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import sympy as sp
from flint import fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.ring.partials import JetOf
from sdekit.calculus.field.ring.polynomial import ONE, ZERO, Polynomial
from sdekit.declaration.model.sympy_types import Expr


class Ring(Protocol):
    """What generators and factors need from the tower that they live in: see `Tower`."""

    is_fine: bool
    generators: list[Generator]
    assumed: set[Polynomial]

    def reduced(self, polynomial: Polynomial) -> Polynomial:
        """The element with the algebraic relations used up."""
        ...

    def element(self, generator: Generator) -> Polynomial:
        """A generator as an element."""
        ...

    def replace(self, number: int, power: Polynomial) -> None:
        """Write a generator as a power of another from now on."""
        ...

    def sign_of_atom(self, polynomial: Polynomial) -> Polynomial:
        """sign of an element that is not taken apart further."""
        ...

    def slope(self, argument: Polynomial, coordinate: int) -> Polynomial:
        """d_i of the argument of a generator."""
        ...

    def inverse(self, polynomial: Polynomial) -> Polynomial:
        """1 / element."""
        ...

    def absolute(self, polynomial: Polynomial) -> Polynomial:
        """|element|."""
        ...

    def number_of(self, generator: Generator) -> int:
        """The number of a generator, new or known."""
        ...

    def support(self, polynomial: Polynomial) -> frozenset[int]:
        """The coordinates that an element may depend on."""
        ...

    def expression(self, polynomial: Polynomial) -> Expr:
        """The element in SymPy."""
        ...


class Generator(ABC):
    """One generator; equal generators have equal data.

    Class attributes:
        is_positive: Whether g > 0 wherever it is defined.
    """

    is_positive: bool = False

    @abstractmethod
    def support(self, ring: Ring) -> frozenset[int]:
        """The coordinates that g may depend on."""

    @abstractmethod
    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        """d_i g, where `own` is g as an element."""

    @abstractmethod
    def expression(self, ring: Ring) -> Expr:
        """The generator in SymPy."""

    def inner(self) -> tuple[Polynomial, ...]:
        """The elements that g is a function of."""
        return ()

    def order(self) -> int:
        """The power of g that `power` rewrites; 0 when g satisfies no algebraic relation."""
        return 0

    def power(self, ring: Ring) -> Polynomial:
        """g to its order, in earlier generators."""
        raise NotImplementedError


@dataclass(frozen=True)
class Coordinate(Generator):
    """A coordinate of the state."""

    symbol: sp.Symbol
    place: int

    def support(self, ring: Ring) -> frozenset[int]:
        return frozenset((self.place,))

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        return ONE if coordinate == self.place else ZERO

    def expression(self, ring: Ring) -> Expr:
        return self.symbol


@dataclass(frozen=True)
class Constant(Generator):
    """A parameter, or a number such as pi that is treated as independent of all others."""

    symbol: Expr

    def support(self, ring: Ring) -> frozenset[int]:
        return frozenset()

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        return ZERO

    def expression(self, ring: Ring) -> Expr:
        return self.symbol


class UnknownFunction:
    """An unknown function at given arguments; one object for each, compared by identity.

    Args:
        call: The function at its arguments in SymPy.
        elements: The arguments as elements.
        supports: The coordinates that each argument may depend on.
    """

    def __init__(
        self,
        call: AppliedUndef,
        elements: tuple[Polynomial, ...],
        supports: tuple[frozenset[int], ...],
    ) -> None:
        self.call = call
        self.elements = elements
        self.support = frozenset().union(*supports)
        #: Coordinate -> places of the arguments that may depend on it.
        self.places: dict[int, list[int]] = {}
        for place, support in enumerate(supports):
            for coordinate in support:
                self.places.setdefault(coordinate, []).append(place)


@dataclass(frozen=True)
class Jet(Generator):
    """A partial derivative of an unknown function; places as in `jets.JetOf`."""

    function: UnknownFunction
    places: tuple[int, ...]

    def inner(self) -> tuple[Polynomial, ...]:
        return self.function.elements

    def support(self, ring: Ring) -> frozenset[int]:
        return self.function.support

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        result = ZERO
        for place in self.function.places.get(coordinate, ()):
            raised = Jet(self.function, tuple(sorted((*self.places, place))))
            slope = ring.slope(self.function.elements[place], coordinate)
            result = result + Polynomial.generator(ring.number_of(raised)) * slope
        return result

    def expression(self, ring: Ring) -> Expr:
        return JetOf(self.function.call, self.places).expression()


@dataclass(frozen=True)
class Named(Generator):
    """A polynomial in earlier generators that is kept as one symbol, mostly a denominator."""

    definition: Polynomial

    def inner(self) -> tuple[Polynomial, ...]:
        return (self.definition,)

    def support(self, ring: Ring) -> frozenset[int]:
        return ring.support(self.definition)

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        return ring.slope(self.definition, coordinate)

    def expression(self, ring: Ring) -> Expr:
        return ring.expression(self.definition)


@dataclass(frozen=True)
class FunctionOf(Generator):
    """A function g(a) of one earlier element.

    Attributes:
        argument: a.
    """

    argument: Polynomial

    def inner(self) -> tuple[Polynomial, ...]:
        return (self.argument,)

    def support(self, ring: Ring) -> frozenset[int]:
        return ring.support(self.argument)


@dataclass(frozen=True)
class Sign(FunctionOf):
    """sign(a), a constant on each side of a = 0; g^2 = 1."""

    def support(self, ring: Ring) -> frozenset[int]:
        return frozenset()

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        return ZERO

    def expression(self, ring: Ring) -> Expr:
        return sp.sign(ring.expression(self.argument))

    def order(self) -> int:
        return 2

    def power(self, ring: Ring) -> Polynomial:
        return ONE


@dataclass(frozen=True)
class Root(FunctionOf):
    """|a|^(1/degree), with g^degree = |a|; d_i g = g d_i a / (degree a)."""

    degree: int
    is_positive = True

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        slope = ring.slope(self.argument, coordinate)
        if not slope:
            return ZERO
        return own * slope.scaled(fmpq(1, self.degree)) * ring.inverse(self.argument)

    def expression(self, ring: Ring) -> Expr:
        return ring.expression(ring.absolute(self.argument)) ** sp.Rational(1, self.degree)

    def order(self) -> int:
        return self.degree

    def power(self, ring: Ring) -> Polynomial:
        return ring.absolute(self.argument)
