r"""An energy as a quadratic in one block: $c + b\cdot X + \tfrac12 X\cdot M X$ and other terms.

Works on expansions (`sdekit.calculus.expansion.expand`) for blocks of any rank and every size.
What is not visibly linear or quadratic in X is kept as other terms, so the split is always exact.
Not for definiteness of M (`implied`) nor for the integral over X (`families`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sdekit.calculus.expansion import cores
from sdekit.calculus.expansion.expand import expand, scalar_product
from sdekit.calculus.expansion.monomial_sums import (
    Factor,
    Monomial,
    Terms,
    as_expression,
    scaled,
    total,
)
from sdekit.calculus.signs.forms import is_symmetric, transposed
from sdekit.declaration.tree.expression import (
    Diag,
    Dot,
    Expression,
    Eye,
    MatMul,
    Number,
    Ones,
    Outer,
    Product,
    Sum,
    Trace,
    Transpose,
)
from sdekit.declaration.tree.operators import ONE
from sdekit.declaration.tree.symbols import Variable


@dataclass(frozen=True)
class Split:
    """Q by its degree in X.

    Attributes:
        constant: Terms free of X.
        linear: b, of the shape of X.
        hessian: M, of shape X.shape + X.shape and symmetric.
        other: Terms of another kind.
    """

    constant: Terms
    linear: Terms
    hessian: Terms
    other: Terms


def involves(monomial: Monomial, x: Variable) -> bool:
    """Whether the variable is written anywhere in the monomial."""
    return any(base.depends_on(x) for base, _ in monomial.factors) or (
        monomial.core is not None and monomial.core.depends_on(x)
    )


def split_by(terms: Terms, x: Variable) -> Split:
    """Split a scalar expansion by its degree in the block x.

    Args:
        terms: Expansion of a scalar.
        x: Block of any rank.

    Returns:
        The parts; Q = constant + linear . x + x . hessian x / 2 + other.

    Checked by: tests/calculus/expansion/test_expand.py.
    """
    constant, other = {}, {}
    linear: list[Terms] = []
    hessian: list[Terms] = []
    for monomial, coefficient in terms.items():
        if not involves(monomial, x):
            constant[monomial] = coefficient
            continue
        piece = _piece(monomial, x)
        if piece is None:
            other[monomial] = coefficient
            continue
        rest, degree, tensor = piece
        scale = {Monomial(rest): coefficient}
        (linear if degree == 1 else hessian).append(scalar_product(scale, expand(tensor)))
    return Split(constant, _projected(total(linear), x), total(hessian), other)


def _projected(linear: Terms, x: Variable) -> Terms:
    """b acts on a symmetric X through its symmetric part only."""
    if x.symmetry is None or not linear:
        return linear
    mirror = expand(Transpose(as_expression(linear), (1, 0)))
    sign = Fraction(1) if x.symmetry == "symmetric" else Fraction(-1)
    return scaled(total([linear, scaled(mirror, sign)]), Fraction(1, 2))


def _piece(monomial: Monomial, x: Variable) -> tuple[frozenset[Factor], int, Expression] | None:
    """(factors free of x, degree, b or M) of a linear or quadratic monomial, else None."""
    mine, others = monomial.parted(x)
    rest = others.factors
    if not x.shape:
        if len(mine) != 1 or mine[0][0] != x or mine[0][1] not in (1, 2):
            return None
        degree = int(mine[0][1])
        return rest, degree, ONE if degree == 1 else Number(Fraction(2))
    parts: list[tuple[int, Expression]] = []
    for base, exponent in mine:
        if exponent.denominator != 1 or not 1 <= exponent <= 2:
            return None
        part = _tensor_piece(base, x)
        if part is None:
            return None
        parts += [part] * int(exponent)
    if len(parts) == 1:
        return (rest, *parts[0])
    if len(parts) == 2 and parts[0][0] == parts[1][0] == 1:
        left, right = parts[0][1], parts[1][1]
        if left == right:
            return rest, 2, Product((Number(Fraction(2)), Outer(left, left)))
        if x.ndim == 1:
            return rest, 2, Sum((Outer(left, right), Outer(right, left)))
    return None


def _tensor_piece(base: Expression, x: Variable) -> tuple[int, Expression] | None:
    """(1, b) for b . x, (2, M) for x . M x / 2."""
    if isinstance(base, Trace) and base.operand == x:
        return 1, Eye(x.shape[:1])
    if not isinstance(base, Dot):
        return None
    factors = [*cores.entrywise_factors(base.left), *cores.entrywise_factors(base.right)]
    mine = [f for f in factors if f.depends_on(x)]
    weight = [f for f in factors if not f.depends_on(x)]
    if x.ndim == 2 and len(mine) == len(weight) == 1 and isinstance(mine[0], MatMul):
        return _bilinear_piece(mine[0], weight[0], x)
    if not all(_is_linear(f, x) for f in mine):
        return None
    cotangent = _entrywise_product(weight)
    if len(mine) == 1:
        weight_of_all = Ones(mine[0].shape) if cotangent is None else cotangent
        return 1, _adjoint(mine[0], x, weight_of_all)
    if len(mine) == 2:
        return _quadratic_piece(mine[0], mine[1], cotangent, x)
    return None


def _bilinear_piece(
    product: MatMul, weight: Expression, x: Variable
) -> tuple[int, Expression] | None:
    """w . (X t) as X . (w t^T), and w . (X^T t) as X . (t w^T)."""
    t = product.right
    if t.depends_on(x) or t.ndim != 1:
        return None
    if product.left == x:
        return 1, Outer(weight, t)
    return (1, Outer(t, weight)) if product.left == Transpose(x, (1, 0)) else None


def quadratic_form(node: Expression, x: Variable) -> Expression | None:
    """M, if the scalar node is exactly x . M x / 2, collected; None otherwise."""
    piece = _tensor_piece(node, x)
    return as_expression(expand(piece[1])) if piece is not None and piece[0] == 2 else None


def _entrywise_product(factors: list[Expression]) -> Expression | None:
    if not factors:
        return None
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


def _quadratic_piece(
    left: Expression, right: Expression, weight: Expression | None, x: Variable
) -> tuple[int, Expression] | None:
    if left == right == x and weight is None:
        return 2, Product((Number(Fraction(2)), Eye(x.shape)))
    if x.ndim != 1:
        return None
    chain = [_matrix_of(left, x), None if weight is None else Diag(weight), _matrix_of(right, x)]
    matrices = [
        m for m in (None if chain[0] is None else transposed(chain[0]), *chain[1:]) if m is not None
    ]
    form = matrices[-1]
    for matrix in reversed(matrices[:-1]):
        form = MatMul(matrix, form)
    if left == right or is_symmetric(form):
        return 2, Product((Number(Fraction(2)), form))
    return 2, Sum((form, Transpose(form, (1, 0))))


def _is_linear(tensor: Expression, x: Variable) -> bool:
    """Whether the tensor is x itself or a matrix free of x applied to such a tensor."""
    if tensor == x:
        return True
    if isinstance(tensor, MatMul) and x.ndim == 1:
        return not tensor.left.depends_on(x) and _is_linear(tensor.right, x)
    return False


def _adjoint(tensor: Expression, x: Variable, cotangent: Expression) -> Expression:
    """L^T c for tensor = L x."""
    if tensor == x:
        return cotangent
    assert isinstance(tensor, MatMul)
    return _adjoint(tensor.right, x, MatMul(transposed(tensor.left), cotangent))


def _matrix_of(tensor: Expression, x: Variable) -> Expression | None:
    """L for tensor = L x; None for the identity."""
    if tensor == x:
        return None
    assert isinstance(tensor, MatMul)
    inner = _matrix_of(tensor.right, x)
    return tensor.left if inner is None else MatMul(tensor.left, inner)


def as_sum(split: Split, x: Variable) -> Expression:
    """The split put together again, for checking it with the exact engine."""
    parts = [as_expression(split.constant), as_expression(split.other)]
    if split.linear:
        b = as_expression(split.linear)
        parts.append(Dot(b, x) if x.shape else Product((b, x)))
    if split.hessian:
        parts.append(_half_form(split.hessian, x))
    return Sum(tuple(parts))


def _half_form(hessian: Terms, x: Variable) -> Expression:
    half = Number(Fraction(1, 2))
    matrix = as_expression(hessian)
    if not x.shape:
        return Product((half, matrix, x, x))
    if x.ndim == 1:
        return Product((half, Dot(x, MatMul(matrix, x))))
    parts = []
    for monomial, coefficient in hessian.items():
        scalar = as_expression({Monomial(monomial.factors): coefficient})
        form = _block_form(monomial.core, x)
        parts.append(Product((half, scalar, form)))
    return Sum(tuple(parts))


def _block_form(core: Expression | None, x: Variable) -> Expression:
    if isinstance(core, Outer):
        return Product((Dot(core.left, x), Dot(core.right, x)))
    assert isinstance(core, Eye)
    return Dot(x, x)
