"""Exact canonical labelling of index graphs: two products are equal iff their forms are equal.

A graph is a tuple of factors (head, indices). Indices >= 0 are summed and may occur any number of
times; an index -k - 1 is the free axis k. The search individualises and refines colours of the
summed indices, as graph isomorphism programs do, but compares its leaves on the full encoding, so
that colours only save time and never decide. Not for identities between different graphs
(Kronecker deltas, inverse pairs: `graph`; sines and roots: `relations`).
"""

from __future__ import annotations

from functools import lru_cache

from sdekit.calculus.contraction.heads import Head
from sdekit.calculus.contraction.slot_symmetry import Group
from sdekit.calculus.limits import tick

Factor = tuple[Head, tuple[int, ...]]
Factors = tuple[Factor, ...]
Colours = dict[int, int]


@lru_cache(maxsize=1 << 15)
def canonical(factors: Factors) -> tuple[int, Factors]:
    """Canonical form of a product of factors.

    Args:
        factors: Any labelling of the summed indices.

    Returns:
        (sign, factors) with the product equal to sign times the product of the returned factors,
        which are the same for every relabelling, reordering and allowed permutation of slots; and
        (0, ()) when a symmetry of the graph shows that the product is minus itself.

    Checked by: tests/calculus/contraction/test_canonical.py.
    """
    labels = sorted({index for _, indices in factors for index in indices if index >= 0})
    search = _Search(factors)
    if len(labels) <= 1:
        vanishes = not search.leaf(dict.fromkeys(labels, 0))
    else:
        vanishes = not search.explore(dict.fromkeys(labels, 0), ())
    if vanishes or search.best is None:
        return 0, ()
    return search.sign, search.best


class _Search:
    """The best leaf so far, and the automorphisms found by leaves that equal it."""

    def __init__(self, factors: Factors) -> None:
        self.factors = factors
        self.best: Factors | None = None
        self.best_key: list[tuple[int, tuple[int, ...]]] = []
        self.best_labels: Colours = {}
        self.sign = 1
        self.automorphisms: list[Colours] = []

    def leaf(self, labels: Colours) -> bool:
        """Compare the labelling with the best; False if it proves that the product vanishes."""
        sign, encoded = 1, []
        for head, indices in self.factors:
            renamed = tuple(labels[i] if i >= 0 else i for i in indices)
            factor_sign, arranged = arrange(head.symmetries, renamed)
            if factor_sign == 0:
                return False
            sign *= factor_sign
            encoded.append((head.uid, arranged, head))
        encoded.sort(key=lambda item: item[:2])
        key = [item[:2] for item in encoded]
        if self.best is None or key < self.best_key:
            self.best = tuple((head, arranged) for _, arranged, head in encoded)
            self.best_key, self.best_labels, self.sign = key, labels, sign
        elif key == self.best_key:
            if sign != self.sign:
                return False
            back = {label: index for index, label in self.best_labels.items()}
            self.automorphisms.append({index: back[label] for index, label in labels.items()})
        return True

    def explore(self, colours: Colours, fixed: tuple[int, ...]) -> bool:
        """Visit all labellings that extend the colours; False if the product vanishes."""
        tick()
        colours = refine(self.factors, colours)
        cells: dict[int, list[int]] = {}
        for index, colour in colours.items():
            cells.setdefault(colour, []).append(index)
        target = next((cells[colour] for colour in sorted(cells) if len(cells[colour]) > 1), None)
        if target is None:
            order = sorted(colours, key=lambda index: colours[index])
            return self.leaf({index: label for label, index in enumerate(order)})
        tried: list[int] = []
        for chosen in target:
            if self._is_image_of(chosen, tried, fixed):
                continue
            tried.append(chosen)
            split = {i: 2 * colour - (i == chosen) for i, colour in colours.items()}
            if not self.explore(split, (*fixed, chosen)):
                return False
        return True

    def _is_image_of(self, index: int, tried: list[int], fixed: tuple[int, ...]) -> bool:
        """Whether an automorphism that keeps the path maps a tried index to this one."""
        if not tried:
            return False
        moves = [move for move in self.automorphisms if all(move[i] == i for i in fixed)]
        orbit, grown = {index}, [index]
        while grown:
            reached = grown.pop()
            for move in moves:
                image = move[reached]
                if image not in orbit:
                    orbit.add(image)
                    grown.append(image)
        return any(other in orbit for other in tried)


def arrange(group: Group, indices: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Smallest arrangement of the indices under the group.

    Returns:
        (sign, arranged); the sign is 0 if both signs reach the smallest, so that h[indices] = 0.
    """
    if len(group) == 1:
        return 1, indices
    best, signs = indices, 0
    found: dict[tuple[int, ...], int] = {}
    for permutation, sign in group:
        arranged = tuple(indices[slot] for slot in permutation)
        found[arranged] = found.get(arranged, 0) | (1 if sign > 0 else 2)
    best = min(found)
    signs = found[best]
    return (0 if signs == 3 else 1 if signs == 1 else -1), best


def refine(factors: Factors, colours: Colours) -> Colours:
    """Split colour classes until indices of one colour look alike from every factor."""
    count = len(set(colours.values()))
    while True:
        seen: dict[int, list[tuple[int, ...]]] = {index: [] for index in colours}
        for head, indices in factors:
            shades = tuple(colours[i] if i >= 0 else i for i in indices)
            for slot, index in enumerate(indices):
                if index >= 0:
                    seen[index].append((head.uid, *_view(head.symmetries, slot, shades)))
        looks = {i: (colours[i], tuple(sorted(views))) for i, views in seen.items()}
        ranks = {look: rank for rank, look in enumerate(sorted(set(looks.values())))}
        colours = {index: ranks[look] for index, look in looks.items()}
        if len(ranks) == count:
            return colours
        count = len(ranks)


def _view(group: Group, slot: int, shades: tuple[int, ...]) -> tuple[int, ...]:
    """How a factor looks from one of its slots, up to the symmetries of its head."""
    if len(group) == 1:
        return (slot, *shades)
    return min(
        (permutation.index(slot), *(shades[other] for other in permutation))
        for permutation, _ in group
    )
