"""Where tensors are defined: denominators that must not vanish, arguments that must be positive.

What an identity between tensors has as its side conditions, without those that the declared
assumptions imply. Not for whether the conditions can be met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Jet, Kernel, Kind
from sdekit.calculus.contraction.printing import argument_text, component_text
from sdekit.calculus.contraction.rules.elementary import rule_of
from sdekit.calculus.contraction.splitting_terms import is_positive
from sdekit.calculus.contraction.tensor import Tensor

#: Kernels that vanish nowhere on their domain.
_WITHOUT_ZEROS = frozenset({"reciprocal", "root", "power", "exp"})


def side_conditions(tensors: Iterable[Tensor]) -> tuple[str, ...]:
    """Conditions such as `mu != 0` under which all the tensors are defined and smooth.

    Args:
        tensors: Usually the coefficients of a dynamics; a residual that cancelled has none left.

    Returns:
        Sorted texts, each once; those that declared positivity or definiteness implies are left
        out.

    Example:
        >>> from sdekit.calculus.contraction.lowering import lower
        >>> from sdekit.declaration.functions.grammar import log
        >>> from sdekit.declaration.tree.symbols import parameter, scalar
        >>> x, mu, A = scalar("x"), parameter("mu"), parameter("A", positive=True)
        >>> side_conditions([lower(x / mu + x / A), lower(log(1 + x))])
        ('mu != 0', 'x + 1 > 0')
    """
    found: set[str] = set()
    for head, exponent in _occurrences(tensors):
        found.update(_conditions(head, exponent))
    return tuple(sorted(found))


def kernels(tensors: Iterable[Tensor]) -> tuple[Kernel, ...]:
    """Every kernel that occurs, also inside others; `sign` is the one that jumps."""
    heads = dict.fromkeys(
        head
        for part, _ in _occurrences(tensors)
        for head, _ in part.factors
        if head.kind is Kind.KERNEL
    )
    return tuple(head.data for head in heads)


def _occurrences(tensors: Iterable[Tensor]) -> Iterator[tuple[Component, int]]:
    """Every component with its exponent, also inside kernels and arguments of functions."""
    waiting, seen = list(tensors), set[Tensor]()
    while waiting:
        tensor = waiting.pop()
        if tensor in seen:
            continue
        seen.add(tensor)
        for monomial, opened in tensor.terms:
            for part, exponent in (*monomial, *((part, 1) for part in opened)):
                yield part, exponent
                for head, _ in part.factors:
                    waiting.extend(_inner(head))


def _inner(head: Head) -> tuple[Tensor, ...]:
    data = head.data
    if isinstance(data, Jet):
        return data.arguments
    if isinstance(data, Kernel):
        return (data.argument,) if data.exponent is None else (data.argument, data.exponent)
    return (data,) if isinstance(data, Tensor) else ()


def _conditions(part: Component, exponent: int) -> Iterator[str]:
    if exponent < 0 and not is_positive(part) and not vanishes_nowhere(part):
        yield f"{component_text(part)} != 0"
    for head, _ in part.factors:
        if head.kind is Kind.KERNEL:
            relation = rule_of(head.data.name).domain
            argument = argument_text(head.data.argument)
            if relation and not is_positive_everywhere(head.data.argument):
                yield f"{argument} {relation}"
        elif head.kind in (Kind.INVERSE, Kind.LOGDET) and not is_definite_matrix(head.data):
            yield f"{argument_text(head.data)} is invertible"


def vanishes_nowhere(part: Component) -> bool:
    """Whether a component is a kernel that has no zero where it is defined, as a root of s > 0."""
    head = part.head
    return head is not None and head.kind is Kind.KERNEL and head.data.name in _WITHOUT_ZEROS


def is_positive_everywhere(tensor: Tensor) -> bool:
    """Whether every term is positive or an even power, and one of them is positive.

    A sufficient test: it sees 1 + p.p and A + exp(x), not x^2 - 2 x + 2.
    """
    is_strict = False
    for (monomial, opened), coefficient in tensor.terms.items():
        squares = all(is_sum_of_squares(part) for part, e in monomial if e % 2)
        pairs = all(is_sum_of_squares(part) or opened.count(part) % 2 == 0 for part in opened)
        if coefficient < 0 or not squares or not pairs:
            return False
        is_strict = is_strict or (
            all(is_positive(part) for part, _ in monomial) and all(map(is_positive, opened))
        )
    return is_strict


def is_sum_of_squares(part: Component) -> bool:
    """Whether a component is a sum of products of non-negative factors and squares, as p.p is."""
    odd = [head for head, indices in part.factors if part.factors.count((head, indices)) % 2]
    return all(head.is_positive or _is_declared_nonnegative(head) for head in odd)


def _is_declared_nonnegative(head: Head) -> bool:
    if head.kind is Kind.PARAMETER:
        return "nonnegative" in head.data.assumptions
    is_function = head.kind is Kind.CALL and not head.data.derivatives
    return is_function and "nonnegative" in head.data.function.assumptions


def is_definite_matrix(matrix: Tensor) -> bool:
    """Whether a matrix is a sum of positive multiples of declared positive definite ones."""
    if matrix.is_empty:
        return False
    for (monomial, opened), coefficient in matrix.terms.items():
        if coefficient < 0 or not all(is_positive(part) for part, _ in monomial):
            return False
        heads = [head for part in opened for head, _ in part.factors]
        if len(heads) != 1 or not _is_declared_definite(heads[0]):
            return False
    return True


def _is_declared_definite(head: Head) -> bool:
    if head.kind is Kind.DELTA:
        return True
    if head.kind is Kind.INVERSE:
        return is_definite_matrix(head.data)
    if head.kind is Kind.PARAMETER:
        return "positive_definite" in head.data.assumptions
    is_function = head.kind is Kind.CALL and not head.data.derivatives
    return is_function and "positive_definite" in head.data.function.assumptions
