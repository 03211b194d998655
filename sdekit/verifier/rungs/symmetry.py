"""Rung: D equals its transpose, block by block.

Not for definiteness, which is judged on the symmetric part (`definiteness`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.forms import is_symmetric
from sdekit.declaration.tree.expression import Expression, Transpose
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided

Blocks = dict[tuple[Variable, Variable], Expression]


def check_symmetric(problem: Problem) -> Check:
    """Whether D equals its transpose.

    Args:
        problem: Any dynamics.

    Returns:
        Proved for every size, or refuted with the entries that differ.

    Checked by: tests/verifier/rungs/test_definiteness.py.
    """
    dynamics = problem.dynamics
    if dynamics.noise is not None:
        return proved("D = sigma sigma^T / 2 is symmetric")
    given = dict(dynamics.blocks())
    uneven = [pair for pair in _pairs_to_compare(problem, given) if not _mirrored(given, *pair)]
    if not uneven:
        return proved("D is its own transpose" if given else "D is zero")
    return _symmetric_in_components(problem, uneven)


def _pairs_to_compare(problem: Problem, given: Blocks) -> Iterator[tuple[Variable, Variable]]:
    for x, y in itertools.combinations_with_replacement(problem.dynamics.variables, 2):
        # A block that is given once is mirrored by the declaration.
        stated_twice = (x, y) in problem.dynamics.diffusion and (y, x) in problem.dynamics.diffusion
        if ((x, y) in given and (x == y or stated_twice)) or (x != y and stated_twice):
            yield x, y


def swapped(x: Variable, block: Expression) -> Expression:
    """The block with the axes of x moved behind the others."""
    rank = x.ndim
    if not block.shape:
        return block
    return Transpose(block, tuple(range(rank, block.ndim)) + tuple(range(rank)))


def _mirrored(given: Blocks, x: Variable, y: Variable) -> bool:
    one, other = given.get((x, y), ZERO), given.get((y, x), ZERO)
    if x == y and (not one.shape or is_symmetric(one)):
        return True
    from sdekit.calculus.contraction.lowering import lower
    from sdekit.calculus.contraction.relations import difference_is_zero

    try:
        left = lower(one, x.shape + y.shape)
        right = lower(swapped(y, other), x.shape + y.shape)
        return difference_is_zero(left, right)
    except Unsupported:
        return False


def _symmetric_in_components(problem: Problem, uneven: list[tuple[Variable, Variable]]) -> Check:
    from sdekit.calculus.field.zero_proof import is_zero
    from sdekit.verifier.pointwise.exact_points import nonzero_at

    decided = True
    for sizes in problem.trial_sizes():
        at = problem.components(sizes)
        for (i, j), entry in at.diffusion.items():
            difference = entry - at.diffusion.get((j, i), 0)
            if (i > j and (j, i) in at.diffusion) or difference == 0:
                continue
            found = nonzero_at(difference, at)
            if found is not None:
                return refuted(
                    f"D[{at.coordinates[i]}, {at.coordinates[j]}] differs from its mirror image",
                    Witness(dict(at.sizes), *found),
                    residual=str(difference),
                )
            decided = decided and is_zero(difference, at.coordinates) is True
    if decided and not problem.is_for_all_sizes:
        return proved("D is its own transpose")
    names = ", ".join(f"({x.name}, {y.name})" for x, y in uneven)
    return undecided(f"it is not decided whether the blocks {names} of D mirror each other")
