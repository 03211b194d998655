"""Zero test by cases: the signs of finitely many elements cut space into cells.

An element in which signs occur is zero if it is zero for every combination of signs that is
possible. x > y, y > 1 and 1 > x together are not: their sum says 0 > 0. Needed for nested Max and
Min, whose signs are not independent.

Not for signs inside other kernels (exp of |x|): those are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product
from typing import TYPE_CHECKING

from flint import fmpq

from sdekit.calculus.field.ring import element_factors as factors
from sdekit.calculus.field.ring.generators import Sign
from sdekit.calculus.field.ring.polynomial import ONE, ZERO, Polynomial, total
from sdekit.calculus.limits import Unsupported, tick
from sdekit.calculus.signs import sign as signs

if TYPE_CHECKING:
    from sdekit.calculus.field.ring.tower import Tower

#: There are two to this power many cells.
_MOST_SIGNS = 9
#: So many conditions are added up to show that they contradict each other.
_MOST_ADDED = 4


def vanishes_in_every_cell(tower: Tower, element: Polynomial) -> bool:
    """Whether an element is proved to be zero by cases.

    Raises:
        BudgetExceeded: If the time granted is over, or the element is too large.
    """
    numerator = tower.cleared(element)
    numbers = _signs_of(tower, numerator)
    if not 0 < len(numbers) <= _MOST_SIGNS:
        return False
    for values in product((1, -1), repeat=len(numbers)):
        tick()
        cell = dict(zip(numbers, values, strict=True))
        if tower.cleared(_in_cell(numerator, cell)) and not _is_empty(tower, cell):
            return False
    return True


def exact_sign(tower: Tower, element: Polynomial) -> Polynomial:
    """sign(element) with sign(0) = 0 where the element vanishes on an open set.

    Such sets come from Max, Min and Abs: sign(Max(0, x)) is the indicator of x > 0.

    Raises:
        Unsupported: If the element may vanish on an open set that is not split off as a factor.
    """
    if not tower.reduced(element):
        return ZERO
    content, monomial, found = factors.split(tower, element)
    result = ONE if content > 0 else -ONE
    atoms = [(Polynomial.generator(number), exponent) for number, exponent in monomial]
    for atom, multiplicity in [*atoms, *found]:
        own = _exact_sign_of_atom(tower, atom)
        result = result * (own if multiplicity % 2 else own * own)
    return tower.reduced(result)


def _exact_sign_of_atom(tower: Tower, atom: Polynomial) -> Polynomial:
    numbers = sorted(n for n in atom.generators() if isinstance(tower.generators[n], Sign))
    others = atom.generators() - set(numbers)
    hidden = any(_has_sign(tower, i) for n in others for i in tower.generators[n].inner())
    if hidden or len(numbers) > _MOST_SIGNS:
        raise Unsupported("the sign of an expression that may vanish on an open set")
    if not numbers:
        return tower.sign(atom)
    result = ZERO
    for values in product((1, -1), repeat=len(numbers)):
        cell = dict(zip(numbers, values, strict=True))
        value = tower.reduced(_in_cell(atom, cell))
        if not value and others:
            raise Unsupported("the sign of an expression that vanishes on an open set")
        if not others:
            constant = value.constant() or fmpq(0)
            indicator = Polynomial.number(int(constant > 0) - int(constant < 0))
            for number, own in cell.items():
                both = ONE + Polynomial.generator(number).scaled(own)
                indicator = indicator * both.scaled(fmpq(1, 2))
            result = result + indicator
    return result if not others else tower.sign(atom)


def _signs_of(tower: Tower, element: Polynomial) -> list[int]:
    """The sign generators of an element, and those inside their arguments; none if hidden."""
    found: set[int] = set()
    waiting = [element]
    while waiting:
        for number in waiting.pop().generators():
            generator = tower.generators[number]
            if isinstance(generator, Sign):
                if number not in found:
                    found.add(number)
                    waiting.append(generator.argument)
            elif any(_has_sign(tower, inner) for inner in generator.inner()):
                return []
    return sorted(found)


def _has_sign(tower: Tower, element: Polynomial) -> bool:
    return any(
        isinstance(tower.generators[number], Sign)
        or any(_has_sign(tower, inner) for inner in tower.generators[number].inner())
        for number in element.generators()
    )


def _in_cell(element: Polynomial, cell: Mapping[int, int]) -> Polynomial:
    """The element with the signs of a cell put in."""
    for number, value in cell.items():
        parts = element.degree_parts(number)
        element = total(part.scaled(value**exponent) for exponent, part in parts.items())
    return element


def _is_empty(tower: Tower, cell: Mapping[int, int]) -> bool:
    """Whether the conditions of a cell are shown to contradict each other."""
    conditions = []
    for number, value in cell.items():
        (argument,) = tower.generators[number].inner()
        condition = tower.reduced(_in_cell(argument, cell)).scaled(value)
        if not condition:
            # |f| is sign(f) f whatever the sign where f vanishes: this sign says nothing here.
            continue
        if 1 not in signs.sign(tower.expression(condition)):
            return True
        # Only the direction matters: a positive multiple has the same sign.
        conditions.append(condition.scaled(1 / abs(condition.content())))
    for count in range(2, min(_MOST_ADDED, len(conditions)) + 1):
        for chosen in combinations(conditions, count):
            value = total(chosen).constant()
            if value is not None and value <= 0:
                return True
    return False
