"""From the name of a scheme to a step that runs.

Which moves make a step is known in `sdekit.schemes.split.unroll` alone; here each becomes a stage.

Not for what a stage does (`stages`) nor for sharing gradients (`scheme`).

Checked by: tests/simulation/steps/test_scheme.py, tests/simulation/steps/test_published.py,
tests/simulation/steps/test_same_step.py.
"""

from __future__ import annotations

from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SimulationError
from sdekit.schemes.split.scheme_names import canonical, named
from sdekit.schemes.split.splitting import splitting
from sdekit.schemes.split.unroll import check_scheme, moves_that_run
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.kernel_steps.kernel_scheme import kernel_scheme
from sdekit.simulation.kernel_steps.running import KERNEL
from sdekit.simulation.steps.metropolis import hamiltonian_monte_carlo
from sdekit.simulation.steps.metropolis_hastings import gaussian_proposals
from sdekit.simulation.steps.scheme import Scheme, composed
from sdekit.simulation.steps.stages import staged
from sdekit.simulation.stiff.stiff_drifts import check_gradients


def build_scheme(problem: Problem, scheme: str, options: dict[str, Any]) -> Scheme:
    """The scheme of a name or word for a bound dynamics.

    Raises:
        SchemeError: If the scheme does not fit the dynamics.
        SimulationError: If the algorithm does not fit what it is given.
    """
    if KERNEL in options:
        return kernel_scheme(problem, options[KERNEL])
    record = named(scheme)
    if record is not None and record.runner == "solver":
        if problem.extra is not None:
            raise SimulationError(
                f"the solver {record.name} steps the variables alone, without updates",
                expected="a splitting word, EM, Metropolis steps or a kernel",
                fix='use scheme="EM" or the default',
            )
        # diffrax takes a second to load, and only its own solvers need it.
        from sdekit.simulation.solvers.diffrax_scheme import solver_scheme

        return solver_scheme(problem, record.name)
    if record is not None and record.runner == "trajectory":
        return hamiltonian_monte_carlo(problem, options)
    if record is not None and record.runner == "proposal":
        return gaussian_proposals(problem, record.name, with_drift=record.name == "MALA")
    moves = moves_that_run(splitting(problem.dynamics), scheme)
    check_gradients(problem, moves)
    return composed(
        problem, canonical(scheme), staged(moves, problem.sizes), clock=float(moves[0].clock)
    )


def scheme_that_fits(dynamics: Dynamics, scheme: str | None) -> str:
    """The name of a scheme as results spell it; the default word where none is given.

    Raises:
        SchemeError: If it does not fit the dynamics.
    """
    parts = splitting(dynamics)
    chosen = parts.default_word if scheme is None else scheme
    check_scheme(parts, chosen)
    return canonical(chosen)
