"""Elements of a jet ring as sums of products of functions of one coordinate, at quadrature nodes.

Not for solving equations with them (`sdekit.schemes.bias.galerkin`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy as sp

from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import SchemeError
from sdekit.schemes.bias.concrete import Particle
from sdekit.schemes.jet_ring.jets import Polynomial
from sdekit.schemes.jet_ring.known_functions import Kernel
from sdekit.schemes.jet_ring.orthogonal import Basis
from sdekit.schemes.order.ring_stages import Step

#: One factor for each coordinate, given at its nodes; None for the constant 1.
Factors = list[np.ndarray | None]


def array_function(expression: Expr, x: sp.Symbol) -> Callable[[np.ndarray], np.ndarray]:
    """A SymPy expression in one coordinate as a function of an array."""
    evaluate = _polynomial(expression, x)
    if evaluate is None:
        evaluate = sp.lambdify(x, expression, "numpy", docstring_limit=0)

    def values(points: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(evaluate(points), dtype=float), points.shape)

    return values


def _polynomial(expression: Expr, x: sp.Symbol) -> Callable[[np.ndarray], np.ndarray] | None:
    """A polynomial with rational coefficients by Horner's rule; None for other expressions."""
    try:
        coefficients = sp.Poly(expression, x, domain="QQ").all_coeffs()
    except (sp.PolynomialError, sp.CoercionFailed):
        return None
    return np.polynomial.Polynomial([float(c) for c in reversed(coefficients)])


def outer_at(columns: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    """Products of the entries that each row of degrees picks out of the columns."""
    result = np.ones(len(chosen))
    for column, degrees in zip(columns, chosen.T, strict=True):
        result = result * column[degrees]
    return result


class Formulas:
    """The variables of a ring as functions of one coordinate each, or numbers.

    Attributes:
        step: The scheme in its ring.
        coordinates: The coordinates of the particle.
    """

    def __init__(self, step: Step, particle: Particle) -> None:
        self.step = step
        self.coordinates = particle.components.coordinates
        self._particle = particle
        self._known: dict[int, tuple[int | None, Any]] = {}

    def of(self, index: int) -> tuple[int | None, Any]:
        """The place of the coordinate that a variable depends on, and the function of an array.

        Returns:
            None and a number for a variable that depends on none.

        Raises:
            SchemeError: If it depends on several.
        """
        if index not in self._known:
            self._known[index] = self._made(index)
        return self._known[index]

    def _made(self, index: int) -> tuple[int | None, Any]:
        formula = self._particle.concrete(self.step.ring.key_as_sympy(index))
        read = [i for i, x in enumerate(self.coordinates) if x in formula.free_symbols]
        if len(read) > 1:
            key = self.step.ring.keys[index]
            raise SchemeError(
                "bias theory needs coefficients that are products over the coordinates",
                found=str(key.as_sympy() if isinstance(key, Kernel) else key),
            )
        if not read:
            return None, float(formula)
        return read[0], array_function(formula, self.coordinates[read[0]])


class Terms:
    """The terms of ring elements as products of functions of one coordinate, at the nodes."""

    def __init__(self, formulas: Formulas, bases: Sequence[Basis]) -> None:
        self.bases = bases
        self._formulas = formulas
        self._values: dict[int, tuple[int | None, Any]] = {}

    def of_generator(self) -> Iterator[tuple[Factors, list[int]]]:
        """Factors and derivative orders of each term of L."""
        whole = self._formulas.step.whole
        entries = [((i,), rate) for i, rate in whole.drift.items()]
        entries += list(whole.diffusion.items())
        for indices, polynomial in entries:
            orders = [indices.count(i) for i in range(len(self.bases))]
            for factors in self._factors(polynomial):
                yield factors, orders

    def projected(self, polynomial: Polynomial, chosen: np.ndarray) -> np.ndarray:
        """The coefficients <e_k, polynomial> on the chosen degrees."""
        total = np.zeros(len(chosen))
        ones = [one.projection(np.ones_like(one.nodes)) for one in self.bases]
        for factors in self._factors(polynomial):
            columns = [
                ones[i] if factor is None else self.bases[i].projection(factor)
                for i, factor in enumerate(factors)
            ]
            total += outer_at(columns, chosen)
        return total

    def _factors(self, polynomial: Polynomial) -> Iterator[Factors]:
        for exponents, coefficient in polynomial.terms():
            scale = float(coefficient.p) / float(coefficient.q)
            factors: list[np.ndarray | None] = [None] * len(self.bases)
            for index, power in enumerate(map(int, exponents)):
                if power:
                    place, value = self._value(index)
                    if place is None:
                        scale *= value**power
                    else:
                        known = factors[place]
                        factors[place] = value**power if known is None else known * value**power
            first = factors[0]
            factors[0] = (
                np.full_like(self.bases[0].nodes, scale) if first is None else first * scale
            )
            yield factors

    def _value(self, index: int) -> tuple[int | None, Any]:
        """The place of the coordinate that a variable depends on, and its values at the nodes."""
        if index not in self._values:
            place, value = self._formulas.of(index)
            at_nodes = value if place is None else value(self.bases[place].nodes)
            self._values[index] = place, at_nodes
        return self._values[index]
