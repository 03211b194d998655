"""Taking a tensor apart: its terms as tensors, its content, factors known positive, orientation.

What the canonical forms of kernels and inverses are built from. Not for arithmetic (`tensor`).
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import reduce

from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Kind
from sdekit.calculus.contraction.slot_symmetry import Group, Permutation
from sdekit.calculus.contraction.tensor import (
    Monomial,
    Tensor,
    Term,
    accumulate,
    contract,
    flattened,
    ones,
    ordered,
    reindex,
)
from sdekit.declaration.tree.dimension import Dim


def single(term: Term, coefficient: Fraction | int, shape: tuple[Dim, ...]) -> Tensor:
    """The tensor of one term."""
    return Tensor(shape, {term: Fraction(coefficient)})


def only_component(scalar: Tensor) -> Component:
    """The component of a scalar that is one closed component."""
    ((term, _),) = scalar.terms.items()
    return term.monomial[0][0]


def leading(tensor: Tensor) -> Term:
    """The term that comes last in the order of terms; the tensor is not zero."""
    return max(tensor.terms, key=term_key)


def term_key(term: Term) -> tuple[object, ...]:
    """Key of a total order of terms."""
    powers = tuple((generator.uid, exponent) for generator, exponent in term.monomial)
    return powers, tuple(part.uid for part in term.open)


def tensor_key(tensor: Tensor) -> tuple[object, ...]:
    """Key of a total order of tensors."""
    return tuple(sorted((*term_key(term), c) for term, c in tensor.terms.items()))


def used_axes(tensor: Tensor) -> list[int]:
    """The axes along which the entries may differ."""
    free = {
        index
        for term in tensor.terms
        for part in term.open
        for _, indices in part.factors
        for index in indices
        if index < 0
    }
    return sorted(-index - 1 for index in free)


def without_axes(tensor: Tensor, kept: list[int]) -> Tensor:
    """The tensor on the kept axes only; along the others its entries must not differ."""
    places = {-axis - 1: -place - 1 for place, axis in enumerate(kept)}
    total: dict[Term, Fraction] = {}
    for term, coefficient in tensor.terms.items():
        factors, _ = flattened(term.open, 0)
        renamed = [(head, tuple(places.get(i, i) for i in indices)) for head, indices in factors]
        accumulate(total, coefficient, term.monomial, renamed)
    return Tensor(tuple(tensor.shape[axis] for axis in kept), total)


def broadcast(tensor: Tensor, kept: list[int], shape: tuple[Dim, ...]) -> Tensor:
    """Inverse of `without_axes`: entries repeated along the axes that are not kept."""
    labels = range(len(shape))
    return contract(tensor, kept, ones(shape), labels, labels)


def oriented(tensor: Tensor) -> tuple[Tensor, Permutation, Group]:
    """The tensor with its axes in canonical order.

    Returns:
        B, order and symmetries with B_{i_order[0], i_order[1], ...} = A_{i_0, i_1, ...}, the same
        B for every order of the axes of A, and all permutations that leave B equal.
    """
    rank = tensor.ndim
    labels = tuple(range(rank))
    if rank < 2:
        return tensor, labels, ((labels, 1),)
    turned = {order: reindex(tensor, labels, order) for order in itertools.permutations(labels)}
    # A head as it stands comes first, so that reciprocals and inverses recognise their partner.
    keys = {
        order: (turn.bare_head is None, [dim.name for dim in turn.shape], tensor_key(turn), order)
        for order, turn in turned.items()
    }
    order = min(turned, key=lambda candidate: keys[candidate])
    best = turned[order]
    group = [
        (permutation, 1)
        for permutation in itertools.permutations(labels)
        if reindex(best, labels, permutation) == best
    ]
    return best, order, tuple(group)


def is_positive(part: Component) -> bool:
    """Whether a component is known to be > 0: a product of positive heads without free sums."""
    return all(head.is_positive for head, _ in part.factors)


def content(tensor: Tensor) -> Fraction:
    """The positive rational c with tensor / c of coprime integer coefficients."""
    values = list(tensor.terms.values())
    numerator = reduce(math.gcd, (abs(value.numerator) for value in values))
    return Fraction(numerator, math.lcm(*(value.denominator for value in values)))


def common_powers(tensor: Tensor, only_positive: bool) -> Monomial:
    """The largest monomial of closed components that divides every term, exponents of any sign.

    Args:
        tensor: Not zero.
        only_positive: Take components into account only if they are known to be > 0.
    """
    powers: dict[Component, int] = {}
    candidates = {part for term in tensor.terms for part, _ in term.monomial}
    for part in candidates:
        if only_positive and not is_positive(part):
            continue
        powers[part] = min(dict(term.monomial).get(part, 0) for term in tensor.terms)
    return ordered(powers)


def divided(tensor: Tensor, coefficient: Fraction, monomial: Monomial) -> Tensor:
    """The tensor over coefficient * monomial."""
    inverse = Tensor(
        (), {Term(tuple((part, -power) for part, power in monomial), ()): 1 / coefficient}
    )
    return inverse * tensor


def is_diagonal(tensor: Tensor) -> bool:
    """Whether a matrix has a Kronecker delta of its two axes in every term."""
    return all(any(is_tie(part) for part in term.open) for term in tensor.terms)


def is_tie(part: Component) -> bool:
    """Whether an open component is a Kronecker delta."""
    return len(part.factors) == 1 and part.factors[0][0].kind is Kind.DELTA


def diagonal(matrix: Tensor) -> Tensor:
    """The vector of diagonal entries."""
    return reindex(matrix, ("i", "i"), ("i",))


def kernel_head(part: Component, name: str) -> Head | None:
    """The head if the component is one kernel of this name and nothing else."""
    if len(part.factors) != 1:
        return None
    head = part.factors[0][0]
    return head if head.kind is Kind.KERNEL and head.data.name == name else None
