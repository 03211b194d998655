r"""Rung: exp(-H) solves the stationary Fokker-Planck equation, and nothing leaves the domain.

The residual of $\nabla\cdot(\rho v) = \nabla\nabla^\top:(\rho D)$, divided by rho, is brought to
normal form: for every size by the index calculus, at given sizes (and for scalar models that the
index calculus cannot express) by the differential field. A counterexample is always an exact
point of the components. Not for the marginal, and not for what a jump or pole hides (regularity).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdekit.calculus.limits import BudgetExceeded, Unsupported
from sdekit.verify.boundary import check_boundary
from sdekit.verify.problem import Problem
from sdekit.verify.verdict import Check, Witness, proved, refuted, undecided

if TYPE_CHECKING:
    from sdekit.calculus.field.witness import PointWitness

#: A longer residual is cut in reports; its terms beyond this say little.
LONGEST_RESIDUAL = 600


@dataclass(frozen=True)
class Outcome:
    """What the index calculus says.

    Attributes:
        is_zero: Whether the residual is proved to vanish for every size.
        leftover: Its terms, grouped, where it does not.
        reason: Why there is no answer, where there is none.
    """

    is_zero: bool
    leftover: str | None = None
    reason: str | None = None


def check_stationarity(problem: Problem) -> Check:
    """Whether exp(-H) is stationary.

    Args:
        problem: A dynamics with H.

    Returns:
        Proved; refuted with the terms left over and an exact point; or undecided with the reason.

    Raises:
        BudgetExceeded: If the time granted is over.

    Checked by: tests/verify/test_stationarity.py.
    """
    outcome = _for_every_size(problem)
    if outcome.is_zero:
        return _with_boundary(problem, "the residual is identically zero", _conditions(problem))
    return _in_components(problem, outcome)


def _for_every_size(problem: Problem) -> Outcome:
    from sdekit.calculus.contraction import printing
    from sdekit.calculus.contraction.generator import residual
    from sdekit.calculus.contraction.relations import is_zero

    try:
        tensor = residual(problem.lowered)
        if is_zero(tensor):
            return Outcome(True)
        return Outcome(False, leftover=printing.text(tensor))
    except BudgetExceeded:
        raise
    except Unsupported as unsupported:
        return Outcome(False, reason=unsupported.reason)


def _conditions(problem: Problem) -> tuple[str, ...]:
    """Where v, D and H are defined; a residual that cancelled shows no denominators any more."""
    from sdekit.calculus.contraction.conditions import side_conditions

    model = problem.lowered
    return side_conditions((*model.drift.values(), *model.diffusion.values(), model.energy))


def _with_boundary(problem: Problem, reason: str, conditions: tuple[str, ...] = ()) -> Check:
    boundary = check_boundary(problem)
    if boundary is None:
        return proved(reason, side_conditions=conditions)
    if not boundary.is_proved:
        return boundary
    return proved(
        f"{reason}; {boundary.reason}",
        assumptions=boundary.assumptions,
        side_conditions=conditions,
    )


def _in_components(problem: Problem, outcome: Outcome) -> Check:
    """At the sizes asked for, or at small sizes for a counterexample."""
    from sdekit.calculus.field.stationarity import FieldResidual

    holds: list[str] = []
    reason = outcome.reason or "the normal form has terms left that were not seen to vanish"
    for sizes in problem.trial_sizes():
        try:
            field = FieldResidual(problem.components(sizes))
            witness = field.witness() if problem.is_for_all_sizes else _decided(field)
        except BudgetExceeded:
            raise
        except Unsupported as unsupported:
            reason = unsupported.reason
            continue
        if witness is not None:
            return _refutation(problem, dict(field.components.sizes), witness, outcome, holds)
        if field.is_zero:
            if not problem.is_for_all_sizes:
                return _with_boundary(
                    problem, "the residual is identically zero", field.side_conditions
                )
            holds.append(_size_text(sizes))
        elif not problem.is_for_all_sizes:
            reason = field.reason
    if problem.is_for_all_sizes:
        where = f"; it holds at {', '.join(holds)}" if holds else ""
        reason = f"{reason}{where}; it can be decided at a given size, n=2"
    return undecided(reason, residual=_cut(outcome.leftover))


def _decided(field: object) -> PointWitness | None:
    return None if field.is_zero else field.witness()  # type: ignore[attr-defined]


def _size_text(sizes: dict[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())


def _refutation(
    problem: Problem,
    sizes: dict[str, int],
    found: PointWitness,
    outcome: Outcome,
    holds: list[str],
) -> Check:
    witness = Witness(sizes, found.point, found.ball, functions=found.function_texts)
    reason = "the residual is not zero"
    if holds:
        reason += f" (it is at {', '.join(holds)})"
    leftover = outcome.leftover
    if leftover is None:
        from sdekit.calculus.field.stationarity import FieldResidual

        try:
            leftover = str(FieldResidual(problem.components(sizes)).expression())
        except Unsupported:
            leftover = f"a residual that is {found.ball} at the witness"
    return refuted(reason, witness, residual=_cut(leftover))


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= LONGEST_RESIDUAL:
        return text
    return text[:LONGEST_RESIDUAL].rsplit(" ", 1)[0] + " ..."
