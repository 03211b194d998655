r"""Rung: the integral of exp(-H) over the auxiliaries is finite, and a concrete target is a law.

The auxiliary part is judged by `elimination`, as for the marginal. A target without unknown
functions is integrated in the same way over the target variables; where that is not enough, it is
judged in components (`coercivity`). For an unknown potential integrability is a stated assumption,
except that what is visible beside it is still judged. Not for what the marginal is
(`marginalization`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.abbreviations import EachRow
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.symbols import PROPERTIES, Variable
from sdekit.verifier.declared_facts import below_functions
from sdekit.verifier.integrals.elimination import Elimination, Step, eliminate
from sdekit.verifier.integrals.infinite import infinite_integral
from sdekit.verifier.integrals.lower_bounds import finite_by_bounds, without_bounded_functions
from sdekit.verifier.integrals.questions import Integral, Outcome
from sdekit.verifier.pointwise.function_choices import with_chosen_functions
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.marginalization import infinite_marginal
from sdekit.verifier.verdict import Check, Verdict, proved, undecided

#: What is used of unknown functions.
_BELOW = "convex functions are above planes, and above c |x| - C where they tend to infinity"
#: Blocks of a target from which bounds are tried before closed forms.
_MANY = 4
#: Properties that a function without a finite law may be declared with.
_NARROWING = frozenset(PROPERTIES) - {"even"}


def check_normalizable(problem: Problem) -> Check:
    """Whether exp(-H) has a finite integral over the auxiliaries, and exp(-target) over the rest.

    Args:
        problem: A dynamics with a Hamiltonian.

    Returns:
        Proved, with the assumption about unknown functions stated; refuted with parameters for
        which an integral is infinite.

    Checked by: tests/verifier/rungs/test_normalizability.py.
    """
    auxiliary = _auxiliary_part(problem)
    if auxiliary.verdict is Verdict.REFUTED:
        return auxiliary
    target = _target_part(problem)
    if target.verdict is Verdict.REFUTED:
        return target
    for part in (auxiliary, target):
        if part.verdict is Verdict.UNDECIDED:
            return part
    if auxiliary.assumptions + target.assumptions and not _may_be_integrable(problem):
        return undecided("no function with what is declared of it was found to have a finite law")
    reasons = [part.reason for part in (auxiliary, target) if part.reason]
    both = {**(auxiliary.evidence or {}), **(target.evidence or {})}
    return proved(
        "; ".join(reasons),
        assumptions=tuple(dict.fromkeys(auxiliary.assumptions + target.assumptions)),
        evidence=None if None in (auxiliary.evidence, target.evidence) else both,
    )


def _auxiliary_part(problem: Problem) -> Check:
    try:
        found = problem.marginal
    except (TooLarge, Unsupported) as reason:
        return _auxiliary_in_components(problem, f"the energy is too long to take apart {reason}")
    infinite = infinite_marginal(problem, found)
    if infinite is not None:
        return infinite
    if found.is_finite:
        steps = (*found.steps, *found.open_steps)
        evidence = {"blocks": steps}
        return proved(_finite_text(found), assumptions=found.assumptions, evidence=evidence)
    return _auxiliary_in_components(problem, "; ".join(s.reason for s in found.open_steps))


def _finite_text(found: Elimination) -> str:
    steps = (*found.steps, *found.open_steps)
    return "; ".join(step.reason for step in steps)


def _auxiliary_in_components(problem: Problem, reason: str) -> Check:
    from sdekit.verifier.integrals.coercivity import finite_in_components

    return finite_in_components(problem, problem.excess, problem.auxiliary, reason)


def _target_part(problem: Problem) -> Check:
    """exp(-target): known blocks are integrated out first, unknown functions are assumed."""
    target = without_bounded_functions(problem.sized(problem.target))
    unknown = _reached_by_functions(target, problem.target_variables)
    below = below_functions(target) if unknown else None
    if below is not None:
        found = _finite_below(problem, below)
        if found is not None:
            return found
    known = tuple(x for x in problem.target_variables if x not in unknown)
    try:
        # Bounds first where a target of many scalars would grow long when it is multiplied out.
        bound = None if unknown or len(known) < _MANY else finite_by_bounds(target, known)
        if bound is not None:
            return _integrable(bound, target, known)
        found = eliminate(target, known, unknown)
        if not unknown and found.infinite is None and not found.is_finite:
            bound = finite_by_bounds(target, known) or _bound_of_the_rest(found)
            if bound is not None:
                return _integrable(bound, target, known)
        infinite = infinite_integral(problem, target, known, unknown, found)
    except (TooLarge, Unsupported) as why:
        return _target_in_components(problem, target, f"the target is too long {why}", unknown)
    if infinite is not None:
        return infinite
    if not found.is_finite:
        reason = "; ".join(step.reason for step in found.open_steps)
        return _target_in_components(problem, target, reason, unknown)
    if not unknown:
        steps = (*found.steps, *found.open_steps)
        return proved(
            f"the target is integrable: {_finite_text(found)}", evidence={"target": steps}
        )
    assumed = (*_assumptions(target, unknown), *found.assumptions)
    evidence = {"target": "assumed"}
    return proved("exp(-target) by assumption", assumptions=assumed, evidence=evidence)


def _bound_of_the_rest(found: Elimination) -> str | None:
    """A bound of what is left when some blocks have been integrated out."""
    if not found.steps:
        return None
    left: dict[Monomial, Fraction] = {}
    for step in found.open_steps:
        left.update(expand(step.energy))
    blocks = tuple(x for step in found.open_steps for x in step.blocks)
    bound = finite_by_bounds(as_expression(left), blocks)
    return bound and "; ".join((*(step.reason for step in found.steps), bound))


def _integrable(bound: str, target: Expression, known: tuple[Variable, ...]) -> Check:
    """By a bound; a block at a time is what a certificate may still say of it."""
    steps = tuple(Step((x,), target, Integral(Outcome.FINITE, bound)) for x in known)
    return proved(f"the target is integrable: {bound}", evidence={"target": steps})


def _finite_below(problem: Problem, below: Expression) -> Check | None:
    variables = problem.target_variables
    try:
        found = eliminate(below, variables, ())
    except (TooLarge, Unsupported):
        return None
    if found.infinite is None and found.is_finite and not found.assumptions:
        reason: str | None = _finite_text(found)
    else:
        reason = finite_by_bounds(below, variables)
    return None if reason is None else proved(f"{_BELOW}, and {reason}")


def _may_be_integrable(problem: Problem) -> bool:
    """Whether what is declared of functions leaves room for the assumption that they have a law.

    -U of a coercive, or a convex U has none. Shown by one choice of the functions.
    """
    if not any(f.assumptions & _NARROWING for f in problem.dynamics.functions):
        return True
    return any(
        Problem(chosen, problem.sizes).check("normalizable").is_proved
        for chosen, _ in with_chosen_functions(problem.dynamics)
    )


def _assumptions(target: Expression, unknown: tuple[Variable, ...]) -> tuple[str, str]:
    names = ", ".join(x.name for x in unknown)
    over = names if len(unknown) == 1 else f"({names})"
    return "the unknown functions are smooth", f"exp(-({target!r})) is integrable over {over}"


def _reached_by_functions(
    target: Expression, variables: tuple[Variable, ...]
) -> tuple[Variable, ...]:
    """Variables that an unknown function depends on; they cannot be integrated over."""
    calls = [node for node in target.walk() if isinstance(node, (Call, EachRow))]
    return tuple(x for x in variables if any(call.depends_on(x) for call in calls))


def _target_in_components(
    problem: Problem, target: Expression, reason: str, unknown: tuple[Variable, ...]
) -> Check:
    from sdekit.verifier.integrals.coercivity import finite_in_components

    if unknown:
        return undecided(reason)
    return finite_in_components(problem, target, problem.target_variables, reason)
