r"""Rung: exp(-H) solves the stationary Fokker-Planck equation, and nothing leaves the domain.

The residual of $\nabla\cdot(\rho v) = \nabla\nabla^\top:(\rho D)$, divided by rho, is brought to
normal form: for every size by the index calculus, at given sizes (and for scalar models that the
index calculus cannot express) by the differential field. A counterexample is always an exact
point of the components. Not for the marginal, and not for what a jump or pole hides (regularity).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdekit.calculus.limits import Unsupported
from sdekit.verifier.currents.periodicity import turned_function
from sdekit.verifier.currents.smoothness import may_jump
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.boundary import check_boundary
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided

if TYPE_CHECKING:
    from sdekit.calculus.contraction.tensor import Tensor
    from sdekit.calculus.field.field_residual import FieldResidual
    from sdekit.calculus.field.witnesses.witness import PointWitness

#: A longer residual is cut in reports; its terms beyond this say little.
LONGEST_RESIDUAL = 600


@dataclass(frozen=True)
class Outcome:
    """What the index calculus says.

    Attributes:
        is_zero: Whether the residual is proved to vanish for every size.
        residual: What is left of it, where it does not.
        reason: Why there is no answer, where there is none.
    """

    is_zero: bool
    residual: Tensor | None = None
    reason: str | None = None

    @property
    def leftover(self) -> str | None:
        """The terms that are left, as text."""
        from sdekit.calculus.contraction import printing

        return None if self.residual is None else printing.text(self.residual)

    @property
    def grouped(self) -> dict[str, str]:
        """The terms that are left by what multiplies them; empty where none can be grouped."""
        from sdekit.calculus.contraction import printing

        if self.residual is None or len(self.residual.terms) < 2:
            return {}
        return dict(printing.groups(self.residual))


def check_stationarity(problem: Problem) -> Check:
    """Whether exp(-H) is stationary.

    Args:
        problem: A dynamics with H.

    Returns:
        Proved; refuted with the terms left over and an exact point; or undecided with the reason.

    Raises:
        BudgetExceeded: If the time granted is over.

    Checked by: tests/verifier/rungs/test_stationarity.py.
    """
    outcome = _for_every_size(problem)
    if outcome.is_zero:
        return _with_boundary(problem, "the residual is identically zero", _conditions(problem))
    turned = turned_function(problem.dynamics)
    if turned is not None:
        return undecided(
            f"{turned!r} is periodic by assumption, which a residual {outcome.leftover} leaves out"
        )
    found = _by_counterexample(problem, outcome)
    return _in_components(problem, outcome) if found is None else found


def _for_every_size(problem: Problem) -> Outcome:
    from sdekit.calculus.contraction.fokker_planck import residual

    try:
        if problem.vanishes(residual):
            return Outcome(True)
        return Outcome(False, residual(problem.lowered))
    except Unsupported as unsupported:
        return Outcome(False, reason=unsupported.reason)


def _conditions(problem: Problem) -> tuple[str, ...]:
    """Where v, D and H are defined; a residual that cancelled shows no denominators any more."""
    from sdekit.calculus.contraction.rules.definedness import side_conditions

    try:
        model = problem.lowered
    except Unsupported:
        return ()
    return side_conditions((*model.drift.values(), *model.diffusion.values(), model.energy))


def _by_counterexample(problem: Problem, outcome: Outcome) -> Check | None:
    """A refutation by the index calculus alone, for models on the whole space."""
    if outcome.residual is None or any(x.domain.kind != "real" for x in problem.dynamics.variables):
        return None
    from sdekit.calculus.contraction.values.evaluate import counterexample

    # Where D is semidefinite at every point, no point has to be looked at for it.
    diffusion = None if problem.check("diffusion_psd").is_proved else problem.lowered.diffusion
    found = counterexample(outcome.residual, diffusion, problem.sizes)
    if found is None:
        return None
    witness = Witness(found.dimensions, found.point, found.value, functions=found.functions)
    return _refutation(witness, outcome, _smaller_sizes_that_hold(problem, found.dimensions))


def _smaller_sizes_that_hold(problem: Problem, dimensions: Mapping[str, int]) -> list[str]:
    """Sizes below those of a witness at which the residual vanishes after all."""
    if not problem.is_for_all_sizes or max(dimensions.values(), default=1) == 1:
        return []
    from sdekit.calculus.field.field_residual import FieldResidual

    holds = []
    for size in range(1, max(dimensions.values())):
        sizes = dict.fromkeys(problem.open_dimensions, size)
        try:
            if FieldResidual(problem.components(sizes)).is_zero:
                holds.append(_size_text(sizes))
        except Unsupported:
            break
    return holds


def _with_boundary(problem: Problem, reason: str, conditions: tuple[str, ...] = ()) -> Check:
    if _density_may_jump(problem):
        return undecided(f"{reason} almost everywhere, but the density or D may jump")
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


def _density_may_jump(problem: Problem) -> bool:
    """Whether rho or D may jump, which regularity judges."""
    dynamics = problem.dynamics
    parts = (*dynamics.diffusion.values(), dynamics.hamiltonian)
    if not any(may_jump(part) for part in parts if part is not None):
        return False
    return not problem.check("regularity").is_proved


def _in_components(problem: Problem, outcome: Outcome) -> Check:
    """At the sizes asked for, or at small sizes for a counterexample."""
    from sdekit.calculus.field.field_residual import FieldResidual

    holds: list[str] = []
    reason = outcome.reason or "the normal form has terms left that were not seen to vanish"
    for sizes in problem.trial_sizes():
        try:
            field = FieldResidual(problem.components(sizes))
            witness = field.witness() if problem.is_for_all_sizes else _decided(field)
        except Unsupported as unsupported:
            reason = unsupported.reason
            continue
        if witness is not None:
            at = dict(field.components.sizes)
            shown = Witness(at, witness.point, witness.ball, functions=witness.function_texts)
            return _refutation(shown, outcome, holds, _field_leftover(field, outcome))
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


def _decided(field: FieldResidual) -> PointWitness | None:
    return None if field.is_zero else field.witness()


def _size_text(sizes: dict[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())


def _field_leftover(field: FieldResidual, outcome: Outcome) -> str | None:
    if outcome.residual is not None:
        return None
    try:
        return str(field.expression())
    except Unsupported:
        return None


def _refutation(
    witness: Witness, outcome: Outcome, holds: list[str], leftover: str | None = None
) -> Check:
    reason = "the residual is not zero"
    if holds:
        reason += f" (it is at {', '.join(holds)})"
    text = outcome.leftover or leftover or f"a residual that is {witness.value} at the witness"
    details = {"grouped": outcome.grouped} if outcome.grouped else {}
    return refuted(reason, witness, residual=_cut(text), details=details)


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= LONGEST_RESIDUAL:
        return text
    return text[:LONGEST_RESIDUAL].rsplit(" ", 1)[0] + " ..."
