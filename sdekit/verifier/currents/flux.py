r"""Net probability flux out of a pole, as a ball that excludes zero; kinks that carry none.

Where the residual is zero the current J on the line must be the same at any two points, and in the
plane $\oint J\cdot n\,ds$ must vanish around every circle. Proved are kinks of x - a, a rational:
the density times D and the normal component of the current agree on both sides. Not for jumps
(`surfaces`) nor for proofs about poles.
"""

from __future__ import annotations

import itertools
from itertools import pairwise
from typing import Any

import sympy as sp
from flint import acb, arb
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.field_residual import FieldResidual
from sdekit.calculus.field.zero_proof import is_zero
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.sympy_types import Expr
from sdekit.verifier.integrals.quadrature import complex_value, guarded_integral
from sdekit.verifier.pointwise.componentwise import current_velocity
from sdekit.verifier.pointwise.exact_points import admissible_points, fraction
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Witness, proved, refuted

#: Digits of a flux in a witness.
_DIGITS = 12
#: Coordinates of points and centres, radii, and draws of parameters that are tried.
_PLACES = tuple(sp.Rational(k, 2) for k in (0, 2, -2, 4, -4, 1, -1, 6, -6))
_RADII = (sp.Rational(1), sp.Rational(1, 4))
_CHOICES = 2
_MOST_CENTRES = 4
#: Width of a flux that is narrow enough, and evaluations spent on it.
_TOLERANCE = 1e-12
_EVALUATIONS = 1000


def flux_check(problem: Problem, only_kinks: bool) -> Check | None:
    """Proved or refuted by what happens at kinks and poles; None where neither is shown.

    Args:
        problem: A model of scalars, or with given sizes.
        only_kinks: Whether absolute values and signs are all that is not smooth.
    """
    components = problem.components()
    if components.hamiltonian is None:
        return None
    velocity = current_velocity(components)
    kinks = _kinks(components)
    if not kinks:
        return _pole(components, velocity)
    if only_kinks and all(_is_continuous(components, velocity, *kink) for kink in kinks):
        return proved("the density times D and the normal component of the current do not jump")
    return None


def _kinks(components: Components) -> list[tuple[sp.Symbol, Expr]] | None:
    """The hyperplanes x = a where an absolute value or sign breaks; None if elsewhere."""
    found: dict[tuple[sp.Symbol, Expr], None] = {}
    entries = components.diffusion.values()
    for expression in (*components.drift, *entries, components.hamiltonian):
        for kernel in expression.atoms(sp.Abs, sp.sign):
            argument = kernel.args[0]
            places = [x for x in components.coordinates if argument.has(x)]
            if len(places) != 1:
                return None
            slope = sp.diff(argument, places[0])
            place = sp.expand(places[0] - argument / slope)
            if not slope.is_Rational or not place.is_Rational:
                return None
            found[places[0], place] = None
    return list(found)


def _is_kink(node: sp.Basic) -> bool:
    return isinstance(node, (sp.Abs, sp.sign))


def _one_sided(expression: Expr, x: sp.Symbol, place: Expr, side: int) -> Expr:
    """The limit at x = place from one side, not a number where there is none."""

    def resolved(kernel: Expr) -> Expr:
        argument = kernel.args[0]
        if not argument.has(x) or argument.subs(x, place) != 0:
            return kernel
        sign = side * sp.sign(sp.diff(argument, x))
        return sign if isinstance(kernel, sp.sign) else sign * argument

    return sp.expand(expression.replace(_is_kink, resolved).subs(x, place))


def _sides(expression: Expr, x: sp.Symbol, place: Expr) -> tuple[Expr, Expr]:
    return _one_sided(expression, x, place, 1), _one_sided(expression, x, place, -1)


def _is_continuous(components: Components, velocity: list[Expr], x: sp.Symbol, place: Expr) -> bool:
    """Whether H, the row of D and the normal current have equal limits at a hyperplane."""
    i = components.coordinates.index(x)
    row = [entry for (k, _), entry in components.diffusion.items() if k == i]
    sides = [_sides(e, x, place) for e in (components.hamiltonian, velocity[i], *row)]
    return all(is_zero(right - left, components.coordinates) is True for right, left in sides)


