"""Whether a solution may end at a pole of v or D, before any bound on H can help.

Checked by: tests/verifier/rungs/test_non_explosion.py.
"""

from __future__ import annotations

from sdekit.calculus.contraction import lower
from sdekit.calculus.contraction.heads import variable
from sdekit.calculus.expansion.rewriting import with_closed_ends
from sdekit.calculus.memory import remembered
from sdekit.declaration.tree import expression as ex
from sdekit.verifier.currents.poles import repulsion, rough_at_other_places
from sdekit.verifier.currents.smoothness import has_pole, rough_parts
from sdekit.verifier.currents.tensor_smoothness import order_at_origin
from sdekit.verifier.question import Problem


@remembered
def may_have_pole(problem: Problem) -> bool:
    """Whether v or D may be unbounded near a state."""
    dynamics = problem.dynamics
    parts = [*dynamics.drift.items(), *((x, part) for (x, _), part in dynamics.diffusion.items())]
    # An end of x is reached: what x does there is its own, but nothing else may be driven
    # infinitely fast.
    ended = [(part, with_closed_ends(part, x)) for x, part in parts]
    return any(
        has_pole(closed) and not (has_pole(part) and _is_bounded_at_origin(problem, part))
        for part, closed in ended
    )


@remembered
def repels_at_poles(problem: Problem) -> bool:
    """Whether H tends to infinity at every pole of v, D and H, and is smooth elsewhere."""
    dynamics = problem.dynamics
    assert dynamics.hamiltonian is not None
    bases = repulsion(dynamics.hamiltonian).bases
    parts = (*dynamics.drift.values(), *dynamics.diffusion.values(), dynamics.hamiltonian)
    return bool(bases) and not rough_at_other_places(parts, bases)


def poles_are_harmless(problem: Problem, energy: ex.Expression) -> bool:
    """Whether no solution ends at a pole: H is infinite there, or smooth and nothing flows in."""
    if repels_at_poles(problem):
        return True
    return next(rough_parts(energy), None) is None and problem.check("regularity").is_proved


def _is_bounded_at_origin(problem: Problem, part: ex.Expression) -> bool:
    """Whether the only pole is at x = 0 of a vector, and of no order, as that of x/|x|."""
    tensor = lower(part)
    orders = [order_at_origin(tensor, variable(x)) for x in problem.dynamics.variables if x.ndim]
    return any(order is not None and order >= 0 for order in orders)
