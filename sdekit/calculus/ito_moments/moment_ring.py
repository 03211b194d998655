r"""Polynomials in coordinates and in cosines and sines of them: what moments are taken of.

A monomial is a tuple of exponents, first of the d coordinates, then of a cosine and a sine for each
angle; $\sin^2$ is replaced by $1 - \cos^2$, so that equal functions are equal polynomials.
Coefficients are SymPy expressions without coordinates: parameters and the time.

Not for deciding proofs (`calculus.field`): here an overlooked cancellation costs a moment that is
not needed, never a wrong equation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.sympy_types import Expr, Symbol

Monomial = tuple[int, ...]
Terms = dict[Monomial, Expr]


class NotPolynomialError(ValueError):
    """An expression that is no polynomial of the ring; `args[0]` is the part that is not."""


class MomentRing:
    """The ring of one set of coordinates.

    Args:
        coordinates: d symbols.
        expressions: Where cosines and sines are looked for.
        frequencies: Of circles, by position: a moment there is one of cos and sin of this multiple.
    """

    def __init__(
        self,
        coordinates: Sequence[Symbol],
        expressions: Iterable[Expr],
        frequencies: Mapping[int, Expr],
    ) -> None:
        self.coordinates = tuple(coordinates)
        self._place = {x: i for i, x in enumerate(self.coordinates)}
        self._angles = frozenset(self.coordinates[i] for i in frequencies)
        self.frequencies = self._frequencies(expressions, frequencies)
        self._cosine = {
            i: len(self.coordinates) + 2 * k for k, i in enumerate(sorted(self.frequencies))
        }
        self.width = len(self.coordinates) + 2 * len(self._cosine)

    def _frequencies(
        self, expressions: Iterable[Expr], given: Mapping[int, Expr]
    ) -> dict[int, Expr]:
        """The multiple of each angle of which all others in use are whole multiples."""
        used: dict[int, Expr] = dict(given)
        for wave in (w for e in expressions for w in e.atoms(sp.cos, sp.sin)):
            for i, slope in self._slopes(wave).items():
                # A generator is cos(y) and sin(y), never sin(-y), which SymPy writes as -sin(y).
                slope = -slope if slope.could_extract_minus_sign() else slope
                ratio = sp.cancel(slope / used[i]) if i in used else sp.Integer(1)
                base = used.get(i, slope)
                if ratio.is_Rational and i not in given:
                    used[i] = base * sp.gcd(ratio, 1)
        return used

    def _slopes(self, wave: Expr) -> dict[int, Expr]:
        """The multiple of each coordinate in the argument of a wave, where it is constant."""
        argument = sp.expand(wave.args[0])
        found = {}
        for x in argument.free_symbols & set(self.coordinates):
            slope = argument.diff(x)
            if not slope.free_symbols & set(self.coordinates):
                found[self._place[x]] = slope
        return found

    # ------------------------------------------------------------------ elements

    @cached_property
    def one(self) -> Monomial:
        """The monomial 1."""
        return (0,) * self.width

    @cached_property
    def generators(self) -> tuple[Expr, ...]:
        """What each exponent belongs to."""
        waves = []
        for i in sorted(self._cosine):
            argument = self.frequencies[i] * self.coordinates[i]
            waves += [sp.cos(argument), sp.sin(argument)]
        return (*self.coordinates, *waves)

    def expression(self, monomial: Monomial) -> Expr:
        """A monomial as SymPy writes it."""
        return sp.Mul(*(g**k for g, k in zip(self.generators, monomial, strict=True)))

    def support(self, monomial: Monomial) -> set[int]:
        """The positions of the coordinates that a monomial depends on."""
        found = {i for i, k in enumerate(monomial[: len(self.coordinates)]) if k}
        return found | {i for i, c in self._cosine.items() if monomial[c] or monomial[c + 1]}

    def _unit(self, place: int) -> Monomial:
        return tuple(int(k == place) for k in range(self.width))

    def read(self, expression: Expr) -> Terms:
        """An expression as a polynomial.

        Raises:
            NotPolynomialError: If it is none; the part that is not is named.
        """
        if not expression.free_symbols & set(self.coordinates):
            hidden = expression.atoms(AppliedUndef)
            if hidden:
                raise NotPolynomialError(min(hidden, key=str))
            return {self.one: expression} if expression != 0 else {}
        if expression in self._place and expression not in self._angles:
            return {self._unit(self._place[expression]): sp.Integer(1)}
        if expression.is_Add:
            return sum_of_terms(self.read(term) for term in expression.args)
        if expression.is_Mul:
            product: Terms = {self.one: sp.Integer(1)}
            for factor in expression.args:
                product = self.times(product, self.read(factor))
            return product
        if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
            base, power = self.read(expression.base), {self.one: sp.Integer(1)}
            for _ in range(int(expression.exp)):
                power = self.times(power, base)
            return power
        if isinstance(expression, (sp.cos, sp.sin)):
            return self._wave(expression)
        raise NotPolynomialError(expression)

    def _wave(self, wave: Expr) -> Terms:
        """The cosine or sine of a sum of whole multiples of angles, by the addition theorem."""
        slopes, argument = self._slopes(wave), sp.expand(wave.args[0])
        rest = argument - sum(slope * self.coordinates[i] for i, slope in slopes.items())
        rest = sp.expand(rest)
        if rest.free_symbols & set(self.coordinates):
            raise NotPolynomialError(wave)
        one: Terms = {self.one: sp.Integer(1)}
        pair = (scaled_by(one, sp.cos(rest)), scaled_by(one, sp.sin(rest)))
        for i, slope in slopes.items():
            count = sp.cancel(slope / self.frequencies[i])
            if not count.is_Integer:
                raise NotPolynomialError(wave)
            c = self._cosine[i]
            turn = ({self._unit(c): sp.Integer(1)},
                    {self._unit(c + 1): sp.Integer(1 if count > 0 else -1)})  # fmt: skip
            for _ in range(abs(int(count))):
                pair = self._turned(pair, turn)
        return pair[0] if isinstance(wave, sp.cos) else pair[1]

    def _turned(self, a: tuple[Terms, Terms], b: tuple[Terms, Terms]) -> tuple[Terms, Terms]:
        cosine = sum_of_terms(
            [self.times(a[0], b[0]), scaled_by(self.times(a[1], b[1]), sp.Integer(-1))]
        )
        sine = sum_of_terms([self.times(a[1], b[0]), self.times(a[0], b[1])])
        return cosine, sine

    def times(self, left: Terms, right: Terms) -> Terms:
        """The product of two polynomials."""
        return sum_of_terms(
            self._reduced(tuple(map(sum, zip(m, n, strict=True))), a * b)
            for m, a in left.items()
            for n, b in right.items()
        )

    def _reduced(self, monomial: Monomial, coefficient: Expr) -> Terms:
        """Squares of sines replaced by those of cosines."""
        for c in self._cosine.values():
            if monomial[c + 1] > 1:
                lower = (*monomial[: c + 1], monomial[c + 1] - 2, *monomial[c + 2 :])
                higher = (*lower[:c], lower[c] + 2, *lower[c + 1 :])
                return sum_of_terms(
                    [self._reduced(lower, coefficient), self._reduced(higher, -coefficient)]
                )
        return {monomial: coefficient}

    def partial(self, terms: Terms, i: int) -> Terms:
        """The derivative by a coordinate."""
        return sum_of_terms(part for m, a in terms.items() for part in self._partials(m, a, i))

    def _partials(self, m: Monomial, a: Expr, i: int) -> Iterable[Terms]:
        if m[i]:
            yield {_shifted(m, {i: -1}): a * m[i]}
        c = self._cosine.get(i)
        if c is None:
            return
        rate = self.frequencies[i]
        if m[c]:
            yield self._reduced(_shifted(m, {c: -1, c + 1: 1}), -a * rate * m[c])
        if m[c + 1]:
            yield self._reduced(_shifted(m, {c: 1, c + 1: -1}), a * rate * m[c + 1])


def _shifted(monomial: Monomial, by: Mapping[int, int]) -> Monomial:
    return tuple(k + by.get(place, 0) for place, k in enumerate(monomial))


def scaled_by(terms: Terms, factor: Expr) -> Terms:
    """A polynomial times a coefficient."""
    return {m: a * factor for m, a in terms.items()} if factor != 0 else {}


def sum_of_terms(parts: Iterable[Terms]) -> Terms:
    """The sum of polynomials, without terms that cancel."""
    gathered: dict[Monomial, list[Expr]] = {}
    for part in parts:
        for m, a in part.items():
            gathered.setdefault(m, []).append(a)
    sums = {m: a[0] if len(a) == 1 else sp.expand(sp.Add(*a)) for m, a in gathered.items()}
    return {m: a for m, a in sums.items() if a != 0}
