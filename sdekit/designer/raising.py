"""From tensors in normal form back to expressions of the grammar, the inverse of `lower`.

Chains become matrix products, cycles traces, equal indices diagonals; what is left is an outer
product with its axes put in order. Not for printing (`contraction.printing`), which may use named
indices where the grammar has no form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import reduce

from sdekit.calculus.contraction import lower
from sdekit.calculus.contraction.canonical import Factor
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Kernel, Kind
from sdekit.calculus.contraction.tensor import Tensor, flattened
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import diag, dot, elementary, ones, outer, trace
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression, Size
from sdekit.declaration.tree.operators import (
    ONE,
    ZERO,
    add,
    divide,
    multiply,
    negate,
    number,
    power,
    transpose,
)
from sdekit.declaration.tree.symbols import Variable

#: An expression with the index of each of its axes.
Placed = tuple[Expression, tuple[int, ...]]


def raised(tensor: Tensor) -> Expression:
    """The expression that a tensor stands for.

    Raises:
        Unsupported: If the grammar has no form for a part of it.

    Example:
        >>> import sdekit as sk
        >>> from sdekit.calculus.contraction import lower
        >>> n = sk.dim("n")
        >>> M, p = sk.parameter("M", n, n), sk.vector("p", n)
        >>> raised(lower(sk.dot(M @ p, p) / 2))
        dot(p, M@p)/2

    Checked by: tests/designer/test_raising.py.
    """
    terms = []
    for (monomial, opened), coefficient in tensor.terms.items():
        above, below = [], []
        for part, exponent in monomial:
            power_of, exponent = _turned_over(part, exponent)
            (above if exponent > 0 else below).append(_power(power_of, abs(exponent)))
        body = _open(flattened(opened, 0)[0], tensor.ndim) if opened else None
        if body is None and tensor.shape:
            body = ones(*tensor.shape)
        bottom = [number(Fraction(coefficient.denominator)), *in_order(below)]
        terms.append(scaled(coefficient.numerator, [*in_order(above), body], bottom))
    return ordered_sum(terms)


def readable(expression: Expression) -> Expression:
    """The expression in normal form where the grammar can write that, else as it is."""
    try:
        return raised(lower(expression))
    except Unsupported:
        return expression


def sum_of(terms: Iterable[Expression]) -> Expression:
    """The sum, 0 for no terms."""
    return reduce(lambda total, term: term if total == ZERO else add(total, term), terms, ZERO)


def ordered_sum(terms: Iterable[Expression]) -> Expression:
    """The sum in an order that depends on the terms alone: numbers come last."""

    def place(term: Expression) -> tuple[bool, str]:
        return isinstance(term, ex.Number), repr(term).lstrip("-(")

    return sum_of(sorted(terms, key=place))


def in_order(factors: Iterable[Expression]) -> list[Expression]:
    """Factors in an order that depends on them alone: constants come first."""

    def place(factor: Expression) -> tuple[bool, str]:
        return bool(factor.variables), repr(factor)

    return sorted(factors, key=place)


def scaled(
    weight: int, above: Sequence[Expression | None], below: Sequence[Expression] = ()
) -> Expression:
    """weight * product(above) / product(below), factors of one left out and the sign in front."""
    factors = [factor for factor in above if factor is not None and factor != ONE]
    if abs(weight) != 1 or not factors:
        factors.insert(0, number(Fraction(abs(weight))))
    product = reduce(multiply, factors)
    divisors = [factor for factor in below if factor != ONE]
    if divisors:
        product = divide(product, reduce(multiply, divisors))
    return negate(product) if weight < 0 else product


def _turned_over(part: Component, exponent: int) -> tuple[Component | Tensor, int]:
    """A power of 1/s as one of s."""
    head = part.head
    if head is not None and head.kind is Kind.KERNEL and head.data.name == "reciprocal":
        return head.data.argument, -exponent
    return part, exponent


def _power(part: Component | Tensor, exponent: int) -> Expression:
    """A power of a scalar tensor or closed component; of a root, of what is under it."""
    if isinstance(part, Tensor):
        return raised_to(raised(part), exponent)
    head = part.head
    if head is not None and head.kind is Kind.KERNEL and head.data.name == "root":
        degree = raised(head.data.exponent)
        if isinstance(degree, ex.Number):
            return raised_to(raised(head.data.argument), Fraction(exponent) / degree.value)
    return raised_to(component_expression(part), exponent)


def component_expression(part: Component) -> Expression:
    """A closed component as a scalar.

    Raises:
        Unsupported: If the grammar has no form for it.
    """
    return _open(part.factors, 0) if part.head is None else head_expression(part.head)


def raised_to(base: Expression, exponent: Fraction | int) -> Expression:
    """base ** exponent as a reader would write it."""
    if exponent.denominator == 2:
        base, exponent = elementary("sqrt")(base), exponent.numerator
    return base if exponent == 1 else power(base, number(Fraction(exponent)))


def _open(factors: Sequence[Factor], ndim: int) -> Expression:
    """A product of factors, summed over the indices >= 0, its axes in order."""
    sign, parts = 1, []
    for head, indices in factors:
        turned, upright = _upright(head, indices)
        sign, parts = sign * turned, [*parts, (head_expression(head), upright)]
    while (merged := _merged(parts)) is not None:
        parts = merged
    scalars = [part for part, indices in parts if not indices]
    blocks = [(part, indices) for part, indices in parts if indices]
    places = [index for _, indices in blocks for index in indices]
    if sorted(places) != sorted(-axis - 1 for axis in range(ndim)):
        raise Unsupported("the grammar has no form for a contraction of this kind")
    product = reduce(multiply, scalars) if scalars else None
    if blocks:
        block = reduce(outer, (part for part, _ in blocks))
        order = [places.index(-axis - 1) for axis in range(ndim)]
        block = block if order == sorted(order) else transpose(block, *order)
        product = block if product is None else multiply(product, block)
    assert product is not None
    return product if sign == 1 else negate(product)


def _upright(head: Head, indices: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Sign and indices of the arrangement that needs the fewest transpositions."""
    turned = [(sign, tuple(indices[k] for k in order)) for order, sign in head.symmetries]
    return min(turned, key=lambda item: [-i if i < 0 else len(indices) + i for i in item[1]])


