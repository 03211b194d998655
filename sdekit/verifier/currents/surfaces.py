r"""Jumps across surfaces g(z) = 0 where an absolute value or a sign breaks, at exact points.

On each side |g| is +g or -g, so that one-sided limits are values of smooth expressions. With the
normal $n = \nabla g$ the law is refuted if $n\cdot\rho D n$ differs between the sides at a point,
or, where $\rho D n$ is the same on both sides identically, if $n\cdot\rho u$ does: what jumps is
made or lost on the surface. Not for poles (`flux`) nor for proofs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sympy as sp
from flint import fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.witnesses.random_points import Point
from sdekit.calculus.field.zero_proof import is_zero
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.sympy_types import Expr
from sdekit.verifier.pointwise.componentwise import current_velocity
from sdekit.verifier.pointwise.exact_points import (
    admissible_points,
    fraction,
    number_text,
    point_text,
    surely_nonzero,
    value_at,
)
from sdekit.verifier.verdict import Check, Witness, refuted

_KERNELS = (sp.Abs, sp.sign)
#: Points tried on one surface, and values of a coordinate where g is no polynomial in it.
_POINTS = 8
_CANDIDATES = tuple(sp.Rational(k, 2) for k in (0, 2, -2, 1, -1, 4, -4))


def surface_check(at: Components) -> Check | None:
    """A refutation by an exact point on a surface; None where none is found.

    Checked by: tests/verifier/currents/test_surfaces.py.
    """
    surfaces = {
        kernel.args[0]: None
        for part in (*at.drift, *at.diffusion.values(), at.hamiltonian)
        for kernel in part.atoms(*_KERNELS)
        if kernel.args[0].free_symbols & set(at.coordinates)
        and not kernel.args[0].atoms(AppliedUndef, *_KERNELS)
    }
    for g in surfaces:
        for point in _points_on(g, at):
            try:
                check = _at_point(g, point, at)
            except (Unsupported, ZeroDivisionError):
                continue
            if check is not None:
                return check
    return None


def _points_on(g: Expr, at: Components) -> Iterator[Point]:
    """Exact admissible points of a surface: one coordinate solved for, the others drawn or 0."""
    inside = [x for x in at.coordinates if g.has(x)]
    domains = dict(zip(at.coordinates, at.domains, strict=True))
    for point in admissible_points(at, _POINTS):
        for x in inside:
            for others_are_zero in (False, True):
                new = Point(point.scene, point.seed)
                for y in inside:
                    if y != x and others_are_zero:
                        new.values[y] = fmpq(0)
                values = {s: sp.Rational(fraction(new(s))) for s in g.free_symbols if s != x}
                for root in _roots(g.subs(values), x):
                    if domains[x].kind != "circle" and domains[x].contains(fraction(root)):
                        new.values[x] = fmpq(int(root.p), int(root.q))
                        yield new
                        break


def _roots(g: Expr, x: sp.Symbol) -> list[Expr]:
    if g.is_polynomial(x):
        polynomial = sp.Poly(g, x)
        if polynomial.is_zero or not (polynomial.domain.is_ZZ or polynomial.domain.is_QQ):
            return []
        return sorted(polynomial.ground_roots())
    return [value for value in _CANDIDATES if g.subs(x, value) == 0]


def _at_point(g: Expr, point: Point, at: Components) -> Check | None:
    normal = [sp.diff(g, x) for x in at.coordinates]
    slopes = [value_at(slope, point) for slope in normal]
    if any(slope is None for slope in slopes) or not any(map(surely_nonzero, slopes)):  # type: ignore[arg-type]
        return None
    sides = _sides(g, point, at)
    if sides is None:
        return None
    right, left = sides
    if any(value_at(side.hamiltonian, point) is None for side in sides):
        return None
    for name, jump, is_decisive in _jumps(normal, right, left, at):
        value = value_at(jump, point)
        if is_decisive and value is not None and surely_nonzero(value):
            where = point_text(point)
            return refuted(
                f"the {name} jumps across {g} = 0, which no density balances",
                Witness(dict(at.sizes), where, number_text(value)),
                residual=f"jump of the {name} along the normal of {g} = 0",
            )
    return None


def _sides(g: Expr, point: Point, at: Components) -> tuple[Components, Components] | None:
    """The coefficients on both sides near a point; None where a kernel is not resolved."""
    signs: dict[Expr, int] = {}
    kernels = {
        kernel
        for part in (*at.drift, *at.diffusion.values(), at.hamiltonian)
        for kernel in part.atoms(*_KERNELS)
    }
    for kernel in kernels:
        argument = kernel.args[0]
        value = value_at(argument, point)
        if value is None:
            return None
        if surely_nonzero(value):
            signs[argument] = 1 if value > 0 else -1
            continue
        along: Expr = sum(sp.diff(argument, x) * sp.diff(g, x) for x in at.coordinates)
        slope = value_at(along, point)
        if value != 0 or slope is None or not surely_nonzero(slope):
            return None
        signs[argument] = 2 if slope > 0 else -2
    return _side(at, signs, 1, point), _side(at, signs, -1, point)


def _side(at: Components, signs: dict[Expr, int], side: int, point: Point) -> Components:
    def resolved(kernel: Expr) -> Expr:
        sign = signs[kernel.args[0]]
        chosen = sp.Integer(sign if abs(sign) == 1 else side * sign // 2)
        return chosen if isinstance(kernel, sp.sign) else chosen * kernel.args[0]

    def branch(part: Expr) -> Expr:
        smooth = part.replace(lambda e: isinstance(e, _KERNELS) and e.args[0] in signs, resolved)
        # |g|/g is a sign only once g is cancelled.
        return smooth if value_at(smooth, point) is not None else sp.cancel(smooth)

    return replace(
        at,
        drift=tuple(map(branch, at.drift)),
        diffusion={pair: branch(entry) for pair, entry in at.diffusion.items()},
        hamiltonian=branch(at.hamiltonian),
    )


def _jumps(
    normal: list[Expr], right: Components, left: Components, at: Components
) -> Iterator[tuple[str, Expr, bool]]:
    """Name, jump along the normal, and whether the jump by itself refutes."""
    same_density = right.hamiltonian == left.hamiltonian
    weights = [sp.S.One if same_density else sp.exp(-side.hamiltonian) for side in (right, left)]
    rows = {
        i: sum(
            (
                normal[j] * (right.diffusion[i, j] * weights[0] - left.diffusion[i, j] * weights[1])
                for j in range(len(normal))
                if (i, j) in right.diffusion
            ),
            sp.S.Zero,
        )
        for i in range(len(normal))
    }
    name = "diffusion" if same_density else "density times D"
    yield name, sum((n * rows[i] for i, n in enumerate(normal)), sp.S.Zero), True
    is_same = all(row == 0 or is_zero(row, at.coordinates) is True for row in rows.values())
    velocities = zip(normal, current_velocity(right), current_velocity(left), strict=True)
    flow = sum((n * (u * weights[0] - w * weights[1]) for n, u, w in velocities), sp.S.Zero)
    yield "probability current", flow, is_same
