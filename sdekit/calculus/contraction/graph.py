"""Products of factors in normal form: deltas and inverse pairs eliminated, split into components.

Every rewrite is an identity for every size n >= 1. Not for identities with several terms, such as
sin^2 = 1 - cos^2 (`relations`).

Notation: an index >= 0 is summed, an index -k - 1 is the free axis k.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Container, Iterable
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakValueDictionary

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.canonical import Factor, Factors, arrange, canonical
from sdekit.calculus.contraction.heads import Head, Kind
from sdekit.declaration.tree.dimension import Dim


class Component:
    """A connected graph of factors, interned; a closed one is a commuting scalar generator.

    Attributes:
        factors: The canonical form.
        is_closed: Whether it has no free axis.
        depends: The variables it depends on.
        depth: How deep functions are nested in it.
        uid: Number by which components are ordered.
    """

    __slots__ = (
        "__weakref__",
        "depends",
        "depth",
        "derivatives",
        "factors",
        "is_closed",
        "reduced",
        "uid",
    )

    def __init__(self, factors: Factors) -> None:
        self.factors = factors
        self.is_closed = not any(index < 0 for _, indices in factors for index in indices)
        self.depends: frozenset[Head] = frozenset().union(*(h.depends for h, _ in factors))
        self.depth = max(head.depth for head, _ in factors)
        self.uid = next(_numbers)
        #: Derivatives by variables, filled by `derivative`.
        self.derivatives: dict[Head, object] = {}
        #: Form under the relations, filled by `relations`.
        self.reduced: object = None

    @property
    def head(self) -> Head | None:
        """The head of a closed component that is a single scalar head, else None."""
        (head, indices), *more = self.factors
        return None if more or indices else head

    def __repr__(self) -> str:
        return f"<component {self.factors!r}>"


_numbers = itertools.count()
_lock = threading.Lock()
_table: WeakValueDictionary[Factors, Component] = WeakValueDictionary()


def component(factors: Factors) -> Component:
    """The one component with these canonical factors."""
    with _lock:
        found = _table.get(factors)
        if found is None:
            found = Component(factors)
            _table[factors] = found
        return found


class Normal(NamedTuple):
    """Normal form of a product: coefficient times closed components times open ones.

    Attributes:
        coefficient: 0 if the product vanishes; sizes of fixed dimensions are multiplied in.
        closed: Closed components, with repetition.
        open: Open components, ordered.
    """

    coefficient: int
    closed: tuple[Component, ...]
    open: tuple[Component, ...]


def normal(factors: Iterable[Factor]) -> Normal:
    """Normal form of a product in which every index >= 0 is summed over its dimension.

    Returns:
        Equal forms for equal products, as far as deltas, inverse pairs, reciprocal pairs,
        relabelling and slot symmetries go.
    """
    return _normal(_relabelled(factors))


def _relabelled(factors: Iterable[Factor]) -> Factors:
    """The product with summed indices numbered as they occur, so that the cache finds it."""
    names: dict[int, int] = {}
    return tuple(
        (head, tuple(names.setdefault(i, len(names)) if i >= 0 else i for i in indices))
        for head, indices in factors
    )


@lru_cache(maxsize=1 << 15)
def _normal(factors: Factors) -> Normal:
    coefficient, closed, opened = 1, [], []
    rest, lost = _without_deltas(factors)
    while True:
        sign, shorter = _without_pair(rest)
        if shorter is None:
            break
        coefficient *= sign
        rest, more = _without_deltas(shorter)
        lost += more
    for dim in lost:
        if dim.size is None:
            closed.append(component(((heads.size(dim), ()),)))
        else:
            coefficient *= dim.size
    for part in connected(rest):
        sign, form = canonical(_relabelled(part))
        coefficient *= sign
        if coefficient == 0:
            return Normal(0, (), ())
        whole = component(form)
        (closed if whole.is_closed else opened).append(whole)
    opened.sort(key=lambda item: item.uid)
    return Normal(coefficient, tuple(closed), tuple(opened))


def _without_deltas(factors: Factors) -> tuple[Factors, list[Dim]]:
    """Identify the indices that deltas make equal.

    Returns:
        The factors left, where deltas tie free axes only, each to the first axis of its class; and
        the dimension of every sum of ones that came about.
    """
    ties = [factor for factor in factors if factor[0].kind is Kind.DELTA]
    if not ties:
        return factors, []
    classes = _classes([indices for _, indices in ties])
    dims = {index: head.slots[0] for head, indices in ties for index in indices}
    names: dict[int, int] = {}
    kept: list[Factor] = []
    for members in classes:
        axes = sorted((index for index in members if index < 0), reverse=True)
        representative = axes[0] if axes else min(members)
        names.update(dict.fromkeys(members, representative))
        tie = heads.delta(dims[representative])
        # The smaller number goes first, as in every symmetric head.
        kept += [(tie, (other, representative)) for other in axes[1:]]
    others = [
        (head, tuple(names.get(index, index) for index in indices))
        for head, indices in factors
        if head.kind is not Kind.DELTA
    ]
    used = {index for _, indices in others for index in indices}
    representatives = {names[min(members)] for members in classes}
    lost = [dims[index] for index in representatives if index >= 0 and index not in used]
    return (*others, *kept), lost


def _classes(pairs: list[tuple[int, ...]]) -> list[set[int]]:
    """The equivalence classes that the pairs generate."""
    classes: list[set[int]] = []
    for pair in pairs:
        touched = [members for members in classes if not members.isdisjoint(pair)]
        classes = [members for members in classes if members.isdisjoint(pair)]
        classes.append(set(pair).union(*touched))
    return classes


def _without_pair(factors: Factors) -> tuple[int, Factors | None]:
    """Replace one pair M_ij (M^-1)_jk, or h_I (1/h)_I, by deltas; None if there is no pair.

    Returns:
        The sign that the exchange of slots costs, and the factors after the replacement.
    """
    for position, (head, indices) in enumerate(factors):
        if head.partner is None:
            continue
        for other, (partner, places) in enumerate(factors):
            if partner is not head.partner or other == position:
                continue
            if head.kind is Kind.INVERSE:
                sign, deltas = _cancelled_matrices(factors, indices, partner, places)
            else:
                sign, deltas = _cancelled_entries(head, indices, places)
            if sign:
                rest = [f for k, f in enumerate(factors) if k not in (position, other)]
                return sign, (*rest, *deltas)
    return 1, None


def _cancelled_matrices(
    factors: Factors, indices: tuple[int, ...], matrix: Head, places: tuple[int, ...]
) -> tuple[int, list[Factor]]:
    """(M^-1)_jk M_kl = delta_jl = M_jk (M^-1)_kl, if the sum over k runs over this pair only."""
    tie = heads.delta(matrix.slots[0])
    row, column = indices
    for permutation, sign in matrix.symmetries:
        first, second = (places[slot] for slot in permutation)
        if column == first and column >= 0 and _count(factors, column) == 2:
            return sign, [(tie, (row, second))]
        if row == second and row >= 0 and _count(factors, row) == 2:
            return sign, [(tie, (first, column))]
    return 0, []


def _cancelled_entries(
    head: Head, indices: tuple[int, ...], places: tuple[int, ...]
) -> tuple[int, list[Factor]]:
    """h_I (1/h)_I = 1, with a delta for each index so that a sum left without terms is counted."""
    sign, arranged = arrange(head.symmetries, indices)
    other_sign, other = arrange(head.symmetries, places)
    if arranged != other:
        return 0, []
    ones = [(heads.delta(dim), (i, i)) for dim, i in zip(head.slots, indices, strict=True)]
    return sign * other_sign, ones


def _count(factors: Factors, index: int) -> int:
    return sum(indices.count(index) for _, indices in factors)


def connected(
    factors: Iterable[Factor], separating: Container[int] = range(-(1 << 30), 0)
) -> list[list[Factor]]:
    """The factors grouped by chains of shared indices.

    Args:
        factors: A product.
        separating: Indices that join nothing; the free axes when left out.
    """
    groups: list[tuple[set[int], list[Factor]]] = []
    for factor in factors:
        summed = {index for index in factor[1] if index not in separating}
        joined = [group for group in groups if not group[0].isdisjoint(summed)]
        groups = [group for group in groups if group[0].isdisjoint(summed)]
        members = [member for group in joined for member in group[1]]
        groups.append((summed.union(*(group[0] for group in joined)), [*members, factor]))
    return [members for _, members in groups]
