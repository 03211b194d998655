"""Heads for functions of one number, of a scalar or entry by entry, in canonical orientation.

Not for rewriting what they are applied to: exponentials of sums, powers and logarithms are in
`powers`, sines in `angles`, the table of all names in `elementary`.
"""

from __future__ import annotations

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Kernel
from sdekit.calculus.contraction.splitting_terms import (
    broadcast,
    is_positive,
    oriented,
    used_axes,
    without_axes,
)
from sdekit.calculus.contraction.tensor import Tensor, contract, of_head, ones, reindex

#: Kernels that are positive wherever their argument is: roots and powers of positive numbers.
_POSITIVE_OF_POSITIVE = frozenset({"reciprocal", "root", "power"})


def opaque(name: str, argument: Tensor, exponent: Tensor | None = None) -> Tensor:
    """The function as a head of its own, without rewriting the argument.

    Axes along which the argument is constant are left out of the head, and the others are put in
    canonical order, so that exp(X.T) is the transpose of exp(X).

    Args:
        name: Name of the function; see `elementary`.
        argument: What it is applied to.
        exponent: The q of a root x^(1/q), the scalar a of a power x^a; else None.
    """
    kept = used_axes(argument)
    if len(kept) < argument.ndim:
        smaller = opaque(name, without_axes(argument, kept), exponent)
        return broadcast(smaller, kept, argument.shape)
    turned, order, group = oriented(argument)
    positive = name == "exp" or (name in _POSITIVE_OF_POSITIVE and _is_positive(argument))
    head = heads.kernel(Kernel(name, turned, exponent), group, positive)
    return reindex(of_head(head), order, range(argument.ndim))


def _is_positive(tensor: Tensor) -> bool:
    """Whether every entry is a sum of positive products, and so > 0."""
    return all(
        coefficient > 0
        and all(is_positive(part) for part, _ in term.monomial)
        and all(is_positive(part) for part in term.open)
        for term, coefficient in tensor.terms.items()
    )


def relation_of(kernel: Kernel) -> tuple[int, Tensor] | None:
    """(q, s) with kernel^q = s, entry by entry: roots, sin^2 = 1 - cos^2, sign^2 = 1."""
    if kernel.name == "root":
        degree = None if kernel.exponent is None else kernel.exponent.number
        assert degree is not None
        return int(degree), kernel.argument
    one = ones(kernel.argument.shape)
    if kernel.name == "sin":
        cosine = opaque("cos", kernel.argument)
        return 2, one - cosine * cosine
    return (2, one) if kernel.name == "sign" else None


def argument_of(part: Component, like: Tensor) -> Tensor:
    """The argument of the kernel that a component consists of, on the axes where it stands.

    Args:
        part: A component whose only factor is a kernel.
        like: A tensor with the axes that the result shall have.
    """
    ((head, indices),) = part.factors
    places = [-index - 1 for index in indices]
    labels = range(like.ndim)
    return contract(head.data.argument, places, ones(like.shape), labels, labels)
