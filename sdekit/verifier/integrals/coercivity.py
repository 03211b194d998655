r"""Is exp(-Q) integrable in coordinates? Growth of a polynomial that several variables share.

Proof: every variable has a highest pure power $c_i y_i^{k_i}$, k_i even and c_i > 0; monomials of
weight $\sum e_i/k_i < 1$ are smaller by the inequality of means, those that are nonnegative only
help, and the leading form of weight 1 is a positive definite quadratic form in the
$y_i^{k_i/2}$. Refutation: the form of highest degree is negative in a direction, hence in a cone.

Not for what closed forms cover (`integrals`); this is for what they leave open.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from fractions import Fraction
from math import prod

import sympy as sp
from flint import fmpq

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import TooLarge
from sdekit.calculus.field.witnesses.random_points import Scene
from sdekit.calculus.limits import tick
from sdekit.calculus.signs.sign import sign
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.pointwise.exact_points import (
    admissible_points,
    number_text,
    point_text,
    surely_negative,
    value_at,
)
from sdekit.verifier.pointwise.pivots import all_pivots_positive
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided

#: Directions with small integer entries that are tried in a refutation.
_STEPS = (1, -1, 0, 2, -2)
_MOST_DIRECTIONS = 400
_POINTS = 4
#: Up to so many coordinates, more points are tried.
_FEW = 4
#: Polynomials of more variables are not looked at.
_MOST_COORDINATES = 24
#: Slopes with more operations than this are not multiplied out.
_LONGEST_SLOPE = 2000


def finite_in_components(
    problem: Problem, energy: Expression, blocks: Sequence[Variable], reason: str
) -> Check:
    """Whether exp(-energy) is integrable over the blocks, at the sizes of the problem.

    Args:
        problem: Where sizes and assumptions come from.
        energy: Scalar, at the given sizes.
        blocks: What is integrated over.
        reason: Why the closed forms left it open.

    Returns:
        Proved by coercivity, refuted by a direction, or undecided for the given reason.

    Checked by: tests/verifier/integrals/test_certificate_fields.py.
    """
    for sizes in problem.trial_sizes():
        if not is_small(energy):
            break
        reader = ComponentReader(problem.all_sizes(sizes), problem.dynamics.names)
        scalar = reader.scalar(energy)
        ys = [reader.coordinate(x, i) for x in blocks for i in reader.independent_indices(x)]
        if len(ys) > _MOST_COORDINATES:
            break
        if any(x.domain.kind not in ("real", "positive") for x in blocks):
            continue
        scene = Scene((), {}, _definite(reader))
        free = [x for x in blocks if x.domain.kind == "real"]
        bounded = {y for y in ys if y.is_positive}
        found = falling_direction(
            _without_logarithms(scalar, ys), ys, scene, sizes, positive=bounded
        )
        found = found or _flat_direction(scalar, free, reader, scene, sizes)
        if found is not None:
            return found
        if not problem.is_for_all_sizes:
            why = coercive(scalar, ys)
            if why is not None:
                return proved(why)
    return undecided(reason)


def _definite(reader: ComponentReader) -> tuple[sp.ImmutableMatrix, ...]:
    return reader.definite("positive_definite") + reader.definite("positive_semidefinite")


def is_small(energy: Expression) -> bool:
    """Whether the energy can be multiplied out; SymPy cannot be stopped once it has begun."""
    try:
        expand(energy)
    except TooLarge:
        return False
    return True


def coercive(energy: sp.Expr, ys: Sequence[sp.Symbol]) -> str | None:
    """Why exp(-energy) is integrable over the ys, None if that is not shown.

    Args:
        energy: Any SymPy expression; terms that are no polynomials in ys have to be nonnegative.
        ys: Real coordinates.
    """
    polynomial = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(energy)):
        if term.is_polynomial(*ys):
            polynomial += term
        elif not never_negative(sign(term)):
            return None
    if not ys:
        return None
    terms = sp.Poly(polynomial, *ys).terms()
    powers = _pure_powers(terms, len(ys))
    if powers is None or not _leading_form_is_positive(terms, powers):
        return None
    shown = " + ".join(f"{y}**{k}" for y, k in zip(ys, powers, strict=True))
    return f"the energy grows at least like {shown}"


def _pure_powers(terms: list, count: int) -> list[int] | None:
    """The highest pure power of each variable, if all are even with positive coefficients."""
    best: dict[int, tuple[int, sp.Expr]] = {}
    for exponents, coefficient in terms:
        used = [i for i, e in enumerate(exponents) if e]
        if len(used) == 1 and exponents[used[0]] > best.get(used[0], (0, None))[0]:
            best[used[0]] = (exponents[used[0]], coefficient)
    if len(best) < count:
        return None
    for degree, coefficient in best.values():
        if degree % 2 or sign(coefficient) != POSITIVE:
            return None
    return [best[i][0] for i in range(count)]


def _leading_form_is_positive(terms: list, powers: list[int]) -> bool:
    matrix = sp.zeros(len(powers), len(powers))
    for exponents, coefficient in terms:
        weight = sum((Fraction(e, k) for e, k in zip(exponents, powers, strict=True)), Fraction(0))
        used = [i for i, e in enumerate(exponents) if e]
        if weight < 1:
            continue
        if weight == 1 and len(used) == 1:
            matrix[used[0], used[0]] += coefficient
            continue
        is_even = all(e % 2 == 0 for e in exponents)
        if is_even and never_negative(sign(coefficient)):
            continue
        halves = weight == 1 and len(used) == 2 and all(2 * exponents[i] == powers[i] for i in used)
        if not halves:
            return False
        i, j = used
        matrix[i, j] += coefficient / 2
        matrix[j, i] += coefficient / 2
    return all_pivots_positive(matrix)


def _monomial(direction: Sequence[int], exponents: Sequence[int]) -> int:
    return prod(x**k for x, k in zip(direction, exponents, strict=True))


def _without_logarithms(energy: sp.Expr, ys: Sequence[sp.Symbol]) -> sp.Expr:
    """The energy without multiples of log y, which every power outgrows."""

    def is_logarithm(term: sp.Expr) -> bool:
        log = term.as_independent(*ys, as_Add=False)[1]
        return isinstance(log, sp.log) and log.args[0] in ys

    return sp.Add(*(t for t in sp.Add.make_args(sp.expand(energy)) if not is_logarithm(t)))


def _flat_direction(
    energy: sp.Expr,
    blocks: Sequence[Variable],
    reader: ComponentReader,
    scene: Scene,
    sizes: dict[str, int],
) -> Check | None:
    """A refutation if the energy does not change when entries move together: its mass is infinite.

    Such as the centre of particles whose energy holds differences only.
    """
    places = [(x, i) for x in blocks for i in reader.independent_indices(x) if x.symmetry is None]
    groups: dict[object, list[sp.Symbol]] = {}
    for x, index in places:
        y = reader.coordinate(x, index)
        # One entry; equal entries of all blocks; rows, columns and all of a block; everything.
        keys: list[object] = [y, ("blocks", x.shape, index), ("all",), (x, "all")]
        keys += [(x, axis, index[:axis] + index[axis + 1 :]) for axis in range(len(index))]
        for key in keys:
            groups.setdefault(key, []).append(y)
    for group in {tuple(group) for group in groups.values()}:
        tick()
        slope = sp.Add(*(sp.diff(energy, y) for y in group))
        if slope.count_ops() > _LONGEST_SLOPE or sp.expand(slope) != 0:
            continue
        for point in admissible_points(scene, _POINTS):
            if value_at(energy, point) is None:
                continue
            along = {str(y): "1" for y in group}
            return refuted(
                "the energy does not change along a direction, so that its mass is infinite",
                Witness(sizes, {}, "infinite", direction=along),
            )
    return None


def falling_direction(
    energy: sp.Expr,
    ys: Sequence[sp.Symbol],
    scene: Scene,
    sizes: dict[str, int],
    *,
    positive: Collection[sp.Symbol] = (),
) -> Check | None:
    """A refutation if the polynomial energy falls without bound along a direction."""
    if not ys or not energy.is_polynomial(*ys):
        return None
    polynomial = sp.Poly(energy, *ys)
    top = polynomial.total_degree()
    leading = [(e, c) for e, c in polynomial.terms() if sum(e) == top]
    if top == 0:
        return None
    tries = _POINTS if len(ys) > _FEW else 4 * _POINTS
    for point in admissible_points(scene, tries):
        values = [(e, value_at(c, point)) for e, c in leading]
        if any(value is None for _, value in values) or value_at(energy, point) is None:
            continue
        directions = itertools.product(_STEPS, repeat=len(ys))
        for direction in itertools.islice(directions, _MOST_DIRECTIONS):
            tick()
            if any(d <= 0 for y, d in zip(ys, direction, strict=True) if y in positive):
                continue
            slope = sum((c * _monomial(direction, e) for e, c in values if c is not None), fmpq(0))
            if surely_negative(slope):
                along = {str(y): str(x) for y, x in zip(ys, direction, strict=True) if x}
                return refuted(
                    f"the energy falls like {number_text(slope)} t**{top} along a direction, so "
                    "that its mass is infinite",
                    Witness(sizes, point_text(point), "infinite", direction=along),
                )
    return None
