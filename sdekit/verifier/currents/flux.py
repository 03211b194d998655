r"""Net probability flux out of a kink or a pole, exactly or as a ball that excludes zero.

A kink is an absolute value or sign of x - a with a rational a: the density times D and the normal
component of the current must agree on both sides. A pole is a zero of a denominator: on the line
the current on both sides must agree, in the plane $\oint J\cdot n\,ds$ around it must vanish (it
does not depend on the circle where the residual is zero). Not for proofs about poles.
"""

from __future__ import annotations

import sympy as sp
from flint import acb, arb

from sdekit.calculus.field.elements import is_zero
from sdekit.calculus.field.field_residual import FieldResidual
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.components import Components
from sdekit.verifier.integrals.quadrature import guarded_integral
from sdekit.verifier.pointwise.exact_points import (
    admissible_points,
    number_text,
    point_text,
    surely_nonzero,
    value_at,
)
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Witness, proved, refuted

#: Digits of a flux in a witness.
_DIGITS = 12


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
    for coordinate, place in kinks:
        check = _jump(components, velocity, coordinate, place)
        if check is not None:
            return check
    if only_kinks and all(_is_continuous(components, velocity, *kink) for kink in kinks):
        return proved("the density times D and the normal component of the current do not jump")
    return None


def current_velocity(components: Components) -> list[sp.Expr]:
    """u in coordinates, by SymPy's derivatives of scalars."""
    z, energy = components.coordinates, components.hamiltonian
    velocity = list(components.drift)
    for (i, j), entry in components.diffusion.items():
        velocity[i] += entry * sp.diff(energy, z[j]) - sp.diff(entry, z[j])
    return velocity


def _kinks(components: Components) -> list[tuple[sp.Symbol, sp.Rational]] | None:
    """The hyperplanes x = a where an absolute value or sign breaks; None if elsewhere."""
    found: dict[tuple[sp.Symbol, sp.Rational], None] = {}
    entries = components.diffusion.values()
    for expression in (*components.drift, *entries, components.hamiltonian):
        for kernel in expression.atoms(sp.Abs, sp.sign):  # type: ignore[union-attr]
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


def _one_sided(expression: sp.Expr, x: sp.Symbol, place: sp.Rational, side: int) -> sp.Expr:
    """The limit at x = place from one side, not a number where there is none."""

    def resolved(kernel: sp.Expr) -> sp.Expr:
        argument = kernel.args[0]
        if not argument.has(x) or argument.subs(x, place) != 0:
            return kernel
        sign = side * sp.sign(sp.diff(argument, x))
        return sign if isinstance(kernel, sp.sign) else sign * argument

    return sp.expand(expression.replace(_is_kink, resolved).subs(x, place))


def _sides(expression: sp.Expr, x: sp.Symbol, place: sp.Rational) -> tuple[sp.Expr, sp.Expr]:
    return _one_sided(expression, x, place, 1), _one_sided(expression, x, place, -1)


def _is_continuous(
    components: Components, velocity: list[sp.Expr], x: sp.Symbol, place: sp.Rational
) -> bool:
    """Whether H, the row of D and the normal current have equal limits at a hyperplane."""
    i = components.coordinates.index(x)
    row = [entry for (k, _), entry in components.diffusion.items() if k == i]
    sides = [_sides(e, x, place) for e in (components.hamiltonian, velocity[i], *row)]
    return all(is_zero(right - left, components.coordinates) is True for right, left in sides)


def _jump(
    components: Components, velocity: list[sp.Expr], x: sp.Symbol, place: sp.Rational
) -> Check | None:
    """A jump of rho D[x, x], or of the normal current, that leaves a layer on the hyperplane."""
    i = components.coordinates.index(x)
    energies = _sides(components.hamiltonian, x, place)
    row = {j: _sides(entry, x, place) for (k, j), entry in components.diffusion.items() if k == i}
    candidates = {"density times D": row[i]} if i in row else {}
    # A jump of rho D[x, y] would add its divergence along the hyperplane to that of the current.
    others = [sides for j, sides in row.items() if j != i]
    same_density = not others or energies[0] == energies[1]
    if same_density and all(right == left for right, left in others):
        candidates["velocity"] = _sides(velocity[i], x, place)
    for name, (right, left) in candidates.items():
        if energies[0] != energies[1]:
            right, left = right * sp.exp(-energies[0]), left * sp.exp(-energies[1])
        check = _jump_at_points(components, x, place, name, (right, left), energies)
        if check is not None:
            return check
    return None


