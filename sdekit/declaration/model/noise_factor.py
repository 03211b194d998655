r"""From a noise factor sigma to the diffusion D = sigma sigma^T / 2 and to the Ito drift.

Not for factorizing a given D, which a run does numerically.
"""

from __future__ import annotations

from collections.abc import Mapping

from sdekit.declaration.functions.grammar import div, grad
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import (
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
    return total


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
    last = factor.ndim - 1
    transposed = transpose(factor, last, *range(last))
    whole = div(matmul(factor, transposed), x)
    return divide(subtract(whole, matmul(factor, div(transposed, x))), 2)
