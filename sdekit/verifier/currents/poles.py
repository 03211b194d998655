r"""Poles of v and D at which exp(-H) vanishes, because H tends to infinity there.

Where H holds $c\,q^{-k}$ with c > 0 and nothing else that could outweigh it at q = 0, exp(-H)
vanishes faster than every power of q: density and current are smooth, and zero, across the pole.
Where H holds $-c \log q$, exp(-H) vanishes like $q^c$. Not for poles at which H stays finite.

Checked by: tests/verifier/currents/test_poles.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import summands
from sdekit.calculus.memory import remembered
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, POSITIVE, never_negative
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ONE
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.smoothness import rough_parts

#: A base and the power of it, such as (r, -12).
Powers = dict[ex.Expression, Fraction]


@dataclass(frozen=True)
class Repulsion:
    """What H does at its poles.

    Attributes:
        essential: Bases q at which H grows like an inverse power.
        logarithmic: Bases at which it grows like -log q.
        rest: The other terms of H, logarithms included.
    """

    essential: frozenset[ex.Expression]
    logarithmic: frozenset[ex.Expression]
    rest: tuple[ex.Expression, ...]

    @property
    def polynomial(self) -> tuple[ex.Expression, ...]:
        """The terms without poles and without logarithms at them."""
        return tuple(part for part in self.rest if _logarithm(part) is None)

    @property
    def bases(self) -> frozenset[ex.Expression]:
        """All of them."""
        return self.essential | self.logarithmic


def rough_at_other_places(
    expressions: Iterable[ex.Expression], bases: frozenset[ex.Expression]
) -> bool:
    """Whether anything but poles and logarithms at these bases may not be smooth."""
    parts = (part for e in expressions for part in rough_parts(e, inside=True))
    return not all(_is_at(part, bases) for part in parts)


def _is_at(part: ex.Expression, bases: frozenset[ex.Expression]) -> bool:
    match part:
        case ex.Gradient() | ex.Divergence():
            # Below it every part is looked at for itself, and a derivative has the same poles.
            return True
        case ex.Quotient():
            found = _split(part.denominator)
        case ex.Power() if _is_whole(part.exponent):
            found = _split(part.base)
        case ex.Elementwise() if part.name == "log":
            found = _split(part.operand) if never_negative(entry_signs(part.operand)) else None
        case ex.Elementwise() | ex.Power():
            # A root of q, such as a distance; abs and other functions of q are no powers.
            found = _split(part) if never_negative(entry_signs(_operand(part))) else None
        case _:
            return False
    return found is not None and all(base in bases for base in found[0])


def _operand(part: ex.Elementwise | ex.Power) -> ex.Expression:
    return part.operand if isinstance(part, ex.Elementwise) else part.base


@remembered
def repulsion(energy: ex.Expression) -> Repulsion:
    """The poles of an energy at which it tends to infinity, and its other terms.

    Args:
        energy: A scalar.

    Example:
        >>> import sdekit as sk
        >>> r = sk.scalar("r")
        >>> sorted(map(repr, repulsion(1 / r**12 - 1 / r**6 + r**2).essential))
        ['r']
    """
    inverse: dict[ex.Expression, dict[Fraction, list[ex.Expression]]] = {}
    logarithms: dict[ex.Expression, list[ex.Expression]] = {}
    rest = []
    for part in summands(energy):
        pole, logarithm = _inverse_power(part), _logarithm(part)
        if pole is not None:
            base, power, factor = pole
            inverse.setdefault(base, {}).setdefault(power, []).append(factor)
        elif logarithm is not None:
            for base in logarithm:
                logarithms.setdefault(base, []).append(part)
        else:
            rest.append(part)
    taken = [part for parts in logarithms.values() for part in parts]
    essential = frozenset(base for base, powers in inverse.items() if _wins(base, powers))
    # A term that may fall at an undecided pole, or at one of another term, spoils both.
    if len(essential) < len(inverse) or any(map(_is_rough, rest)):
        return Repulsion(frozenset(), frozenset(), tuple(summands(energy)))
    return Repulsion(essential, frozenset(logarithms) - essential, (*rest, *taken))


def attracting_pole(energy: ex.Expression) -> ex.Expression | None:
    """A base q at which the energy falls like -c q^-k, so that exp(-energy) has infinite mass.

    q is a distance or a difference of variables on the real line, so that it vanishes somewhere;
    elsewhere the energy has no poles.
    """
    inverse: dict[ex.Expression, dict[Fraction, list[ex.Expression]]] = {}
    for part in summands(energy):
        pole = _inverse_power(part)
        if pole is not None:
            base, power, factor = pole
            inverse.setdefault(base, {}).setdefault(power, []).append(factor)
        elif _logarithm(part) is None and _is_rough(part):
            return None
    if len(inverse) != 1:
        return None
    ((base, powers),) = inverse.items()
    if not _vanishes_somewhere(base):
        return None
    top = max(powers)
    signs = decided_signs(ex.Sum(tuple(powers[top])))
    is_odd = top.denominator == 1 and top % 2 == 1 and not isinstance(base, ex.Dot)
    return base if signs == NEGATIVE or (is_odd and signs == POSITIVE) else None


def _vanishes_somewhere(base: ex.Expression) -> bool:
    """Whether it is, or is the square of, a linear function of variables on the real line."""
    inside = base.left if isinstance(base, ex.Dot) and base.left == base.right else base
    if any(x.domain.kind != "real" for x in inside.variables):
        return False
    for monomial in expand(inside):
        factors = [(b, e) for b, e in monomial.factors if b.varies]
        core = monomial.core if monomial.core is not None and monomial.core.varies else None
        linear = [*(b for b, e in factors if e == 1), *([] if core is None else [core])]
        if len(linear) != len(factors) + (core is not None) or len(linear) != 1:
            return False
        if not isinstance(linear[0], Variable):
            return False
    return True


def _is_rough(part: ex.Expression) -> bool:
    return next(rough_parts(part, inside=True), None) is not None


def _wins(base: ex.Expression, powers: dict[Fraction, list[ex.Expression]]) -> bool:
    """Whether the sum of c q^-k tends to infinity at q = 0."""
    top = max(powers)
    is_even = top.denominator == 1 and top % 2 == 0
    if not is_even and not never_negative(decided_signs(base)):
        return False
    return decided_signs(ex.Sum(tuple(powers[top]))) == POSITIVE


def _inverse_power(
    part: ex.Expression,
) -> tuple[ex.Expression, Fraction, ex.Expression] | None:
    """(q, k, c) of c q^-k with constant c and k > 0."""
    factors, constant = powers_of(part), ONE
    if factors is None:
        found = _split(part)
        if found is None:
            return None
        factors, constant = found
    if len(factors) != 1:
        return None
    ((base, power),) = factors.items()
    return (base, -power, constant) if power < 0 else None


def _split(part: ex.Expression) -> tuple[Powers, ex.Expression] | None:
    """Powers of bases, and the constant factors."""
    match part:
        case ex.Product():
            constants = [f for f in part.factors if not f.varies]
            varying = [f for f in part.factors if f.varies]
            found = powers_of(ex.Product(tuple(varying))) if varying else {}
            if found is not None:
                return found, ex.Product((ONE, *constants))
            inner = _split(varying[0]) if len(varying) == 1 else None
            return None if inner is None else (inner[0], ex.Product((inner[1], *constants)))
        case ex.Negation():
            inner = _split(part.operand)
            return None if inner is None else (inner[0], ex.Negation(inner[1]))
        case ex.Quotient() if not part.numerator.varies:
            below = _split(part.denominator)
            if below is None:
                return None
            return {b: -k for b, k in below[0].items()}, ex.Quotient(part.numerator, below[1])
    found = powers_of(part)
    return None if found is None else (found, ONE)


def _logarithm(part: ex.Expression) -> list[ex.Expression] | None:
    """The bases q of -c log(q^k ...) with c, k > 0 and nonnegative operand."""
    factors = part.factors if isinstance(part, ex.Product) else (part,)
    logs = [f for f in factors if isinstance(f, ex.Elementwise) and f.name == "log"]
    others = [f for f in factors if f not in logs]
    if len(logs) != 1 or any(f.varies for f in others):
        return None
    if decided_signs(ex.Negation(ex.Product((ONE, *others)))) != POSITIVE:
        return None
    operand = logs[0].operand
    found = powers_of(operand) if never_negative(entry_signs(operand)) else None
    if not found or any(power <= 0 for power in found.values()):
        return None
    return list(found)


def logarithmic_powers(energy: ex.Expression, q: ex.Expression) -> list[ex.Expression]:
    """The exponents of |q| in exp(-H) that stand in H as -c log(q^k ...), c k each."""
    found: list[ex.Expression] = []
    for part in summands(energy):
        if q not in (_logarithm(part) or []):
            continue
        factors = part.factors if isinstance(part, ex.Product) else (part,)
        (log,) = (f for f in factors if isinstance(f, ex.Elementwise) and f.name == "log")
        power = (powers_of(log.operand) or {})[q]
        others = [f for f in factors if f is not log]
        found.append(ex.Negation(ex.Product((ex.Number(power), *others))))
    return found


def powers_of(node: ex.Expression) -> Powers | None:
    """Bases with their exponents, of a scalar product of powers; None where a factor is rough."""
    total: Powers = {}
    for base, power in _factors(node, Fraction(1)):
        if base is None:
            return None
        total[base] = total.get(base, Fraction(0)) + power
    return {base: power for base, power in total.items() if power}


def _factors(
    node: ex.Expression, power: Fraction
) -> Iterator[tuple[ex.Expression | None, Fraction]]:
    match node:
        case ex.Product():
            for factor in node.factors:
                yield from _factors(factor, power)
        case ex.Quotient():
            yield from _factors(node.numerator, power)
            yield from _factors(node.denominator, -power)
        case ex.Power() if isinstance(node.exponent, ex.Number):
            yield from _factors(node.base, power * node.exponent.value)
        case ex.Elementwise() if node.name == "sqrt":
            yield from _factors(node.operand, power / 2)
        case ex.Number() if node.value > 0:
            return
        case _:
            yield _canonical(node), power


def _canonical(base: ex.Expression) -> ex.Expression | None:
    """A smooth scalar up to its sign, collected, so that x - y and y - x are the same."""
    if base.shape or not base.varies or _is_rough(base):
        return None
    if isinstance(base, ex.Dot) and base.left == base.right:
        side = _up_to_sign(base.left)
        return None if side is None else ex.Dot(side, side)
    return _up_to_sign(base)


def _up_to_sign(base: ex.Expression) -> ex.Expression | None:
    try:
        terms = expand(base)
    except TooLarge:
        return None
    if not terms:
        return None
    first = min(terms, key=repr)
    return as_expression(terms if terms[first] > 0 else {m: -c for m, c in terms.items()})


def _is_whole(exponent: ex.Expression) -> bool:
    return isinstance(exponent, ex.Number) and exponent.value.denominator == 1
