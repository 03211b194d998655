r"""Whether reflection at the end of a domain adds to a Lyapunov function no more than time does.

At an end of x with noise, H gains $D_{xx}\,\partial_x H$ per local time (inwards positive), of
which $L H$ knows nothing. Not for positions without noise, which keep H where their momenta turn.

Checked by: tests/verifier/rungs/test_non_explosion.py.
"""

from __future__ import annotations

from sdekit.calculus.contraction import gradient, lower, substitute
from sdekit.calculus.contraction.heads import variable
from sdekit.calculus.contraction.splitting_terms import is_positive
from sdekit.calculus.contraction.tensor import Tensor
from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.growth import Unclear, leading
from sdekit.calculus.expansion.monomial_sums import TooLarge
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.confinement.at_poles import repels_at_poles
from sdekit.verifier.currents.poles import repulsion
from sdekit.verifier.integrals.tails import approaches
from sdekit.verifier.question import Problem


def walls_are_harmless(problem: Problem) -> bool:
    """Whether no wall turns H of other variables, and none feeds it."""
    dynamics = problem.dynamics
    for x in dynamics.variables:
        has_wall = x.domain.kind in ("positive", "interval")
        if not has_wall or dynamics.diffusion_block(x, x) is None or is_never_met(problem, x):
            continue
        slope = gradient(problem.lowered.energy, x)
        coupled = any(pair[0] == x and pair[1] != x for pair, _ in dynamics.blocks())
        if slope.depends - {variable(x)} or coupled:
            return False
        if not slope.is_empty and not _is_pushed_mildly(problem, x, slope):
            return False
    return True


def is_never_met(problem: Problem, x: Variable) -> bool:
    """Whether H, a Lyapunov function, tends to infinity at every end of a scalar x."""
    energy = problem.dynamics.hamiltonian
    assert energy is not None
    if x.shape or not repels_at_poles(problem):
        return False
    found = repulsion(energy)
    walls = [q for q in found.bases if q.variables == {x}]
    ends = [end for end in approaches(x.domain) if end.at is not None]
    try:
        return all(
            any(leading(expand(substituted(q, {x: end.towards}))).vanishes for q in walls)
            for end in ends
        )
    except (Unclear, Unsupported, TooLarge):
        return False


def _is_pushed_mildly(problem: Problem, x: Variable, slope: Tensor) -> bool:
    """Nothing is added where D dH/dx is not positive at the end.

    Where v and D of x depend on x alone, H may be changed near the end to have no slope there,
    which changes L H by a bounded amount.
    """
    model = problem.lowered
    noise = model.diffusion[x, x]
    if not (noise.depends | model.drift[x].depends) - {variable(x)}:
        return True
    if x.domain.kind != "positive":
        return False
    end = {x: lower(ex.Product((ZERO, x)))}
    if substitute(noise, end).is_empty:
        return True
    return all(
        coefficient < 0 and not term.open and all(is_positive(part) for part, _ in term.monomial)
        for term, coefficient in substitute(slope, end).terms.items()
    )
