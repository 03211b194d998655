r"""Definiteness of matrices and symmetry of blocks that the declared assumptions imply.

`form_signs` gives the signs that $x^\top M x$ can still have over all non-zero x, for every size
and every admissible state; see `implied` for how such sets are read. Not for pivots at concrete
sizes (`pivots`).
"""

from __future__ import annotations

from functools import lru_cache

from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import (
    NEGATIVE,
    NONNEGATIVE,
    POSITIVE,
    UNKNOWN,
    ZERO,
    Signs,
    never_negative,
    opposite,
    product_signs,
    sum_signs,
    summed,
)
from sdekit.declaration.tree.expression import (
    Call,
    Diag,
    Elementwise,
    Expression,
    Eye,
    Inverse,
    MatMul,
    Negation,
    Number,
    Ones,
    Outer,
    Power,
    Product,
    Quotient,
    Sum,
    Transpose,
)
from sdekit.declaration.tree.symbols import Parameter, Variable


@lru_cache(maxsize=4096)
def form_signs(matrix: Expression) -> Signs:
    r"""Possible signs of $x^\top M x$ over all x other than 0.

    Args:
        matrix: Shape (n, n), or a block of shape `X.shape + X.shape` that acts on blocks like X.

    Returns:
        {1} positive definite, {0, 1} positive semidefinite, {0} an antisymmetric matrix, ...

    Example:
        >>> from sdekit.declaration.tree.dimension import Dim
        >>> from sdekit.declaration.tree.symbols import parameter
        >>> n = Dim("n")
        >>> M = parameter("M", n, n, positive_definite=True)
        >>> sorted(form_signs(M + M @ M))
        [1]

    Checked by: tests/calculus/signs/test_implied_signs.py.
    """
    if not matrix.shape:
        return entry_signs(matrix)
    rule = _FORM_RULES.get(type(matrix))
    return (rule(matrix) if rule else UNKNOWN) or UNKNOWN


def _assumed_form(assumptions: frozenset[str]) -> Signs:
    if "positive_definite" in assumptions:
        return POSITIVE
    if "positive_semidefinite" in assumptions:
        return NONNEGATIVE
    return ZERO if "antisymmetric" in assumptions else UNKNOWN


def _form_sum(node: Sum) -> Signs:
    signs = ZERO
    for term in node.terms:
        signs = sum_signs(signs, form_signs(term))
    return signs


def _form_product(node: Product) -> Signs:
    tensors = [f for f in node.factors if f.shape]
    scalars = entry_signs(Product(tuple(f for f in node.factors if not f.shape)))
    if len(tensors) == 1:
        return product_signs(scalars, form_signs(tensors[0]))
    return product_signs(scalars, _schur_product(tensors))


def _schur_product(tensors: list[Expression]) -> Signs:
    """Element-wise products of symmetric semidefinite matrices are semidefinite (Schur)."""
    forms = [form_signs(t) for t in tensors]
    if all(is_symmetric(t) and never_negative(s) for t, s in zip(tensors, forms, strict=True)):
        return POSITIVE if all(s == POSITIVE for s in forms) else NONNEGATIVE
    return UNKNOWN


def _form_quotient(node: Quotient) -> Signs:
    if node.denominator.shape:
        return UNKNOWN
    return product_signs(form_signs(node.numerator), entry_signs(node.denominator) - ZERO)


def _form_power(node: Power) -> Signs:
    if not isinstance(node.exponent, Number) or node.exponent.value.denominator != 1:
        return UNKNOWN
    exponent = int(node.exponent.value)
    return _schur_product([node.base] * exponent) if exponent >= 1 else UNKNOWN


def _form_inverse(node: Inverse) -> Signs:
    # The form of M^-1 at x is the form of M at y = M^-1 x; an inverse exists only if M is regular.
    signs = form_signs(node.operand)
    if is_symmetric(node.operand) and signs in (POSITIVE, NEGATIVE, NONNEGATIVE):
        return POSITIVE if 1 in signs else NEGATIVE
    return signs if signs in (POSITIVE, NEGATIVE) else UNKNOWN


def _form_matmul(node: MatMul) -> Signs:
    """B S B^T has the sign of S, or 0 where B^T x = 0; a Gram form B B^T is nonnegative."""
    chain = matmul_chain(node)
    if any(f.ndim != 2 for f in chain):
        return UNKNOWN
    half = len(chain) // 2
    middle = form_signs(chain[half]) if len(chain) % 2 else POSITIVE
    left, right = chain[:half], chain[len(chain) - half :]
    if not all(same_transposed(a, b) for a, b in zip(left, reversed(right), strict=True)):
        return UNKNOWN
    regular = all(is_regular(f) for f in left)
    return middle if regular or middle == ZERO else middle | ZERO


