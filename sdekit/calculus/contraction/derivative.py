r"""Derivatives of tensors by variables, for every n.

Leibniz on terms and factors, the chain rule through functions and kernels, and
$$d(M^{-1}) = -M^{-1}\,dM\,M^{-1},\qquad d\log\det M = \mathrm{tr}(M^{-1}dM).$$
By a symmetric (antisymmetric) matrix variable the derivative is the projected one,
$\partial X_{ij}/\partial X_{kl} = (\delta_{ik}\delta_{jl}\pm\delta_{il}\delta_{jk})/2$.

Not for the generator of a dynamics (`generator`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.canonical import Factor
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Jet, Kernel, Kind
from sdekit.calculus.contraction.rules.elementary import rule_of
from sdekit.calculus.contraction.rules.matrices import inverse
from sdekit.calculus.contraction.rules.powers import logarithm
from sdekit.calculus.contraction.tensor import (
    Monomial,
    Tensor,
    Term,
    accumulate,
    axes,
    combine,
    contract,
    eye,
    flattened,
    merge,
    of_head,
    ordered,
    reindex,
    zero,
)
from sdekit.calculus.limits import tick
from sdekit.calculus.memory import remembered
from sdekit.declaration.tree.symbols import Variable


@remembered
def gradient(tensor: Tensor, variable: Variable) -> Tensor:
    """Derivative by a variable, whose axes are appended to those of the tensor.

    Args:
        tensor: What is differentiated.
        variable: A block of the state.

    Returns:
        Tensor of shape tensor.shape + variable.shape.

    Raises:
        Unsupported: If a derivative leaves the calculus (of the digamma function).

    Checked by: tests/calculus/contraction/test_models.py.
    """
    return by_head(tensor, heads.variable(variable))


def divergence(tensor: Tensor, variable: Variable) -> Tensor:
    """Derivative contracted with the last axes of the tensor."""
    kept = tensor.ndim - len(variable.shape)
    outer = [("kept", axis) for axis in range(kept)]
    inner = [("summed", axis) for axis in range(len(variable.shape))]
    return reindex(gradient(tensor, variable), (*outer, *inner, *inner), outer)


def by_head(tensor: Tensor, by: Head) -> Tensor:
    """`gradient` by the head of a variable."""
    shape = tensor.shape + by.slots
    if by not in tensor.depends:
        return zero(shape)
    total: dict[Term, Fraction] = {}
    for term, coefficient in tensor.terms.items():
        for position, (generator, exponent) in enumerate(term.monomial):
            if by in generator.depends:
                rest = _lowered(term.monomial, position)
                factors, _ = flattened(term.open, 0)
                slope = _of_component(generator, by)
                _insert(total, coefficient * exponent, rest, factors, slope, tensor.ndim)
        if any(by in part.depends for part in term.open):
            factors, _ = flattened(term.open, 0)
            _leibniz(total, coefficient, term.monomial, factors, by, tensor.ndim)
    return Tensor(shape, total)


def _lowered(monomial: Monomial, position: int) -> Monomial:
    powers = dict(monomial)
    generator, exponent = monomial[position]
    powers[generator] = exponent - 1
    return ordered(powers)


def _leibniz(
    total: dict[Term, Fraction],
    coefficient: Fraction,
    monomial: Monomial,
    factors: list[Factor],
    by: Head,
    ndim: int,
) -> None:
    """Add the derivative of a product of factors; the new axes start at `ndim`."""
    for position, (head, indices) in enumerate(factors):
        if by in head.depends:
            rest = factors[:position] + factors[position + 1 :]
            _insert(total, coefficient, monomial, rest, of_head_by(head, by), ndim, indices)


def _insert(
    total: dict[Term, Fraction],
    coefficient: Fraction,
    monomial: Monomial,
    rest: list[Factor],
    slope: Tensor,
    ndim: int,
    indices: tuple[int, ...] = (),
) -> None:
    """Add coefficient * monomial * rest * slope, whose first axes stand on the given indices."""
    count = slope.ndim - len(indices)
    targets = (*indices, *(-ndim - k - 1 for k in range(count)))
    names = dict(zip(axes(slope.ndim), targets, strict=True))
    used = [i for _, places in rest for i in places] + list(indices)
    first_free = max(used, default=-1) + 1
    for term, value in slope.terms.items():
        tick()
        inner, _ = flattened(term.open, max(first_free, 0))
        placed = [(head, tuple(names.get(i, i) for i in places)) for head, places in inner]
        accumulate(total, coefficient * value, merge(monomial, term.monomial), [*rest, *placed])


def _of_component(generator: Component, by: Head) -> Tensor:
    """Derivative of a closed component, remembered with it."""
    found = generator.derivatives.get(by)
    if found is None:
        total: dict[Term, Fraction] = {}
        _leibniz(total, Fraction(1), (), list(generator.factors), by, 0)
        found = Tensor(by.slots, total)
        generator.derivatives[by] = found
    assert isinstance(found, Tensor)
    return found


def of_head_by(head: Head, by: Head) -> Tensor:
    """Derivative of a head by a variable, on the slots of the head and then of the variable."""
    if by not in head.derivatives:
        head.derivatives[by] = _RULES[head.kind](head, by)
    return head.derivatives[by]


def _of_variable(head: Head, by: Head) -> Tensor:
    identity = eye(head.slots)
    if len(head.symmetries) == 1:
        return identity
    rank = len(head.slots)
    own, new = tuple(range(rank)), tuple(range(rank, 2 * rank))
    share = Fraction(1, len(head.symmetries))
    turned = [
        (share * sign, reindex(identity, (*own, *new), (*(own[k] for k in order), *new)))
        for order, sign in head.symmetries
    ]
    return combine(turned)


def _of_call(head: Head, by: Head) -> Tensor:
    """Chain rule: the sum over arguments a of (partial by a) * (a by the variable)."""
    jet: Jet = head.data
    rank = len(head.slots)
    parts = [(Fraction(1), zero(head.slots + by.slots))]
    for number, argument in enumerate(jet.arguments):
        if by not in argument.depends:
            continue
        further = heads.call(jet.function, jet.arguments, (*jet.derivatives, number))
        inner_slope = by_head(argument, by)
        place = _slot_of_new_block(jet, number)
        width = argument.ndim
        own = [("own", k) for k in range(rank)]
        inner = [("inner", k) for k in range(width)]
        new = [("new", k) for k in range(len(by.slots))]
        labels = [*own[:place], *inner, *own[place:]]
        product = contract(of_head(further), labels, inner_slope, [*inner, *new], [*own, *new])
        parts.append((Fraction(1), product))
    return combine(parts)


def _slot_of_new_block(jet: Jet, number: int) -> int:
    """First slot of the last block that differentiates by this argument, after adding one."""
    place = len(jet.function.shape)
    for other in jet.derivatives:
        if other <= number:
            place += len(jet.function.arguments[other].shape)
    return place


def _of_inverse(head: Head, by: Head) -> Tensor:
    matrix: Tensor = head.data
    whole = of_head(head)
    new = [("new", k) for k in range(len(by.slots))]
    left = contract(whole, ("i", "a"), by_head(matrix, by), ("a", "b", *new), ("i", "b", *new))
    return -contract(left, ("i", "b", *new), whole, ("b", "j"), ("i", "j", *new))


def _of_logdet(head: Head, by: Head) -> Tensor:
    matrix: Tensor = head.data
    new = [("new", k) for k in range(len(by.slots))]
    return contract(inverse(matrix), ("b", "a"), by_head(matrix, by), ("a", "b", *new), new)


def _of_kernel(head: Head, by: Head) -> Tensor:
    kernel: Kernel = head.data
    whole = of_head(head)
    own = [("own", k) for k in range(len(head.slots))]
    new = [("new", k) for k in range(len(by.slots))]
    parts = [(Fraction(1), zero(head.slots + by.slots))]
    if by in kernel.argument.depends:
        slope = rule_of(kernel.name).slope(whole, kernel)
        inner = by_head(kernel.argument, by)
        parts.append((Fraction(1), contract(slope, own, inner, (*own, *new), (*own, *new))))
    if kernel.exponent is not None and by in kernel.exponent.depends:
        outer = whole * logarithm(kernel.argument)
        inner = by_head(kernel.exponent, by)
        parts.append((Fraction(1), contract(outer, own, inner, new, (*own, *new))))
    return combine(parts)


_RULES = {
    Kind.VARIABLE: _of_variable,
    Kind.CALL: _of_call,
    Kind.INVERSE: _of_inverse,
    Kind.LOGDET: _of_logdet,
    Kind.KERNEL: _of_kernel,
}
