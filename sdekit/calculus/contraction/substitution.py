"""Replacing heads by tensors: involutions p -> -p, xi -> 2 A - xi, and arguments of functions.

Not for deciding what a substitution shows (`sdekit.verifier`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.canonical import Factor
from sdekit.calculus.contraction.heads import Head, Jet, Kernel, Kind
from sdekit.calculus.contraction.rules import elementary
from sdekit.calculus.contraction.rules.function_heads import opaque
from sdekit.calculus.contraction.rules.matrices import inverse, logdet
from sdekit.calculus.contraction.rules.powers import power, reciprocal
from sdekit.calculus.contraction.rules.projection import has_symmetry_of
from sdekit.calculus.contraction.tensor import (
    Tensor,
    Term,
    combine,
    contract,
    flattened,
    number,
    of_factors,
    of_head,
    ones,
    reindex,
    zero,
)
from sdekit.calculus.limits import Unsupported, tick
from sdekit.declaration.tree.symbols import Variable

Image = Callable[[Head], Tensor | None]


def substitute(tensor: Tensor, images: Mapping[Variable, Tensor]) -> Tensor:
    """Put tensors in the place of variables, everywhere at once.

    Inside kernels, inverses and the arguments of unknown functions as well: U(theta) becomes
    U(-theta), a function at another argument, of which only evenness is known.

    Args:
        tensor: Where to substitute.
        images: For each variable a tensor of its shape; for a symmetric variable a symmetric one.

    Returns:
        The tensor at the image point.

    Raises:
        Unsupported: If a quotient or a root is nowhere defined there, or an image has not the
            symmetry of its variable.

    Checked by: tests/calculus/contraction/test_substitution.py.
    """
    for X, image in images.items():
        if not has_symmetry_of(image, X):
            raise Unsupported(f"the image of {X.name} is not seen to be {X.symmetry}")
    by_head = {heads.variable(X): image for X, image in images.items()}
    memo: dict[Head, Tensor | None] = {}

    def image_of(head: Head) -> Tensor | None:
        if head not in memo:
            memo[head] = _image(head, by_head, lambda inner: replace(inner, image_of))
        return memo[head]

    return replace(tensor, image_of)


def _image(
    head: Head, images: Mapping[Head, Tensor], inside: Callable[[Tensor], Tensor]
) -> Tensor | None:
    if head in images:
        return images[head]
    if head.depends.isdisjoint(images):
        return None
    return _REBUILD[head.kind](head, inside)


def _call(head: Head, inside: Callable[[Tensor], Tensor]) -> Tensor:
    jet: Jet = head.data
    arguments = tuple(inside(argument) for argument in jet.arguments)
    if "even" in jet.function.assumptions and arguments == tuple(-a for a in jet.arguments):
        return of_head(head).scaled(Fraction((-1) ** len(jet.derivatives)))
    return of_head(heads.call(jet.function, arguments, jet.derivatives))


def _kernel(head: Head, inside: Callable[[Tensor], Tensor]) -> Tensor:
    kernel: Kernel = head.data
    argument = inside(kernel.argument)
    if kernel.exponent is None:
        if elementary.is_function(kernel.name):
            return elementary.apply(kernel.name, argument)
        return (
            reciprocal(argument) if kernel.name == "reciprocal" else opaque(kernel.name, argument)
        )
    exponent = inside(kernel.exponent)
    return power(argument, reciprocal(exponent) if kernel.name == "root" else exponent)


_REBUILD: dict[Kind, Callable[[Head, Callable[[Tensor], Tensor]], Tensor]] = {
    Kind.CALL: _call,
    Kind.KERNEL: _kernel,
    Kind.INVERSE: lambda head, inside: inverse(inside(head.data)),
    Kind.LOGDET: lambda head, inside: logdet(inside(head.data)),
}


def replace(tensor: Tensor, image_of: Image) -> Tensor:
    """Put an image in the place of every head that has one, outside of kernels only."""
    parts = [(Fraction(1), zero(tensor.shape))]
    for term, coefficient in tensor.terms.items():
        tick()
        result = Tensor((), {Term((), ()): coefficient})
        for generator, exponent in term.monomial:
            scalar = _replaced(list(generator.factors), (), image_of)
            factor = scalar**exponent if exponent > 0 else reciprocal(scalar) ** -exponent
            result = result * factor
        factors, _ = flattened(term.open, 0)
        opened = _replaced(factors, tensor.shape, image_of) if factors else ones(tensor.shape)
        parts.append((Fraction(1), result * opened))
    return combine(parts)


def _replaced(factors: list[Factor], shape: tuple, image_of: Image) -> Tensor:
    """A product of factors with the images put in."""
    images = [(image_of(head), indices) for head, indices in factors]
    kept = [factor for factor, (image, _) in zip(factors, images, strict=True) if image is None]
    moved = [(image, indices) for image, indices in images if image is not None]
    if not moved:
        return of_factors(shape, kept)
    dims = {i: dim for head, indices in factors for i, dim in zip(indices, head.slots, strict=True)}
    dims |= {-axis - 1: dim for axis, dim in enumerate(shape)}
    labels = sorted(dims)
    places = {label: -position - 1 for position, label in enumerate(labels)}
    freed = [(head, tuple(places[i] for i in indices)) for head, indices in kept]
    result = of_factors(tuple(dims[label] for label in labels), freed) if labels else number(1)
    for image, indices in moved:
        result = contract(result, labels, image, indices, labels)
    return reindex(result, labels, [-axis - 1 for axis in range(len(shape))])
