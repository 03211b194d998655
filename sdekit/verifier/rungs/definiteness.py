r"""Rung: the symmetric part of D is positive semidefinite.

For all sizes: signs and definiteness that the assumptions imply (`implied`), for coupled blocks
Gram forms $D_{XY} = L_X L_Y^\top$, a small matrix times the identity, or a Schur complement. In
components: pivots (`pivots`). A refutation names a point and a direction.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from sdekit.calculus.expansion import cores
from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted
from sdekit.calculus.signs.forms import form_signs, is_symmetric, matmul_chain, transposed
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
from sdekit.declaration.tree.expression import (
    Call,
    Dot,
    Expression,
    Eye,
    Inverse,
    MatMul,
    Negation,
    Ones,
    Outer,
    Product,
    Quotient,
    Size,
    Sum,
    Transpose,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.verifier.currents.smoothness import may_be_undefined
from sdekit.verifier.declared_facts import with_gaps_named
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.noise_parts import check_parts
from sdekit.verifier.rungs.symmetry import Blocks, swapped
from sdekit.verifier.verdict import Check, Verdict, Witness, proved, refuted, undecided

#: What of an unknown scalar function decides about signs.
_SIGNED = frozenset({"positive", "nonnegative"})


def check_psd(problem: Problem) -> Check:
    """Whether x^T D x >= 0 for all x, states and admissible parameters.

    Args:
        problem: Any dynamics; the symmetric part of D is judged.

    Returns:
        Proved with the rule for each group of blocks; refuted with a point and a direction. Of
        declared gradient noise and the rest of D each must be such a matrix: a side condition on
        parameters and unknown functions, refuted where none of their values meets it or states
        break it.

    Checked by: tests/verifier/rungs/test_definiteness.py, tests/verifier/test_gradient_noise.py.
    """
    whole = _check_whole(problem)
    return check_parts(problem, whole, _check_whole) if problem.declared.gradient_noise else whole


def _check_whole(problem: Problem) -> Check:
    if problem.dynamics.noise is not None:
        return _gram_of_noise(problem)
    blocks = {pair: block for pair, block in problem.dynamics.blocks() if _visible(block)}
    if not blocks:
        return proved("D is zero")
    reasons = []
    for group in connected_groups(problem.dynamics.variables, blocks):
        reason = _group_reason(group, blocks)
        if reason is None:
            return _psd_in_components(problem)
        reasons.append(reason)
    for block in blocks.values():
        if may_be_undefined(block):
            return undecided(f"{block!r} is not shown to be real at every state")
    return proved("; ".join(dict.fromkeys(reasons)))


def _gram_of_noise(problem: Problem) -> Check:
    """sigma sigma^T is a Gram matrix where sigma is real; elsewhere D is judged as a matrix."""
    rows = (problem.dynamics.noise or {}).values()
    entries = [e for row in rows for e in (row if isinstance(row, tuple) else (row,))]
    facts = problem.dynamics.assume
    unclear = [entry for entry in entries if may_be_undefined(with_gaps_named(entry, facts))]
    if not unclear:
        return proved("D = sigma sigma^T / 2 is a Gram matrix")
    check = _psd_in_components(problem)
    if check.verdict is not Verdict.UNDECIDED:
        return check
    return undecided(f"the noise factor {unclear[0]!r} is not shown to be real at every state")


def _visible(block: Expression) -> bool:
    try:
        return bool(expand(block))
    except TooLarge:
        return True


def connected_groups(variables: Sequence[Variable], blocks: Blocks) -> list[tuple[Variable, ...]]:
    """Variables that off-diagonal blocks connect; those without any block are left out."""
    left = [x for x in variables if any(x in pair for pair in blocks)]
    groups = []
    while left:
        group = [left[0]]
        for x in group:
            group += [y for y in left if y not in group and ((x, y) in blocks or (y, x) in blocks)]
        left = [x for x in left if x not in group]
        groups.append(tuple(group))
    return groups


def _group_reason(group: tuple[Variable, ...], blocks: Blocks) -> str | None:
    """Why the blocks of these variables form a semidefinite matrix; None if not shown."""
    if len(group) == 1:
        return _single_reason(group[0], blocks[group[0], group[0]])
    for rule in (_gram, _multiple_of_identity, _multiple_of_one_matrix, _schur):
        reason = rule(group, blocks)
        if reason is not None:
            return reason
    return None


def _single_reason(x: Variable, block: Expression) -> str | None:
    paired = in_pairs(x, block)
    for form in (paired, _collected(paired)):
        signs = form_signs(form)
        if never_negative(signs):
            kind = "definite" if signs == POSITIVE else "semidefinite"
            return f"{form!r} is positive {kind}"
    scalar = _factor_of_identity(x, block)
    if scalar is not None and _scalar_is_nonnegative(scalar):
        return f"{scalar!r} >= 0"
    return _below_its_trace(x, block)


def in_pairs(x: Variable, block: Expression) -> Expression:
    r"""A block of D that acts on a symmetric X, in one of its equal forms.

    $T_{ab}L_{ac}R_{bd}T_{cd}$ does not change where the indices of T are swapped.
    """
    if x.symmetry != "symmetric":
        return block
    images: dict[Expression, Expression] = {
        node: Transpose(node.operand, (0, 2, 1, 3))
        for node in block.walk()
        if isinstance(node, Transpose) and node.ndim == 4 and {node.axes[0], node.axes[1]} == {0, 2}
    }
    return substituted(block, images) if images else block


def _below_its_trace(x: Variable, block: Expression) -> str | None:
    """a I - b C with C semidefinite, 0 <= a and b tr C <= a: no eigenvalue of C exceeds tr C.

    Projectors I - u u^T / u.u, and |p|^2 I - p p^T or tr(K) I - K.
    """
    try:
        terms = expand(block)
    except TooLarge:
        return None
    others = {m.core for m in terms if m.core != Eye(x.shape)}
    if x.ndim != 1 or len(others) != 1 or None in others:
        return None
    (other,) = others
    if other is None or not is_symmetric(other) or not never_negative(form_signs(other)):
        return None
    a = as_expression({Monomial(m.factors): c for m, c in terms.items() if m.core != other})
    b = as_expression({Monomial(m.factors): c for m, c in terms.items() if m.core == other})
    trace = cores.size(x.shape) if isinstance(other, Ones) else cores.trace(other)
    try:
        least = collected(Sum((a, Product((b, trace)))))
    except TooLarge:
        return None
    if never_negative(entry_signs(a)) and never_negative(entry_signs(least)):
        return f"no eigenvalue of {other!r} exceeds its trace, so that {block!r} >= 0"
    return None


def _collected(block: Expression) -> Expression:
    try:
        return collected(block)
    except TooLarge:
        return block


def _factor_of_identity(x: Variable, block: Expression) -> Expression | None:
    """c where the block is c times the identity."""
    try:
        terms = expand(block)
    except TooLarge:
        return None
    if not x.shape:
        return as_expression(terms)
    if any(m.core != Eye(x.shape) for m in terms):
        return None
    return as_expression({Monomial(m.factors): c for m, c in terms.items()})


def _scalar_is_nonnegative(scalar: Expression) -> bool:
    """By SymPy's sign reasoning, for scalars without tensors inside."""
    return never_negative(decided_signs(scalar))


