"""Is a tensor zero for every n? The normal form under the relations of its kernels.

Graphs are rewritten (`rules.reduction`); what remains is a fraction of polynomials in commuting
scalars, which `rational` brings to normal form.

Soundness: every rewrite is an identity wherever the tensor is defined, for every n >= 1, so a zero
normal form proves that the tensor vanishes identically. Completeness: a non-zero normal form of a
polynomial without kernels is a tensor that is non-zero for all but finitely many n; with kernels it
may be zero all the same, so that a non-zero form refutes nothing. Not for witnesses (`evaluate`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction.heads import Kind, parameter
from sdekit.calculus.contraction.rules.rational import needs_fraction, numerator_is_zero
from sdekit.calculus.contraction.rules.reduction import coefficients, reduced
from sdekit.calculus.contraction.tensor import Tensor, combine, contract, of_head
from sdekit.calculus.contraction.values.evaluate import is_nonzero_somewhere
from sdekit.calculus.memory import remembered
from sdekit.declaration.tree.symbols import Parameter


@remembered
def is_zero(tensor: Tensor) -> bool:
    """Whether the normal form of a tensor is zero.

    Returns:
        True proves that every entry vanishes for every size and wherever it is defined. False
        proves nothing about tensors with kernels; see the module.

    Raises:
        Unsupported: If a denominator turns out to be identically zero.
        BudgetExceeded: If the time granted by `spending` is over.

    Example:
        >>> from sdekit.declaration.functions.grammar import cos, sin
        >>> from sdekit.declaration.tree.symbols import scalar
        >>> from sdekit.calculus.contraction.lowering import lower
        >>> x = scalar("x")
        >>> is_zero(lower(sin(x) ** 2 + cos(x) ** 2 - 1))
        True

    Checked by: tests/calculus/contraction/test_relations.py.
    """
    if tensor.is_empty:
        return True
    parts = coefficients(reduced(tensor)).values()
    # A value that is not zero settles the matter faster than a common denominator.
    if any(needs_fraction(part) and is_nonzero_somewhere(part) for part in parts):
        return False
    return all(numerator_is_zero(part) for part in parts) or _is_zero_along_all(tensor)


def _is_zero_along_all(tensor: Tensor) -> bool:
    """Whether the contraction with a tensor of free entries is zero, which joins open factors.

    Rewrites see factors of one graph; on an open index x and 1 / (1 - x) are two graphs.
    """
    factors = [f for term in tensor.terms for part in term.open for f in part.factors]
    if not any(head.kind is Kind.KERNEL and head.slots for head, _ in factors):
        return False
    free = of_head(parameter(Parameter("sdekit_free", tensor.shape)))
    places = tuple(range(tensor.ndim))
    return is_zero(contract(tensor, places, free, places, ()))


def difference_is_zero(left: Tensor, right: Tensor) -> bool:
    """Whether two tensors of one shape are equal, as `is_zero` of their difference."""
    return is_zero(combine(((Fraction(1), left), (Fraction(-1), right))))
