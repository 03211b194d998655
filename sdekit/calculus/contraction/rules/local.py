"""Relations between factors of one graph that stand on the same indices.

Entry by entry r_I^q = s_I for roots, sin^2 = 1 - cos^2, sign^2 = 1, and for quotients s_I (1/s)_I =
1, used to remove the leading term of s; for matrices M M^-1 = 1, used to remove one matrix of the
sum M. Not for scalar kernels, which are fractions (`rational`), nor for pairs of single heads
(`graph`).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.canonical import Factor, Factors, arrange
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Kind
from sdekit.calculus.contraction.rules.function_heads import opaque, relation_of
from sdekit.calculus.contraction.rules.powers import reciprocal
from sdekit.calculus.contraction.splitting_terms import term_key
from sdekit.calculus.contraction.substitution import replace
from sdekit.calculus.contraction.tensor import (
    Monomial,
    Tensor,
    Term,
    axes,
    flattened,
    of_head,
    ones,
)

#: Coefficient, closed components and factors of one product of a rewritten graph.
Product = tuple[Fraction, Monomial, list[Factor]]


def rewrite(factors: Factors) -> list[Product] | None:
    """The product after the first rewrite that applies; None if none does."""
    for position, (head, indices) in enumerate(factors):
        if head.kind is Kind.KERNEL and head.slots:
            rule = _RULES.get(head.data.name)
            found = None if rule is None else rule(factors, position, head, indices)
        elif head.kind is Kind.INVERSE and head.partner is None:
            found = _matrix_rule(factors, head, indices, position)
        else:
            found = None
        if found is not None:
            return found
    return None


def _same(factors: Factors, head: Head, indices: tuple[int, ...]) -> list[int]:
    """Positions of the factors that are this head at these indices."""
    _, target = arrange(head.symmetries, indices)
    return [
        position
        for position, (other, places) in enumerate(factors)
        if other is head and arrange(head.symmetries, places)[1] == target
    ]


def _exchanged(
    factors: Factors, removed: list[int], new: Tensor, indices: tuple[int, ...]
) -> list[Product]:
    """The factors without the removed ones, times a tensor on the given indices."""
    rest = [factor for position, factor in enumerate(factors) if position not in removed]
    dims = dict(zip(indices, new.shape, strict=True))
    # A summed index must not get lost with the factors that carried it.
    carriers = [(heads.delta(dim), (i, i)) for i, dim in dims.items() if i >= 0]
    first_free = max((i for _, places in factors for i in places), default=-1) + 1
    names = dict(zip(axes(new.ndim), indices, strict=True))
    products: list[Product] = []
    for term, coefficient in new.terms.items():
        inner, _ = flattened(term.open, max(first_free, 0))
        placed = [(head, tuple(names.get(i, i) for i in places)) for head, places in inner]
        products.append((coefficient, term.monomial, [*rest, *placed, *carriers]))
    return products or [(Fraction(0), (), rest)]


def _power(
    factors: Factors, position: int, head: Head, indices: tuple[int, ...]
) -> list[Product] | None:
    """What a power of a root, sine or sign is."""
    del position
    found = _same(factors, head, indices)
    relation = relation_of(head.data) if len(found) > 1 else None
    if relation is None or len(found) < relation[0]:
        return None
    return _exchanged(factors, found[: relation[0]], relation[1], indices)


def _quotient(
    factors: Factors, position: int, head: Head, indices: tuple[int, ...]
) -> list[Product] | None:
    """Remove the leading term of s next to 1/s, or 1/exp next to 1/(c + exp ...)."""
    s: Tensor = head.data.argument
    rational = _of_root(head)
    if rational is not None:
        return _exchanged(factors, [position], rational, indices)
    one = ones(s.shape)
    lead = leading_product(s)
    if lead is not None:
        pattern = [factor for part in lead.open for factor in part.factors]
        found = _matched(factors, position, pattern, indices)
        if found is not None:
            scale = Tensor((), {Term(lead.monomial, ()): s.terms[lead]})
            rest = s - Tensor(s.shape, {lead: s.terms[lead]})
            new = reciprocal(scale) * (one - of_head(head) * rest)
            return _exchanged(factors, [position, *found], new, indices)
    constant = s.terms.get(Term((), ()))
    if constant is None:
        return None
    for other, places in factors:
        is_shared = other.kind is Kind.KERNEL and other.data.name == "reciprocal"
        if not is_shared or not _divides_rest(other.partner, s):
            continue
        inverse = of_head(other)
        found = _matched(factors, position, [(other, axes(s.ndim))], indices)
        if found is not None and len(places) == s.ndim:
            rest = (s - one.scaled(constant)) * inverse
            new = (inverse - of_head(head) * rest).scaled(1 / constant)
            return _exchanged(factors, [position, *found], new, indices)
    return None


def _of_root(head: Head) -> Tensor | None:
    """1/r as r^(q-1) / s for a root r of s; None for other quotients."""
    root = head.partner
    if root is None or root.kind is not Kind.KERNEL or root.data.name != "root":
        return None
    q = root.data.exponent.number
    if q is None or root.slots != head.slots:
        return None
    return of_head(root) ** (int(q) - 1) * opaque("reciprocal", root.data.argument)


def _divides_rest(exponential: Head | None, s: Tensor) -> bool:
    """Whether every term of s but the constant carries this exponential on all axes."""
    if exponential is None or exponential.kind is not Kind.KERNEL:
        return False
    if exponential.data.name != "exp" or exponential.slots != s.shape:
        return False
    _, target = arrange(exponential.symmetries, axes(s.ndim))
    return all(
        any(part.factors == ((exponential, target),) for part in term.open)
        for term in s.terms
        if term != Term((), ())
    )


def leading_product(s: Tensor) -> Term | None:
    """The leading term of s if it is a product of factors on the axes of s alone.

    The order is by degree in such factors, then by the order of components, so that rewriting
    comes to an end.
    """
    local = [
        term
        for term in s.terms
        if term.open and all(len(part.factors) == 1 and _is_plain(part) for part in term.open)
    ]
    if not local:
        return None
    return max(local, key=lambda term: (len(term.open), term_key(Term((), term.open))))


def _is_plain(part: Component) -> bool:
    ((head, indices),) = part.factors
    return head.kind is not Kind.DELTA and all(index < 0 for index in indices)


def _matched(
    factors: Factors, position: int, pattern: list[Factor], indices: tuple[int, ...]
) -> list[int] | None:
    """Positions of factors that are the pattern, whose axes stand on the indices."""
    names = dict(zip(axes(len(indices)), indices, strict=True))
    wanted: Counter[tuple[Head, tuple[int, ...]]] = Counter()
    for head, places in pattern:
        moved = tuple(names[i] for i in places)
        # The sign is that of the canonical arrangement on both sides only without antisymmetry.
        if any(sign < 0 for _, sign in head.symmetries):
            return None
        wanted[head, arrange(head.symmetries, moved)[1]] += 1
    found = []
    for other, (head, places) in enumerate(factors):
        key = (head, arrange(head.symmetries, places)[1])
        if other != position and wanted[key] > 0:
            wanted[key] -= 1
            found.append(other)
    return found if not any(wanted.values()) else None


def _matrix_rule(
    factors: Factors, head: Head, indices: tuple[int, ...], position: int
) -> list[Product] | None:
    """S_ij W_jk = (delta_ik - (M - S)_ij W_jk) where W is the inverse of the sum M."""
    matrix: Tensor = head.data
    lead = _lead_matrix(matrix)
    if lead is None:
        return None
    ((single, slots),) = lead.open[0].factors
    for other, (candidate, places) in enumerate(factors):
        if candidate is not single:
            continue
        for permutation, sign in candidate.symmetries:
            turned = tuple(places[slot] for slot in permutation)
            row, column = turned if slots == (-1, -2) else turned[::-1]
            new = _cancelled(factors, matrix, lead, head, indices, (row, column))
            if new is not None:
                tensor, targets = new
                return _exchanged(factors, [position, other], tensor.scaled(sign), targets)
    return None


def _lead_matrix(matrix: Tensor) -> Term | None:
    """A term of the sum that is a multiple of a single matrix that no other term contains."""
    candidates = []
    for term in matrix.terms:
        if len(term.open) != 1 or len(term.open[0].factors) != 1:
            continue
        ((head, indices),) = term.open[0].factors
        others = [
            other
            for rest in matrix.terms
            if rest is not term
            for part in (*rest.open, *(generator for generator, _ in rest.monomial))
            for other, _ in part.factors
        ]
        is_matrix = len(set(indices)) == 2 and head.kind is not Kind.DELTA
        if is_matrix and head not in others:
            candidates.append(term)
    return max(candidates, key=term_key, default=None)


def _cancelled(
    factors: Factors,
    matrix: Tensor,
    lead: Term,
    head: Head,
    indices: tuple[int, ...],
    places: tuple[int, int],
) -> tuple[Tensor, tuple[int, int]] | None:
    """The replacement of S_(places) W_(indices), and the two indices it stands on."""
    from sdekit.calculus.contraction.tensor import contract, eye

    rest = matrix - Tensor(matrix.shape, {lead: matrix.terms[lead]})
    scale = reciprocal(Tensor((), {Term(lead.monomial, ()): matrix.terms[lead]}))
    whole, unit = of_head(head), eye(matrix.shape[:1])
    (row, column), (first, second) = places, indices
    if column == first and column >= 0 and _count(factors, column) == 2:
        product = contract(rest, ("i", "j"), whole, ("j", "k"), ("i", "k"))
        return scale * (unit - product), (row, second)
    if row == second and row >= 0 and _count(factors, row) == 2:
        product = contract(whole, ("i", "j"), rest, ("j", "k"), ("i", "k"))
        return scale * (unit - product), (first, column)
    return None


def _count(factors: Factors, index: int) -> int:
    return sum(places.count(index) for _, places in factors)


def with_common_denominators(tensor: Tensor) -> Tensor:
    """Element-wise quotients over one denominator for each shape, so that rewriting is complete.

    1/a and 1/b become b/(a b) and a/(a b). Left alone if a denominator is no polynomial in factors
    on its own axes.
    """
    found: dict[tuple[object, ...], dict[Head, None]] = {}
    for part in tensor.components():
        for head, _ in part.factors:
            is_quotient = head.kind is Kind.KERNEL and head.data.name == "reciprocal"
            if is_quotient and head.slots and head.partner is None and is_local(head.data.argument):
                found.setdefault(head.slots, {})[head] = None
    images: dict[Head, Tensor] = {}
    for several in found.values():
        if len(several) > 1:
            for head in several:
                images[head] = _over_common(head, list(several))
    return replace(tensor, images.get) if images else tensor


def is_local(tensor: Tensor) -> bool:
    """Whether every open component is one factor on the axes of the tensor."""
    return all(
        len(part.factors) == 1 and _is_plain(part) for term in tensor.terms for part in term.open
    )


def _over_common(head: Head, several: list[Head]) -> Tensor:
    product = others = ones(head.data.argument.shape)
    for other in several:
        product = product * other.data.argument
        if other is not head:
            others = others * other.data.argument
    return others * opaque("reciprocal", product)


_RULES = {"root": _power, "sin": _power, "sign": _power, "reciprocal": _quotient}
