r"""Surfaces q = 0 that no solution crosses, because H tends to infinity there.

Then exp(-H) restricted to q > 0, and to q < 0, is stationary. Shown where H is a Lyapunov function,
$L H \le c\,(1 + H)$; and for reversible dynamics where $\rho \le C |q|^\beta$ with
$\beta \ge 1$ on compact sets: with $\phi$ a function of log q alone that cuts the surface off,
$\int \nabla\phi\cdot D\nabla\phi\,\rho$ can be made as small as one likes, so that the surface has
no capacity. Not for poles that split nothing (q of one sign).

Source: Fukushima, Oshima, Takeda (2011), theorem 1.6.3 (functions of vanishing energy).
"""

from __future__ import annotations

from sdekit.calculus.contraction import current, is_zero
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.verifier.confinement.at_poles import repels_at_poles
from sdekit.verifier.confinement.lyapunov import by_energy, by_terms
from sdekit.verifier.currents.periodicity import is_periodic
from sdekit.verifier.currents.poles import logarithmic_powers, repulsion
from sdekit.verifier.currents.smoothness import rough_parts
from sdekit.verifier.pointwise.exact_points import (
    admissible_points,
    number_text,
    point_text,
    surely_negative,
    value_at,
)
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Witness


def barrier_found(problem: Problem) -> tuple[str, Witness] | None:
    """A function q whose sign never changes, with points on both sides; None if none is shown.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.

    Checked by: tests/verifier/currents/test_barriers.py.
    """
    energy = problem.dynamics.hamiltonian
    if energy is None or problem.dynamics.functions or not repels_at_poles(problem):
        return None
    found = repulsion(energy)
    bases = sorted(found.bases, key=repr)
    if not _energy_keeps_away(problem):
        if not _is_reversible_with_smooth_noise(problem):
            return None
        strong = found.essential | {q for q in found.logarithmic if _is_strong(energy, q)}
        bases = [q for q in bases if q in strong]
    circles = [x for x in problem.dynamics.variables if x.domain.kind == "circle"]
    for q in bases:
        # A half wave, such as sin(c/2), has two signs on one arc, and no side of its own.
        if any(q.depends_on(x) and not is_periodic(q, x) for x in circles):
            continue
        sides = _both_sides(problem, q)
        if sides is not None:
            return repr(q), sides
    return None


def _energy_keeps_away(problem: Problem) -> bool:
    for rule in (by_energy, by_terms):
        try:
            check = rule(problem)
        except Unsupported:
            continue
        if check is not None and check.is_proved and not check.assumptions:
            return True
    return False


def _is_reversible_with_smooth_noise(problem: Problem) -> bool:
    noise = problem.dynamics.diffusion.values()
    if any(next(rough_parts(part, inside=True), None) is not None for part in noise):
        return False
    return all(is_zero(u) for u in current(problem.lowered).values())


def _is_strong(energy: ex.Expression, q: ex.Expression) -> bool:
    """Whether exp(-H) vanishes at least like |q| for every admissible parameter."""
    beta: ex.Expression = ex.Sum((ZERO, *logarithmic_powers(energy, q)))
    return -1 not in decided_signs(ex.Sum((beta, ex.Negation(ONE))))


def _both_sides(problem: Problem, q: ex.Expression) -> Witness | None:
    """Points of one choice of parameters at which q is positive and negative."""
    from sdekit.declaration.model.component_reader import ComponentReader

    for sizes in problem.trial_sizes():
        at = problem.components(sizes)
        value_of = ComponentReader(problem.all_sizes(sizes), problem.dynamics.names).scalar(q)
        if value_of.free_symbols - set(at.coordinates):
            continue
        below: str | None = None
        above: Witness | None = None
        for point in admissible_points(at):
            value = value_at(value_of, point)
            if value is None:
                continue
            if surely_negative(value):
                below = number_text(value)
            elif surely_negative(-value):
                shown = f"{q!r} = {number_text(value)}"
                above = Witness(sizes, point_text(point), shown)
            if below is not None and above is not None:
                return above
    return None