def _jump_at_points(
    components: Components,
    x: sp.Symbol,
    place: sp.Rational,
    name: str,
    sides: tuple[sp.Expr, sp.Expr],
    energies: tuple[sp.Expr, sp.Expr],
) -> Check | None:
    """A refutation by an exact point of the hyperplane where the density is positive."""
    limits = (*sides, *energies)
    difference = sides[0] - sides[1]
    if difference == 0 or any(e.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for e in limits):
        return None
    for point in admissible_points(components):
        if any(value_at(limit, point) is None for limit in limits):
            continue
        value = value_at(difference, point)
        if value is not None and surely_nonzero(value):
            where = {**point_text(point), str(x): str(place)}
            witness = Witness(dict(components.sizes), where, number_text(value))
            reason = f"the probability current jumps at {x} = {place}, which no density balances"
            return refuted(reason, witness, residual=f"jump of the {name}: {difference}")
    return None


def _pole(components: Components, velocity: list[sp.Expr]) -> Check | None:
    """A pole at the origin of the line or of the plane, with nothing unknown in the model."""
    z = components.coordinates
    expressions = [*velocity, components.hamiltonian]
    if len(z) > 2 or any(_has_unknowns(e, set(z)) for e in expressions):
        return None
    # Only where the residual is zero does the flux not depend on the circle.
    if FieldResidual(components).is_zero is not True:
        return None
    denominators = [sp.denom(sp.together(e)) for e in velocity]
    origin = dict.fromkeys(z, sp.S.Zero)
    if all(d.subs(origin) != 0 for d in denominators):
        return None
    try:
        flux = _flux_on_line(components, velocity) if len(z) == 1 else _flux(components, velocity)
    except (Unsupported, ZeroDivisionError, ValueError):
        return None
    if not flux.is_finite() or flux.contains(0):
        return None
    point = {str(x): "0" for x in z}
    witness = Witness(dict(components.sizes), point, flux.str(_DIGITS))
    reason = "probability flows out of the pole at the origin, which no density balances"
    return refuted(reason, witness, residual=f"net flux out of the pole: {flux.str(_DIGITS)}")


def _has_unknowns(expression: sp.Expr, known: set[sp.Symbol]) -> bool:
    """Parameters, unknown functions, or functions that cannot be integrated around a circle."""
    functions = expression.atoms(sp.Function) - expression.atoms(sp.exp, sp.log, sp.sin, sp.cos)
    return bool(expression.free_symbols - known or functions)


def _flux_on_line(components: Components, velocity: list[sp.Expr]) -> arb:
    (x,) = components.coordinates
    flow = sp.exp(-components.hamiltonian) * velocity[0]
    values = [_ball(flow.subs(x, side)) for side in (1, -1)]
    return values[0] - values[1]


def _ball(expression: sp.Expr) -> arb:
    from sdekit.calculus.field.witnesses.balls import ball_value

    return ball_value(expression, {}, 128)


def _flux(components: Components, velocity: list[sp.Expr]) -> arb:
    """The flux through the unit circle, by rigorous integration over the angle."""
    x, y = components.coordinates
    angle = sp.Symbol("angle", real=True)
    around = {x: sp.cos(angle), y: sp.sin(angle)}
    normal = velocity[0] * x + velocity[1] * y
    integrand = (sp.exp(-components.hamiltonian) * normal).subs(around, simultaneous=True)
    value = guarded_integral(lambda t, _: _complex(integrand, angle, t), acb(0), 2 * acb.pi())
    return value.real


def _complex(expression: sp.Expr, symbol: sp.Symbol, value: acb) -> acb:
    """An expression in +, *, powers, exp, log, sin, cos at a complex ball."""
    if expression == symbol:
        return value
    if expression.is_Rational:
        return acb(int(expression.p)) / int(expression.q)
    parts = [_complex(part, symbol, value) for part in expression.args]
    if expression.is_Add:
        return sum(parts[1:], parts[0])
    if expression.is_Mul:
        product = parts[0]
        for part in parts[1:]:
            product *= part
        return product
    if expression.is_Pow and expression.exp.is_Integer:
        return parts[0] ** int(expression.exp)
    functions = {sp.exp: acb.exp, sp.log: acb.log, sp.sin: acb.sin, sp.cos: acb.cos}
    if expression.func not in functions:
        raise Unsupported(f"no ball value of {expression.func}")
    return functions[expression.func](parts[0])
