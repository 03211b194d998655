r"""Blocks of D: sums of them, from a noise factor sigma to D = sigma sigma^T / 2 and the Ito drift.

Not for factorizing a given D, which a run does numerically.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

from sdekit.declaration.functions.grammar import div, grad
from sdekit.declaration.tree.expression import (
    Diag,
    Elementwise,
    Expression,
    Eye,
    MatMul,
    Negation,
    Number,
    Power,
    Product,
    Sum,
)
from sdekit.declaration.tree.operators import (
    ONE,
    ZERO,
    add,
    divide,
    matmul,
    multiply,
    power,
    subtract,
    transpose,
)
from sdekit.declaration.tree.symbols import Variable

Rows = Mapping[Variable, Expression | tuple[Expression, ...]]
Blocks = Mapping[tuple[Variable, Variable], Expression]


def given_block(blocks: Blocks, x: Variable, y: Variable) -> Expression | None:
    """The block (x, y) as given, or the mirror image of (y, x); a scalar stays one."""
    block = blocks.get((x, y))
    if block is not None:
        return block
    mirror = blocks.get((y, x))
    if mirror is None or not mirror.shape:
        return mirror
    order = tuple(range(y.ndim, mirror.ndim)) + tuple(range(y.ndim))
    return transpose(mirror, *order)


def full_block(blocks: Blocks, x: Variable, y: Variable) -> Expression | None:
    """The block (x, y), of shape x.shape + y.shape; None if it is zero."""
    block = given_block(blocks, x, y)
    if block is None or block == ZERO:
        return None
    return multiply(block, Eye(x.shape)) if x.shape and not block.shape else block


def sum_of_blocks(left: Blocks, right: Blocks) -> dict[tuple[Variable, Variable], Expression]:
    """Two symmetric matrices, each with its blocks given once or in both orders, added up."""
    found: dict[tuple[Variable, Variable], Expression] = {}
    for x, y in dict.fromkeys((*left, *right)):
        # One order of a pair is enough, unless somebody gives both, which may differ.
        if (y, x) in found and not any({(x, y), (y, x)} <= set(blocks) for blocks in (left, right)):
            continue
        parts = [given_block(blocks, x, y) for blocks in (left, right)]
        terms = [block for block in parts if block is not None and block != ZERO]
        if any(term.shape for term in terms):
            terms = [t if t.shape else multiply(t, Eye(x.shape)) for t in terms]
        found[x, y] = add(*terms) if len(terms) == 2 else (terms or [ZERO])[0]
    return found


def diffusion_of_noise(noise: Rows) -> dict[tuple[Variable, Variable], Expression]:
    r"""The blocks of $D = \tfrac12\sigma\sigma^\top$, without those that are zero as written."""
    blocks: dict[tuple[Variable, Variable], Expression] = {}
    variables = list(noise)
    for k, x in enumerate(variables):
        row = noise[x]
        if not isinstance(row, tuple):
            blocks[x, x] = divide(_square(row), 2)
            continue
        for y in variables[k:]:
            other = noise[y]
            if isinstance(other, tuple):
                product = _inner(row, other)
                if product != ZERO:
                    blocks[x, y] = divide(product, 2)
    return blocks


def _square(factor: Expression) -> Expression:
    if not factor.shape:
        return power(factor, 2)
    last = factor.ndim - 1
    return matmul(factor, transpose(factor, last, *range(last)))


def _inner(row: tuple[Expression, ...], other: tuple[Expression, ...]) -> Expression:
    total: Expression = ZERO
    for left, right in zip(row, other, strict=True):
        if ZERO in (left, right):
            continue
        term = power(left, 2) if left == right else multiply(left, right)
        total = term if total == ZERO else add(total, term)
    return _without_circle(total) if isinstance(total, Sum) else total


def _without_circle(squares: Sum) -> Expression:
    """The sum with a sin(u)^2 + a cos(u)^2 replaced by a: noise that turns has a plain D."""
    terms = list(squares.terms)
    for one in squares.terms:
        for wave in (n for n in _factors(one) if isinstance(n, Elementwise) and n.name == "sin"):
            square: Counter[Expression] = Counter({wave: 2})
            rest = _factors(one) - square
            twin = rest + Counter([Elementwise("cos", wave.operand)] * 2)
            other = next((term for term in terms if _factors(term) == twin), None)
            if one in terms and other is not None and _factors(one)[wave] >= 2:
                terms.remove(one)
                terms.remove(other)
                parts = list(rest.elements())
                terms.append(functools.reduce(multiply, parts) if parts else ONE)
    return functools.reduce(add, terms) if len(terms) < len(squares.terms) else squares


def _factors(term: Expression) -> Counter[Expression]:
    """The factors of a product, squares taken apart."""
    if isinstance(term, Product):
        return functools.reduce(Counter.__add__, map(_factors, term.factors))
    if isinstance(term, Power) and term.exponent == Number(Fraction(2)):
        base = term.base.operand if isinstance(term.base, Negation) else term.base
        return _factors(base) + _factors(base)
    return Counter({term: 1})


def ito_drift(
    drift: Mapping[Variable, Expression], noise: Rows | None
) -> dict[Variable, Expression]:
    r"""$v_i + \tfrac12\sum_{jk}\sigma_{jk}\partial_j\sigma_{ik}$, for each block.

    Source: Gardiner (2009), section 4.3.6.
    Checked by: tests/declaration/model/test_dynamics.py.
    """
    corrected = dict(drift)
    for x, row in (noise or {}).items():
        correction = _shared(row, noise or {}) if isinstance(row, tuple) else _own(row, x)
        if correction != ZERO:
            corrected[x] = correction if drift[x] == ZERO else add(drift[x], correction)
    return corrected


def _shared(row: tuple[Expression, ...], noise: Rows) -> Expression:
    """Correction of a scalar variable over Brownian motions shared by all lists."""
    total: Expression = ZERO
    for k, factor in enumerate(row):
        for y, other in noise.items():
            if isinstance(other, tuple) and other[k] != ZERO and factor.depends_on(y):
                term = multiply(other[k], grad(factor, y))
                total = term if total == ZERO else add(total, term)
    return total if total == ZERO else divide(total, 2)


def _own(factor: Expression, x: Variable) -> Expression:
    """Correction of a block whose Brownian motions drive nothing else."""
    if not factor.depends_on(x):
        return ZERO
    if not factor.shape:
        return divide(multiply(factor, grad(factor, x)), 2)
    scaled = _scaled_rows(factor, x)
    if scaled is not None:
        weight, rows = scaled
        spread = Diag(matmul(rows, transpose(rows)))
        return divide(multiply(multiply(power(weight, 2), spread), x), 2)
    last = factor.ndim - 1
    transposed = transpose(factor, last, *range(last))
    whole = div(matmul(factor, transposed), x)
    return divide(subtract(whole, matmul(factor, div(transposed, x))), 2)


def _scaled_rows(factor: Expression, x: Variable) -> tuple[Expression, Expression] | None:
    """w and L of a factor diag(w * x) @ L, neither of which reads x: row i reads x_i alone."""
    match factor:
        case Diag(operand=operand) if operand.ndim == 1:
            rows: Expression = Eye(x.shape)
        case MatMul(left=Diag(operand=operand), right=rows) if operand.ndim == 1:
            pass
        case _:
            return None
    others = [f for f in operand.factors if f != x] if isinstance(operand, Product) else []
    is_scaled = operand == x or (isinstance(operand, Product) and operand.factors.count(x) == 1)
    if not is_scaled or any(part.depends_on(x) for part in (*others, rows)):
        return None
    return (functools.reduce(multiply, others) if others else ONE), rows
