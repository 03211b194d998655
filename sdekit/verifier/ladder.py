"""`verify`: all rungs of the ladder, one after the other, within a budget.

A rung is one record of `sdekit.verifier.rung_table`. Not for the mathematics of a rung; that is in
its module.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from sdekit.calculus.limits import BudgetExceeded, spending
from sdekit.calculus.memory import remembering
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import VerificationError
from sdekit.kernels.steps import Kernel
from sdekit.verifier.declared_facts import within_declaration
from sdekit.verifier.question import Problem, check_names, has_joint_domains, read_sizes
from sdekit.verifier.readings import Reading, with_assumptions_solved, with_gaps_freed
from sdekit.verifier.row_sums import with_sums_as_functions
from sdekit.verifier.rung_table import RUNGS
from sdekit.verifier.verdict import Check, Verdict, Verification, undecided

#: Seconds granted to the whole call when nothing is said.
DEFAULT_BUDGET = 10.0
#: Share of the time left that one check may take, so that a slow one leaves some to the others.
SHARE = 0.5


def verify(
    dynamics: Dynamics | Kernel,
    n: int | Mapping[str, int] | None = None,
    *,
    budget: float | None = DEFAULT_BUDGET,
) -> Verification:
    """Decide every claim about a dynamics: proved, refuted with a witness, or undecided.

    Args:
        dynamics: The declaration; a Stratonovich one is converted to Ito. A kernel is decided for
            every size and every number of steps.
        n: Sizes to verify at, for a model that is declared for every size: one integer where one
            size is open, a mapping by name for several. For every size when left out.
        budget: Seconds of processor time for all checks together; a check may take half of what
            is left, and is undecided after that. None for no limit.

    Returns:
        The checks; a dynamics without H, or with coefficients that depend on time, gets those
        about D only and claims nothing.

    Raises:
        VerificationError: If the sizes or the budget make no sense.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
        >>> str(verify(ou).verdict)
        'proved'

    Checked by: tests/verifier/test_ladder.py.
    """
    if isinstance(dynamics, Kernel):
        from sdekit.verifier.markov.kernel_ladder import require_no_sizes, verify_kernel

        require_no_sizes(n)
        _check_budget(budget)
        with remembering():
            return verify_kernel(dynamics, budget)
    if not isinstance(dynamics, Dynamics):
        raise VerificationError(
            "only a Dynamics can be verified",
            expected="a Dynamics or a kernel",
            found=f"{dynamics!r} of type {type(dynamics).__name__}"[:80],
            fix='by name it is sk.catalog.get("langevin"), from a file sk.load("model.toml")',
        )
    _check_budget(budget)
    check_names(dynamics)
    started, begun = time.perf_counter(), time.thread_time()
    with remembering():
        problem = Problem(dynamics, read_sizes(dynamics, n))
        checks = _decided(problem, budget, begun)
    seconds = time.perf_counter() - started
    return Verification(dynamics.name or "", problem.scope, checks, seconds)


def _decided(problem: Problem, budget: float | None, begun: float) -> dict[str, Check]:
    if has_joint_domains(problem.dynamics):
        from sdekit.verifier.joint_domains import joint_checks

        return joint_checks(problem, lambda inner: _checks(inner, budget, begun))
    return _checks(problem, budget, begun)


def _checks(problem: Problem, budget: float | None, begun: float) -> dict[str, Check]:
    """Every rung, one after the other."""
    readings = _readings(problem)
    checks: dict[str, Check] = {}
    for rung in RUNGS:
        if rung.needs_law and not problem.has_law:
            continue
        check = undecided("")
        for reading in readings:
            if check.verdict is Verdict.UNDECIDED:
                left = None if budget is None else budget - (time.thread_time() - begun)
                granted = None if left is None else max(left, 0.0) * SHARE
                found = check_within(reading.problem, rung.name, granted)
                claim = reading.claim(found)
                check = check if claim is None else within_declaration(claim, problem)
        checks[rung.name] = check
    return checks


def _readings(problem: Problem) -> list[Reading]:
    """The problem, and those of which it is a case: proofs of these, and all it says itself."""
    plain = Reading(problem)
    found = [replace(plain, is_case=False), *with_assumptions_solved(plain)]
    found += with_gaps_freed(plain)
    lifted = with_sums_as_functions(problem)
    # What holds of every function is quicker to see than what holds of the sums.
    return found if lifted is None else [lifted, *with_assumptions_solved(lifted), *found]


def _check_budget(budget: float | None) -> None:
    is_number = isinstance(budget, (int, float)) and not isinstance(budget, bool)
    if budget is not None and not (is_number and 0 < budget < float("inf")):
        raise VerificationError("the budget is no number of seconds", found=repr(budget))


def check_within(problem: Problem, name: str, seconds: float | None) -> Check:
    """`Problem.check` with this much time, after which the claim is undecided.

    Args:
        problem: The dynamics and its sizes.
        name: Name of the check.
        seconds: Time granted; None for no limit.
    """
    try:
        with spending(seconds):
            return problem.check(name)
    except BudgetExceeded:
        return undecided("the time budget ran out")
