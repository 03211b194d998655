"""Inverses and log determinants of matrices in canonical form.

Those of diagonal matrices are written out entry by entry; of any other matrix they become heads
with the relations M M^-1 = 1 (`graph`, `relations`). An inverse is taken to exist wherever it is
written, and a log determinant is that of |det|. Not for their derivatives (`derivative`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.heads import Kind
from sdekit.calculus.contraction.rules.powers import logarithm, reciprocal
from sdekit.calculus.contraction.slot_symmetry import Group
from sdekit.calculus.contraction.splitting_terms import (
    common_powers,
    content,
    diagonal,
    divided,
    is_diagonal,
    leading,
    oriented,
)
from sdekit.calculus.contraction.tensor import (
    Monomial,
    Tensor,
    Term,
    contract,
    eye,
    of_head,
    reindex,
    size,
)
from sdekit.calculus.limits import Unsupported


def inverse(matrix: Tensor) -> Tensor:
    """The inverse of a square matrix.

    Raises:
        Unsupported: If the matrix is identically singular and seen to be so.
    """
    if matrix.is_empty:
        raise Unsupported("the inverse of a zero matrix")
    if is_diagonal(matrix):
        entries = reciprocal(diagonal(matrix))
        return contract(eye(matrix.shape[:1]), ("i", "j"), entries, ("i",), ("i", "j"))
    primitive, scale, monomial = _primitive(matrix, only_positive=False)
    turned, is_swapped, group = _turned(primitive)
    bare = turned.bare_head
    if bare is not None and bare.kind is Kind.INVERSE:
        result = bare.data
    else:
        result = of_head(heads.inverse(turned, group))
    if is_swapped:
        result = reindex(result, ("i", "j"), ("j", "i"))
    return divided(result, scale, monomial)


def logdet(matrix: Tensor) -> Tensor:
    """log |det M| of a square matrix.

    Raises:
        Unsupported: If the matrix is identically singular and seen to be so.
    """
    if matrix.is_empty:
        raise Unsupported("the log determinant of a zero matrix")
    if is_diagonal(matrix):
        entries = diagonal(matrix)
        return reindex(logarithm(entries), ("i",), ())
    primitive, scale, monomial = _primitive(matrix, only_positive=True)
    turned, _, _ = _turned(primitive)
    bare = turned.bare_head
    if bare is not None and bare.kind is Kind.INVERSE:
        own = -logdet(bare.data)
    else:
        own = of_head(heads.logdet(turned))
    factor = Tensor((), {Term(monomial, ()): abs(scale)})
    return own + size(matrix.shape[0]) * logarithm(factor)


def _primitive(matrix: Tensor, only_positive: bool) -> tuple[Tensor, Fraction, Monomial]:
    """(M, c, g) with matrix = c g M, c a rational number and g a product of scalar generators."""
    common = common_powers(matrix, only_positive)
    scale = content(matrix)
    if matrix.terms[leading(matrix)] < 0:
        scale = -scale
    return divided(matrix, scale, common), scale, common


def _turned(matrix: Tensor) -> tuple[Tensor, bool, Group]:
    """The matrix or its transpose, whichever is canonical, and the symmetries of its inverse."""
    turned, order, group = oriented(matrix)
    if len(group) == 1 and reindex(turned, ("i", "j"), ("j", "i")) == -turned:
        group = ((group[0][0], 1), (tuple(reversed(group[0][0])), -1))
    return turned, order != (0, 1), group
