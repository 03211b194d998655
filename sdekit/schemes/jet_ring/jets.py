r"""Polynomials in coordinates, parameters and the derivatives of unknown functions, exact and fast.

A potential U stays unknown: its derivatives $u_\alpha = \partial^\alpha U$ are independent
polynomial variables (jets) with $\partial_i u_\alpha = u_{\alpha + e_i}$, so an identity between
such polynomials holds for every smooth U. Known functions are further variables
(`sdekit.schemes.jet_ring.known_functions`). Arithmetic is python-flint's `fmpq_mpoly`.

Not for all dimensions at once: a ring has the coordinates of one size.

Notation: n coordinates; a multi-index alpha counts the derivatives by each argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import flint
import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.sympy_types import Expr
from sdekit.schemes.jet_ring.ball_values import excludes_zero
from sdekit.schemes.jet_ring.known_functions import DERIVATIVES, Kernel, slope_of
from sdekit.schemes.jet_ring.vocabulary import (
    Vocabulary,
    jet_of,
    kernel_factors,
    multi_index,
    multi_indices,
)

Polynomial = Any  # flint.fmpq_mpoly, which has no type stubs


class JetRing:
    r"""Differential polynomial ring over the rationals.

    Args:
        coordinates: SymPy symbols of the state.
        expressions: Everything that will be converted; fixes the generators.
        depth: How many derivatives will be taken of any of them.
        extra: Names of further variables without derivative, such as dual variables.

    Raises:
        SchemeError: If an expression holds a function without a rule, or an unknown function of
            something other than coordinates.

    Checked by: tests/schemes/jet_ring/test_jets.py.
    """

    def __init__(
        self,
        coordinates: tuple[sp.Symbol, ...],
        expressions: Iterable[Expr],
        depth: int,
        extra: tuple[str, ...] = (),
    ) -> None:
        self.coordinates = coordinates
        found = Vocabulary(coordinates)
        for expression in expressions:
            found.read(sp.sympify(expression))
        self._families = found.families
        self.kernels = found.kernels
        self._keys: list[Any] = [*coordinates, *found.constants]
        for function, family in found.families.items():
            self._keys += [
                (function, alpha)
                for alpha in multi_indices(len(family.arguments), family.order + depth)
            ]
        self._keys += [*found.kernels, *extra]
        self._position = {key: index for index, key in enumerate(self._keys)}
        names = [f"g{index}" for index in range(len(self._keys))]
        self._ring = flint.fmpq_mpoly_ctx.get(names, "degrevlex")
        self._generators = self._ring.gens()
        self._images: dict[tuple[int, int], Polynomial | None] = {}
        self._converted: dict[Expr, Polynomial] = {}

    # -- arithmetic ----------------------------------------------------------------------------

    @property
    def zero(self) -> Polynomial:
        """The polynomial 0."""
        return self._ring.constant(0)

    @property
    def one(self) -> Polynomial:
        """The polynomial 1."""
        return self._ring.constant(1)

    def generator(self, key: Any) -> Polynomial:
        """The variable of a coordinate, constant, kernel or extra name."""
        return self._generators[self._position[key]]

    def jet(self, function: AppliedUndef, alpha: tuple[int, ...]) -> Polynomial:
        """The variable that stands for a derivative of an unknown function."""
        return self.generator((function, alpha))

    def convert(self, expression: Expr) -> Polynomial:
        """The polynomial of a SymPy expression that was announced to the ring."""
        expression = sp.sympify(expression)
        if expression not in self._converted:
            self._converted[expression] = self._convert(expression)
        return self._converted[expression]

    def _convert(self, expression: Expr) -> Polynomial:
        if expression.is_Rational:
            return self._ring.constant(flint.fmpq(int(expression.p), int(expression.q)))
        if expression in self._position:
            return self.generator(expression)
        jet = jet_of(expression)
        if jet is not None:
            return self.generator((jet[0], multi_index(expression)))
        factors = kernel_factors(expression)
        if factors:
            result = self.one
            for kernel, power in factors:
                result *= self.generator(kernel) ** power
            return self.normal(result)
        if expression.is_Add:
            return sum((self.convert(term) for term in expression.args), self.zero)
        if expression.is_Mul:
            result = self.one
            for factor in expression.args:
                result = result * self.convert(factor)
            return self.normal(result)
        assert expression.is_Pow, expression
        return self.convert(expression.base) ** int(expression.exp)

    def derivative(self, polynomial: Polynomial, coordinate: int) -> Polynomial:
        """Total derivative by one coordinate."""
        result = self.zero
        for index, degree in enumerate(polynomial.degrees()):
            if degree > 0:
                image = self._image(index, coordinate)
                if image is not None:
                    result += polynomial.derivative(index) * image
        return self.normal(result) if self.kernels else result

    def _image(self, index: int, coordinate: int) -> Polynomial | None:
        """Derivative of one generator; None if it is zero."""
        if (index, coordinate) not in self._images:
            image = self._differentiate(self._keys[index], coordinate)
            self._images[index, coordinate] = None if image is None or image == 0 else image
        return self._images[index, coordinate]

    def _differentiate(self, key: Any, coordinate: int) -> Polynomial | None:
        if isinstance(key, Kernel):
            slope = self.derivative(self.convert(key.argument), coordinate)
            outer = slope_of(key)
            if outer is not None:
                return self.convert(outer) * slope
            return DERIVATIVES[key.kind](key, self.generator(key), slope, self._look_up)
        if isinstance(key, tuple):
            function, alpha = key
            arguments = self._families[function].arguments
            if coordinate not in arguments:
                return None
            place = arguments.index(coordinate)
            raised = (*alpha[:place], alpha[place] + 1, *alpha[place + 1 :])
            # Silently dropping a derivative beyond the depth would prove false identities.
            return self.generator((function, raised))
        return self.one if key == self.coordinates[coordinate] else None

    def _look_up(self, kind: str, argument: Expr, index: int = 0) -> Polynomial:
        if kind == "constant":
            return self.convert(argument)
        return self.generator(Kernel(kind, argument, index))

    def normal(self, polynomial: Polynomial) -> Polynomial:
        """Cancel a variable against its own inverse, monomial by monomial."""
        for kernel in self.kernels:
            if kernel.kind == "inverse" and kernel.argument in self._position:
                polynomial = self._cancel(
                    polynomial, self._position[kernel], self._position[kernel.argument]
                )
        return polynomial

    def _cancel(self, polynomial: Polynomial, inverse: int, variable: int) -> Polynomial:
        degrees = polynomial.degrees()
        if not degrees or degrees[inverse] <= 0 or degrees[variable] <= 0:
            return polynomial
        terms: dict[tuple[int, ...], Any] = {}
        for exponents, coefficient in polynomial.terms():
            common = min(exponents[inverse], exponents[variable])
            if common:
                reduced = list(exponents)
                reduced[inverse] -= common
                reduced[variable] -= common
                exponents = tuple(reduced)
            terms[exponents] = terms.get(exponents, 0) + coefficient
        return self._ring.from_dict(terms)

    # -- deciding ------------------------------------------------------------------------------

    def is_zero(self, polynomial: Polynomial) -> bool | None:
        """Whether the polynomial is identically zero; None where that could not be decided.

        Inverses, roots and the pairs sin, cos and sinh, cosh are eliminated exactly. What is left
        over is zero for sure if empty. With other kernels, or with roots, a rest that is not empty
        is known to be non-zero only if a ball at a random exact point excludes zero.
        """
        rest = self.numerator(polynomial)
        if rest == 0:
            return True
        if all(kernel.kind == "inverse" for kernel in self.kernels):
            return False
        formulas = [self.key_as_sympy(index) for index in range(len(self.keys))]
        return False if excludes_zero(self.keys, formulas, polynomial) else None

    def numerator(self, polynomial: Polynomial) -> Polynomial:
        """The polynomial times powers of denominators, with all relations used."""
        for kernel in reversed(self.kernels):
            position = self._position[kernel]
            if kernel.kind == "inverse":
                polynomial = self._clear(polynomial, position, self.convert(kernel.argument))
            elif kernel.kind == "root":
                square = self.convert(kernel.argument)
                polynomial = self._reduce(polynomial, position, kernel.index, square)
            elif kernel.kind in ("sin", "cosh"):
                other = {"sin": "cos", "cosh": "sinh"}[kernel.kind]
                partner = self._look_up(other, kernel.argument)
                square = 1 - partner**2 if kernel.kind == "sin" else 1 + partner**2
                polynomial = self._reduce(polynomial, position, 2, square)
        return polynomial

    def position(self, key: Any) -> int:
        """The place of a symbol, (function, alpha), kernel or extra name among the variables."""
        return self._position[key]

    def by_power(self, polynomial: Polynomial, position: int) -> dict[int, Polynomial]:
        """Coefficients of the powers of one variable, which they do not contain."""
        parts: dict[int, dict[tuple[int, ...], Any]] = {}
        for exponents, coefficient in polynomial.terms():
            rest = (*exponents[:position], 0, *exponents[position + 1 :])
            parts.setdefault(exponents[position], {})[rest] = coefficient
        return {power: self._ring.from_dict(terms) for power, terms in parts.items()}

    def _clear(self, polynomial: Polynomial, position: int, base: Polynomial) -> Polynomial:
        parts = self.by_power(polynomial, position)
        highest = max(parts, default=0)
        return sum((part * base ** (highest - k) for k, part in parts.items()), self.zero)

    def _reduce(
        self, polynomial: Polynomial, position: int, index: int, value: Polynomial
    ) -> Polynomial:
        parts = self.by_power(polynomial, position)
        root = self._generators[position]
        return sum(
            (part * root ** (k % index) * value ** (k // index) for k, part in parts.items()),
            self.zero,
        )

    # -- out -----------------------------------------------------------------------------------

    def to_sympy(self, polynomial: Polynomial, write: Callable[[Any], Expr] | None = None) -> Expr:
        """The polynomial as a SymPy expression.

        Args:
            polynomial: An element of the ring.
            write: How to write a key of the ring; SymPy's `Derivative` for jets by default.
        """
        symbols = [
            self.key_as_sympy(index) if write is None else write(key)
            for index, key in enumerate(self._keys)
        ]
        terms = []
        for exponents, coefficient in polynomial.terms():
            factors = [sp.Rational(int(coefficient.p), int(coefficient.q))]
            for index, power in enumerate(exponents):
                if power:
                    factors.append(symbols[index] ** power)
            terms.append(sp.Mul(*factors))
        return sp.Add(*terms)

    def as_fraction(self, polynomial: Polynomial) -> Expr:
        """The polynomial as a SymPy expression, with inverses of sums put over a denominator."""
        sums = [k for k in self.kernels if k.kind == "inverse" and k.argument not in self._position]
        if not sums:
            return self.to_sympy(polynomial)
        top, bottom = polynomial, self.one
        for kernel in reversed(sums):
            position, base = self._position[kernel], self.convert(kernel.argument)
            highest = max(self.by_power(top, position), default=0)
            top, bottom = self._clear(top, position, base), bottom * base**highest
        common = top.gcd(bottom)
        content, factors = (bottom / common).factor()
        denominator = self.to_sympy(self.one * content)
        for factor, power in factors:
            denominator *= self.to_sympy(factor) ** power
        return self.to_sympy(top / common) / denominator

    def key_as_sympy(self, index: int) -> Expr:
        """What the generator of this index stands for."""
        key = self._keys[index]
        if isinstance(key, Kernel):
            return key.as_sympy()
        if isinstance(key, tuple):
            function, alpha = key
            by = [(argument, k) for argument, k in zip(function.args, alpha, strict=True) if k]
            return sp.Derivative(function, *by) if by else function
        return sp.Symbol(key) if isinstance(key, str) else key

    @property
    def keys(self) -> tuple[Any, ...]:
        """What each generator stands for: symbol, (function, alpha), kernel or extra name."""
        return tuple(self._keys)

    def from_terms(self, terms: dict[tuple[int, ...], Any]) -> Polynomial:
        """The polynomial with the given exponents and coefficients."""
        return self._ring.from_dict(terms)

    def number(self, value: Fraction | int) -> Any:
        """A rational as a flint number."""
        return flint.fmpq(value.numerator, value.denominator)
