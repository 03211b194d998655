"""That the injected diffusion and the gradient noise of a declaration are covariances, each alone.

Their sum is what every other check reads. A condition that only narrows parameters and unknown
functions is a side condition; one that no admissible value meets, or that fails at some state, is
refuted.

Checked by: tests/verifier/test_gradient_noise.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.unicode_text import unicode_text
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.operators import negate
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.symmetry import Blocks
from sdekit.verifier.verdict import Check, Verdict, undecided

Decide = Callable[[Problem], Check]


def check_parts(problem: Problem, whole: Check, decide: Decide) -> Check:
    """The answer about the sum, held against each part of it.

    Args:
        problem: A dynamics with gradient noise.
        whole: The answer about the sum.
        decide: Whether the diffusion of a problem is positive semidefinite.
    """
    if whole.verdict is Verdict.REFUTED:
        return whole
    declared = problem.declared
    injected = declared.injected().ito()
    carried = Dynamics(declared.drift, declared.gradient_noise)
    conditions = []
    for name, part in (("injected diffusion", injected), ("gradient noise", carried)):
        alone = Problem(part, problem.sizes)
        found = decide(alone)
        uneven = alone.check("diffusion_symmetric")
        if uneven.verdict is Verdict.REFUTED:
            return replace(uneven, reason=f"the {name} alone: {uneven.reason}")
        if found.verdict is Verdict.REFUTED and _is_beyond_repair(alone, decide):
            return replace(found, reason=f"the {name} alone: {found.reason}")
        shown = ", ".join(f"[{x.name}, {y.name}] {unicode_text(b)}" for (x, y), b in part.blocks())
        if found.is_proved:
            conditions.append(f"the {name} is positive semidefinite: {found.reason}")
        elif _reads_state(dict(part.blocks())):
            return undecided(f"the {name} alone, {shown}, is not shown to be semidefinite")
        else:
            conditions.append(f"the {name} {shown} is positive semidefinite")
    return replace(whole, side_conditions=(*whole.side_conditions, *conditions))


def _is_beyond_repair(part: Problem, decide: Decide) -> bool:
    """Whether a counterexample is more than a narrowing of parameters and unknown functions."""
    blocks = dict(part.dynamics.blocks())
    open_symbols = any(
        (isinstance(node, Parameter) and node.value is None) or isinstance(node, Call)
        for block in blocks.values()
        for node in block.walk()
    )
    if not open_symbols or _reads_state(blocks):
        return True
    # A block on the diagonal that is the opposite of a covariance is none, whatever the values.
    opposite = {pair: negate(b) for pair, b in blocks.items() if pair[0] == pair[1]}
    alone = [Dynamics(part.dynamics.drift, {pair: block}) for pair, block in opposite.items()]
    return any(decide(Problem(one, part.sizes)).is_proved for one in alone)


def _reads_state(blocks: Mapping[tuple[Variable, Variable], Expression] | Blocks) -> bool:
    """Whether a variable stands outside of unknown functions."""
    return any(_outside_calls(block) for block in blocks.values())


def _outside_calls(node: Expression) -> bool:
    if isinstance(node, Call):
        return False
    return isinstance(node, Variable) or any(_outside_calls(child) for child in node.children)
