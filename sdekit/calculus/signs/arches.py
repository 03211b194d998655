"""Signs of sine, cosine and tangent of angles that stay within one arch.

Angles are measured in units of pi, exactly where they are rational multiples of it. Not for
behaviour near the ends of a domain (`sdekit.verifier.integrals.tails`).

Checked by: tests/calculus/signs/test_arches.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor, prod

from sdekit.declaration.tree.domains import as_constant, rational_bounds
from sdekit.declaration.tree.expression import (
    Constant,
    Elementwise,
    Expression,
    Negation,
    Number,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.symbols import Variable

#: The phase, in units of pi, that makes a sine of a wave.
_PHASES = {"sin": Fraction(0), "cos": Fraction(1, 2)}


@dataclass(frozen=True)
class Arc:
    """The values of an angle, in units of pi.

    Attributes:
        low: Lower bound.
        high: Upper bound.
        is_open: Whether the bounds themselves are excluded.
    """

    low: Fraction
    high: Fraction
    is_open: bool = False

    def __add__(self, other: Arc) -> Arc:
        is_open = self.is_open or other.is_open
        return Arc(self.low + other.low, self.high + other.high, is_open)

    def times(self, number: Fraction) -> Arc:
        """The arc of that multiple."""
        if number == 0:
            return Arc(Fraction(0), Fraction(0))
        one, other = self.low * number, self.high * number
        return Arc(min(one, other), max(one, other), self.is_open)


def wave_signs(wave: Elementwise) -> frozenset[int] | None:
    """The possible signs of a sine, cosine or tangent; None where nothing is known.

    Example:
        >>> import sdekit as sk
        >>> th = sk.scalar("th", domain=("0", "pi"))
        >>> sorted(wave_signs(sk.sin(th)))
        [1]
    """
    if wave.shape:
        return None
    if wave.name == "tan":
        parts = [wave_signs(Elementwise(name, wave.operand)) for name in ("sin", "cos")]
        # A tangent has a value only where the cosine is not zero.
        return None if None in parts else frozenset(a * b for a in parts[0] for b in parts[1] if b)  # type: ignore[union-attr]
    arc = arc_of(wave.operand)
    if wave.name not in _PHASES or arc is None:
        return None
    arc = arc + Arc(_PHASES[wave.name], _PHASES[wave.name])
    arch = floor(arc.low)
    if arc.low == arc.high == arch:
        return frozenset({0})
    if arc.high > arch + 1:
        return None
    touches = not arc.is_open and (arc.low == arch or arc.high == arch + 1)
    return frozenset({-1 if arch % 2 else 1}) | (frozenset({0}) if touches else frozenset())


def arc_of(angle: Expression) -> Arc | None:
    """Where an affine function of interval variables stays; None for anything else."""
    multiple = in_units_of_pi(angle)
    if multiple is not None:
        return Arc(multiple, multiple)
    match angle:
        case Variable() if angle.domain.kind == "interval":
            assert angle.domain.lower is not None and angle.domain.upper is not None
            low, high = (arc_of(as_constant(e)) for e in (angle.domain.lower, angle.domain.upper))
            assert low is not None and high is not None
            return Arc(low.low, high.high, not angle.domain.closed)
        case Negation():
            inner = arc_of(angle.operand)
            return None if inner is None else inner.times(Fraction(-1))
        case Product():
            numbers = [f.value for f in angle.factors if isinstance(f, Number)]
            rest = [f for f in angle.factors if not isinstance(f, Number)]
            if len(rest) != 1:
                return _constant(angle)
            inner = arc_of(rest[0])
            return None if inner is None else inner.times(prod(numbers, start=Fraction(1)))
        case Quotient() if isinstance(angle.denominator, Number) and angle.denominator.value:
            inner = arc_of(angle.numerator)
            return None if inner is None else inner.times(1 / angle.denominator.value)
        case Sum():
            total = Arc(Fraction(0), Fraction(0))
            for term in angle.terms:
                inner = arc_of(term)
                if inner is None:
                    return None
                total = total + inner
            return total
    return _constant(angle)


def _constant(angle: Expression) -> Arc | None:
    bounds = rational_bounds(Quotient(angle, Constant("pi")))
    return None if bounds is None else Arc(*bounds)


def in_units_of_pi(angle: Expression) -> Fraction | None:
    """q for an angle that is written as q pi; None for anything else."""
    found = _power_of_pi(angle)
    if found is None or (found[1] != 1 and found[0] != 0):
        return None
    return found[0]


def _power_of_pi(node: Expression) -> tuple[Fraction, int] | None:
    """q and k of q pi^k."""
    if isinstance(node, Number):
        return node.value, 0
    if isinstance(node, Constant):
        return (Fraction(1), 1) if node.name == "pi" else None
    if not isinstance(node, (Negation, Product, Quotient, Sum)):
        return None
    parts = [_power_of_pi(child) for child in node.children]
    if any(part is None for part in parts):
        return None
    known = [part for part in parts if part is not None]
    value, power = known[0]
    match node:
        case Negation():
            return -value, power
        case Quotient():
            divisor, k = known[1]
            return None if divisor == 0 else (value / divisor, power - k)
    for other, k in known[1:]:
        if isinstance(node, Product):
            value, power = value * other, power + k
        elif k == power:
            value += other
        else:
            return None
    return value, power
