"""`verify`: all rungs of the ladder, one after the other, within a budget.

A rung is one record of `RUNGS`. Not for the mathematics of a rung; that is in its module, which is
imported when the rung is reached.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from sdekit.calculus.limits import BudgetExceeded, Unsupported, spending
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import VerificationError
from sdekit.verifier.declared_facts import within_declaration
from sdekit.verifier.question import Problem, check_names, read_sizes
from sdekit.verifier.verdict import Check, Verification, undecided

#: Seconds granted to the whole call when nothing is said.
DEFAULT_BUDGET = 10.0
#: Share of the time left that one check may take, so that a slow one leaves some to the others.
SHARE = 0.5


@dataclass(frozen=True)
class Rung:
    """One claim of the ladder.

    Attributes:
        name: Name of the check.
        module: Where it is decided.
        function: Problem -> Check.
        needs_law: Whether the claim is about exp(-H), so that there has to be an H.
    """

    name: str
    module: str
    function: str
    needs_law: bool = True

    def check(self, problem: Problem) -> Check:
        """Decide the claim; what no engine can express is undecided."""
        decide: Callable[[Problem], Check] = getattr(import_module(self.module), self.function)
        try:
            check = decide(problem)
            if self.needs_law and check.is_proved and problem.missing_value is not None:
                return undecided(problem.missing_value)
            return check
        except BudgetExceeded:
            return undecided("the time budget ran out")
        except Unsupported as unsupported:
            return undecided(unsupported.reason)
        except RecursionError:
            return undecided("the expressions are nested too deeply")
        except Exception as error:  # noqa: BLE001 - a fault in one check takes no other along
            fault = f"the check ended in {type(error).__name__}: {error}"
            return undecided(problem.missing_value or fault)


_HERE = "sdekit.verifier.rungs"
RUNGS = (
    Rung("diffusion_symmetric", f"{_HERE}.symmetry", "check_symmetric", needs_law=False),
    Rung("diffusion_psd", f"{_HERE}.definiteness", "check_psd", needs_law=False),
    Rung("stationarity", f"{_HERE}.stationarity", "check_stationarity"),
    Rung("marginalization", f"{_HERE}.marginalization", "check_marginalization"),
    Rung("normalizable", f"{_HERE}.normalizability", "check_normalizable"),
    Rung("regularity", f"{_HERE}.regularity", "check_regularity"),
    Rung("non_explosion", f"{_HERE}.non_explosion", "check_non_explosion"),
    Rung("uniqueness", f"{_HERE}.uniqueness", "check_uniqueness"),
    Rung("reversibility", f"{_HERE}.reversibility", "check_reversibility"),
)


def verify(
    dynamics: Dynamics,
    n: int | Mapping[str, int] | None = None,
    *,
    budget: float | None = DEFAULT_BUDGET,
) -> Verification:
    """Decide every claim about a dynamics: proved, refuted with a witness, or undecided.

    Args:
        dynamics: The declaration; a Stratonovich one is converted to Ito.
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
    if not isinstance(dynamics, Dynamics):
        raise VerificationError(
            "only a Dynamics can be verified", found=f"{type(dynamics).__name__}"
        )
    is_number = isinstance(budget, (int, float)) and not isinstance(budget, bool)
    if budget is not None and not (is_number and 0 < budget < float("inf")):
        raise VerificationError("the budget is no number of seconds", found=repr(budget))
    check_names(dynamics)
    started, begun = time.perf_counter(), time.thread_time()
    problem = Problem(dynamics.ito(), read_sizes(dynamics, n))
    checks: dict[str, Check] = {}
    for rung in RUNGS:
        if rung.needs_law and not problem.has_law:
            continue
        left = None if budget is None else budget - (time.thread_time() - begun)
        with spending(None if left is None else max(left, 0.0) * SHARE):
            checks[rung.name] = within_declaration(rung.check(problem), problem)
    seconds = time.perf_counter() - started
    return Verification(dynamics.name or "", problem.scope, checks, seconds)
