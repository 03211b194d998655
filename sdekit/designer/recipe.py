r"""The complete recipe of a dynamics: an antisymmetric Q with $v = -(D+Q)\nabla H + \Gamma$.

$\Gamma_i = \sum_j \partial_j(D_{ij} + Q_{ij})$. A dynamics that keeps exp(-H) has such a Q; its
blocks are sought in an ansatz: identities, declared matrices and outer products of variables,
with coefficients that are rational in the parameters and sizes. Not for stationarity itself, which
the verifier decides without any ansatz.

Source: Ma, Chen and Fox (2015), eq. (3)-(4).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from sdekit.calculus.contraction import Tensor, current, is_zero, lower, lower_dynamics
from sdekit.calculus.contraction.derivative import divergence, gradient
from sdekit.calculus.contraction.fokker_planck import dot, dot_last, swapped
from sdekit.calculus.contraction.tensor import combine, zero
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.expression_text import grammar_text
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ONE, add, as_expression, divide, multiply, transpose
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.designer.coefficients import coefficient_expression
from sdekit.designer.matching import solve_linear
from sdekit.errors import VerificationError

#: An ansatz of more tensors would take longer than it is worth.
_MOST_TENSORS = 60


@dataclass(frozen=True)
class Recipe:
    """A dynamics in the form of the complete recipe.

    Attributes:
        dynamics: In Ito form.
        Q: The non-zero blocks above the diagonal, with Q_YX = -Q_XY^T below.
    """

    dynamics: Dynamics
    Q: Mapping[tuple[Variable, Variable], Expression]

    def __str__(self) -> str:
        lines = ["v = -(D + Q) grad H + div(D + Q), Q antisymmetric"]
        lines += [f"  Q[{x.name}, {y.name}] = {grammar_text(q)}" for (x, y), q in self.Q.items()]
        return "\n".join(lines)


def recipe(dynamics: Dynamics) -> Recipe | None:
    """The antisymmetric Q of a dynamics, for every n, within the ansatz.

    Args:
        dynamics: With a Hamiltonian.

    Returns:
        The recipe, checked by the exact zero test; None where the ansatz holds no Q (as it must
        where exp(-H) is not stationary).

    Raises:
        VerificationError: If the dynamics is declared without H.

    Example:
        >>> import sdekit as sk
        >>> print(sk.recipe(sk.catalog.get("langevin")))
        v = -(D + Q) grad H + div(D + Q), Q antisymmetric
          Q[theta, p] = -eye(n)

    Checked by: tests/designer/test_recipe.py.
    """
    if dynamics.hamiltonian is None:
        raise VerificationError("the recipe needs a Hamiltonian", fix="declare hamiltonian=H")
    ito = dynamics.ito()
    model = lower_dynamics(ito)
    velocity = current(model)
    basis = list(itertools.islice(_ansatz(ito), _MOST_TENSORS))
    columns = [_effect(model.energy, x, y, lower(tensor)) for x, y, tensor in basis]
    fixed, directions = _stacked(velocity, columns)
    values = solve_linear(fixed, directions)
    if values is None:
        return None
    blocks: dict[tuple[Variable, Variable], Expression] = {}
    for value, (x, y, tensor) in zip(values, basis, strict=True):
        if value == 0:
            continue
        part = _scaled(value, tensor, ito)
        blocks[x, y] = part if (x, y) not in blocks else add(blocks[x, y], part)
    return Recipe(ito, blocks) if _is_right(model.energy, velocity, blocks) else None


def _scaled(value: sp.Expr, tensor: Expression, dynamics: Dynamics) -> Expression:
    if value.could_extract_minus_sign():
        return -_scaled(-value, tensor, dynamics)
    top, bottom = (coefficient_expression(part, dynamics) for part in sp.fraction(value))
    product = tensor if top == ONE else multiply(top, tensor)
    return product if bottom == ONE else divide(product, bottom)


def _effect(energy: Tensor, x: Variable, y: Variable, block: Tensor) -> dict[Variable, Tensor]:
    """Contribution of Q_xy = block to u + Q grad H - div Q, in the rows of x and y."""
    rows = {x: dot_last(block, gradient(energy, y)) - divergence(block, y)}
    if x == y:
        return rows
    mirror = -swapped(block, x.ndim)
    other = dot_last(mirror, gradient(energy, x)) - divergence(mirror, x)
    rows[y] = other
    return rows


def _stacked(
    velocity: Mapping[Variable, Tensor], columns: list[dict[Variable, Tensor]]
) -> tuple[Tensor, list[Tensor]]:
    """All rows as one scalar each, told apart by a marker that nothing else contains."""
    return _joined(velocity), [_joined(column) for column in columns]


def _joined(rows: Mapping[Variable, Tensor]) -> Tensor:
    total = [(Fraction(1), zero())]
    for x, row in rows.items():
        marker = Parameter(f"row_of_{x.name}", x.shape) if x.shape else Variable(f"row_of_{x.name}")
        total.append((Fraction(1), dot(lower(marker), row) if x.shape else lower(marker) * row))
    return combine(total)


def _is_right(
    energy: Tensor,
    velocity: Mapping[Variable, Tensor],
    blocks: Mapping[tuple[Variable, Variable], Expression],
) -> bool:
    rows = dict(velocity)
    for (x, y), block in blocks.items():
        for z, part in _effect(energy, x, y, lower(block)).items():
            rows[z] = rows[z] + part
    return all(is_zero(row) for row in rows.values())


# ---------------------------------------------------------------- the ansatz


def _ansatz(dynamics: Dynamics):  # noqa: ANN202 - an iterator of (x, y, tensor)
    variables = dynamics.variables
    for x, y in itertools.combinations_with_replacement(variables, 2):
        for tensor in dict.fromkeys(_tensors(dynamics, x, y)):
            if x != y or _is_antisymmetric(tensor):
                yield x, y, tensor


def _is_antisymmetric(tensor: Expression) -> bool:
    symbol = tensor.function if isinstance(tensor, ex.Call) else tensor
    return "antisymmetric" in getattr(symbol, "assumptions", ())


def _tensors(dynamics: Dynamics, x: Variable, y: Variable):  # noqa: ANN202
    shape = x.shape + y.shape
    scalars = [z for z in dynamics.variables if not z.shape]
    vectors = [z for z in dynamics.variables if z.ndim == 1]
    yield from _declared(dynamics, shape)
    if not shape:
        yield as_expression(1)
        yield from scalars
    elif x.shape == y.shape:
        yield ex.Eye(x.shape)
        yield from (multiply(s, ex.Eye(x.shape)) for s in scalars)
        if x.ndim == 1:
            yield from (
                ex.Outer(a, b) for a in vectors for b in vectors if a.shape == b.shape == x.shape
            )
            yield from (ex.Diag(a) for a in vectors if a.shape == x.shape)
    elif not x.shape or not y.shape:
        block = x if x.shape else y
        same = [z for z in dynamics.variables if z.shape == block.shape]
        yield from same
        yield from (multiply(s, z) for s in scalars for z in same)
    elif x.ndim == 1 and y.ndim == 2 and y.shape == (*x.shape, *x.shape):
        for z in vectors:
            if z.shape == x.shape:
                product = ex.Outer(ex.Eye(x.shape), z)
                yield product
                yield transpose(product, 0, 2, 1)


def _declared(dynamics: Dynamics, shape: ex.Shape):  # noqa: ANN202
    """Matrices, inverses, transposes and gradients that the declaration names, of this shape."""
    for expression in dynamics.expressions():
        for node in expression.walk():
            if isinstance(node, ex.Call) and not node.shape:
                yield from (
                    ex.Gradient(node, x)
                    for x in node.arguments
                    if isinstance(x, Variable) and x.shape == shape
                )
            if isinstance(node, (Parameter, ex.Call, ex.Inverse)) and node.ndim == len(shape) == 2:
                if node.shape == shape:
                    yield node
                if node.shape[::-1] == shape:
                    yield transpose(node)
