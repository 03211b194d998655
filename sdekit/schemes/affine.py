"""Structure of expressions: terms of a sum, what they read, which linear map of a block they are.

All rewriting is by identities that hold for every size: distributivity, linearity of the gradient,
and gradients of quadratic forms. A term that is linear in a way not known here is reported as not
linear; that costs an exact flow, never a wrong one.

Not for deciding whether two expressions are equal (`sdekit.calculus.contraction`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from itertools import product

from sdekit.declare import expression as ex
from sdekit.declare.expression import Expression, Number
from sdekit.declare.operators import ONE, ZERO, add, divide, matmul, multiply, negate, transpose
from sdekit.declare.symbols import Parameter, Variable
from sdekit.schemes.flow import LinearMap

#: A product of sums with more terms than this is left as one term.
MAX_TERMS = 4096


def variables_of(expression: Expression) -> frozenset[Variable]:
    """The variables that an expression reads."""
    return frozenset(node for node in expression.walk() if isinstance(node, Variable))


def functions_of(expressions: Iterable[Expression]) -> tuple[str, ...]:
    """Names of the unknown functions in the expressions, in order of appearance."""
    names = [
        node.function.name
        for expression in expressions
        for node in expression.walk()
        if isinstance(node, ex.Call)
    ]
    return tuple(dict.fromkeys(names))


def total(terms: Iterable[Expression]) -> Expression:
    """The sum of terms of one shape; 0 if there are none."""
    given = list(terms)
    return reduce(add, given) if given else ZERO


def expanded_terms(expression: Expression) -> tuple[Expression, ...]:
    """Terms whose sum is the expression, products of sums and gradients of sums multiplied out."""
    return tuple(term for term in _expand(expression) if term != ZERO)


def _expand(expression: Expression) -> list[Expression]:
    match expression:
        case ex.Sum(terms=terms):
            return [piece for term in terms for piece in _expand(term)]
        case ex.Negation(operand=operand):
            return [_negated(piece) for piece in _expand(operand)]
        case ex.Quotient(numerator=numerator, denominator=denominator):
            return [divide(piece, denominator) for piece in _expand(numerator)]
        case ex.MatMul(left=left, right=right):
            return [matmul(a, b) for a, b in product(_expand(left), _expand(right))]
        case ex.Product(factors=factors):
            return _expand_product(expression, factors)
        case ex.Gradient(operand=operand, variable=variable) if not operand.shape:
            return _gradient_terms(operand, variable)
    return [expression]


def _negated(expression: Expression) -> Expression:
    return expression.operand if isinstance(expression, ex.Negation) else negate(expression)


def _expand_product(expression: Expression, factors: tuple[Expression, ...]) -> list[Expression]:
    pieces = [_expand(factor) for factor in factors]
    count = reduce(lambda size, piece: size * len(piece), pieces, 1)
    if count > MAX_TERMS:
        return [expression]
    found = []
    for choice in product(*pieces):
        negative = sum(isinstance(factor, ex.Negation) for factor in choice) % 2
        bare = [f.operand if isinstance(f, ex.Negation) else f for f in choice]
        term = reduce(multiply, bare)
        found.append(negate(term) if negative else term)
    return found


def _gradient_terms(operand: Expression, variable: Variable) -> list[Expression]:
    """Terms of the gradient of a scalar."""
    found = []
    for term in _expand(operand):
        if variable in variables_of(term):
            found += _expand_gradient(term, variable)
    return found


def _expand_gradient(term: Expression, x: Variable) -> list[Expression]:
    match term:
        case ex.Negation(operand=operand):
            return [_negated(piece) for piece in _expand_gradient(operand, x)]
        case ex.Quotient(numerator=numerator, denominator=d) if x not in variables_of(d):
            return [divide(piece, d) for piece in _expand_gradient(numerator, x)]
        case ex.Product(factors=factors):
            inside = [factor for factor in factors if x in variables_of(factor)]
            outside = [factor for factor in factors if x not in variables_of(factor)]
            if len(inside) == 1 and not inside[0].shape:
                scale = reduce(multiply, outside)
                return [multiply(scale, piece) for piece in _expand_gradient(inside[0], x)]
        case ex.Dot(left=left, right=right):
            return _gradient_of_dot(term, left, right, x)
        case ex.Power(base=base, exponent=Number(value=power)) if base == x and not x.shape:
            return [multiply(Number(power), x ** (power - 1) if power != 2 else x)]
        case Variable() if term == x:
            return [ONE]
    return [ex.Gradient(term, x)]


def _gradient_of_dot(
    term: Expression, left: Expression, right: Expression, x: Variable
) -> list[Expression]:
    if left == right == x:
        return [multiply(2, x)]
    if left == x and x not in variables_of(right):
        return [right]
    if right == x and x not in variables_of(left):
        return [left]
    for one, other in ((left, right), (right, left)):
        if one == x and x.ndim == 1 and isinstance(other, ex.MatMul) and other.right == x:
            matrix = other.left
            if x not in variables_of(matrix):
                if is_symmetric(matrix):
                    return [multiply(2, other)]
                return [other, matmul(transpose(matrix), x)]
    return [ex.Gradient(term, x)]


def is_symmetric(matrix: Expression) -> bool:
    """Whether the matrix is symmetric by declaration."""
    match matrix:
        case Parameter(assumptions=assumptions):
            return "symmetric" in assumptions
        case ex.Call(function=function):
            return "symmetric" in function.assumptions
        case Variable(symmetry=symmetry):
            return symmetry == "symmetric"
        case ex.Inverse(operand=operand):
            return is_symmetric(operand)
        case ex.Eye() | ex.Diag():
            return True
    return False


def is_antisymmetric(matrix: Expression) -> bool:
    """Whether the matrix is antisymmetric by declaration."""
    match matrix:
        case Parameter(assumptions=assumptions):
            return "antisymmetric" in assumptions
        case ex.Call(function=function):
            return "antisymmetric" in function.assumptions
        case Variable(symmetry=symmetry):
            return symmetry == "antisymmetric"
        case ex.Negation(operand=operand):
            return is_antisymmetric(operand)
        case ex.Product(factors=factors):
            tensors = [factor for factor in factors if factor.shape]
            return len(tensors) == 1 and is_antisymmetric(tensors[0])
    return False


# -- linear maps ---------------------------------------------------------------------------------


def linear_map(term: Expression, x: Variable) -> LinearMap | None:
    """The map M with term = M(x) and coefficients free of x, or None if none is seen."""
    if term.shape != x.shape:
        return None
    found = _map(term, x)
    if found is None or any(x in variables_of(piece) for piece in found.pieces):
        return None
    return found


def _map(term: Expression, x: Variable) -> LinearMap | None:
    if term == x:
        return LinearMap(scalar=ONE)
    match term:
        case ex.Negation(operand=operand):
            return scaled(_map(operand, x), Number(-ONE.value))
        case ex.Quotient(numerator=numerator, denominator=denominator):
            return _divided(_map(numerator, x), denominator)
        case ex.Product(factors=factors):
            inside = [factor for factor in factors if x in variables_of(factor)]
            outside = [factor for factor in factors if x not in variables_of(factor)]
            if len(inside) != 1 or inside[0].shape != x.shape:
                return None
            inner = _map(inside[0], x)
            return scaled(inner, reduce(multiply, outside, ONE))
        case ex.MatMul(left=left, right=right) if x.ndim == 1:
            return _matmul_map(left, right, x)
    return None


def _matmul_map(left: Expression, right: Expression, x: Variable) -> LinearMap | None:
    if x in variables_of(left):
        inner = _map(left, x) if x not in variables_of(right) and left.ndim == 1 else None
        # x @ M is M^T @ x; anything but x itself on the left is not needed by any known model.
        if inner is None or inner.scalar is None or not inner.is_scalar or right.ndim != 2:
            return None
        return scaled(LinearMap(matrix=transpose(right)), inner.scalar)
    if left.ndim != 2:
        return None
    inner = _map(right, x)
    if inner is None:
        return None
    if isinstance(left, ex.Eye):
        return inner
    if isinstance(left, ex.Diag):
        return scaled(inner, left.operand)
    if len(inner.pieces) != 1:
        return None
    if inner.scalar is not None:
        return scaled(LinearMap(matrix=left), inner.scalar)
    if inner.elementwise is not None:
        return LinearMap(matrix=matmul(left, ex.Diag(inner.elementwise)))
    return LinearMap(matrix=matmul(left, inner.pieces[0]))


def scaled(found: LinearMap | None, factor: Expression) -> LinearMap | None:
    """The map followed by multiplication with a scalar, or entry by entry with a tensor."""
    if found is None:
        return None
    if not factor.shape:
        return _scaled_by_scalar(found, factor)
    if len(found.pieces) != 1:
        return None
    if found.matrix is not None:
        return LinearMap(matrix=matmul(ex.Diag(factor), found.matrix)) if factor.ndim == 1 else None
    return LinearMap(elementwise=_times(factor, found.pieces[0]))


def _scaled_by_scalar(found: LinearMap, factor: Expression) -> LinearMap:
    return LinearMap(
        _times(factor, found.scalar),
        _times(factor, found.elementwise),
        _times(factor, found.matrix),
    )


def _divided(found: LinearMap | None, denominator: Expression) -> LinearMap | None:
    if found is None:
        return None
    if not denominator.shape:
        return _divided_by_scalar(found, denominator)
    return scaled(found, divide(1, denominator))


def _divided_by_scalar(found: LinearMap, denominator: Expression) -> LinearMap:
    pieces = (found.scalar, found.elementwise, found.matrix)
    return LinearMap(*(None if p is None else divide(p, denominator) for p in pieces))


def _times(factor: Expression, piece: Expression | None) -> Expression | None:
    if piece is None or factor == ONE:
        return piece
    if piece == ONE:
        return factor
    if isinstance(factor, Number) and factor.value == -1:
        return Number(-piece.value) if isinstance(piece, Number) else _negated(piece)
    return multiply(factor, piece)


def sum_of_maps(maps: Iterable[LinearMap]) -> LinearMap:
    """The sum of linear maps, piece by piece."""
    kept = list(maps)
    return LinearMap(
        _sum_of([m.scalar for m in kept]),
        _sum_of([m.elementwise for m in kept]),
        _sum_of([m.matrix for m in kept]),
    )


def _sum_of(pieces: list[Expression | None]) -> Expression | None:
    given = [piece for piece in pieces if piece is not None]
    return reduce(add, given) if given else None


def diffusion_map(block: Expression, x: Variable) -> LinearMap:
    """A diagonal block of D as a linear map: multiples of the identity, diagonals, the rest."""
    if not x.shape:
        return LinearMap(scalar=block)
    if not block.shape:
        return LinearMap(scalar=block)
    return sum_of_maps(_diffusion_term(term, x) for term in expanded_terms(block))


def _diffusion_term(term: Expression, x: Variable) -> LinearMap:
    match term:
        case ex.Eye(dims=dims) if dims == x.shape:
            return LinearMap(scalar=ONE)
        case ex.Diag(operand=operand) if operand.ndim == 1:
            return LinearMap(elementwise=operand)
        case ex.Negation(operand=operand):
            return _scaled_by_scalar(_diffusion_term(operand, x), Number(-ONE.value))
        case ex.Quotient(numerator=numerator, denominator=denominator) if not denominator.shape:
            return _divided_by_scalar(_diffusion_term(numerator, x), denominator)
        case ex.Product(factors=factors):
            tensors = [factor for factor in factors if factor.shape]
            if len(tensors) == 1:
                rest = reduce(multiply, [f for f in factors if not f.shape], ONE)
                return _scaled_by_scalar(_diffusion_term(tensors[0], x), rest)
    return LinearMap(matrix=term)
