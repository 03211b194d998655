"""Tensors in normal form: rational combinations of products of components, for every size n.

A term is a rational number times powers of closed components (commuting scalar generators such as
p.p, tr(Xi), n, exp(xi)) times open components that carry the axes. Equal normal forms are equal
tensors for every n; the converse holds for polynomials, and `relations` adds what sines, roots and
quotients need. Not for derivatives (`derivative`) nor for reading expressions (`lower`).

Notation: axis k of a tensor is the index -k - 1 of its factors.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.canonical import Factor, arrange
from sdekit.calculus.contraction.graph import Component, component, normal
from sdekit.calculus.contraction.heads import Head
from sdekit.calculus.limits import tick
from sdekit.declaration.tree.dimension import Dim

Monomial = tuple[tuple[Component, int], ...]
Labels = Sequence[Hashable]


class Term(NamedTuple):
    """What a coefficient multiplies.

    Attributes:
        monomial: Closed components with non-zero integer exponents, ordered.
        open: Open components, ordered.
    """

    monomial: Monomial
    open: tuple[Component, ...]


UNIT = Term((), ())


class Tensor:
    """An immutable sum of terms with ordered axes.

    Attributes:
        shape: Dimension of each axis; () for a scalar.
        terms: Non-zero coefficient of each term.
    """

    __slots__ = ("__weakref__", "_depends", "_hash", "shape", "terms")

    def __init__(self, shape: tuple[Dim, ...], terms: Mapping[Term, Fraction]) -> None:
        self.shape = shape
        self.terms = terms
        self._hash: int | None = None
        self._depends: frozenset[Head] | None = None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def is_empty(self) -> bool:
        """Whether the normal form has no terms, which makes the tensor zero for every n."""
        return not self.terms

    @property
    def depends(self) -> frozenset[Head]:
        """The variables that occur, also inside functions and kernels."""
        if self._depends is None:
            self._depends = frozenset().union(*(part.depends for part in self.components()))
        return self._depends

    @property
    def depth(self) -> int:
        """How deep kernels, inverses and functions are nested."""
        return max((part.depth for part in self.components()), default=0)

    def components(self) -> Iterable[Component]:
        """Every component of every term, with repetition."""
        for monomial, opened in self.terms:
            yield from (part for part, _ in monomial)
            yield from opened

    @property
    def number(self) -> Fraction | None:
        """The value if the tensor is a rational scalar, else None."""
        if self.shape or len(self.terms) > 1 or (self.terms and UNIT not in self.terms):
            return None
        return self.terms.get(UNIT, Fraction(0))

    @property
    def bare_head(self) -> Head | None:
        """The head h if the tensor is h itself with its slots in order, else None."""
        if len(self.terms) != 1:
            return None
        ((monomial, opened), coefficient), *_ = self.terms.items()
        if not self.shape:
            is_generator = coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1
            return monomial[0][0].head if is_generator else None
        if monomial or len(opened) != 1 or len(opened[0].factors) != 1:
            return None
        ((head, indices),) = opened[0].factors
        in_order = (coefficient, indices) == arrange(head.symmetries, axes(len(head.slots)))
        return head if in_order and len(indices) == self.ndim else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        return self is other or (
            hash(self) == hash(other) and self.shape == other.shape and self.terms == other.terms
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.shape, frozenset(self.terms.items())))
        return self._hash

    def __repr__(self) -> str:
        from sdekit.calculus.contraction.printing import text

        return text(self)

    def __add__(self, other: Tensor) -> Tensor:
        return combine(((Fraction(1), self), (Fraction(1), other)))

    def __sub__(self, other: Tensor) -> Tensor:
        return combine(((Fraction(1), self), (Fraction(-1), other)))

    def __neg__(self) -> Tensor:
        return self.scaled(Fraction(-1))

    def __mul__(self, other: Tensor) -> Tensor:
        """Entry by entry; a scalar multiplies every entry."""
        if not self.shape:
            return _multiplied(self, other)
        if not other.shape:
            return _multiplied(other, self)
        labels = range(max(self.ndim, other.ndim))
        return contract(self, labels[: self.ndim], other, labels[: other.ndim], labels)

    def __pow__(self, exponent: int) -> Tensor:
        """Entry by entry, exponent >= 0."""
        power, square = ones(self.shape), self
        while exponent:
            if exponent & 1:
                power = power * square
            exponent >>= 1
            if exponent:
                square = square * square
        return power

    def scaled(self, factor: Fraction | int) -> Tensor:
        """The tensor times a rational number."""
        if factor == 1:
            return self
        if factor == 0:
            return zero(self.shape)
        return Tensor(self.shape, {term: c * factor for term, c in self.terms.items()})


def axes(ndim: int) -> tuple[int, ...]:
    """The free indices of the axes, in order."""
    return tuple(-axis - 1 for axis in range(ndim))


def zero(shape: tuple[Dim, ...] = ()) -> Tensor:
    """The zero tensor."""
    return Tensor(shape, {})


def ones(shape: tuple[Dim, ...] = ()) -> Tensor:
    """The tensor of ones."""
    return Tensor(shape, {UNIT: Fraction(1)})


def number(value: Fraction | int) -> Tensor:
    """A rational scalar."""
    return Tensor((), {UNIT: Fraction(value)} if value else {})


def of_component(generator: Component, exponent: int = 1) -> Tensor:
    """A power of a closed component."""
    return Tensor((), {Term(((generator, exponent),), ()): Fraction(1)})


def of_head(head: Head) -> Tensor:
    """The head with its slots as axes."""
    if head.slots:
        return of_factors(head.slots, ((head, axes(len(head.slots))),))
    return of_component(component(((head, ()),)))


def of_factors(shape: tuple[Dim, ...], factors: Iterable[Factor]) -> Tensor:
    """A product of factors whose indices >= 0 are summed."""
    found: dict[Term, Fraction] = {}
    accumulate(found, Fraction(1), (), factors)
    return Tensor(shape, found)


def eye(dims: tuple[Dim, ...]) -> Tensor:
    """The identity on blocks of this shape; axes dims + dims."""
    rank = len(dims)
    pairs = [(heads.delta(dim), (-k - 1, -k - 1 - rank)) for k, dim in enumerate(dims)]
    return of_factors(dims + dims, pairs) if dims else number(1)


def size(dim: Dim) -> Tensor:
    """The size of a dimension as a scalar."""
    return number(dim.size) if dim.size is not None else of_head(heads.size(dim))


def combine(parts: Iterable[tuple[Fraction, Tensor]]) -> Tensor:
    """Linear combination of tensors of one shape."""
    total: dict[Term, Fraction] = {}
    shape: tuple[Dim, ...] | None = None
    for weight, part in parts:
        assert shape is None or part.shape == shape, f"shapes {shape} and {part.shape}"
        shape = part.shape
        for term, coefficient in part.terms.items():
            _add(total, term, weight * coefficient)
    return Tensor(shape or (), total)


def _add(total: dict[Term, Fraction], term: Term, coefficient: Fraction) -> None:
    value = total[term] + coefficient if term in total else coefficient
    if value:
        total[term] = value
    else:
        total.pop(term, None)


def _multiplied(scalar: Tensor, tensor: Tensor) -> Tensor:
    """A scalar times a tensor: no index meets another, so only monomials are multiplied."""
    total: dict[Term, Fraction] = {}
    for (first, _), factor in scalar.terms.items():
        tick()
        for (second, opened), coefficient in tensor.terms.items():
            _add(total, Term(merge(first, second), opened), factor * coefficient)
    return Tensor(tensor.shape, total)


def merge(first: Monomial, second: Monomial) -> Monomial:
    """Product of two monomials."""
    if not first or not second:
        return first or second
    powers = dict(first)
    for generator, exponent in second:
        powers[generator] = powers.get(generator, 0) + exponent
    return ordered(powers)


def ordered(powers: Mapping[Component, int]) -> Monomial:
    """The monomial with these exponents."""
    kept = [(generator, exponent) for generator, exponent in powers.items() if exponent]
    return tuple(sorted(kept, key=lambda item: item[0].uid))


def accumulate(
    total: dict[Term, Fraction],
    coefficient: Fraction,
    monomial: Monomial,
    factors: Iterable[Factor],
) -> None:
    """Add coefficient * monomial * product of factors, brought to normal form."""
    scale, closed, opened = normal(factors)
    if not scale:
        return
    if closed:
        powers = dict(monomial)
        for generator in closed:
            powers[generator] = powers.get(generator, 0) + 1
        monomial = ordered(powers)
    _add(total, Term(monomial, opened), coefficient * scale)


def flattened(opened: tuple[Component, ...], first_free: int) -> tuple[list[Factor], int]:
    """The factors of open components, their summed indices renumbered apart from each other.

    Returns:
        The factors, and the first number that is still unused.
    """
    factors: list[Factor] = []
    for part in opened:
        highest = -1
        for head, indices in part.factors:
            highest = max(highest, *indices)
            factors.append((head, tuple(i + first_free if i >= 0 else i for i in indices)))
        first_free += highest + 1
    return factors, first_free


def contract(
    left: Tensor, left_labels: Labels, right: Tensor, right_labels: Labels, out: Labels
) -> Tensor:
    """The product of two tensors, summed over every label that is not in `out`.

    A label may occur any number of times, also in `out` and in both operands: `("i", "i")` on a
    matrix takes its diagonal, and a label in both operands and in `out` multiplies entry by entry.

    Args:
        left: First factor.
        left_labels: One label for each axis of it.
        right: Second factor.
        right_labels: One label for each axis of it.
        out: One label for each axis of the result, each once and each on an operand.
    """
    dims = dict(zip((*left_labels, *right_labels), left.shape + right.shape, strict=True))
    indices, summed = _indices(dims, out)
    left_names = _names(left_labels, indices)
    right_names = _names(right_labels, indices)
    total: dict[Term, Fraction] = {}
    right_parts = [
        (term.monomial, coefficient, _renamed(term.open, right_names))
        for term, coefficient in right.terms.items()
    ]
    for term, coefficient in left.terms.items():
        first = _renamed(term.open, left_names)
        start = len(summed) + _highest(first)
        for monomial, other, second in right_parts:
            tick()
            factors = [*first, *_shifted(second, start)] if second else first
            merged = merge(term.monomial, monomial)
            accumulate_sum(total, coefficient * other, merged, factors, summed)
    return Tensor(tuple(dims[label] for label in out), total)


def reindex(operand: Tensor, labels: Labels, out: Labels) -> Tensor:
    """One tensor with its axes permuted, repeated labels identified, the others summed."""
    return contract(operand, labels, number(1), (), out)


def accumulate_sum(
    total: dict[Term, Fraction],
    coefficient: Fraction,
    monomial: Monomial,
    factors: list[Factor],
    summed: Sequence[Dim],
) -> None:
    """As `accumulate`, where index k < len(summed) is summed even if no factor carries it."""
    if summed:
        used = {index for _, indices in factors for index in indices}
        # delta_kk = 1 carries the sum over an index that nothing else carries.
        factors = factors + [
            (heads.delta(dim), (k, k)) for k, dim in enumerate(summed) if k not in used
        ]
    if factors:
        accumulate(total, coefficient, monomial, factors)
    else:
        _add(total, Term(monomial, ()), coefficient)


def _indices(dims: Mapping[Hashable, Dim], out: Labels) -> tuple[dict[Hashable, int], list[Dim]]:
    indices: dict[Hashable, int] = {label: -axis - 1 for axis, label in enumerate(out)}
    summed = []
    for label, dim in dims.items():
        if label not in indices:
            indices[label] = len(summed)
            summed.append(dim)
    return indices, summed


def _names(labels: Labels, indices: Mapping[Hashable, int]) -> dict[int, int]:
    return {-axis - 1: indices[label] for axis, label in enumerate(labels)}


#: Summed indices of an operand are kept apart from those of the contraction until they are shifted.
_OWN = 1 << 20


def _renamed(opened: tuple[Component, ...], names: Mapping[int, int]) -> list[Factor]:
    """Factors with axes renamed; their own summed indices start at `_OWN`."""
    factors, _ = flattened(opened, _OWN)
    return [(head, tuple(names.get(i, i) for i in indices)) for head, indices in factors]


def _highest(factors: list[Factor]) -> int:
    own = [index - _OWN + 1 for _, indices in factors for index in indices if index >= _OWN]
    return max(own, default=0)


def _shifted(factors: list[Factor], start: int) -> list[Factor]:
    return [
        (head, tuple(i + start if i >= _OWN else i for i in indices)) for head, indices in factors
    ]
