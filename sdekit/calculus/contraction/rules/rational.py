"""Scalar tensors as fractions of polynomials, reduced by the relations of scalar kernels.

Closed components are the variables of exact polynomials over the rationals (python-flint);
quotients become fractions, exp(m / q) powers of one exponential of m, and r^q = s, sin^2 = 1 -
cos^2, sign^2 = 1 reduce what is left. Not for relations inside graphs (`local`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Kernel, Kind
from sdekit.calculus.contraction.rules.function_heads import opaque, relation_of
from sdekit.calculus.contraction.rules.reduction import reduced
from sdekit.calculus.contraction.splitting_terms import only_component
from sdekit.calculus.contraction.tensor import Tensor, Term
from sdekit.calculus.limits import Unsupported, tick

#: Polynomial arithmetic cannot be interrupted; products beyond this size would take too long.
_MOST_PRODUCTS = 10_000_000
#: Multiples of an angle up to this size are written by the sine and cosine of the angle.
_LARGEST_MULTIPLE = 24


def numerator_is_zero(scalar: Tensor) -> bool:
    """Whether a scalar tensor is zero as a fraction under the relations of its kernels.

    Raises:
        Unsupported: If a denominator is identically zero.
    """
    if scalar.is_empty:
        return True
    if not needs_fraction(scalar):
        return False
    numerator, _ = Fractions.of(scalar).reduced(scalar)
    return numerator.is_zero()


def needs_fraction(scalar: Tensor) -> bool:
    """Whether equal scalars could have different terms: only kernels have relations.

    Negative powers of plain components are Laurent monomials and independent as they are.
    """
    return any(
        head is not None and head.kind is Kind.KERNEL
        for part in scalar.components()
        for head in (part.head,)
    )


@dataclass
class Fractions:
    """The ring of polynomials in the generators of some scalars.

    Attributes:
        ring: The polynomial ring.
        variables: The variable of each generator.
        powers: For exp(m / q) or a^(m / q): the common generator of m, and its power.
        angles: For sines and cosines of m / q: cosine and sine of the common angle, the multiple.
        memo: Fractions of quotient kernels met so far.
    """

    ring: fmpq_mpoly_ctx
    variables: dict[Component, fmpq_mpoly]
    powers: dict[Component, tuple[Component, int]]
    angles: dict[Component, tuple[Component, Component, int]]
    memo: dict[Component, tuple[fmpq_mpoly, fmpq_mpoly]] = field(default_factory=dict)

    @classmethod
    def of(cls, *scalars: Tensor) -> Fractions:
        """The ring for some scalars and everything that their kernels are functions of."""
        found: dict[Component, None] = {}
        for scalar in scalars:
            _collect(scalar, found)
        powers = _common_exponentials(found)
        angles = _common_angles(found)
        generators: dict[Component, None] = {}
        for part in found:
            base = angles[part][:2] if part in angles else powers.get(part, (part, 1))[:1]
            generators.update(dict.fromkeys(base))
        names = [f"x{k}" for k in range(len(generators))]
        ring = fmpq_mpoly_ctx.get(names or ["x0"], Ordering.degrevlex)
        return cls(ring, dict(zip(generators, ring.gens(), strict=False)), powers, angles)

    def reduced(self, scalar: Tensor) -> tuple[fmpq_mpoly, fmpq_mpoly]:
        """Numerator and denominator with every relation applied.

        Raises:
            Unsupported: If the denominator is identically zero.
        """
        numerator, denominator = self.fraction(scalar)
        numerator, factor = self._reduce(numerator)
        check, _ = self._reduce(denominator * factor)
        if check.is_zero():
            raise Unsupported("division by an expression that is identically zero")
        return numerator, denominator * factor

    def fraction(self, scalar: Tensor) -> tuple[fmpq_mpoly, fmpq_mpoly]:
        """Numerator and denominator before the relations of roots and sines are applied."""
        one, zero = self.ring.constant(1), self.ring.constant(0)
        numerator, denominator = zero, one
        groups: dict[str, tuple[fmpq_mpoly, fmpq_mpoly]] = {}
        for (monomial, _), coefficient in scalar.terms.items():
            tick()
            top = self.ring.constant(fmpq(coefficient.numerator, coefficient.denominator))
            bottom = one
            for part, exponent in monomial:
                up, down = self._generator(part)
                if exponent < 0:
                    up, down, exponent = down, up, -exponent
                top, bottom = top * up**exponent, bottom * down**exponent
            # Most terms share few denominators; adding those first keeps the fractions small.
            key = str(bottom)
            total, _ = groups.get(key, (zero, bottom))
            groups[key] = (total + top, bottom)
        for top, bottom in groups.values():
            tick()
            if len(numerator) * len(bottom) + len(top) * len(denominator) > _MOST_PRODUCTS:
                raise Unsupported("a sum of quotients with too many terms over one denominator")
            common = denominator.gcd(bottom)
            numerator = numerator * (bottom / common) + top * (denominator / common)
            denominator = denominator * (bottom / common)
        return numerator, denominator

    def _generator(self, part: Component) -> tuple[fmpq_mpoly, fmpq_mpoly]:
        kernel = _kernel(part)
        if kernel is not None and kernel.name == "reciprocal":
            if part not in self.memo:
                top, bottom = self.fraction(reduced(kernel.argument))
                if top.is_zero():
                    raise Unsupported("division by an expression that is identically zero")
                self.memo[part] = (bottom, top)
            return self.memo[part]
        if part in self.angles:
            return self._multiple_angle(part), self.ring.constant(1)
        base, exponent = self.powers.get(part, (part, 1))
        return self.variables[base] ** exponent, self.ring.constant(1)

    def _multiple_angle(self, part: Component) -> fmpq_mpoly:
        """Cosine or sine of a multiple of an angle, as real or imaginary part of a power."""
        cosine, sine, times = self.angles[part]
        x, y = self.variables[cosine], self.variables[sine]
        real, imaginary = self.ring.constant(1), self.ring.constant(0)
        for _ in range(times):
            real, imaginary = real * x - imaginary * y, real * y + imaginary * x
        kernel = _kernel(part)
        assert kernel is not None
        return real if kernel.name == "cos" else imaginary

    def _reduce(self, polynomial: fmpq_mpoly) -> tuple[fmpq_mpoly, fmpq_mpoly]:
        """(p, d) with p = d * polynomial under the relations, p of low degree in each kernel.

        Kernels come after what they are functions of, so that one pass from the last to the first
        is enough.
        """
        factor = self.ring.constant(1)
        positions = {part: k for k, part in enumerate(self.variables)}
        kernels = [part for part in self.variables if _relation(part) is not None]
        for part in sorted(kernels, key=_head_number, reverse=True):
            relation = _relation(part)
            assert relation is not None
            degree, square = relation
            position = positions[part]
            if polynomial.is_zero() or polynomial.degrees()[position] < degree:
                continue
            top, bottom = self.fraction(square)
            highest = polynomial.degrees()[position] // degree
            slices: dict[int, dict[tuple[int, ...], fmpq]] = {}
            for exponents, coefficient in polynomial.to_dict().items():
                tick()
                times, left = divmod(exponents[position], degree)
                key = (*exponents[:position], left, *exponents[position + 1 :])
                slices.setdefault(times, {})[key] = coefficient
            polynomial = self.ring.constant(0)
            for times, terms in slices.items():
                share = top**times * bottom ** (highest - times)
                polynomial += self.ring.from_dict(terms) * share
            factor = factor * bottom**highest
        return polynomial, factor


def _kernel(part: Component) -> Kernel | None:
    """The kernel of a closed component that is one scalar kernel."""
    head = part.head
    return head.data if head is not None and head.kind is Kind.KERNEL else None


def _head_number(part: Component) -> int:
    head = part.head
    assert head is not None
    return head.uid


def _relation(part: Component) -> tuple[int, Tensor] | None:
    """(q, s) with kernel^q = s."""
    kernel = _kernel(part)
    relation = None if kernel is None else relation_of(kernel)
    return None if relation is None else (relation[0], reduced(relation[1]))


def _collect(scalar: Tensor, found: dict[Component, None]) -> None:
    """All generators of a scalar, and of the relations of its kernels; arguments come first."""
    for part in scalar.components():
        if part in found:
            continue
        kernel = _kernel(part)
        if kernel is not None:
            if kernel.name == "reciprocal":
                _collect(reduced(kernel.argument), found)
                continue
            relation = _relation(part)
            if relation is not None:
                _collect(relation[1], found)
        found[part] = None


def _common_exponentials(
    found: dict[Component, None],
) -> dict[Component, tuple[Component, int]]:
    """Each exp(m / q), or a^(m / q), as a power of the one with the largest q needed."""
    shares: dict[tuple[str, Tensor | None, Term], dict[Component, Fraction]] = {}
    for part in found:
        kernel = _kernel(part)
        if kernel is None or kernel.name not in ("exp", "power"):
            continue
        exponent = kernel.argument if kernel.name == "exp" else kernel.exponent
        base = None if kernel.name == "exp" else kernel.argument
        assert exponent is not None
        if len(exponent.terms) == 1:
            ((term, share),) = exponent.terms.items()
            shares.setdefault((kernel.name, base, term), {})[part] = share
    powers = {}
    for (name, base, term), members in shares.items():
        if len(members) == 1:
            continue
        bottom = math.lcm(*(share.denominator for share in members.values()))
        unit = Tensor((), {term: Fraction(1, bottom)})
        common = opaque(name, unit) if base is None else opaque(name, base, unit)
        base_part = only_component(common)
        for part, share in members.items():
            powers[part] = (base_part, int(share * bottom))
    return powers


def _common_angles(
    found: dict[Component, None],
) -> dict[Component, tuple[Component, Component, int]]:
    """Cosines and sines of m / q by those of the angle with the largest q needed."""
    shares: dict[Term, dict[Component, Fraction]] = {}
    for part in found:
        kernel = _kernel(part)
        if kernel is None or kernel.name not in ("sin", "cos"):
            continue
        if len(kernel.argument.terms) == 1:
            ((term, share),) = kernel.argument.terms.items()
            shares.setdefault(term, {})[part] = share
    angles = {}
    for term, members in shares.items():
        if len(set(members.values())) == 1:
            continue
        bottom = math.lcm(*(share.denominator for share in members.values()))
        unit = Tensor((), {term: Fraction(1, bottom)})
        cosine, sine = (only_component(opaque(name, unit)) for name in ("cos", "sin"))
        for part, share in members.items():
            if share * bottom <= _LARGEST_MULTIPLE:
                angles[part] = (cosine, sine, int(share * bottom))
    return angles
