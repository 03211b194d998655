r"""Rung: density and probability current have no jump and no pole, so that R = 0 is the theorem.

Where coefficients have a kink or a pole, the residual is zero almost everywhere but says nothing
about the set S in between. In the sense of distributions the normal current $\rho\,n\cdot u$,
$u = v - \nabla\cdot D + D\nabla H$, and $\rho D n$ must be continuous across a surface, and the
flux through a small sphere around a pole of codimension 2 or more must vanish. Proved

- for smooth coefficients;
- for u = 0 with $\rho D$ continuous;
- if $\rho$ is continuous, and the normals of S lie in directions w in which $u_w$ and D are
  continuous (what is rough along S only has to be bounded);
- for poles at the origin of a vector where $\rho$ is continuous and u and D are bounded: a small
  sphere carries nothing for n >= 2; n = 1 is judged by itself.

Refuted where the flux out of a kink, jump or pole is shown not to be zero. All else is undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from sdekit.calculus.contraction import Tensor, current, is_zero
from sdekit.calculus.contraction.heads import variable
from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.poles import repulsion, rough_at_other_places
from sdekit.verifier.currents.smoothness import (
    has_pole,
    is_continuous,
    may_be_undefined,
    rough_parts,
)
from sdekit.verifier.currents.tensor_smoothness import (
    is_locally_bounded,
    is_smooth,
    order_at_origin,
)
from sdekit.verifier.pointwise.size_gaps import size_without_value
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, proved, undecided

_SMOOTH_FUNCTIONS = "the unknown functions are smooth"


def check_regularity(problem: Problem) -> Check:
    """Whether density and current are regular enough for the residual to decide.

    Args:
        problem: A dynamics with H.

    Returns:
        Proved, refuted with the flux that leaves a kink or pole, or undecided.

    Checked by: tests/verifier/rungs/test_regularity.py.
    """
    gap = size_without_value(problem)
    if gap is not None:
        return undecided(gap)
    assumptions = (_SMOOTH_FUNCTIONS,) if problem.dynamics.functions else ()
    rough = list(dict.fromkeys(_rough_parts(problem)))
    if not rough:
        return proved("all coefficients are smooth", assumptions=assumptions)
    reason = _harmless(problem, rough)
    if reason is not None:
        return proved(reason, assumptions=assumptions)
    shown = ", ".join(repr(part) for part in rough[:3])
    jump = _jump_on_a_surface(problem) if any(map(_may_break, rough)) else None
    if jump is not None:
        return jump
    if problem.dynamics.is_scalar or not problem.is_for_all_sizes:
        from sdekit.verifier.currents.flux import flux_check

        check = flux_check(problem, only_kinks=all(_is_kink(part) for part in rough))
        if check is not None:
            return check
    return undecided(f"the current may jump or have a pole where {shown} is not smooth")


def _jump_on_a_surface(problem: Problem) -> Check | None:
    from sdekit.verifier.currents.surfaces import surface_check

    for sizes in problem.trial_sizes():
        try:
            found = surface_check(problem.components(sizes))
        except (Unsupported, ValueError):
            # ValueError: a matrix that is singular at this size.
            continue
        if found is not None:
            return found
    return None


def _may_break(part: ex.Expression) -> bool:
    """Whether an absolute value or a sign may be in it: not in inverses and whole powers."""
    whole = (ex.Inverse, ex.LogDet)
    return not isinstance(part, whole) and any(
        isinstance(node, (ex.Elementwise, Abbreviation))
        or (isinstance(node, ex.Power) and not _is_whole(node.exponent))
        for node in part.walk()
    )


def _is_whole(exponent: ex.Expression) -> bool:
    return isinstance(exponent, ex.Number) and exponent.value.denominator == 1


def _rough_parts(problem: Problem) -> Iterator[ex.Expression]:
    dynamics = problem.dynamics
    for part in (*dynamics.drift.values(), *dynamics.diffusion.values(), dynamics.hamiltonian):
        if part is not None:
            yield from rough_parts(part, inside=True)


# ------------------------------------------------------------------ proofs for every size


def _harmless(problem: Problem, rough: list[ex.Expression]) -> str | None:
    """Why what is not smooth carries no probability away; None if that is not shown."""
    if _vanishes_at_poles(problem):
        return "exp(-H) vanishes faster than every power at all poles"
    undefined = any(may_be_undefined(p) for p in rough if not _is_log_of_nonnegative(p))
    if undefined or not _density_is_continuous(problem):
        return None
    try:
        if _diffusion_is_continuous(problem) and problem.is_balanced:
            return "the probability current vanishes identically"
        flow = current(problem.lowered)
    except Unsupported:
        return None
    if _is_smooth_across(problem, rough, flow):
        return "density, D and current are continuous across what is not smooth, bounded along it"
    return _at_origin(problem, rough, flow)


def _vanishes_at_poles(problem: Problem) -> bool:
    dynamics = problem.dynamics
    assert dynamics.hamiltonian is not None
    bases = repulsion(dynamics.hamiltonian).essential
    parts = (*dynamics.drift.values(), *dynamics.diffusion.values(), dynamics.hamiltonian)
    return bool(bases) and not rough_at_other_places(parts, bases)


def _is_log_of_nonnegative(part: ex.Expression) -> bool:
    """A log that is minus infinity at worst, which the density has to make up for."""
    return (
        isinstance(part, ex.Elementwise)
        and part.name == "log"
        and not may_be_undefined(part.operand)
        and -1 not in entry_signs(part.operand)
    )


def _is_smooth_across(
    problem: Problem, rough: list[ex.Expression], flow: dict[Variable, Tensor]
) -> bool:
    """Whether u and D are continuous in all directions in which S can be crossed."""
    dynamics = problem.dynamics
    crossed = set().union(*(part.variables for part in rough))
    for x in dynamics.variables:
        row = [block for (y, _), block in dynamics.blocks() if y == x]
        if x in crossed:
            continuous = all(map(is_continuous, _rough_in(row)))
            if not (continuous and (is_zero(flow[x]) or is_smooth(flow[x]))):
                return False
        elif any(map(has_pole, row)) or not _is_bounded(flow[x], crossed):
            return False
    return True


def _is_bounded(tensor: Tensor, crossed: set[Variable]) -> bool:
    """Whether there is no pole; t/|t| has none at t = 0."""
    orders = (order_at_origin(tensor, variable(x)) for x in crossed if x.ndim)
    return is_locally_bounded(tensor) or any(k is not None and k >= 0 for k in orders)


def _at_origin(
    problem: Problem, rough: list[ex.Expression], flow: dict[Variable, Tensor]
) -> str | None:
    """Poles at x = 0 of one vector x, with bounded u and D: nothing flows for n >= 2."""
    crossed = set().union(*(part.variables for part in rough))
    (x, *others) = crossed
    if others or x.ndim != 1 or x.domain.kind != "real":
        return None
    size = problem.sized(x).shape[0].size
    parts = [*flow.values(), *problem.lowered.diffusion.values()]
    orders = [order_at_origin(part, variable(x)) for part in parts]
    if any(order is None or order < 0 for order in orders):
        return None
    if size is None or size < 2:
        from sdekit.verifier.currents.components import smooth_in_components

        sizes = {x.shape[0].name: 1} if size is None else dict(problem.sizes or {})
        missing = set(problem.open_dimensions) - sizes.keys()
        if (problem.sizes is None and missing) or not smooth_in_components(problem, sizes):
            return None
    return f"u and D are bounded at {x.name} = 0, and smooth at n = 1: no flux leaves the origin"


def _is_kink(part: ex.Expression) -> bool:
    return isinstance(part, ex.Elementwise) and part.name in ("abs", "sign")


def _diffusion_is_continuous(problem: Problem) -> bool:
    return all(map(is_continuous, _rough_in(problem.dynamics.diffusion.values())))


def _density_is_continuous(problem: Problem) -> bool:
    """Whether rho has no jump, beside which a zero current says nothing.

    Absolute values and roots are continuous; exp(-H) is where H has log f with a factor c < 0.
    """
    energy = problem.dynamics.hamiltonian
    assert energy is not None
    if repulsion(energy).bases:
        return True
    try:
        terms = expand(energy)
    except TooLarge:
        return False
    return all(_keeps_density_continuous(*term) for term in terms.items())


def _keeps_density_continuous(monomial: Monomial, coefficient: Fraction) -> bool:
    term = as_expression({monomial: coefficient})
    rough = list(rough_parts(term, inside=True))
    logs = [p for p in rough if isinstance(p, ex.Elementwise) and p.name == "log"]
    if not all(is_continuous(part) for part in rough if part not in logs):
        return False
    if any(may_be_undefined(part) for part in logs):
        return False
    is_log = coefficient < 0 and all((p, Fraction(1)) in monomial.factors for p in logs)
    return not logs or (is_log and len(monomial.factors) == 1 and monomial.core is None)


def _rough_in(expressions: Iterable[ex.Expression]) -> Iterator[ex.Expression]:
    for expression in expressions:
        yield from rough_parts(expression, inside=True)
