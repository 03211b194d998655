"""The terms of a triple, sorted by how they can be solved: shifts, linear terms, remainders.

Not for naming the resulting parts (`sdekit.schemes.split.parts`).

Notation: x a block of the state; a term of its drift is a shift if it does not read x, linear if it
is a linear map of x with coefficients that do not read x, a remainder otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.noise_factor import full_block
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import negate
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.split.affine import expanded_terms, is_antisymmetric
from sdekit.schemes.split.flow_records import Blocks, LinearMap
from sdekit.schemes.split.linear_maps import linear_map

Pair = tuple[Variable, Variable]


@dataclass(frozen=True)
class Piece:
    """One term of the drift of one variable.

    Attributes:
        variable: Whose drift it belongs to.
        term: The term.
        reads: The variables it reads.
        linear: The linear map of `variable` that it is; None for shifts and remainders.
    """

    variable: Variable
    term: Expression
    reads: frozenset[Variable]
    linear: LinearMap | None

    @property
    def is_shift(self) -> bool:
        """Whether the term does not read its own variable."""
        return self.variable not in self.reads

    @property
    def is_rotation(self) -> bool:
        """Whether the term is an antisymmetric matrix times the variable."""
        if self.linear is None or len(self.linear.pieces) != 1 or self.linear.matrix is None:
            return False
        return self.variable.ndim == 1 and is_antisymmetric(self.linear.matrix)


def positions_of(dynamics: Dynamics) -> frozenset[Variable]:
    """The variables that play the part of positions.

    Those of the declared target; without one, the variables of the unknown functions in H; without
    these, noiseless variables whose drift is linear in others that have noise or friction.
    """
    if dynamics.target is not None:
        return frozenset(dynamics.target_variables)
    if dynamics.hamiltonian is not None:
        called = [node for node in dynamics.hamiltonian.walk() if isinstance(node, ex.Call)]
        found = frozenset(x for call in called for x in call.variables)
        if found:
            return found
    noisy = {x for (x, _), _ in dynamics.blocks()}
    damped = {x for x in dynamics.variables if x in dynamics.drift[x].variables}
    return frozenset(
        x
        for x in dynamics.variables
        if x not in noisy | damped and _is_linear_in_one_of(dynamics.drift[x], noisy | damped)
    )


def _is_linear_in_one_of(drift: Expression, candidates: set[Variable]) -> bool:
    return any(
        drift.shape == y.shape and all(linear_map(term, y) for term in expanded_terms(drift))
        for y in drift.variables & candidates
    )


def pieces_of(dynamics: Dynamics, positions: frozenset[Variable]) -> tuple[Piece, ...]:
    """The terms of the drift, multiplied out only where that is needed to sort them."""
    found = []
    for x in dynamics.variables:
        for term in _top_level(dynamics.drift[x]):
            piece = _piece(x, term)
            mixes = bool(piece.reads & positions) and bool(piece.reads - positions)
            mixes |= _has_gradient_of_sum(term)
            if (piece.is_shift and not mixes) or piece.linear is not None:
                found.append(piece)
                continue
            parts = [_piece(x, finer) for finer in expanded_terms(term)]
            is_uniform = len({_sort(part, positions) for part in parts}) == 1
            is_uniform &= not _has_gradient_of_sum(term)
            found += [piece] if is_uniform and parts[0].linear is None else parts
    return tuple(found)


def pieces_with(x: Variable, rate: Expression) -> list[Piece]:
    """The terms of one more rate of a variable, multiplied out."""
    return [_piece(x, term) for term in expanded_terms(rate)]


def _has_gradient_of_sum(term: Expression) -> bool:
    return any(
        isinstance(node, ex.Gradient) and isinstance(node.operand, ex.Sum) for node in term.walk()
    )


def _sort(piece: Piece, positions: frozenset[Variable]) -> tuple[bool, bool, bool]:
    return piece.is_shift, piece.linear is not None, bool(piece.reads - positions)


def _piece(x: Variable, term: Expression) -> Piece:
    return Piece(x, term, term.variables, linear_map(term, x))


def _top_level(expression: Expression) -> list[Expression]:
    match expression:
        case ex.Sum(terms=terms):
            return [piece for term in terms for piece in _top_level(term)]
        case ex.Negation(operand=ex.Sum() as inside):
            return [negate(piece) for piece in _top_level(inside)]
        case ex.Number(value=0):
            return []
    return [expression]


def noise_of(dynamics: Dynamics) -> Blocks:
    """The non-zero blocks of what is injected, both triangles; see `both_triangles`."""
    return both_triangles(dynamics.variables, dynamics.diffusion)


def both_triangles(variables: Sequence[Variable], blocks: Mapping[Pair, Expression]) -> Blocks:
    """The non-zero blocks, both triangles; multiples of the identity stay scalars."""
    full = ((pair, full_block(blocks, *pair)) for pair in product(variables, repeat=2))
    return tuple(
        ((x, y), blocks.get((x, x), block) if x == y else block)
        for (x, y), block in full
        if block is not None
    )


def is_frozen(noise: Blocks, moved: frozenset[Variable]) -> bool:
    """Whether the noise reads none of the variables that move."""
    return all(not block.variables & moved for _, block in noise)


def sharing_noise(pairs: Iterable[Pair]) -> list[tuple[Variable, ...]]:
    """The variables of blocks of D in groups, those together that share noise."""
    groups: list[list[Variable]] = []
    for x, y in pairs:
        joined = [group for group in groups if x in group or y in group]
        merged = list(dict.fromkeys([v for group in joined for v in group] + [x, y]))
        groups = [group for group in groups if group not in joined] + [merged]
    return [tuple(group) for group in groups]


def commuting_groups(items: Sequence[Piece], noise: Blocks = ()) -> list[list[Piece]]:
    """Groups of shift or linear pieces in which nothing reads a variable that another one moves.

    Args:
        items: The pieces.
        noise: Noise that goes with the variables of the pieces; it counts as read by them.
    """
    reads: dict[Variable, frozenset[Variable]] = {}
    for item in items:
        drawn = [block.variables for key, block in noise if item.variable in key]
        before = reads.get(item.variable, frozenset())
        reads[item.variable] = before.union(item.reads, *drawn) - {item.variable}
    groups: list[list[Variable]] = []
    for variable, read in reads.items():
        for group in groups:
            if not read & set(group) and not any(variable in reads[other] for other in group):
                group.append(variable)
                break
        else:
            groups.append([variable])
    return [[item for item in items if item.variable in group] for group in groups]


def cycles(
    nodes: Sequence[Variable], edges: set[tuple[Variable, Variable]]
) -> list[list[Variable]]:
    """Strongly connected components of more than one node."""
    reach = {x: {x} for x in nodes}
    for _ in nodes:
        for x, y in edges:
            reach[x] |= reach[y]
    found: list[list[Variable]] = []
    for x in nodes:
        component = [y for y in nodes if y in reach[x] and x in reach[y]]
        if len(component) > 1 and component not in found:
            found.append(component)
    return found
