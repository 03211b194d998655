"""Generators that are transcendental functions of earlier elements, with their derivatives.

exp, log, cos and sin (or the tangent of the half angle), and functions of which only the derivative
is known.

Not for bringing kernels to few generators (`kernels.py`).

Notation: g is the generator, a its argument, d_i the derivative along coordinate i.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import sympy as sp
from flint import fmpq

from sdekit.calculus.field.ring.generators import FunctionOf, Ring
from sdekit.calculus.field.ring.polynomial import ONE, ZERO, Polynomial
from sdekit.declaration.model.sympy_types import Expr


@dataclass(frozen=True)
class Exponential(FunctionOf):
    """exp(a / scale); d_i g = g d_i a / scale."""

    scale: int
    is_positive = True

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        return own * ring.slope(self.argument, coordinate).scaled(fmpq(1, self.scale))

    def expression(self, ring: Ring) -> Expr:
        return sp.exp(ring.expression(self.argument) / self.scale)


@dataclass(frozen=True)
class Logarithm(FunctionOf):
    """log|a|; d_i g = d_i a / a."""

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        slope = ring.slope(self.argument, coordinate)
        return slope * ring.inverse(self.argument) if slope else ZERO

    def expression(self, ring: Ring) -> Expr:
        return sp.log(ring.expression(ring.absolute(self.argument)))


@dataclass(frozen=True)
class Cosine(FunctionOf):
    """cos(a / scale); d_i g = -sin(a / scale) d_i a / scale."""

    scale: int

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        sine = Polynomial.generator(ring.number_of(Sine(self.argument, self.scale)))
        return sine * ring.slope(self.argument, coordinate).scaled(fmpq(-1, self.scale))

    def expression(self, ring: Ring) -> Expr:
        return sp.cos(ring.expression(self.argument) / self.scale)


@dataclass(frozen=True)
class Sine(FunctionOf):
    """sin(a / scale), with g^2 = 1 - cos^2; its cosine must be the earlier generator."""

    scale: int

    def cosine(self, ring: Ring) -> Polynomial:
        """The cosine of the same angle."""
        return Polynomial.generator(ring.number_of(Cosine(self.argument, self.scale)))

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        slope = ring.slope(self.argument, coordinate).scaled(fmpq(1, self.scale))
        return self.cosine(ring) * slope

    def expression(self, ring: Ring) -> Expr:
        return sp.sin(ring.expression(self.argument) / self.scale)

    def order(self) -> int:
        return 2

    def power(self, ring: Ring) -> Polynomial:
        return ONE - self.cosine(ring) ** 2


@dataclass(frozen=True)
class HalfTangent(FunctionOf):
    """tan(a / (2 scale)), which makes cos and sin rational; d_i g = (1 + g^2) d_i a / (2 scale)."""

    scale: int

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        slope = ring.slope(self.argument, coordinate).scaled(fmpq(1, 2 * self.scale))
        return (ONE + own**2) * slope

    def expression(self, ring: Ring) -> Expr:
        return sp.tan(ring.expression(self.argument) / (2 * self.scale))


@dataclass(frozen=True)
class Primitive(FunctionOf):
    """A function f(a) of which only the derivative is used; d_i g = f'(a) d_i a.

    Attributes:
        name: The function.
        value: f(a) in SymPy.
        slope: Gives f'(a) as an element; asked for only when it is needed.
    """

    name: str
    value: Expr = field(compare=False)
    slope: Callable[[], Polynomial] = field(compare=False)

    def derivative(self, ring: Ring, own: Polynomial, coordinate: int) -> Polynomial:
        inner = ring.slope(self.argument, coordinate)
        return self.slope() * inner if inner else ZERO

    def expression(self, ring: Ring) -> Expr:
        return self.value
