"""Groups of slot permutations with signs: symmetric, antisymmetric, and symmetric under jets.

A group is listed element by element, the identity first. Not for recognising symmetries of
expressions; heads are born with theirs.

Notation: `(permutation, sign)` says h[i_0, i_1, ...] = sign * h[i_{permutation[0]}, ...].
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache

Permutation = tuple[int, ...]
Group = tuple[tuple[Permutation, int], ...]


@cache
def trivial(rank: int) -> Group:
    """Only the identity, on `rank` slots."""
    return ((tuple(range(rank)), 1),)


@cache
def symmetric(rank: int) -> Group:
    """Every permutation, sign +1."""
    return tuple((permutation, 1) for permutation in itertools.permutations(range(rank)))


@cache
def antisymmetric(rank: int) -> Group:
    """Every permutation with its parity."""
    return tuple((order, parity(order)) for order in itertools.permutations(range(rank)))


def named(symmetry: str | None, rank: int) -> Group:
    """The group of a declared symmetry: "symmetric", "antisymmetric" or None."""
    if symmetry == "symmetric":
        return symmetric(rank)
    return antisymmetric(rank) if symmetry == "antisymmetric" else trivial(rank)


def parity(permutation: Sequence[int]) -> int:
    """+1 for an even, -1 for an odd permutation."""
    pairs = itertools.combinations(permutation, 2)
    return -1 if sum(first > second for first, second in pairs) % 2 else 1


def with_jets(base: Group, blocks: Sequence[tuple[int, Group]]) -> Group:
    """Symmetries of a derivative: those of the function, and all orders of its derivatives.

    Args:
        base: Symmetries of the function's own slots, which come first.
        blocks: For each derivative in slot order, the number of the formal argument and the
            symmetries of that argument's slots; equal arguments stand side by side.

    Returns:
        The group on all slots: derivatives by one argument commute as whole blocks of slots.
    """
    offsets, position = [], len(base[0][0])
    for _, inner in blocks:
        offsets.append(position)
        position += len(inner[0][0])
    kinds = [kind for kind, _ in blocks]
    orders = [
        order
        for order in itertools.permutations(range(len(blocks)))
        if all(kinds[source] == kinds[target] for target, source in enumerate(order))
    ]
    group = []
    for own, sign in base:
        for order in orders:
            for inner in itertools.product(*(blocks[source][1] for source in order)):
                slots, total = list(own), sign
                for source, (permutation, inner_sign) in zip(order, inner, strict=True):
                    slots += [offsets[source] + slot for slot in permutation]
                    total *= inner_sign
                group.append((tuple(slots), total))
    return tuple(group)
