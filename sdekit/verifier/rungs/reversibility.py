r"""Rung: detailed balance, plainly or up to an involution that flips blocks about their centres.

With u the velocity of the probability current, the time-reversed process of a stationary one has
drift v - 2u. Detailed balance is u = 0; balance up to an involution T with T' = diag(+-1) is
$$H\circ T = H,\qquad T'\,v(Tz) = v - 2u,\qquad T'\,D(Tz)\,T' = D.$$
A refutation is about plain balance and all flips of blocks, p -> -p or xi -> 2 A - xi; other
involutions are not looked at. Not for deciding stationarity, without which there is no balance.

Source: Risken (1996), section 6.4; Pavliotis (2014), section 4.6.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from sdekit.calculus.contraction import (
    Lowered,
    Tensor,
    contract,
    counterexample,
    current,
    gradient,
    is_zero,
    lower,
    residual,
    substitute,
    text,
)
from sdekit.calculus.contraction.rules.powers import reciprocal
from sdekit.calculus.contraction.tensor import ones, zero
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import pi
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.boundary import check_boundary
from sdekit.verifier.rungs.regularity import check_regularity
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided

#: Blocks flipped at once; more would be no reversal anybody means.
_MOST_FLIPPED = 4


@dataclass(frozen=True)
class Flip:
    """A block reflected about a centre: X -> 2 c - X, or a circle turned by pi.

    Attributes:
        variable: The block.
        image: Where it goes.
        sign: The derivative of the image by the block.
        text: How it is written.
    """

    variable: Variable
    image: Tensor
    sign: int
    text: str


def check_reversibility(problem: Problem) -> Check:
    """Whether the stationary process looks the same backwards in time.

    Args:
        problem: A dynamics with H.

    Returns:
        Proved with the involution; refuted with a point where the current is not zero.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.

    Checked by: tests/verifier/rungs/test_reversibility.py.
    """
    model = problem.lowered
    velocity = current(model)
    left = residual(model)
    if not is_zero(left):
        reason = "exp(-H) is not stationary, and without that there is no balance"
        return _refutation(problem, {"the residual": left}, reason)
    boundary, regular = check_boundary(problem), check_regularity(problem)
    if boundary is not None and not boundary.is_proved:
        return undecided(f"exp(-H) was not shown to be stationary: {boundary.reason}")
    if regular.is_refuted:
        return undecided(f"exp(-H) is not stationary: {regular.reason}")
    if all(is_zero(u) for u in velocity.values()):
        return proved("detailed balance: the probability current vanishes")
    for flips in _involutions(model):
        names = ", ".join(flip.text for flip in flips)
        failing = _failing(model, velocity, flips)
        if failing is None:
            return proved(
                f"detailed balance up to the involution {names}", details={"involution": names}
            )
        # What fails in general may hold at one size, where an antisymmetric matrix can be zero.
        if counterexample(failing, sizes=problem.sizes) is None:
            return undecided(f"whether {names} reverses the current was not decided")
    reason = "the probability current is not zero, and no flip of blocks reverses it"
    currents = {f"the current of {x.name}": u for x, u in velocity.items()}
    return _refutation(problem, currents, reason)


def _refutation(problem: Problem, nonzero: Mapping[str, Tensor], reason: str) -> Check:
    for name, tensor in nonzero.items():
        found = counterexample(tensor, sizes=problem.sizes)
        if found is not None:
            witness = Witness(found.dimensions, found.point, found.value, functions=found.functions)
            return refuted(f"{reason}; {name} is given", witness, residual=text(tensor))
    return undecided("balance was not seen to hold, nor seen to fail at a point")


def _involutions(model: Lowered) -> Iterator[tuple[Flip, ...]]:
    """Few flips first."""
    flips = [flip for x in model.variables for flip in _flips(model, x)]
    for count in range(1, min(len(flips), _MOST_FLIPPED) + 1):
        for chosen in itertools.combinations(flips, count):
            if len({flip.variable for flip in chosen}) == count:
                yield chosen


def _flips(model: Lowered, x: Variable) -> Iterator[Flip]:
    domain = x.domain
    if domain.kind == "positive":
        return
    if domain.kind == "circle":
        yield Flip(x, lower(x) + lower(pi) * ones(x.shape), 1, f"{x.name} -> {x.name} + pi")
    if domain.lower is not None and domain.upper is not None:
        doubled = ones(x.shape).scaled(domain.lower + domain.upper)
    else:
        centre = _centre(model, x)
        doubled = zero(x.shape) if centre is None else centre.scaled(2)
    # Indices say nothing here: the centre has the axes of the block.
    shown = "" if doubled.is_empty else re.sub(r"\[[^]]*\]", "", text(doubled)) + " "
    arrow = f"{x.name} -> {shown}- {x.name}" if shown else f"{x.name} -> -{x.name}"
    yield Flip(x, doubled - lower(x), -1, arrow)


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


def _failing(
    model: Lowered, velocity: Mapping[Variable, Tensor], flips: tuple[Flip, ...]
) -> Tensor | None:
    """The first difference that should vanish under the flips and does not; None if all do."""
    for difference in _differences(model, velocity, flips):
        if difference != zero(difference.shape) and not is_zero(difference):
            return difference
    return None


def _differences(
    model: Lowered, velocity: Mapping[Variable, Tensor], flips: tuple[Flip, ...]
) -> Iterator[Tensor]:
    images = {flip.variable: flip.image for flip in flips}
    signs = {flip.variable: flip.sign for flip in flips}
    yield substitute(model.energy, images) - model.energy
    for x in model.variables:
        turned = substitute(model.drift[x], images).scaled(Fraction(signs.get(x, 1)))
        yield turned - (model.drift[x] - velocity[x].scaled(2))
    for (x, y), block in model.diffusion.items():
        yield substitute(block, images).scaled(Fraction(signs.get(x, 1) * signs.get(y, 1))) - block
