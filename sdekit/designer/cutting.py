"""Taking factors out of tensors: the candidates for what a term of a residual is the effect of.

A drift w of X enters the residual as -w . grad H, a block of Q the current as -Q grad H; what is
left of a term when a factor of grad H is taken out is therefore a candidate for w or Q. Not for
deciding which candidates are right (`matching`).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from sdekit.calculus.contraction import Tensor
from sdekit.calculus.contraction.heads import Head, Kind, delta
from sdekit.calculus.contraction.tensor import Term, accumulate, flattened, ordered
from sdekit.declaration.tree.symbols import Variable


def factors_of(slope: Tensor, x: Variable) -> list[Head]:
    """The heads of grad H that can stand for it: of its shape, and no constants."""
    found = {head for part in slope.components() for head, _ in part.factors}
    usable = (h for h in found if h.slots == x.shape and h.kind not in (Kind.PARAMETER, Kind.SIZE))
    return sorted(usable, key=lambda head: head.uid)


def cut_out(tensor: Tensor, head: Head) -> Iterator[Tensor]:
    """What is left of each term when one factor is taken out; its slots become the last axes."""
    shape = tensor.shape + head.slots
    ends = range(-tensor.ndim - 1, -len(shape) - 1, -1)
    for (monomial, opened), coefficient in tensor.terms.items():
        bodies = [(monomial, p, [*opened[:k], *opened[k + 1 :]]) for k, p in enumerate(opened)]
        for part, exponent in monomial:
            if exponent > 0:
                rest = ordered({**dict(monomial), part: exponent - 1})
                if part.head is head:
                    yield Tensor(shape, {Term(rest, opened): coefficient})
                bodies += [] if part.head else [(rest, part, list(opened))]
        for rest, part, others in bodies:
            factors, _ = flattened((part, *others), 0)
            for k in range(len(part.factors)):
                if factors[k][0] is head:
                    places = zip(head.slots, factors[k][1], ends, strict=True)
                    joined = [(delta(dim), (index, end)) for dim, index, end in places]
                    total: dict[Term, Fraction] = {}
                    accumulate(total, coefficient, rest, [*factors[:k], *factors[k + 1 :], *joined])
                    yield Tensor(shape, total)


def monic(tensor: Tensor) -> Tensor:
    """A tensor of one term without its scalar constants, so that multiples count once."""
    if len(tensor.terms) != 1:
        return tensor
    ((monomial, opened),) = tensor.terms
    kept = tuple(item for item in monomial if item[0].depends or item[0].head is None)
    return Tensor(tensor.shape, {Term(kept, opened): Fraction(1)})