def _merged(parts: list[Placed]) -> list[Placed] | None:
    """The parts after one contraction; None if none is left to do."""
    for k, (part, indices) in enumerate(parts):
        rest = parts[:k] + parts[k + 1 :]
        others = [index for _, places in rest for index in places]
        if len(indices) == 2 and indices[0] == indices[1]:
            alone = indices[0] not in others and indices[0] >= 0
            return [*rest, (trace(part), ()) if alone else (diag(part), indices[:1])]
        if isinstance(part, ex.Gradient) and part.variable.ndim == 1 and _is_divergence(indices):
            field, place = part.operand, indices.index(indices[-1])
            order = [axis for axis in range(field.ndim) if axis != place]
            field = field if place == field.ndim - 1 else transpose(field, *order, place)
            if indices[-1] not in others:
                return [
                    *rest,
                    (ex.Divergence(field, part.variable), tuple(indices[k] for k in order)),
                ]
        if len(indices) == 1 and indices[0] >= 0 and indices[0] not in others:
            return [*rest, (dot(ones(*part.shape), part), ())]
    for k, left in enumerate(parts):
        for m in range(k + 1, len(parts)):
            rest = parts[:k] + parts[k + 1 : m] + parts[m + 1 :]
            found = _pair(left, parts[m], {index for _, places in rest for index in places})
            if found is not None:
                return [*rest, found]
    return None


def _is_divergence(indices: tuple[int, ...]) -> bool:
    """Whether the last index, and no other, is summed with one before it."""
    return indices[-1] >= 0 and indices.count(indices[-1]) == 2


