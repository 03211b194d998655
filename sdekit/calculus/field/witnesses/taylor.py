"""Value, gradient and part of the Hessian of an expression at an exact point, without expanding it.

Forward differentiation over exact rationals and rigorous balls. It shares no code with the normal
form (`tower.py`), needs time linear in the size of the expression, and so refutes an identity long
before a normal form could be written out; and it knows functions for which there is none.

Not for proofs: a ball around zero shows nothing.

Notation: d_i is the derivative along coordinate i; (i, j) with i <= j is a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product

import sympy as sp
from flint import arb, fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.ring.partials import JetOf, read_jet
from sdekit.calculus.field.witnesses.ball_functions import (
    Number,
    Triple,
    ball,
    extremum,
    function_triple,
    is_surely_nonzero,
    polygamma_triple,
    power_triple,
)
from sdekit.calculus.field.witnesses.balls import constant_value
from sdekit.calculus.limits import Unsupported, tick
from sdekit.declaration.model.sympy_types import Expr

_ZERO, _ONE = fmpq(0), fmpq(1)

#: Gives the value of a symbol or of a jet of an unknown function at the point.
ValueOf = Callable[["sp.Symbol | JetOf"], fmpq]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Taylor:
    """An expression to second order at a point.

    Attributes:
        value: The value.
        gradient: Coordinate -> d_i, where not zero.
        hessian: Pair -> d_i d_j, for the pairs asked for, where not zero.
    """

    value: Number
    gradient: dict[int, Number] = field(default_factory=dict)
    hessian: dict[Pair, Number] = field(default_factory=dict)

    def is_constant(self) -> bool:
        """Whether no derivative is there."""
        return not self.gradient and not self.hessian


class Expander:
    """Expands expressions at one point, each distinct sub-expression once.

    Args:
        coordinates: The state.
        wanted: Places of the coordinates that derivatives are taken along; all by default.
        value_of: Values of symbols and jets.
        pairs: The second derivatives to keep; none by default.
    """

    def __init__(
        self,
        coordinates: Sequence[sp.Symbol],
        value_of: ValueOf,
        *,
        wanted: Iterable[int] | None = None,
        pairs: frozenset[Pair] = frozenset(),
    ) -> None:
        places = range(len(coordinates)) if wanted is None else wanted
        self._places = {coordinates[place]: place for place in places}
        self._value_of = value_of
        self._pairs = pairs
        self._known: dict[Expr, Taylor] = {}

    def expand(self, expression: Expr) -> Taylor:
        """The expression to second order.

        Raises:
            Unsupported: For functions whose values are not known.
        """
        known = self._known.get(expression)
        if known is None:
            tick()
            known = self._known[expression] = self._new(expression)
        return known

    def _new(self, expression: Expr) -> Taylor:
        constant = constant_value(expression)
        if constant is not None:
            return Taylor(constant)
        if expression.is_Symbol:
            gradient: dict[int, Number] = {}
            if expression in self._places:
                gradient[self._places[expression]] = _ONE
            return Taylor(self._value_of(expression), gradient)
        if isinstance(expression, (AppliedUndef, sp.Derivative, sp.Subs)):
            return self._jet(read_jet(expression))
        if expression.func is sp.polygamma:
            inner = self.expand(expression.args[1])
            return self._composed(inner, polygamma_triple(int(expression.args[0]), inner.value))
        parts = [self.expand(argument) for argument in expression.args]
        if expression.is_Add:
            return self._sum(parts)
        if expression.is_Mul:
            result = parts[0]
            for part in parts[1:]:
                result = self._product(result, part)
            return result
        if expression.is_Pow:
            return self._power(expression, *parts)
        if isinstance(expression, (sp.Max, sp.Min)):
            result = parts[0]
            for part in parts[1:]:
                result = _extremum(type(expression), result, part)
            return result
        if len(parts) != 1 and not isinstance(expression, sp.Heaviside):
            raise Unsupported(f"{type(expression).__name__} has no known values")
        return self._composed(parts[0], function_triple(type(expression), parts[0].value))

    def _sum(self, parts: Sequence[Taylor]) -> Taylor:
        value: Number = _ZERO
        gradient: dict[int, Number] = {}
        hessian: dict[Pair, Number] = {}
        for part in parts:
            value = value + part.value
            for place, slope in part.gradient.items():
                gradient[place] = gradient[place] + slope if place in gradient else slope
            for pair, second in part.hessian.items():
                hessian[pair] = hessian[pair] + second if pair in hessian else second
        return Taylor(value, gradient, hessian)

    def _product(self, a: Taylor, b: Taylor) -> Taylor:
        if a.is_constant():
            a, b = b, a
        if b.is_constant():
            return Taylor(
                a.value * b.value,
                {place: slope * b.value for place, slope in a.gradient.items()},
                {pair: second * b.value for pair, second in a.hessian.items()},
            )
        gradient = {place: slope * b.value for place, slope in a.gradient.items()}
        for place, slope in b.gradient.items():
            gradient[place] = gradient.get(place, _ZERO) + slope * a.value
        hessian = {pair: second * b.value for pair, second in a.hessian.items()}
        for pair, second in b.hessian.items():
            hessian[pair] = hessian.get(pair, _ZERO) + second * a.value
        for i, j in self._pairs_of(a.gradient, b.gradient):
            second = _at(a.gradient, i) * _at(b.gradient, j)
            second = second + _at(a.gradient, j) * _at(b.gradient, i)
            hessian[i, j] = hessian.get((i, j), _ZERO) + second
        return Taylor(a.value * b.value, gradient, hessian)

    def _pairs_of(self, a: dict[int, Number], b: dict[int, Number]) -> set[Pair]:
        """The pairs asked for with one coordinate in each gradient."""
        if len(a) * len(b) > 2 * len(self._pairs):
            return {(i, j) for i, j in self._pairs if (i in a and j in b) or (j in a and i in b)}
        ordered = ((min(i, j), max(i, j)) for i, j in product(a, b))
        return {pair for pair in ordered if pair in self._pairs}

    def _composed(self, inner: Taylor, triple: Triple) -> Taylor:
        """f(inner) by the chain rule."""
        value, first, second = triple
        if inner.is_constant():
            return Taylor(value)
        gradient = {place: slope * first for place, slope in inner.gradient.items()}
        hessian = {pair: bend * first for pair, bend in inner.hessian.items()}
        for i, j in self._pairs_of(inner.gradient, inner.gradient):
            bend = second * _at(inner.gradient, i) * _at(inner.gradient, j)
            hessian[i, j] = hessian.get((i, j), _ZERO) + bend
        return Taylor(value, gradient, hessian)

    def _power(self, expression: sp.Pow, base: Taylor, exponent: Taylor) -> Taylor:
        if expression.exp.is_Integer and isinstance(exponent.value, fmpq):
            return self._composed(base, power_triple(base.value, exponent.value))
        if not base.value > 0:
            # Only a positive base has real powers nearby for every real exponent.
            return Taylor(arb.nan())
        if expression.exp.is_Rational and isinstance(exponent.value, fmpq):
            return self._composed(base, power_triple(base.value, exponent.value))
        logarithm = self._composed(base, function_triple(sp.log, base.value))
        inner = self._product(exponent, logarithm)
        return self._composed(inner, function_triple(sp.exp, inner.value))

    def _jet(self, jet: JetOf) -> Taylor:
        """An unknown function of inner expressions: values of its jets, by the chain rule."""
        # A potential of many coordinates is mostly asked for a few derivatives.
        inner = {
            k: self.expand(argument)
            for k, argument in enumerate(jet.call.args)
            if argument in self._places or not argument.is_Symbol
        }
        parts = [Taylor(self._value_of(jet))]
        touching: dict[int, list[int]] = {}
        for k, argument in inner.items():
            if argument.is_constant():
                continue
            moved = Taylor(_ZERO, argument.gradient, argument.hessian)
            parts.append(self._product(Taylor(self._value_of(jet.raised(k))), moved))
            for place in argument.gradient:
                touching.setdefault(place, []).append(k)
        result = self._sum(parts)
        for i, j in self._pairs:
            for k, other in product(touching.get(i, ()), touching.get(j, ())):
                second = self._value_of(jet.raised(k).raised(other))
                bend = second * inner[k].gradient[i] * inner[other].gradient[j]
                result.hessian[i, j] = result.hessian.get((i, j), _ZERO) + bend
        return result


def _at(gradient: dict[int, Number], place: int) -> Number:
    return gradient.get(place, _ZERO)


def _extremum(kind: type, a: Taylor, b: Taylor) -> Taylor:
    """The larger or smaller of two; no derivatives where it is not known which."""
    gap = a.value - b.value
    if is_surely_nonzero(gap):
        takes_first = (gap > 0) == (kind is sp.Max)
        return a if takes_first else b
    unknown: dict[int, Number] = {
        place: arb.nan() for place in a.gradient.keys() | b.gradient.keys()
    }
    nothing: dict[Pair, Number] = {pair: arb.nan() for pair in a.hessian.keys() | b.hessian.keys()}
    return Taylor(ball(extremum(kind, a.value, b.value)), unknown, nothing)