def _pole(components: Components, velocity: list[Expr]) -> Check | None:
    """Net flux out of an interval of the line, or a disc of the plane, that holds a pole."""
    z = components.coordinates
    expressions = (*velocity, components.hamiltonian)
    if len(z) > 2 or any(e.atoms(AppliedUndef) for e in expressions):
        return None
    # Only where the residual is zero is a flux the fault of a pole.
    if FieldResidual(components).is_zero is not True:
        return None
    for point in admissible_points(components, _CHOICES):
        free = sorted(set().union(*(e.free_symbols for e in expressions)) - set(z), key=str)
        values = {s: sp.Rational(int(point(s).p), int(point(s).q)) for s in free}
        flow = [sp.exp(-components.hamiltonian.subs(values)) * v.subs(values) for v in velocity]
        found = _on_line(components, flow) if len(z) == 1 else _in_plane(components, flow)
        if found is not None:
            place, flux = found
            text = flux.str(_DIGITS)
            where = {str(s): str(v) for s, v in {**values, **place}.items()}
            return refuted(
                f"probability flows out of a pole near {_described(place)}, which no density "
                "balances",
                Witness(dict(components.sizes), where, text),
                residual=f"net flux out of the pole: {text}",
            )
    return None


def _described(place: dict[sp.Symbol, Expr]) -> str:
    return ", ".join(f"{x} = {value}" for x, value in place.items())


def _on_line(components: Components, flow: list[Expr]) -> tuple[dict[sp.Symbol, Expr], arb] | None:
    """Two points between which the current changes, which the residual alone would forbid."""
    (x,), (domain,) = components.coordinates, components.domains
    places = [p for p in _PLACES if domain.contains(fraction(p))]
    values = [(p, _ball(flow[0].subs(x, p))) for p in sorted(places)]
    known = [(p, value) for p, value in values if value is not None]
    for (p, left), (q, right) in pairwise(known):
        if not (right - left).contains(0):
            return {x: (p + q) / 2}, right - left
    return None


def _ball(expression: Expr) -> arb | None:
    from sdekit.calculus.field.witnesses.balls import ball_value

    try:
        value = ball_value(expression, {}, 128)
    except (Unsupported, ZeroDivisionError, ValueError):
        return None
    return value if value.is_finite() else None


def _in_plane(components: Components, flow: list[Expr]) -> tuple[dict[sp.Symbol, Expr], arb] | None:
    """A circle around a zero of a denominator through which more flows out than in."""
    x, y = components.coordinates
    for centre in _centres(flow, (x, y)):
        for radius in _RADII:
            corners = [c + s * radius for c in centre for s in (1, -1)]
            domains = [d for d in components.domains for _ in (1, -1)]
            if not all(d.contains(fraction(c)) for c, d in zip(corners, domains, strict=True)):
                continue
            try:
                flux = _through_circle(flow, (x, y), centre, radius)
            except (Unsupported, ZeroDivisionError, ValueError):
                continue
            if flux.is_finite() and not flux.contains(0):
                return {x: centre[0], y: centre[1]}, flux
    return None


def _centres(flow: list[Expr], z: tuple[sp.Symbol, sp.Symbol]) -> list[tuple[Expr, Expr]]:
    """Points of a grid, and centres of quadratics, at which a denominator vanishes exactly."""
    bases = {
        power.base
        for part in flow
        for power in part.atoms(sp.Pow)
        # A denominator in one coordinate vanishes on a line, which every circle meets.
        if power.exp.is_negative and power.base.free_symbols >= set(z)
    }
    found: dict[tuple[Expr, Expr], None] = {}
    for base in bases:
        places: list[Any] = list(itertools.product(_PLACES, repeat=2))
        if base.is_polynomial(*z) and sp.Poly(base, *z).total_degree() == 2:
            solved = sp.solve([sp.diff(base, s) for s in z], z, dict=True)
            places += [tuple(one[s] for s in z) for one in solved if len(one) == 2]
        for place in places:
            if base.subs(dict(zip(z, place, strict=True))) == 0:
                found[place] = None
    return list(found)[:_MOST_CENTRES]


def _through_circle(
    flow: list[Expr],
    z: tuple[sp.Symbol, sp.Symbol],
    centre: tuple[Expr, Expr],
    radius: Expr,
) -> arb:
    """The flux through a circle, by rigorous integration over the angle."""
    angle = sp.Symbol("angle", real=True)
    normal = (sp.cos(angle), sp.sin(angle))
    around: Any = {s: c + radius * n for s, c, n in zip(z, centre, normal, strict=True)}
    outward: Expr = sum(f * n for f, n in zip(flow, normal, strict=True))
    integrand = radius * outward.subs(around, simultaneous=True)
    value = guarded_integral(
        lambda t, analytic: complex_value(integrand, angle, t, analytic),
        acb(0),
        2 * acb.pi(),
        tolerance=_TOLERANCE,
        evaluations=_EVALUATIONS,
    )
    return value.real
