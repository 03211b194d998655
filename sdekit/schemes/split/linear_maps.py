"""Terms of a drift and blocks of a diffusion as linear maps of one block of the state.

A term that is linear in a way not known here is reported as not linear; that costs an exact flow,
never a wrong one. Not for multiplying out sums first (`sdekit.schemes.split.affine`).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import reduce

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression, Number
from sdekit.declaration.tree.operators import ONE, add, divide, matmul, multiply, power, transpose
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.split.affine import expanded_terms, negated
from sdekit.schemes.split.flow_records import LinearMap


def linear_map(term: Expression, x: Variable) -> LinearMap | None:
    """The map M with term = M(x) and coefficients free of x, or None if none is seen."""
    if term.shape != x.shape:
        return None
    found = _map(term, x)
    if found is None or any(x in piece.variables for piece in found.pieces):
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
            inside = [factor for factor in factors if x in factor.variables]
            outside = [factor for factor in factors if x not in factor.variables]
            if len(inside) != 1 or inside[0].shape != x.shape:
                return None
            inner = _map(inside[0], x)
            return scaled(inner, _product(outside))
        case ex.MatMul(left=left, right=right) if x.ndim == 1:
            return _matmul_map(left, right, x)
    return None


def monomial(term: Expression, x: Variable) -> tuple[int, Expression] | None:
    """(k, c) with term = c x^k for a number x and c free of x, or None if none is seen."""
    if x not in term.variables:
        return 0, term
    if term == x:
        return 1, ONE
    match term:
        case ex.Negation(operand=operand):
            found = monomial(operand, x)
            return None if found is None else (found[0], negated(found[1]))
        case ex.Quotient(numerator=numerator, denominator=below) if x not in below.variables:
            found = monomial(numerator, x)
            return None if found is None else (found[0], divide(found[1], below))
        case ex.Sum(terms=terms):
            found = [monomial(part, x) for part in terms]
            given = [one for one in found if one is not None]
            if len(given) < len(found) or len({k for k, _ in given}) > 1:
                return None
            return given[0][0], reduce(add, [c for _, c in given])
        case ex.Product(factors=factors):
            each = [monomial(factor, x) for factor in factors]
            given = [one for one in each if one is not None]
            if len(given) < len(each):
                return None
            return sum(k for k, _ in given), _product([c for _, c in given])
        case ex.Power(base=base, exponent=Number(value=value)) if value.denominator == 1:
            found = monomial(base, x)
            return None if found is None else (found[0] * int(value), power(found[1], int(value)))
        case ex.Gradient(operand=operand, variable=variable) if variable == x:
            found = monomial(operand, x)
            if found is None or found[0] == 0:
                return None
            return found[0] - 1, multiply(Number(Fraction(found[0])), found[1])
    return None


def _product(factors: list[Expression]) -> Expression:
    given = [factor for factor in factors if factor != ONE]
    return reduce(multiply, given) if given else ONE


def _matmul_map(left: Expression, right: Expression, x: Variable) -> LinearMap | None:
    if x in left.variables:
        inner = _map(left, x) if x not in right.variables and left.ndim == 1 else None
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
        return Number(-piece.value) if isinstance(piece, Number) else negated(piece)
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
                rest = _product([f for f in factors if not f.shape])
                return _scaled_by_scalar(_diffusion_term(tensors[0], x), rest)
    return LinearMap(matrix=term)
