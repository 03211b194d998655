"""Elements of a jet ring as sums of products of functions of one coordinate, at quadrature nodes.

Not for solving equations with them (`sdekit.schemes.galerkin`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy as sp

from sdekit.errors import SchemeError
from sdekit.schemes.concrete import Particle
from sdekit.schemes.formulas import Formula
from sdekit.schemes.jets import Polynomial
from sdekit.schemes.kernels import Kernel
from sdekit.schemes.orthogonal import Basis
from sdekit.schemes.stages import Step

#: One factor for each coordinate, given at its nodes; None for the constant 1.
Factors = list[np.ndarray | None]


def array_function(expression: Formula, x: sp.Symbol) -> Callable[[np.ndarray], np.ndarray]:
    """A SymPy expression in one coordinate as a function of an array."""
    evaluate = sp.lambdify(x, expression, "numpy", docstring_limit=0)

    def values(points: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(evaluate(points), dtype=float), points.shape)

    return values


def outer_at(columns: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    """Products of the entries that each row of degrees picks out of the columns."""
    result = np.ones(len(chosen))
    for column, degrees in zip(columns, chosen.T, strict=True):
        result = result * column[degrees]
    return result


class Terms:
    """The terms of ring elements as products of functions of one coordinate, at the nodes."""

    def __init__(self, step: Step, particle: Particle, bases: Sequence[Basis]) -> None:
        self.step = step
        self.bases = bases
        self.coordinates = particle.components.coordinates
        self.particle = particle
        self._values: dict[int, tuple[int | None, Any]] = {}

    def of_generator(self) -> Iterator[tuple[Factors, list[int]]]:
        """Factors and derivative orders of each term of L."""
        size = len(self.coordinates)
        entries = [((i,), rate) for i, rate in self.step.whole.drift.items()]
        entries += list(self.step.whole.diffusion.items())
        for indices, polynomial in entries:
            orders = [indices.count(i) for i in range(size)]
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
            factors: list[np.ndarray | None] = [None] * len(self.coordinates)
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
        """The coordinate that a variable of the ring depends on, and its values at the nodes."""
        if index not in self._values:
            key = self.step.ring.keys[index]
            formula = self.particle.concrete(self.step.ring.key_as_sympy(index))
            read = [i for i, x in enumerate(self.coordinates) if x in formula.free_symbols]
            if len(read) > 1:
                raise SchemeError(
                    "bias theory needs coefficients that are products over the coordinates",
                    found=str(key.as_sympy() if isinstance(key, Kernel) else key),
                )
            if read:
                place = read[0]
                values = array_function(formula, self.coordinates[place])(self.bases[place].nodes)
                self._values[index] = (place, values)
            else:
                self._values[index] = (None, float(formula))
        return self._values[index]
