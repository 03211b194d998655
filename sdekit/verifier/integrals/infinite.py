"""Integrals that are infinite, for every or for some admissible choice of parameters and sizes.

A choice counts only if the energy has a finite value somewhere under it, and unknown functions of
the variables that are integrated over are never chosen: their integrability is an assumption. Not
for finding integrals (`elimination`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction

from sdekit.calculus.expansion.monomial_sums import TooLarge
from sdekit.calculus.expansion.rewriting import substituted, with_sizes
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import Call, Expression, Number
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.poles import attracting_pole
from sdekit.verifier.integrals.block_integrals import DIRECT
from sdekit.verifier.integrals.elimination import Elimination, Step, eliminate
from sdekit.verifier.pointwise.instances import Choice, choices, text_of_choice
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Witness, refuted

#: Value of a witness whose integral diverges.
INFINITE = "infinite"

#: Combinations of sizes at which parameters are chosen; each costs a hundred eliminations.
_MOST_SIZES = 4

#: Intervals of an outside variable that are tried; one point alone would be a null set.
_PLACES = ((4, 5), (-5, -4), (1, 2), (-2, -1))

Blocks = tuple[Variable, ...]


def infinite_integral(
    problem: Problem, energy: Expression, blocks: Blocks, outside: Blocks, found: Elimination
) -> Check | None:
    """A refutation if the integral of exp(-energy) over the blocks is infinite.

    Args:
        problem: Where sizes come from.
        energy: Q.
        blocks: What is integrated over.
        outside: The variables that stay.
        found: What elimination says of it.

    Returns:
        A refutation with the choice of parameters and sizes; None if none was found.

    Checked by: tests/verifier/rungs/test_normalizability.py.
    """
    if found.infinite is not None:
        sizes = next(problem.trial_sizes())
        return _refutation(found.infinite, sizes, {})
    if found.is_finite:
        return None
    for sizes in itertools.islice(problem.trial_sizes(), _MOST_SIZES):
        inside: Blocks = tuple(with_sizes(x, sizes) for x in blocks)
        around: Blocks = tuple(with_sizes(x, sizes) for x in outside)
        sized = with_sizes(energy, sizes)
        check = _by_choice(sized, inside, around, sizes)
        if check is None:
            check = _by_place(sized, inside, around, sizes)
        if check is None:
            check = _by_pole(sized, inside, sizes)
        if check is not None:
            return check
    return None


def _by_pole(energy: Expression, blocks: Blocks, sizes: Mapping[str, int]) -> Check | None:
    """A refutation where the energy falls to minus infinity at a pole."""
    for choice in choices(energy):
        kept = {s: v for s, v in choice.items() if not isinstance(s, Call)}
        try:
            pole = attracting_pole(substituted(energy, kept))
        except (TooLarge, Unsupported):
            return None
        if pole is not None and any(pole.depends_on(x) for x in blocks):
            point, _ = text_of_choice(kept)
            return refuted(
                f"the energy falls to minus infinity where {pole!r} vanishes, so that its mass "
                "is infinite",
                Witness(dict(sizes), point, INFINITE),
            )
    return None


def _by_place(
    energy: Expression, blocks: Blocks, outside: Blocks, sizes: Mapping[str, int]
) -> Check | None:
    """A refutation where the integral is infinite for all values of a scalar in an interval."""
    for x in outside:
        if x.shape or x.domain.kind != "real" or not energy.depends_on(x):
            continue
        for low, high in _PLACES:
            here = Variable(x.name, (), None, Domain("interval", Fraction(low), Fraction(high)))
            around = tuple(here if y == x else y for y in outside)
            step = _infinite_step(energy, blocks, around, {x: here})
            if step is not None:
                middle = Number(Fraction(low + high, 2))
                if _has_value(energy, {x: middle}):
                    return _refutation(step, sizes, {x: middle})
    return None


def _by_choice(
    energy: Expression, blocks: Blocks, outside: Blocks, sizes: Mapping[str, int]
) -> Check | None:
    for choice in choices(energy):
        kept = {s: v for s, v in choice.items() if not _is_assumed(s, blocks)}
        step = _infinite_step(energy, blocks, outside, kept)
        if step is not None and _has_value(energy, kept):
            needed = _needed(energy, blocks, outside, kept)
            return _refutation(step, sizes, needed)
    return None


def _is_assumed(symbol: Expression, blocks: Blocks) -> bool:
    return isinstance(symbol, Call) and any(symbol.depends_on(x) for x in blocks)


def _infinite_step(
    energy: Expression, blocks: Blocks, outside: Blocks, choice: Choice
) -> Step | None:
    try:
        return eliminate(substituted(energy, choice), blocks, outside, DIRECT).infinite
    except (TooLarge, Unsupported):
        return None


def _needed(energy: Expression, blocks: Blocks, outside: Blocks, choice: Choice) -> Choice:
    """The choice without the symbols that do not matter."""
    needed = dict(choice)
    for symbol in choice:
        fewer = {s: v for s, v in needed.items() if s != symbol}
        if _infinite_step(energy, blocks, outside, fewer) is not None:
            needed = fewer
    return needed


def _has_value(energy: Expression, choice: Choice) -> bool:
    """Whether the energy is a finite real number at some admissible point under the choice."""
    from sdekit.calculus.field.witnesses.random_points import Scene
    from sdekit.declaration.model.component_reader import ComponentReader, names_in
    from sdekit.verifier.pointwise.exact_points import admissible_points, value_at

    concrete = substituted(energy, choice)
    dims = {d.name: d.size for node in concrete.walk() for d in node.shape}
    try:
        reader = ComponentReader(
            {name: size or 1 for name, size in dims.items()}, names_in(concrete)
        )
        scalar = reader.scalar(concrete)
    except (ValueError, ZeroDivisionError):
        return False
    scene = Scene((), {}, reader.definite("positive_definite"))
    return any(value_at(scalar, point) is not None for point in admissible_points(scene, 8))


def _refutation(step: Step, sizes: Mapping[str, int], choice: Choice) -> Check:
    point, functions = text_of_choice(choice)
    witness = Witness(dict(sizes), point, INFINITE, functions=functions)
    mass = f"the integral of exp(-({step.energy!r})) over {step.names}"
    if step.energy == ZERO:
        mass = f"the integral over {step.names}"
    return refuted(f"{mass} is infinite: {step.integral.reason}", witness)
