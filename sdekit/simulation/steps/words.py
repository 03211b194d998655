"""From the name of a scheme to the stages of a step.

Words over the letters of a splitting ("BAOAB"), "EM" for Euler-Maruyama of the whole dynamics, the
algorithms published under a name, and the solvers of diffrax in lower case ("milstein").

Not for what a stage does (`stages`) nor for sharing gradients (`scheme`).

Checked by: tests/simulation/steps/test_scheme.py, tests/simulation/steps/test_published.py.
"""

from __future__ import annotations

from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.schemes.split.splitting import Splitting, splitting
from sdekit.schemes.split.word import ALGORITHM_1, ALGORITHM_2, EULER_MARUYAMA
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.solvers.solver_table import SOLVERS
from sdekit.simulation.steps.metropolis import hamiltonian_monte_carlo
from sdekit.simulation.steps.published import algorithm_2
from sdekit.simulation.steps.scheme import Scheme, composed
from sdekit.simulation.steps.stages import euler_maruyama_stage, stage_of

#: Hamiltonian Monte Carlo: leapfrog trajectories with Metropolis acceptance.
HMC = "HMC"
#: Other names under which people know a scheme.
ALIASES = {"SGLD": EULER_MARUYAMA, "EULER": EULER_MARUYAMA, "SGHMC": ALGORITHM_1}
_RESERVED = {name.upper(): name for name in (EULER_MARUYAMA, ALGORITHM_1, ALGORITHM_2, HMC)}


def reserved_name(scheme: str) -> str | None:
    """The name of an algorithm as spelt here, or None for a word over letters."""
    if scheme in SOLVERS:
        return scheme
    plain = scheme.upper().replace(" ", "").replace("-", "").replace("_", "")
    plain = {"EULERMARUYAMA": "EM"}.get(plain, plain)
    return ALIASES.get(plain) or _RESERVED.get(plain)


def build_scheme(problem: Problem, scheme: str, options: dict[str, Any]) -> Scheme:
    """The scheme of a name or word for a bound dynamics.

    Raises:
        SchemeError: If the word does not fit the parts of the dynamics.
        SimulationError: If the algorithm does not fit the dynamics.
    """
    name = reserved_name(scheme)
    if name == EULER_MARUYAMA:
        stage = euler_maruyama_stage(problem.dynamics, problem.sizes)
        return composed(problem, EULER_MARUYAMA, [(stage, 1.0)])
    if name == ALGORITHM_1:
        return algorithm_1(problem)
    if name == ALGORITHM_2:
        return algorithm_2(problem)
    if name in SOLVERS:
        # diffrax takes a second to load, and only its own solvers need it.
        from sdekit.simulation.solvers.diffrax_scheme import solver_scheme

        return solver_scheme(problem, name)
    if name == HMC:
        return hamiltonian_monte_carlo(problem, options)
    parts: Splitting = splitting(problem.dynamics)
    stages = {part.letter: stage_of(part.flow, problem.sizes) for part in parts.parts}
    word = [(stages[letter], float(share)) for letter, share in parts.parse(scheme)]
    return composed(problem, "".join(scheme.split()), word)


def default_scheme(dynamics: Dynamics) -> str:
    """The default word of the dynamics' splitting; "EM" where there is none."""
    if dynamics.noise is not None or dynamics.depends_on_time:
        return EULER_MARUYAMA
    return splitting(dynamics).default_word


def update_order(dynamics: Dynamics) -> tuple[tuple[Variable, ...], ...]:
    """Momenta, then positions, then the rest: the order of Algorithm 1.

    Momenta are the auxiliary variables that the drift of the target variables reads.
    """
    targets = dynamics.target_variables
    auxiliary = dynamics.auxiliary_variables
    momenta = tuple(
        x for x in auxiliary if any(dynamics.drift[target].depends_on(x) for target in targets)
    )
    rest = tuple(x for x in auxiliary if x not in momenta)
    return tuple(group for group in (momenta, targets, rest) if group)


def algorithm_1(problem: Problem) -> Scheme:
    r"""Algorithm 1 of Ding et al.: Euler-Maruyama with each group at the newest state.

    $$p^+ = p - \xi p h - \nabla\tilde U(\theta)h + \sqrt{2Ah}\,\zeta,\quad
      \theta^+ = \theta + p^+h,\quad \xi^+ = \xi + (p^{+\top}p^+/n - 1)h$$

    Properties: Ito; weak order 1; one gradient per step. Use it to reproduce papers; a palindromic
    word has order 2 at the same cost. For SGHMC this is the update of Chen et al. (2014).

    Raises:
        SimulationError: If the dynamics has no momenta, or noise ties groups together.
    """
    dynamics = problem.dynamics
    order = update_order(dynamics)
    if len(order) < 2 or order[0] == dynamics.target_variables:
        raise SimulationError(
            "Algorithm 1 is for dynamics with momenta",
            found=f"variables {', '.join(x.name for x in dynamics.variables)}",
            fix='use scheme="EM"',
        )
    stages = [euler_maruyama_stage(dynamics, problem.sizes, group) for group in order]
    return composed(problem, ALGORITHM_1, [(stage, 1.0) for stage in stages])
