"""What the drift and diffusion of a dynamics are written with: the generators of its jet ring.

Not for arithmetic (`sdekit.schemes.jet_ring.jets`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import SchemeError
from sdekit.schemes.jet_ring.known_functions import Kernel, companions, kernel_of, slope_of


@dataclass(frozen=True)
class Family:
    """One unknown function: the coordinates it reads and the highest derivative in use."""

    arguments: tuple[int, ...]
    order: int


class Vocabulary:
    """Constants, unknown functions and known functions, in order of appearance.

    Args:
        coordinates: SymPy symbols of the state.
    """

    def __init__(self, coordinates: tuple[sp.Symbol, ...]) -> None:
        self.coordinates = coordinates
        self.families: dict[Any, Family] = {}
        self.constants: list[Expr] = []
        self.kernels: list[Kernel] = []

    def read(self, expression: Expr) -> None:
        """Take in everything that an expression is written with."""
        if expression.is_Rational or expression in self.coordinates:
            return
        if expression.is_Symbol or expression.is_NumberSymbol:
            if expression not in self.constants:
                self.constants.append(expression)
            return
        if expression.is_Float:
            raise SchemeError(
                "order theory is exact and a floating point number is not",
                found=str(expression),
                fix="write it as a rational",
            )
        jet = jet_of(expression)
        if jet is not None:
            self._discover_jet(*jet)
            return
        for kernel, _ in kernel_factors(expression):
            self._discover_kernel(kernel)
        if not kernel_factors(expression):
            for argument in expression.args:
                self.read(argument)

    def _discover_jet(self, function: AppliedUndef, order: int) -> None:
        if any(argument not in self.coordinates for argument in function.args):
            raise SchemeError(
                f"order theory needs unknown functions at the coordinates, not {function}",
                expected=f"arguments out of {', '.join(map(str, self.coordinates))}",
                found=str(function),
            )
        arguments = tuple(self.coordinates.index(argument) for argument in function.args)
        known = self.families.get(function)
        if known is None or known.order < order:
            self.families[function] = Family(arguments, order)

    def _discover_kernel(self, kernel: Kernel) -> None:
        if kernel in self.kernels:
            return
        self.read(kernel.argument)
        if kernel.exponent is not None:
            self.read(kernel.exponent)
        # Companions first: relations are eliminated from the last generator to the first.
        before = [other for other in companions(kernel) if other not in self.kernels]
        if kernel.kind in ("sin", "cos", "sinh", "cosh"):
            self.kernels += [kernel, *before]
            return
        for other in before:
            self._discover_kernel(other)
        if kernel in self.kernels:
            return
        slope = slope_of(kernel)
        if slope is None:
            self.kernels.append(kernel)
            return
        # What the slope holds comes first, but for the function itself, as in 1 - tanh(u)^2.
        place = len(self.kernels)
        self.kernels.append(kernel)
        self.read(slope)
        self.kernels.append(self.kernels.pop(place))


def multi_indices(length: int, order: int) -> list[tuple[int, ...]]:
    """All multi-indices of at most this order, low orders first."""
    found = [alpha for alpha in product(range(order + 1), repeat=length) if sum(alpha) <= order]
    return sorted(found, key=lambda alpha: (sum(alpha), alpha))


def jet_of(expression: Expr) -> tuple[AppliedUndef, int] | None:
    """The unknown function and the number of derivatives, or None for anything else."""
    if isinstance(expression, AppliedUndef):
        return expression, 0
    if expression.is_Derivative and isinstance(expression.expr, AppliedUndef):
        return expression.expr, sum(int(count) for _, count in expression.variable_count)
    return None


def multi_index(expression: Expr) -> tuple[int, ...]:
    """How often an unknown function is differentiated by each of its arguments."""
    if isinstance(expression, AppliedUndef):
        return (0,) * len(expression.args)
    counts = dict(expression.variable_count)
    return tuple(int(counts.get(argument, 0)) for argument in expression.expr.args)


def kernel_factors(expression: Expr) -> list[tuple[Kernel, int]]:
    """Kernels with positive powers whose product the expression is; empty if it is none."""
    if expression.is_Pow and expression.exp.is_Rational and not expression.exp.is_Integer:
        if expression.base.is_Rational and expression.base.is_negative:
            raise SchemeError("a root of a negative number is not real", found=str(expression))
        if expression.exp.is_negative:
            whole = -(expression.exp.p // expression.exp.q)
            rest = expression.exp + whole
            root = Kernel("root", expression.base, int(rest.q))
            return [(Kernel("inverse", expression.base), int(whole)), (root, int(rest.p))]
    kernel = kernel_of(expression)
    return [] if kernel is None else [kernel]
