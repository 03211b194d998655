r"""Reflections of blocks about centres, turns of circles and swaps, and what they have to keep.

With u the velocity of the probability current, an involution T with derivative T' reverses a
stationary process if
$$H\circ T = H,\qquad T'\,u(Tz) = -u(z),\qquad T'\,D(Tz)\,T'^\top = D.$$
Not for finding the T that does it (`parities`).

Source: Pavliotis (2014), section 4.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sdekit.calculus.contraction import (
    Lowered,
    Tensor,
    contract,
    gradient,
    is_zero,
    lower,
    substitute,
    text,
)
from sdekit.calculus.contraction.rules.powers import reciprocal
from sdekit.calculus.contraction.tensor import ones, zero
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import pi
from sdekit.declaration.tree.domains import as_constant
from sdekit.declaration.tree.symbols import Variable


@dataclass(frozen=True)
class Flip:
    """A block sent to another place: X -> 2 c - X, a circle turned by pi, or X -> Y.

    Attributes:
        variable: The block.
        image: Where it goes.
        sign: The derivative of the image by `source`.
        text: How it is written.
        source: The block that the image is made of; the block itself but for swaps.
    """

    variable: Variable
    image: Tensor
    sign: int
    text: str
    source: Variable


def flips(model: Lowered) -> Iterator[Flip]:
    """The reflection of each block about its centre, and the half-turn of each circle."""
    for x in model.variables:
        if x.domain.kind == "positive":
            continue
        if x.domain.kind == "circle":
            yield Flip(x, _half_turn(x, lower(x)), 1, f"{x.name} -> {x.name} + pi", x)
        if x.domain.lower is not None and x.domain.upper is not None:
            ends = as_constant(x.domain.lower) + as_constant(x.domain.upper)
            doubled = ones(x.shape) * lower(ends)
        else:
            centre = _centre(model, x)
            doubled = zero(x.shape) if centre is None else centre.scaled(2)
        yield Flip(x, doubled - lower(x), -1, f"{x.name} -> {_shown(doubled)}{x.name}", x)


def joined(first: Flip, second: Flip) -> Flip:
    """A reflection of a circle followed by its half-turn."""
    x = first.variable
    image = _half_turn(x, -lower(x))
    return Flip(x, image, -1, f"{x.name} -> pi - {x.name}", x)


def swaps(model: Lowered) -> Iterator[tuple[Flip, Flip]]:
    """Exchanges of two blocks of one shape and domain."""
    for k, x in enumerate(model.variables):
        for y in model.variables[k + 1 :]:
            if (x.shape, x.domain, x.symmetry) == (y.shape, y.domain, y.symmetry):
                there = Flip(x, lower(y), 1, f"{x.name} <-> {y.name}", y)
                yield there, Flip(y, lower(x), 1, "", x)


def _half_turn(x: Variable, angle: Tensor) -> Tensor:
    return angle + lower(pi) * ones(x.shape)


def _shown(doubled: Tensor) -> str:
    # Indices say nothing here: the centre has the axes of the block.
    return "-" if doubled.is_empty else re.sub(r"\[[^]]*\]", "", text(doubled)) + " - "


def _centre(model: Lowered, x: Variable) -> Tensor | None:
    """c where H is s |x - c|^2 / 2 + rest with constants s and c; None for any other H."""
    slope = gradient(model.energy, x)
    curvature = gradient(slope, x)
    if curvature.depends:
        return None
    # The identity of the block; for a symmetric variable that on symmetric matrices.
    identity = gradient(lower(x), x)
    labels = range(identity.ndim)
    weight = contract(curvature, labels, identity, labels, ())
    count = contract(identity, labels, identity, labels, ())
    try:
        strength = weight * reciprocal(count)
        if not is_zero(curvature - strength * identity):
            return None
        centre = lower(x) - slope * reciprocal(strength)
    except (Unsupported, ZeroDivisionError):
        return None
    return None if centre.depends else centre


def differences(
    model: Lowered, velocity: Mapping[Variable, Tensor], chosen: Sequence[Flip]
) -> Iterator[Tensor]:
    """What vanishes exactly if the flips, all at once, reverse the process."""
    images = {flip.variable: flip.image for flip in chosen}
    signs = {flip.variable: flip.sign for flip in chosen}
    source = {flip.variable: flip.source for flip in chosen}
    yield substitute(model.energy, images) - model.energy
    for x in model.variables:
        turned = substitute(velocity[source.get(x, x)], images)
        yield turned.scaled(Fraction(signs.get(x, 1))) + velocity[x]
    for x in model.variables:
        for y in model.variables:
            there = model.diffusion.get((source.get(x, x), source.get(y, y)))
            here = model.diffusion.get((x, y), zero(x.shape + y.shape))
            turned = zero(here.shape) if there is None else substitute(there, images)
            yield turned.scaled(Fraction(signs.get(x, 1) * signs.get(y, 1))) - here


def reverse(model: Lowered, velocity: Mapping[Variable, Tensor], chosen: Sequence[Flip]) -> bool:
    """Whether the flips are shown to reverse the process."""
    return all(
        difference.is_empty or is_zero(difference)
        for difference in differences(model, velocity, chosen)
    )
