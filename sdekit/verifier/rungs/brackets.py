r"""Which directions the brackets of the drift with the noise span at every point, for every n.

If the blocks G carry definite noise or have been reached, their coordinate fields lie in the module
spanned by the brackets, and $[\partial_{g_1},[\ldots,[\partial_{g_k}, v\cdot\nabla]]]
= \partial_{g_1}\cdots\partial_{g_k} v\cdot\nabla$. A block Y is reached where such a derivative of
its drift has full row rank at every point while those of the other missing blocks vanish.

Not for conserved quantities, which show that a block cannot be reached (`uniqueness`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdekit.calculus.contraction import Tensor, gradient, is_zero
from sdekit.calculus.contraction.heads import Head, Kind
from sdekit.calculus.contraction.rules.reduction import coefficients
from sdekit.calculus.expansion.expand import collected
from sdekit.calculus.expansion.monomial_sums import TooLarge
from sdekit.calculus.limits import tick
from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.sign_values import POSITIVE
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.definiteness import connected_groups, small_matrix
from sdekit.verifier.rungs.symmetry import Blocks

if TYPE_CHECKING:
    from sdekit.declaration.model.components import Components

#: Depth of nested brackets: two suffice for thermostats, three leave room.
_DEEPEST = 3
#: Steps that a determinant of SymPy expressions is worth, for the time budget.
_WORK_OF_A_MINOR = 10_000


def spanned_blocks(problem: Problem) -> tuple[frozenset[Variable], list[str]]:
    """The blocks that are reached at every point, for every size, and how.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.
    """
    reached, steps = _noisy_blocks(problem)
    while True:
        found = _next_block(problem, reached)
        if found is None:
            return frozenset(reached), steps
        block, step = found
        reached.append(block)
        steps.append(step)


def definite_blocks(problem: Problem) -> frozenset[Variable]:
    """The blocks on which D is definite, alone or together with others."""
    return frozenset(_noisy_blocks(problem)[0])


def _noisy_blocks(problem: Problem) -> tuple[list[Variable], list[str]]:
    """Blocks whose own noise is definite and independent of the others, or definite jointly."""
    blocks = dict(problem.dynamics.blocks())
    reached: list[Variable] = []
    steps = []
    for group in connected_groups(problem.dynamics.variables, blocks):
        if len(group) == 1:
            is_noisy = is_definite(blocks[group[0], group[0]])
        else:
            is_noisy = _is_jointly_definite(group, blocks)
        if is_noisy:
            reached += group
            steps.append("D is definite on " + ", ".join(x.name for x in group))
    return [x for x in problem.dynamics.variables if x in reached], steps


def _is_jointly_definite(group: tuple[Variable, ...], blocks: Blocks) -> bool:
    """Whether blocks that are scalars times one identity make a positive definite matrix."""
    scalars = small_matrix(group, blocks)
    if scalars is None:
        return False
    from sdekit.verifier.pointwise.pivots import all_pivots_positive

    return all_pivots_positive(scalars)


def is_definite(block: Expression) -> bool:
    """Whether a block of D is positive definite for all states and admissible parameters."""
    if form_signs(block) == POSITIVE:
        return True
    try:
        return form_signs(collected(block)) == POSITIVE
    except TooLarge:
        return False


def _next_block(problem: Problem, reached: list[Variable]) -> tuple[Variable, str] | None:
    missing = [y for y in problem.dynamics.variables if y not in reached]
    for depth in range(1, _DEEPEST + 1):
        for by in itertools.combinations_with_replacement(reached, depth):
            slopes = {y: problem.lowered.drift[y] for y in missing}
            for x in by:
                slopes = {y: gradient(slope, x) for y, slope in slopes.items()}
            nonzero = [y for y in missing if not is_zero(slopes[y])]
            if len(nonzero) == 1 and has_full_rank(slopes[nonzero[0]], nonzero[0]):
                (block,) = nonzero
                along = " ".join(f"d/d{x.name}" for x in by)
                return block, f"{along} of the drift spans {block.name}"
    return None


def has_full_rank(slope: Tensor, y: Variable) -> bool:
    """Whether the columns of a derivative of the drift of y span all of y at every point.

    Shown for one form of open factors times scalars of one known sign: the identity or a definite
    matrix, the diagonal delta_ij delta_ik, and all symmetric matrices for a symmetric y.
    """
    forms = coefficients(slope)
    rank = len(y.shape)
    patterns = [_pattern(opened) for opened in forms]
    if any(pattern is None for pattern in patterns):
        return False
    if not all(_is_never_zero(scalar) for scalar in forms.values()):
        return False
    if len(forms) == 1:
        ((pattern,),) = (patterns,)
        return _is_onto(pattern or [], rank)
    return y.symmetry == "symmetric" and _is_symmetrized(patterns, list(forms.values()))


def _pattern(opened: tuple) -> list[tuple[int, int]] | None:
    """Pairs of axes that invertible two-index factors join; None for any other factor."""
    pairs = []
    for part in opened:
        for head, indices in part.factors:
            if len(indices) == 1 and head.is_positive:
                # Rows or columns times positive numbers: that changes no rank.
                continue
            if len(indices) != 2 or any(index >= 0 for index in indices) or not _is_regular(head):
                return None
            first, second = sorted(-index - 1 for index in indices)
            pairs.append((first, second))
    return pairs


def _is_regular(head: Head) -> bool:
    if head.kind in (Kind.DELTA, Kind.INVERSE):
        return True
    declared = {Kind.PARAMETER: head.data, Kind.CALL: getattr(head.data, "function", None)}
    symbol = declared.get(head.kind)
    is_jet = head.kind is Kind.CALL and bool(head.data.derivatives)
    return symbol is not None and not is_jet and "positive_definite" in symbol.assumptions


def _is_onto(pairs: list[tuple[int, int]], rank: int) -> bool:
    """Whether each axis of y is joined, perhaps through others, to axes of its own only.

    The map from the new axes to y is onto if no two axes of y are joined to each other: every index
    of y is then reached by setting the axes it is joined to.
    """
    groups = {axis: {axis} for pair in pairs for axis in pair}
    for first, second in pairs:
        joined = groups[first] | groups[second]
        for axis in joined:
            groups[axis] = joined
    return all(
        axis in groups and not groups[axis] & (set(range(rank)) - {axis}) for axis in range(rank)
    )


def _is_symmetrized(patterns: list[list[tuple[int, int]] | None], scalars: list[Tensor]) -> bool:
    """d_ai d_bj + d_aj d_bi with equal scalars, which spans the symmetric matrices."""
    both = [sorted(pattern or []) for pattern in patterns]
    expected = [[(0, 2), (1, 3)], [(0, 3), (1, 2)]]
    return sorted(both) == expected and scalars[0] == scalars[1]


def _is_never_zero(scalar: Tensor) -> bool:
    """Whether a scalar has one sign for all states and parameters: all terms have it."""
    signs = {(c > 0) - (c < 0) for c in scalar.terms.values()}
    return len(signs) == 1 and all(
        part.head is not None and (part.head.is_positive or part.head.kind is Kind.SIZE)
        for term in scalar.terms
        for part, _ in term.monomial
    )


def spanned_coordinates(problem: Problem) -> str | None:
    """At given sizes: a minor of nested derivatives that is never zero, in words; or None."""
    import sympy as sp

    from sdekit.calculus.signs.sign import sign

    components = problem.components()
    z = components.coordinates
    noisy = _noisy_coordinates(components)
    missing = [i for i in range(len(z)) if i not in noisy]
    if not missing or not noisy:
        return None
    columns = [
        column
        for column in _derivative_columns(components.drift, z, noisy, missing)
        # No minor with the derivatives of an unknown function is known never to vanish.
        if any(entry != 0 for entry in column)
        and not any(entry.atoms(sp.core.function.AppliedUndef) for entry in column)
    ]
    for chosen in itertools.islice(itertools.combinations(columns, len(missing)), 200):
        tick(_WORK_OF_A_MINOR)
        minor = sp.expand(sp.Matrix(chosen).T.det(method="berkowitz"))
        value = _constant_value(minor, z)
        if 0 not in sign(minor if value is None else value):
            names = ", ".join(str(z[i]) for i in noisy)
            shown = minor if value is None else value
            return f"noise on {names}, and the minor {shown} of brackets is never zero"
    return None


def _noisy_coordinates(components: Components) -> list[int]:
    """Coordinates in groups on which D is positive definite."""
    from sdekit.verifier.pointwise.pivots import all_pivots_positive, coupled_groups, diffusion_part

    matrix, positions = diffusion_part(components)
    noisy = []
    for members in coupled_groups(matrix):
        tick(_WORK_OF_A_MINOR)
        if all_pivots_positive(matrix.extract(members, members)):
            noisy += [positions[k] for k in members]
    return sorted(noisy)


def _constant_value(minor: Any, z: tuple) -> Any:
    """The value of a minor that is shown not to depend on the state; None for any other."""
    from sdekit.calculus.field.zero_proof import is_zero
    from sdekit.calculus.limits import Unsupported

    value = minor.subs(dict.fromkeys(z, 0))
    try:
        return value if is_zero(minor - value, z) is True else None
    except Unsupported:
        return None


def _derivative_columns(drift: tuple, z: tuple, noisy: list[int], missing: list[int]) -> Iterator:
    import sympy as sp

    for depth in range(1, _DEEPEST + 1):
        for by in itertools.combinations_with_replacement(noisy, depth):
            yield [sp.diff(drift[i], *(z[k] for k in by)) for i in missing]
