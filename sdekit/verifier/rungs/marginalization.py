r"""Rung: $\int e^{-H}\,d(\text{auxiliaries})$ is finite and proportional to exp(-target).

The auxiliary blocks of H - target are integrated out in closed form (`elimination`); what is left
must not depend on the target variables. Where a block resists, an affine certificate field is
searched for in components (`certificate`), or a counterexample by rigorous quadrature
(`quadrature`). Not for the integrability of the target itself (`normalizability`).
"""

from __future__ import annotations

from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.expression import Expression
from sdekit.verifier.currents.smoothness import is_continuous, rough_parts
from sdekit.verifier.integrals.elimination import Elimination
from sdekit.verifier.integrals.infinite import infinite_integral
from sdekit.verifier.integrals.quadratic import involves
from sdekit.verifier.pointwise.zero import gradient_text, gradient_vanishes, gradient_witness
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, proved, refuted, undecided


def check_marginalization(problem: Problem) -> Check:
    """Whether the marginal of exp(-H) over the auxiliary variables is exp(-target).

    Args:
        problem: A dynamics with a Hamiltonian.

    Returns:
        Proved with the theorem used for each block; refuted with a point at which the logarithm
        of the marginal has another slope than the target, or at which it is infinite.

    Checked by: tests/verifier/rungs/test_marginalization.py.
    """
    try:
        found = problem.marginal
    except (TooLarge, Unsupported) as reason:
        return _in_components(problem, f"the energy is too long to take apart {reason}".strip())
    infinite = infinite_marginal(problem, found)
    if infinite is not None:
        return infinite
    if not found.is_complete:
        reasons = "; ".join(step.reason for step in found.open_steps)
        return _in_components(problem, reasons)
    return _judge_complete(problem, found)


def infinite_marginal(problem: Problem, found: Elimination) -> Check | None:
    """A refutation if the integral over the auxiliary variables is infinite."""
    blocks = problem.auxiliary, problem.target_variables
    return infinite_integral(problem, problem.excess, *blocks, found)


def _judge_complete(problem: Problem, found: Elimination) -> Check:
    held = {m: c for m, c in found.energy.items() if _moves(m, problem)}
    left = as_expression(held)
    jump = _jump(left)
    if jump is not None:
        return jump
    moving = [x for x in problem.target_variables if not gradient_vanishes(left, x)]
    if not moving:
        evidence = {"blocks": found.steps}
        return proved(steps_text(found), assumptions=found.assumptions, evidence=evidence)
    for x in moving:
        witness = gradient_witness(left, x, problem.trial_sizes())
        if witness is not None:
            residual = gradient_text(left, x) or f"grad({left!r}, {x.name})"
            return refuted(
                f"-log of the marginal is the target plus {left!r}, which depends on {x.name}",
                witness,
                residual=residual,
                evidence={"blocks": found.steps},
            )
    names = ", ".join(x.name for x in moving)
    return undecided(f"it is not decided whether {left!r} depends on {names}")


def _jump(left: Expression) -> Check | None:
    """A slope that is zero between jumps is not enough: the values on both sides may differ."""
    for part in rough_parts(left, inside=True):
        if not is_continuous(part):
            return undecided(f"the marginal may jump where {part!r} is not continuous")
    return None


def _moves(monomial: Monomial, problem: Problem) -> bool:
    return any(involves(monomial, x) for x in problem.target_variables)


def steps_text(found: Elimination) -> str:
    """Which theorem did which block."""
    if not found.steps:
        return "there are no auxiliary variables and H is the target"
    return "; ".join(step.reason for step in found.steps)


def _in_components(problem: Problem, reason: str) -> Check:
    """Blocks that no closed form covers: certificates and quadrature at concrete sizes."""
    from sdekit.verifier.integrals.certificate_fields import certified_marginal

    check = certified_marginal(problem, reason)
    return (_jump(problem.excess) or check) if check.is_proved else check
