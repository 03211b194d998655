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

from sdekit.calculus import signs
from sdekit.calculus.field.generators import Sign
from sdekit.calculus.field.polynomial import Polynomial, total
from sdekit.calculus.limits import tick

if TYPE_CHECKING:
    from sdekit.calculus.field.tower import Tower

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
        if not condition or signs.sign(tower.expression(condition)).is_nonpositive:
            return True
        # Only the direction matters: a positive multiple has the same sign.
        conditions.append(condition.scaled(1 / abs(condition.content())))
    for count in range(2, min(_MOST_ADDED, len(conditions)) + 1):
        for chosen in combinations(conditions, count):
            value = total(chosen).constant()
            if value is not None and value <= 0:
                return True
    return False
