r"""Rung: the probability current has no jump and no pole, so that "zero residual" is stationarity.

Where coefficients have a kink or a pole, the residual is zero almost everywhere but says nothing
about the set in between. The current $J = \rho u$, $u = v - \nabla\cdot D + D\nabla H$, must carry
no probability into that set. Proved for smooth coefficients and for u = 0; refuted where the net
flux out of a kink on a hyperplane, or out of a pole on the line or in the plane, is not zero.

Not for kinks and poles elsewhere, which are undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from sdekit.calculus.contraction import current, is_zero
from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.expression import Elementwise, Expression
from sdekit.verifier.currents.smoothness import is_continuous, may_be_undefined, rough_parts
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, proved, undecided

_SMOOTH_FUNCTIONS = "the unknown functions are smooth"


def check_regularity(problem: Problem) -> Check:
    """Whether the current is regular enough for the residual to decide.

    Args:
        problem: A dynamics with H.

    Returns:
        Proved, refuted with the flux that leaves a kink or pole, or undecided.

    Checked by: tests/verifier/rungs/test_regularity.py.
    """
    assumptions = (_SMOOTH_FUNCTIONS,) if problem.dynamics.functions else ()
    rough = list(dict.fromkeys(_rough_parts(problem)))
    if not rough:
        return proved("all coefficients are smooth", assumptions=assumptions)
    if _current_vanishes(problem) and _density_is_continuous(problem):
        return proved("the probability current vanishes identically", assumptions=assumptions)
    shown = ", ".join(repr(part) for part in rough[:3])
    if problem.dynamics.is_scalar or not problem.is_for_all_sizes:
        from sdekit.verifier.currents.flux import flux_check

        check = flux_check(problem, only_kinks=all(_is_kink(part) for part in rough))
        if check is not None:
            return check
    return undecided(f"the current may jump or have a pole where {shown} is not smooth")


def _rough_parts(problem: Problem) -> Iterator[Expression]:
    dynamics = problem.dynamics
    for expression in (*dynamics.drift.values(), *dynamics.diffusion.values()):
        yield from rough_parts(expression)
    if dynamics.hamiltonian is not None:
        yield from rough_parts(dynamics.hamiltonian)


def _current_vanishes(problem: Problem) -> bool:
    try:
        return all(is_zero(u) for u in current(problem.lowered).values())
    except Unsupported:
        return False


def _is_kink(part: Expression) -> bool:
    return isinstance(part, Elementwise) and part.name in ("abs", "sign")


def _density_is_continuous(problem: Problem) -> bool:
    """Whether rho and rho D have no jump, beside which a zero current says nothing.

    Absolute values and roots are continuous; exp(-H) is where H has log f with a factor c < 0.
    """
    dynamics = problem.dynamics
    if not all(map(is_continuous, _rough_in(dynamics.diffusion.values()))):
        return False
    assert dynamics.hamiltonian is not None
    try:
        terms = expand(dynamics.hamiltonian)
    except TooLarge:
        return False
    return all(_keeps_density_continuous(*term) for term in terms.items())


def _keeps_density_continuous(monomial: Monomial, coefficient: Fraction) -> bool:
    term = as_expression({monomial: coefficient})
    rough = list(rough_parts(term))
    logs = [p for p in rough if isinstance(p, Elementwise) and p.name == "log"]
    if not all(is_continuous(part) for part in rough if part not in logs):
        return False
    if any(may_be_undefined(part) for part in logs):
        return False
    is_log = coefficient < 0 and all((p, Fraction(1)) in monomial.factors for p in logs)
    return not logs or (is_log and len(monomial.factors) == 1 and monomial.core is None)


def _rough_in(expressions: Iterable[Expression]) -> Iterator[Expression]:
    for expression in expressions:
        yield from rough_parts(expression)
