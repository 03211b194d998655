"""`verify_kernel`: every claim of a kernel, from its single steps to the whole.

Checks: volume, involution, acceptance, refreshment (those that occur), invariance (required) and
reversibility. Not for the claims themselves, which are in the modules of their names.

Checked by: tests/verifier/markov/test_kernel_ladder.py.
"""

from __future__ import annotations

import time
from dataclasses import replace

from sdekit.calculus.limits import BudgetExceeded, Unsupported, spending
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.errors import VerificationError
from sdekit.kernels.steps import Kernel
from sdekit.verifier.declared_facts import within_declaration
from sdekit.verifier.markov.composition import compose_invariance, compose_reversibility
from sdekit.verifier.markov.formulas import conditions_of_values
from sdekit.verifier.markov.kernel_problem import KernelProblem
from sdekit.verifier.markov.step_results import merged_claims, result_of
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Verification, undecided

#: The order in which checks are shown.
CHECKS = ("volume", "involution", "acceptance", "refreshment", "invariance", "reversibility")
REQUIRED = ("invariance",)


def verify_kernel(kernel: Kernel, budget: float | None) -> Verification:
    """Decide every claim of a kernel, for all sizes, all functions and every number of steps.

    Args:
        kernel: Steps and their law.
        budget: Seconds of processor time; None for no limit.
    """
    started = time.perf_counter()
    require_free_entries(kernel.variables, "no kernel here keeps")
    law = Problem(law_of(kernel))
    try:
        with spending(budget):
            checks = _checks(KernelProblem(kernel), law)
    except BudgetExceeded:
        checks = {"invariance": undecided("the time budget ran out")}
    except Unsupported as unsupported:
        checks = {"invariance": undecided(unsupported.reason)}
    except Exception as error:  # noqa: BLE001 - a fault of ours is no verdict
        fault = f"the check ended in {type(error).__name__}: {error}"
        checks = {"invariance": undecided(fault)}
    checks = {name: within_declaration(check, law) for name, check in checks.items()}
    seconds = time.perf_counter() - started
    return Verification(kernel.name or "kernel", law.scope, checks, seconds, REQUIRED)


def law_of(kernel: Kernel) -> Dynamics:
    """The law of a kernel as a dynamics that stands still, for what is asked of laws."""
    energy, target = kernel.hamiltonian, kernel.target
    return Dynamics(
        drift={x: x - x for x in kernel.variables},
        hamiltonian=energy,
        target=target,
        target_variables=None if target is None else kernel.target_variables,
        name=kernel.name or None,
    )


def _checks(problem: KernelProblem, law: Problem) -> dict[str, Check]:
    results = [result_of(step, problem) for step in problem.kernel.steps]
    found = merged_claims(results)
    invariance = compose_invariance(problem, results)
    found["invariance"] = _of_a_law(problem, invariance, law)
    found["reversibility"] = compose_reversibility(problem, results, found["invariance"])
    return {name: found[name] for name in CHECKS if name in found}


def _of_a_law(problem: KernelProblem, invariance: Check, law: Problem) -> Check:
    """The proof that exp(-H) is kept, where exp(-H) is a law with the marginal that is wanted.

    Raises:
        Unsupported: If a step is not seen to be defined at all states.
    """
    if not invariance.is_proved:
        return invariance
    conditions = (*invariance.side_conditions, *conditions_of_values(problem))
    assumptions = invariance.assumptions
    for name in ("normalizable", "marginalization"):
        check = law.check(name)
        if not check.is_proved:
            how = "fails" if check.is_refuted else "is open"
            return replace(check, reason=f"exp(-H) is kept, but {name} {how}: {check.reason}")
        assumptions += check.assumptions
        conditions += check.side_conditions
    return replace(
        invariance,
        assumptions=tuple(dict.fromkeys(assumptions)),
        side_conditions=tuple(dict.fromkeys(conditions)),
    )


def require_no_sizes(sizes: object) -> None:
    """Refuse sizes: kernels are verified for every size.

    Raises:
        VerificationError: If sizes are given.
    """
    if sizes is not None:
        raise VerificationError(
            "a kernel is verified for every size at once", found=f"n={sizes!r}", fix="leave n out"
        )