def matmul_chain(node: Expression) -> tuple[Expression, ...]:
    """The factors of nested matrix products, left to right."""
    if isinstance(node, MatMul):
        return matmul_chain(node.left) + matmul_chain(node.right)
    return (node,)


def same_transposed(left: Expression, right: Expression) -> bool:
    """Whether right = left^T is visible in the expressions."""
    left, right = _plain(left), _plain(right)
    return left == right if is_symmetric(left) else transposed(left) == right


def _plain(matrix: Expression) -> Expression:
    """A symmetric matrix without a transpose around it."""
    if isinstance(matrix, Transpose) and is_symmetric(matrix.operand):
        return matrix.operand
    return matrix


def transposed(matrix: Expression) -> Expression:
    """M^T, without a node where M is symmetric or already transposed."""
    if isinstance(matrix, Transpose) and matrix.axes == (1, 0):
        return matrix.operand
    if is_symmetric(matrix):
        return matrix
    return Transpose(matrix, (1, 0))


def is_regular(matrix: Expression) -> bool:
    """Whether the square matrix is visibly invertible."""
    if isinstance(matrix, Transpose):
        return is_regular(matrix.operand)
    return isinstance(matrix, Inverse) or form_signs(matrix) in (POSITIVE, NEGATIVE)


def _form_outer(node: Outer) -> Signs:
    if node.left == node.right:
        return NONNEGATIVE
    return UNKNOWN


def _form_transpose(node: Transpose) -> Signs:
    rank = node.ndim // 2
    swap = tuple(range(rank, 2 * rank)) + tuple(range(rank))
    if node.axes == swap:
        return form_signs(node.operand)
    if node.axes == (0, 2, 1, 3) and isinstance(node.operand, Outer):
        left, right = node.operand.left, node.operand.right
        if left.ndim == right.ndim == 2 and is_symmetric(left) and is_symmetric(right):
            return product_signs(form_signs(left), form_signs(right))
    return UNKNOWN


def _form_ones(node: Ones) -> Signs:
    return NONNEGATIVE if node.ndim % 2 == 0 else UNKNOWN


_FORM_RULES = {
    Eye: lambda _: POSITIVE,
    Ones: _form_ones,
    Parameter: lambda node: _assumed_form(node.assumptions),
    Variable: lambda node: POSITIVE if node.domain.kind == "positive_definite" else UNKNOWN,
    Call: lambda node: _assumed_form(node.function.assumptions),
    Sum: _form_sum,
    Negation: lambda node: opposite(form_signs(node.operand)),
    Product: _form_product,
    Quotient: _form_quotient,
    Power: _form_power,
    Inverse: _form_inverse,
    MatMul: _form_matmul,
    Outer: _form_outer,
    Diag: lambda node: summed(entry_signs(node.operand)),
    Transpose: _form_transpose,
}


@lru_cache(maxsize=4096)
def is_symmetric(matrix: Expression) -> bool:
    """Whether M = M^T is visible in the expression (False says nothing)."""
    match matrix:
        case Eye() | Ones() | Diag():
            return True
        case Parameter():
            return "symmetric" in matrix.assumptions
        case Call():
            return "symmetric" in matrix.function.assumptions
        case Variable():
            return matrix.symmetry == "symmetric"
        case Sum():
            return all(is_symmetric(term) for term in matrix.terms)
        case Product():
            return all(is_symmetric(f) for f in matrix.factors if f.shape)
        case Transpose():
            return matrix.ndim == 2 and is_symmetric(matrix.operand)
        case Negation() | Inverse() | Elementwise():
            return is_symmetric(matrix.operand)
        case Power():
            return is_symmetric(matrix.base)
        case Quotient():
            return is_symmetric(matrix.numerator) and not matrix.denominator.shape
        case Outer():
            return matrix.left == matrix.right
        case MatMul():
            return _is_mirrored(matmul_chain(matrix))
    return False


def _is_mirrored(chain: tuple[Expression, ...]) -> bool:
    half = len(chain) // 2
    if any(f.ndim != 2 for f in chain):
        return False
    if len(chain) % 2 and not is_symmetric(chain[half]):
        return False
    pairs = zip(chain[:half], reversed(chain[len(chain) - half :]), strict=True)
    return all(same_transposed(a, b) for a, b in pairs)
