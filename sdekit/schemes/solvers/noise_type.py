r"""What kind of noise an SDE has, decided from its symbols: the solvers that may be used follow.

Not for the solvers themselves (`solver_table`).

Notation: dz = v dt + sigma dW, sigma sigma^T = 2 D. With D given and diagonal, sigma is its
diagonal root; with D given and not diagonal nothing is known of sigma but that it exists.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sympy as sp

from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.components import check_sizes
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ONE, add, divide, multiply, negate
from sdekit.declaration.tree.symbols import Parameter, Variable

#: Most Brownian motions for which commutativity is decided; the conditions grow as m^2 d^2.
MOST_MOTIONS = 12

#: Nodes that act on each entry of a block by itself.
_ENTRYWISE = (
    ex.Number, ex.Constant, ex.Size, ex.Time, Parameter, Variable, ex.Sum, ex.Negation,
    ex.Product, ex.Quotient, ex.Power, ex.Elementwise, ex.Ones,
)  # fmt: skip


class NoiseKind(StrEnum):
    """From the simplest to the most general; each includes those before it."""

    ADDITIVE = "additive"
    DIAGONAL = "diagonal"
    COMMUTATIVE = "commutative"
    GENERAL = "general"


@dataclass(frozen=True)
class NoiseType:
    """The kind of noise and why.

    Args:
        kind: The simplest kind that was proved.
        reason: One sentence.
    """

    kind: NoiseKind
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} noise: {self.reason}"


def noise_type(dynamics: Dynamics, sizes: Mapping[str, int] | None = None) -> NoiseType:
    r"""The simplest kind of noise that the symbols prove.

    Additive: sigma does not depend on the state. Diagonal: each variable has a Brownian motion of
    its own, with a coefficient that reads no other variable that has noise. Commutative:

    $$\sum_i \sigma_{ij}\,\partial_i\sigma_{kl} = \sum_i \sigma_{il}\,\partial_i\sigma_{kj}
      \quad\text{for all } j, k, l$$

    What is not proved to be simpler counts as general, so that no solver runs where it has no
    order.

    Args:
        dynamics: Any dynamics.
        sizes: Sizes of the dimensions; needed for the commutativity of declared factors only.

    Returns:
        Kind and reason.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> noise_type(sk.Dynamics(drift={x: -x}, diffusion={x: 1})).kind.value
        'additive'

    Source: Kloeden and Platen (1992), section 10.3, equation (3.13).
    Checked by: tests/schemes/solvers/test_noise_type.py.
    """
    dynamics = dynamics.ito()
    if is_additive(dynamics):
        return NoiseType(NoiseKind.ADDITIVE, "no coefficient of the noise reads the state")
    if dynamics.noise is None:
        return _of_diffusion(dynamics)
    return _of_factors(dynamics, sizes or {})


def is_additive(dynamics: Dynamics) -> bool:
    """Whether no coefficient of the noise reads the state, as written."""
    expressions = list(dynamics.diffusion.values())
    for row in (dynamics.noise or {}).values():
        expressions += row if isinstance(row, tuple) else (row,)
    return not any(reads_state(expression) for expression in expressions)


def reads_state(expression: Expression) -> bool:
    """Whether a variable occurs in the expression."""
    return bool(expression.variables)


def diagonal_entries(block: Expression, x: Variable) -> Expression | None:
    """The diagonal of a block (x, x) of D that is diagonal as written.

    Returns:
        A scalar for a multiple of the identity, an expression of the shape of x otherwise; None if
        the block is not seen to be diagonal.
    """
    if not x.shape or not block.shape:
        return block
    match block:
        case ex.Eye(dims=dims) if dims == x.shape:
            return ONE
        case ex.Diag(operand=operand) if x.ndim == 1 and operand.ndim == 1:
            return operand
        case ex.Negation(operand=operand):
            entries = diagonal_entries(operand, x)
            return None if entries is None else negate(entries)
        case ex.Quotient(numerator=numerator, denominator=denominator) if not denominator.shape:
            entries = diagonal_entries(numerator, x)
            return None if entries is None else divide(entries, denominator)
        case ex.Product(factors=factors):
            tensors = [factor for factor in factors if factor.shape]
            entries = diagonal_entries(tensors[0], x) if len(tensors) == 1 else None
            for factor in factors:
                if entries is not None and not factor.shape:
                    entries = multiply(factor, entries)
            return entries
        case ex.Sum(terms=terms):
            return _diagonal_of_sum(terms, x)
    return None


def _diagonal_of_sum(terms: tuple[Expression, ...], x: Variable) -> Expression | None:
    entries = [diagonal_entries(term, x) for term in terms]
    if any(entry is None for entry in entries):
        return None
    given = [entry for entry in entries if entry is not None]
    if any(entry.shape for entry in given):
        ones = ex.Ones(x.shape)
        given = [entry if entry.shape else multiply(entry, ones) for entry in given]
    total = given[0]
    for entry in given[1:]:
        total = add(total, entry)
    return total


def diagonal_of(dynamics: Dynamics) -> dict[Variable, Expression] | None:
    """The diagonal of D by variable where D is diagonal as written, else None."""
    found = {}
    for (x, y), block in dynamics.blocks():
        entries = diagonal_entries(block, x) if x == y and x.symmetry is None else None
        if entries is None:
            return None
        found[x] = entries
    return found


def _of_diffusion(dynamics: Dynamics) -> NoiseType:
    diagonal = diagonal_of(dynamics)
    if diagonal is None:
        return NoiseType(
            NoiseKind.GENERAL,
            "D is not diagonal and reads the state; declare a factor noise=sigma to say more",
        )
    for x, entries in diagonal.items():
        others = [y.name for y in diagonal if y != x and entries.depends_on(y)]
        if others:
            return NoiseType(
                NoiseKind.GENERAL, f"the noise of {x.name} reads {others[0]}, which has noise too"
            )
        if entries.depends_on(x) and not _is_entrywise(entries, x):
            return NoiseType(
                NoiseKind.GENERAL,
                f"the noise of one entry of {x.name} reads the other entries of {x.name}",
            )
    return NoiseType(
        NoiseKind.DIAGONAL, "each entry has noise of its own that reads no other noisy entry"
    )


def _is_entrywise(entries: Expression, x: Variable) -> bool:
    """Whether entry i of a coefficient reads no entry of x but the i-th."""
    if not x.shape:
        return True
    return entries.shape == x.shape and all(isinstance(node, _ENTRYWISE) for node in entries.walk())


def _of_factors(dynamics: Dynamics, sizes: Mapping[str, int]) -> NoiseType:
    columns = factor_matrix(dynamics, sizes)
    if columns is None:
        return NoiseType(NoiseKind.GENERAL, f"more than {MOST_MOTIONS} Brownian motions")
    coordinates, matrix = columns
    failing = _first_bracket(coordinates, matrix)
    if failing is None:
        return NoiseType(
            NoiseKind.COMMUTATIVE, "all brackets of the columns of sigma vanish identically"
        )
    j, other, name = failing
    return NoiseType(
        NoiseKind.GENERAL,
        f"columns {j + 1} and {other + 1} of sigma are not proved to commute (row {name})",
    )


def _first_bracket(coordinates: list[sp.Symbol], matrix: sp.Matrix) -> tuple[int, int, str] | None:
    """The first pair of columns whose bracket does not vanish, with the row where it fails."""
    for a, b in itertools.combinations(range(matrix.cols), 2):
        for k, name in enumerate(coordinates):
            bracket = sum(
                matrix[i, a] * sp.diff(matrix[k, b], z) - matrix[i, b] * sp.diff(matrix[k, a], z)
                for i, z in enumerate(coordinates)
            )
            # Expansion only rewrites, so that a zero here is a zero; anything else is refused.
            if sp.expand(bracket) != 0:
                return a, b, str(name)
    return None


def factor_matrix(
    dynamics: Dynamics, sizes: Mapping[str, int]
) -> tuple[list[sp.Symbol], sp.Matrix] | None:
    """The declared factor sigma as a (d, m) SymPy matrix; None if it has too many columns.

    Raises:
        DeclarationError: If a size is missing.
    """
    reader = ComponentReader(check_sizes(dynamics, sizes), dynamics.names)
    coordinates: list[sp.Symbol] = []
    place: dict[Variable, int] = {}
    for x in dynamics.variables:
        place[x] = len(coordinates)
        coordinates += [reader.coordinate(x, index) for index in reader.indices(x.shape)]
    columns: list[dict[int, Any]] = []
    shared: list[dict[int, Any]] = []
    for x, row in (dynamics.noise or {}).items():
        if isinstance(row, tuple):
            shared = shared or [{} for _ in row]
            for column, entry in zip(shared, row, strict=True):
                column[place[x]] = reader.scalar(entry)
        else:
            columns += _columns_of(row, x, place[x], reader)
        if len(columns) + len(shared) > MOST_MOTIONS:
            return None
    columns += shared
    matrix = sp.zeros(len(coordinates), len(columns))
    for number, column in enumerate(columns):
        for row_number, entry in column.items():
            matrix[row_number, number] = entry
    return coordinates, matrix


def _columns_of(
    factor: Expression, x: Variable, first: int, reader: ComponentReader
) -> list[dict[int, Any]]:
    """Columns of a factor whose Brownian motions drive the variable x only."""
    indices = reader.indices(x.shape)
    values = reader.array(factor)
    if factor.ndim <= x.ndim:
        entries = [values[index] if factor.shape else values[()] for index in indices]
        return [{first + i: entry} for i, entry in enumerate(entries)]
    return [
        {first + i: values[(*index, m)] for i, index in enumerate(indices)}
        for m in range(values.shape[-1])
    ]
