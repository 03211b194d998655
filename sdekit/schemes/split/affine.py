"""Structure of expressions: the terms of a sum, and what they read.

All rewriting is by identities that hold for every size: distributivity, linearity of the gradient,
and gradients of quadratic forms.

Not for deciding whether two expressions are equal (`sdekit.calculus.contraction`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from itertools import product

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression, Number
from sdekit.declaration.tree.operators import (
    ONE,
    ZERO,
    add,
    divide,
    matmul,
    multiply,
    negate,
    transpose,
)
from sdekit.declaration.tree.symbols import Parameter, Variable

#: A product of sums with more terms than this is left as one term.
MAX_TERMS = 4096


def functions_of(expressions: Iterable[Expression]) -> tuple[str, ...]:
    """Names of the unknown functions in the expressions, in order of appearance."""
    names = [
        node.function.name
        for expression in expressions
        for node in expression.walk()
        if isinstance(node, ex.Call)
    ]
    return tuple(dict.fromkeys(names))


def forces_of(written: Iterable[Expression]) -> frozenset[ex.Call]:
    """The unknown functions whose gradients are read."""
    gradients = (n for e in written for n in e.walk() if isinstance(n, ex.Gradient))
    return frozenset(n for g in gradients for n in g.walk() if isinstance(n, ex.Call))


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
            return [negated(piece) for piece in _expand(operand)]
        case ex.Quotient(numerator=numerator, denominator=denominator):
            return [divide(piece, denominator) for piece in _expand(numerator)]
        case ex.MatMul(left=left, right=right):
            return [matmul(a, b) for a, b in product(_expand(left), _expand(right))]
        case ex.Product(factors=factors):
            return _expand_product(expression, factors)
        case ex.Gradient(operand=operand, variable=variable) if not operand.shape:
            return _gradient_terms(operand, variable)
    return [expression]


def negated(expression: Expression) -> Expression:
    """Minus the expression, without doubling a sign."""
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
        if variable in term.variables:
            found += _expand_gradient(term, variable)
    return found


def _expand_gradient(term: Expression, x: Variable) -> list[Expression]:
    match term:
        case ex.Negation(operand=operand):
            return [negated(piece) for piece in _expand_gradient(operand, x)]
        case ex.Quotient(numerator=numerator, denominator=d) if x not in d.variables:
            return [divide(piece, d) for piece in _expand_gradient(numerator, x)]
        case ex.Product(factors=factors):
            inside = [factor for factor in factors if x in factor.variables]
            outside = [factor for factor in factors if x not in factor.variables]
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
    if left == x and x not in right.variables:
        return [right]
    if right == x and x not in left.variables:
        return [left]
    for one, other in ((left, right), (right, left)):
        if one == x and x.ndim == 1 and isinstance(other, ex.MatMul) and other.right == x:
            matrix = other.left
            if x not in matrix.variables:
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
