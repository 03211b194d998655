r"""Products of two tensor cores, simplified by identities that hold for every size.

Deltas are eliminated, $M M^{-1} = 1$, $\log\det M^{-1} = -\log\det M$, matrix products associate
to the right, and a full contraction is written in one order. Not for sums: `expansion` takes them
apart first.
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.signs.forms import matmul_chain, transposed
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import (
    Diag,
    Dot,
    Elementwise,
    Expression,
    Eye,
    Inverse,
    LogDet,
    MatMul,
    Negation,
    Number,
    Ones,
    Outer,
    Power,
    Product,
    Size,
    Trace,
    Transpose,
)
from sdekit.declaration.tree.operators import ONE, ZERO


def size(dims: tuple[Dim, ...]) -> Expression:
    """The number of entries of a block of this shape."""
    factors = tuple(Number(Fraction(d.size)) if d.size is not None else Size(d) for d in dims)
    if not factors:
        return ONE
    return factors[0] if len(factors) == 1 else Product(factors)


def entrywise_factors(tensor: Expression) -> tuple[Expression, ...]:
    """The factors of an element-wise product; none for the tensor of ones."""
    if isinstance(tensor, Product):
        return tuple(f for factor in tensor.factors for f in entrywise_factors(factor))
    return () if isinstance(tensor, Ones) else (tensor,)


def entrywise(left: Expression, right: Expression) -> Expression:
    """Element-wise product, its factors in a fixed order."""
    factors = entrywise_factors(left) + entrywise_factors(right)
    if not factors:
        return Ones(left.shape)
    return factors[0] if len(factors) == 1 else Product(tuple(sorted(factors, key=repr)))


def _is_identity(tensor: Expression) -> bool:
    return isinstance(tensor, Eye) and len(tensor.dims) == 1


def matmul(left: Expression, right: Expression) -> Expression:
    """left @ right with identities and inverse pairs removed, nested to the right."""
    if left.ndim == 1:
        if right.ndim == 1:
            return dot(left, right)
        if right.ndim == 2:
            return matmul(transposed(right), left)
        return MatMul(left, right)
    if _is_identity(left):
        return right
    if _is_identity(right):
        return left
    if isinstance(left, MatMul) and left.ndim == 2:
        return matmul(left.left, matmul(left.right, right))
    if left.ndim == 2:
        first, rest = (right.left, right.right) if isinstance(right, MatMul) else (right, None)
        if first.ndim == 2 and inverse(first) == left:
            return Eye(left.shape[:1]) if rest is None else rest
        if isinstance(left, Diag) and right.ndim == 1:
            return entrywise(left.operand, right)
        if isinstance(left, Diag) and isinstance(right, Diag):
            return Diag(entrywise(left.operand, right.operand))
    return MatMul(left, right)


def dot(left: Expression, right: Expression) -> Expression:
    """Full contraction, its factors in a fixed order."""
    for one, other in ((left, right), (right, left)):
        if _is_identity(one):
            return trace(other)
        if isinstance(one, Outer) and one.left.ndim == one.right.ndim == 1:
            if isinstance(other, Outer) and other.left.ndim == 1:
                return Product((dot(one.left, other.left), dot(one.right, other.right)))
            return dot(one.left, matmul(other, one.right))
        if isinstance(one, Diag) and one.ndim == 2:
            return dot(one.operand, diag(other))
    factors = sorted(entrywise_factors(left) + entrywise_factors(right), key=repr)
    if not factors:
        return size(left.shape)
    if len(factors) == 1:
        return Dot(Ones(left.shape), factors[0])
    if len(factors) == 2:
        return Dot(factors[0], factors[1])
    return Dot(factors[0], Product(tuple(factors[1:])))


def outer(left: Expression, right: Expression) -> Expression:
    """Outer product; the outer product of ones is the tensor of ones."""
    if isinstance(left, Ones) and isinstance(right, Ones):
        return Ones(left.shape + right.shape)
    return Outer(left, right)


def trace(matrix: Expression) -> Expression:
    """Trace, as a contraction where the matrix is a product."""
    if isinstance(matrix, Eye) and len(matrix.dims) == 1:
        return size(matrix.dims)
    if isinstance(matrix, Diag):
        return dot(Ones(matrix.operand.shape), matrix.operand)
    if isinstance(matrix, Outer) and matrix.left.ndim == 1:
        return dot(matrix.left, matrix.right)
    if isinstance(matrix, MatMul):
        chain = matmul_chain(matrix)
        if all(f.ndim == 2 for f in chain):
            rest = chain[-1]
            for factor in reversed(chain[1:-1]):
                rest = MatMul(factor, rest)
            return dot(transpose(chain[0], (1, 0)), rest)
    return Trace(matrix)


def diag(tensor: Expression) -> Expression:
    """Diagonal matrix of a vector, diagonal of a matrix."""
    if tensor.ndim == 1:
        return Eye(tensor.shape) if isinstance(tensor, Ones) else Diag(tensor)
    if isinstance(tensor, Eye) and len(tensor.dims) == 1:
        return Ones(tensor.dims)
    if isinstance(tensor, Diag):
        return tensor.operand
    if isinstance(tensor, Outer) and tensor.left.ndim == tensor.right.ndim == 1:
        return entrywise(tensor.left, tensor.right)
    return Diag(tensor)


def transpose(tensor: Expression, axes: tuple[int, ...]) -> Expression:
    """The tensor with its axes permuted; nothing is written for a symmetric matrix."""
    if tensor.ndim != 2 or axes != (1, 0):
        return tensor if axes == tuple(range(tensor.ndim)) else Transpose(tensor, axes)
    if isinstance(tensor, MatMul):
        chain = matmul_chain(tensor)
        if all(f.ndim == 2 for f in chain):
            flipped = [transposed(f) for f in reversed(chain)]
            result = flipped[-1]
            for factor in reversed(flipped[:-1]):
                result = matmul(factor, result)
            return result
    if isinstance(tensor, Outer):
        return Outer(tensor.right, tensor.left)
    return transposed(tensor)


def inverse(matrix: Expression) -> Expression:
    """Inverse of a square matrix, taken inside products, diagonals and inverses."""
    if _is_identity(matrix):
        return matrix
    if isinstance(matrix, Inverse):
        return matrix.operand
    if isinstance(matrix, Diag) and matrix.operand.ndim == 1:
        return Diag(Power(matrix.operand, Number(Fraction(-1))))
    if isinstance(matrix, Transpose) and matrix.axes == (1, 0):
        return transposed(inverse(matrix.operand))
    return Inverse(matrix)


def logdet(matrix: Expression) -> Expression:
    """Logarithm of the determinant of a positive definite matrix."""
    if _is_identity(matrix):
        return ZERO
    if isinstance(matrix, Inverse):
        return Negation(logdet(matrix.operand))
    if isinstance(matrix, Diag) and matrix.operand.ndim == 1:
        return Dot(Ones(matrix.operand.shape), Elementwise("log", matrix.operand))
    return LogDet(matrix)