def _has_size(scalar: Expression) -> bool:
    return any(isinstance(node, Size) for node in scalar.walk())


def _gram(group: tuple[Variable, ...], blocks: Blocks) -> str | None:
    """D_XY = L_X L_Y^T for all pairs, with L_X read off the diagonal blocks."""
    factors = {}
    for x in group:
        block = blocks.get((x, x))
        factor = None if block is None else _left_factor(block)
        if factor is None:
            return None
        factors[x] = factor
    for x, y in itertools.product(group, repeat=2):
        product = _times_transposed(factors[x], factors[y])
        block = blocks.get((x, y), ZERO)
        if product is None or product.shape != x.shape + y.shape:
            return None
        if collected(Sum((block, Negation(product)))) != ZERO:
            return None
    return "D is the Gram matrix of " + ", ".join(repr(f) for f in factors.values())


def _left_factor(block: Expression) -> Expression | None:
    if isinstance(block, Outer) and block.left == block.right:
        return block.left
    chain = matmul_chain(block)
    if len(chain) % 2 or not is_symmetric(block):
        return None
    left = chain[: len(chain) // 2]
    product = left[-1]
    for factor in reversed(left[:-1]):
        product = MatMul(factor, product)
    return product


def _times_transposed(left: Expression, right: Expression) -> Expression | None:
    if left.ndim == right.ndim == 1:
        return Outer(left, right)
    return MatMul(left, transposed(right)) if left.ndim == right.ndim == 2 else None


def _multiple_of_identity(group: tuple[Variable, ...], blocks: Blocks) -> str | None:
    """All blocks are scalars times one identity: a small matrix of scalars decides."""
    from sdekit.verifier.pointwise.pivots import is_semidefinite

    matrix = small_matrix(group, blocks)
    return None if matrix is None else is_semidefinite(matrix)


def _multiple_of_one_matrix(group: tuple[Variable, ...], blocks: Blocks) -> str | None:
    """All blocks are scalars times one semidefinite C: D = S x C is, where S is.

    Such as the noise of two particles along their distance, [[w, -w], [-w, w]] x r r^T.
    """
    from sdekit.verifier.pointwise.pivots import is_semidefinite

    scalars: dict[tuple[Variable, Variable], Expression] = {}
    cores = set()
    for pair, block in blocks.items():
        if set(pair) <= set(group):
            scalars[pair], core = _scaled(block)
            cores.add(core)
    (core, *others) = cores
    if others or core is None or not is_symmetric(core) or not never_negative(form_signs(core)):
        return None
    calls = {node for s in scalars.values() for node in s.walk() if isinstance(node, Call)}
    named = {
        call: Parameter(f"{INTERNAL}call_{k}", (), call.function.assumptions & _SIGNED)
        for k, call in enumerate(sorted(calls, key=repr))
    }
    small = {pair: substituted(scalar, named) for pair, scalar in scalars.items()}
    if any(node.shape or isinstance(node, Size) for s in small.values() for node in s.walk()):
        return None
    reason = is_semidefinite(_matrix_of(group, small))
    return reason and f"D is a semidefinite matrix times {core!r}, {reason}"


def _scaled(block: Expression) -> tuple[Expression, Expression | None]:
    """The scalar factors as written, and the tensor that is left."""
    match block:
        case Negation():
            scalar, core = _scaled(block.operand)
            return Negation(scalar), core
        case Quotient():
            scalar, core = _scaled(block.numerator)
            return Quotient(scalar, block.denominator), core
        case Product():
            tensors = [f for f in block.factors if f.shape]
            inner, core = _scaled(tensors[0]) if len(tensors) == 1 else (ONE, None)
            return Product((inner, *(f for f in block.factors if not f.shape))), core
        case Transpose():
            # A mirrored block; a symmetric core is its own transpose.
            scalar, core = _scaled(block.operand)
            return scalar, core if core is not None and is_symmetric(core) else None
    return ONE, block


def small_matrix(group: tuple[Variable, ...], blocks: Blocks) -> Any:
    """The symmetric matrix of scalars that multiply one identity in all blocks; None for others."""
    shape = group[0].shape
    if any(x.shape != shape for x in group):
        return None
    scalars = {}
    for x, y in itertools.product(group, repeat=2):
        block = blocks.get((x, y))
        scalar = ZERO if block is None else _factor_of_identity(x, block)
        if scalar is None or any(node.shape for node in scalar.walk()) or _has_size(scalar):
            return None
        scalars[x, y] = scalar
    return _matrix_of(group, scalars)


def _matrix_of(group: tuple[Variable, ...], scalars: Blocks) -> Any:
    """The symmetric part of a matrix of scalars; entries that are left out are zero."""
    import sympy as sp

    from sdekit.declaration.model.component_reader import ComponentReader

    reader = ComponentReader({})
    full = [[reader.scalar(scalars.get((x, y), ZERO)) for y in group] for x in group]
    matrix = sp.Matrix(full)
    return (matrix + matrix.T) / 2


def _schur(group: tuple[Variable, ...], blocks: Blocks) -> str | None:
    """[[P, B], [B^T, C]] with P positive definite and C - B^T P^-1 B semidefinite."""
    if len(group) != 2:
        return None
    for x, y in (group, group[::-1]):
        p, b, c = blocks.get((x, x)), blocks.get((x, y)), blocks.get((y, y))
        if p is None or b is None or c is None or max(x.ndim, y.ndim) > 1:
            continue
        if form_signs(p) != POSITIVE or not (not p.shape or is_symmetric(p)):
            continue
        if _collected(Sum((blocks.get((y, x), ZERO), Negation(swapped(x, b))))) != ZERO:
            continue
        complement = _collected(Sum((c, Negation(_conjugate(x, y, p, b)))))
        if never_negative(form_signs(complement)):
            return (
                f"{p!r} is positive definite and its Schur complement {complement!r} semidefinite"
            )
    return None


def _conjugate(x: Variable, y: Variable, p: Expression, b: Expression) -> Expression:
    """B^T P^-1 B."""
    if x.shape and y.shape:
        return MatMul(transposed(b), MatMul(Inverse(p), b))
    if x.shape:
        return Dot(b, MatMul(Inverse(p), b))
    return Quotient(Outer(b, b) if y.shape else b * b, p)


def _psd_in_components(problem: Problem) -> Check:
    from sdekit.verifier.pointwise.pivots import diffusion_part, find_indefinite, is_semidefinite

    for sizes in problem.trial_sizes():
        at = problem.components(sizes)
        found = find_indefinite(at)
        if found is not None:
            witness = Witness(dict(at.sizes), found.point, found.value, direction=found.direction)
            return refuted("x^T D x is negative at a point, for the direction x given", witness)
        if not problem.is_for_all_sizes:
            matrix, _ = diffusion_part(at)
            reason = is_semidefinite(matrix)
            if reason is not None:
                return proved(reason)
    return undecided("neither a rule for the blocks of D nor a counterexample was found")