def _pair(left: Placed, right: Placed, used: set[int]) -> Placed | None:
    """Two parts that share an index as one."""
    a, b = left[0], right[0]
    i: list[int] = [*left[1]]
    j: list[int] = [*right[1]]
    shared = [index for index in i if index in j]
    if not shared:
        return None
    if set(i) == set(j):
        b = b if i == j else _turned(b)
        if all(index >= 0 and index not in used for index in i):
            return dot(a, b), ()
        return multiply(a, b), (*i,)
    index = shared[0]
    if index >= 0 and index not in used:
        if len(i) <= 2 and len(j) <= 2:
            if len(i) < len(j) or (len(j) == 2 and i[-1] != index and j[-1] == index):
                a, i, b, j = b, j, a, i
            a, i = (a, i) if i[-1] == index else (_turned(a), i[::-1])
            b, j = (b, j) if j[0] == index else (_turned(b), j[::-1])
            return a @ b, (*i[:-1], *j[1:])
    elif len(i) == 1 and len(j) == 2:
        return _times_diagonal(a, b, j[0] == index), (*j,)
    elif len(j) == 1 and len(i) == 2:
        return _times_diagonal(b, a, i[0] == index), (*i,)
    return None


def _turned(matrix: Expression) -> Expression:
    """The transpose, which a symmetric matrix is itself."""
    inner = matrix.operand if isinstance(matrix, ex.Inverse) else matrix
    symbol = inner.function if isinstance(inner, ex.Call) else inner
    known = getattr(symbol, "assumptions", frozenset())
    is_symmetric = bool(known & {"symmetric", "positive_definite", "positive_semidefinite"})
    return matrix if is_symmetric else transpose(matrix)


def _times_diagonal(vector: Expression, matrix: Expression, is_first: bool) -> Expression:
    if isinstance(matrix, ex.Eye):
        return diag(vector)
    return diag(vector) @ matrix if is_first else matrix @ diag(vector)


# ---------------------------------------------------------------- heads


def head_expression(head: Head) -> Expression:
    """A head as an expression with its slots as axes."""
    build = _HEADS.get(head.kind)
    if build is None:
        raise Unsupported(f"the grammar has no form for {head!r}")
    return build(head)


def _constant(head: Head) -> Expression:
    return ex.Time() if head.data == "t" else ex.Constant(head.data)


def _call(head: Head) -> Expression:
    jet = head.data
    result: Expression = ex.Call(jet.function, tuple(raised(given) for given in jet.arguments))
    for position in jet.derivatives:
        variable = raised(jet.arguments[position])
        if not isinstance(variable, Variable) or variable != jet.function.arguments[position]:
            raise Unsupported("a derivative at another point has no form in the grammar")
        result = ex.Gradient(result, variable)
    return result


def _kernel(head: Head) -> Expression:
    kernel: Kernel = head.data
    inner = raised(kernel.argument)
    if kernel.name == "reciprocal":
        return divide(1, inner)
    if kernel.exponent is None:
        return elementary(kernel.name)(inner)
    exponent = raised(kernel.exponent)
    if kernel.name == "power":
        return power(inner, exponent)
    if isinstance(exponent, ex.Number):
        return raised_to(inner, 1 / exponent.value)
    return power(inner, divide(1, exponent))


_HEADS = {
    Kind.DELTA: lambda head: ex.Eye((head.data,)),
    Kind.SIZE: lambda head: Size(head.data),
    Kind.CONSTANT: _constant,
    Kind.VARIABLE: lambda head: head.data,
    Kind.PARAMETER: lambda head: head.data,
    Kind.CALL: _call,
    Kind.INVERSE: lambda head: ex.Inverse(raised(head.data)),
    Kind.LOGDET: lambda head: ex.LogDet(raised(head.data)),
    Kind.KERNEL: _kernel,
}
