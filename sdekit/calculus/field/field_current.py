r"""The probability current, and the surfaces on which it jumps or has a pole.

$$J = v - \nabla\cdot D + D\,\nabla H$$

is the current divided by the density exp(-H). That the stationarity residual vanishes off a null
set is the theorem only if the current is regular across it: a jump of its normal component, or a
pole, may hide a source.

Not for judging regularity: here is what there is, `verify` says what it means.

Notation: on a surface f = 0 the current is A + sign(f) B near it, so it jumps by 2 B.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp

from sdekit.calculus.field.conditions import condition_texts
from sdekit.calculus.field.field_residual import DEFAULT_BUDGET, current_elements
from sdekit.calculus.field.ring import element_factors as factors
from sdekit.calculus.field.ring.generators import Named, Root, Sign
from sdekit.calculus.field.ring.monomials import power_of_monomial
from sdekit.calculus.field.ring.polynomial import ZERO, Polynomial, irreducible_factors, total
from sdekit.calculus.field.ring.tower import Tower
from sdekit.calculus.field.ring.transcendentals import Logarithm
from sdekit.calculus.field.scenes import reader_of, scene_of
from sdekit.calculus.limits import spending
from sdekit.declaration.model.sympy_types import Expr

if TYPE_CHECKING:
    from sdekit.declaration.model.components import Components


@dataclass(frozen=True)
class Jump:
    """A surface across which the current, D or H may change abruptly.

    Attributes:
        of: What may jump: "current", "diffusion" or "hamiltonian".
        surface: f, where the surface is f = 0.
        flux: For the current, half its jump along grad f, the sum of B_i d_i f; for an entry of D
            and for H, half the jump; None where it was not worked out.
        vanishes: Whether `flux` is proved to vanish on the surface, so that no source hides there.
    """

    of: str
    surface: Expr
    flux: Expr | None
    vanishes: bool


@dataclass(frozen=True)
class Pole:
    """A surface on which a component of the current is not bounded, or may not be.

    Attributes:
        surface: f, where the surface is f = 0.
        places: The components of the current concerned.
    """

    surface: Expr
    places: tuple[int, ...]


@dataclass(frozen=True)
class Current:
    """The current of a triple.

    Attributes:
        entries: J in SymPy, one for each coordinate; 0 where it is proved to vanish.
        vanishes: Whether J = 0 is proved, which makes the dynamics reversible.
        jumps: Surfaces on which it may jump.
        poles: Surfaces on which it may be unbounded.
        side_conditions: Where everything is defined, as far as that is not certain.
    """

    entries: tuple[Expr, ...]
    vanishes: bool
    jumps: tuple[Jump, ...]
    poles: tuple[Pole, ...]
    side_conditions: tuple[str, ...]


def current(components: Components, budget: float | None = DEFAULT_BUDGET) -> Current:
    """The current of a triple at given sizes, with its jumps and poles.

    Args:
        components: The triple, with H.
        budget: Seconds granted; None for no limit.

    Raises:
        Unsupported: If v, D or H hold something inexact, unreal or unknown.
        BudgetExceeded: If the time granted is over.

    Checked by: tests/calculus/field/test_field_current.py.
    """
    with spending(budget):
        scene = scene_of(components)
        reader = reader_of(scene, is_fine=True)
        _, elements = current_elements(components, reader)
        tower = reader.tower
        diffusion = [tower.reduced(reader.read(entry)) for entry in components.diffusion.values()]
        energy = reader.read(sp.sympify(components.hamiltonian))
        jumps = _jumps(tower, elements) + _jumps_of(tower, "diffusion", diffusion)
        jumps += _jumps_of(tower, "hamiltonian", [tower.reduced(energy)])
        entries = [
            tower.expression(elements[place]) if place in elements else sp.S.Zero
            for place in range(len(components.coordinates))
        ]
        return Current(
            entries=tuple(entries),
            vanishes=not elements,
            jumps=tuple(jumps),
            poles=_poles(tower, elements),
            side_conditions=condition_texts(reader),
        )


def _signs_within(tower: Tower, elements: Iterable[Polynomial]) -> list[int]:
    """The sign generators that elements are built of, however deep."""
    waiting, seen = [g for element in elements for g in element.generators()], set[int]()
    while waiting:
        number = waiting.pop()
        if number not in seen:
            seen.add(number)
            for inner in tower.generators[number].inner():
                waiting += inner.generators()
    return sorted(number for number in seen if isinstance(tower.generators[number], Sign))


def _half_jump(tower: Tower, element: Polynomial, number: int) -> Polynomial | None:
    """What multiplies a sign, zero if it vanishes where the sign changes; None if not known."""
    surface = tower.generators[number].inner()[0]
    for generator in element.generators() - {number}:
        for inner in tower.generators[generator].inner():
            nested = _half_jump(tower, inner, number)
            if nested is None or nested:
                return None
    half = element.degree_parts(number).get(1, ZERO)
    return ZERO if _vanishes_on(tower, half, surface) else half


def _jumps(tower: Tower, current: dict[int, Polynomial]) -> list[Jump]:
    """Jumps of the current; its flux along the normal is what matters."""
    jumps = []
    for number in _signs_within(tower, current.values()):
        surface = tower.generators[number].inner()[0]
        halves = {place: _half_jump(tower, part, number) for place, part in current.items()}
        if None in halves.values():
            jumps.append(Jump("current", tower.expression(surface), None, False))
            continue
        known = {place: half for place, half in halves.items() if half}
        if known:
            slopes = tower.gradient(surface, known)
            flux = tower.reduced(total(known[place] * slopes[place] for place in slopes))
            vanishes = _vanishes_on(tower, flux, surface)
            shown = tower.expression(flux)
            jumps.append(Jump("current", tower.expression(surface), shown, vanishes))
    return jumps


def _jumps_of(tower: Tower, of: str, elements: Sequence[Polynomial]) -> list[Jump]:
    """Jumps of D or H themselves: what the density times them hides in its derivatives."""
    jumps = []
    for number in _signs_within(tower, elements):
        surface = tower.expression(tower.generators[number].inner()[0])
        for element in elements:
            half = _half_jump(tower, element, number)
            if half is None or half:
                jumps.append(
                    Jump(of, surface, None if half is None else tower.expression(half), False)
                )
    return jumps


def _vanishes_on(tower: Tower, element: Polynomial, surface: Polynomial) -> bool:
    """Whether an element is proved to vanish on surface = 0, where it is bounded."""
    return not element or _order_on(tower, element, surface) > 0


def _order_on(tower: Tower, element: Polynomial, surface: Polynomial) -> int:
    """A lower bound of the order to which an element vanishes on surface = 0; negative at a pole.

    Roots and logarithms of the surface itself count as poles: nothing is claimed there.
    """
    if any(_is_singular_on(tower, g, surface) for g in element.generators()):
        return -1
    numerator = tower.cleared(element)
    if not numerator:
        return 1
    common = numerator.common_monomial()
    numerator = numerator.shifted(power_of_monomial(common, -1))
    below = _lowest_power(tower, element, surface)
    for number, exponent in common:
        if Polynomial.generator(number) == surface:
            # For a bare generator the clearing kept its exponent, below zero or not.
            return exponent
    above = sum(
        multiplicity
        for factor, multiplicity in irreducible_factors(numerator)
        if factor.scaled(1 / factor.content()) == surface
    )
    return above + below


def _is_singular_on(tower: Tower, number: int, surface: Polynomial) -> bool:
    """Whether a generator is a root or logarithm of the surface, or has a pole on it inside."""
    generator = tower.generators[number]
    if isinstance(generator, Sign):
        return False
    if isinstance(generator, (Logarithm, Root)) and generator.argument == surface:
        return True
    return any(
        _lowest_power(tower, inner, surface) < 0
        or any(_is_singular_on(tower, deeper, surface) for deeper in inner.generators())
        for inner in generator.inner()
    )


def _lowest_power(tower: Tower, element: Polynomial, surface: Polynomial) -> int:
    """The lowest exponent of the surface as a divisor; 0 when it divides nothing."""
    lowest = 0
    for monomial, _ in element:
        for number, exponent in monomial:
            if exponent < lowest and _named_by(tower, number) == surface:
                lowest = exponent
    return lowest


def _named_by(tower: Tower, number: int) -> Polynomial:
    generator = tower.generators[number]
    return generator.definition if isinstance(generator, Named) else Polynomial.generator(number)


def _poles(tower: Tower, current: dict[int, Polynomial]) -> tuple[Pole, ...]:
    places: dict[Polynomial, list[int]] = {}
    for place, element in current.items():
        for surface in _candidates(tower, element):
            if factors.is_surely_nonzero(tower, surface):
                continue
            if _order_on(tower, element, surface) < 0:
                places.setdefault(surface, []).append(place)
    return tuple(
        Pole(tower.expression(surface), tuple(where))
        for surface, where in places.items()
        if tower.support(surface)
    )


def _candidates(tower: Tower, element: Polynomial) -> set[Polynomial]:
    """Everything that an element divides by, takes a root or a logarithm of, however deep."""
    found: set[Polynomial] = set()
    waiting, seen = [element], {element}
    while waiting:
        for monomial, _ in waiting.pop():
            for number, exponent in monomial:
                if exponent < 0:
                    found.add(_named_by(tower, number))
                generator = tower.generators[number]
                if isinstance(generator, Sign):
                    continue
                if isinstance(generator, (Logarithm, Root)):
                    found.add(generator.argument)
                waiting += [inner for inner in generator.inner() if inner not in seen]
                seen.update(generator.inner())
    return found
