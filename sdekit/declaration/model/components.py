"""A declaration at given sizes, entry by entry, as SymPy expressions: the reading `expand`.

This route shares nothing with the index calculus, so that the two can confirm each other. SymPy
differentiates scalar expressions here; its matrix derivatives are never used (they silently return
0 in common cases). Not for deciding anything (`calculus.field`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from sdekit.declaration.model.component_reader import ComponentReader, Index
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.domains import REAL, Domain
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import DeclarationError


@dataclass(frozen=True)
class Components:
    """A triple in coordinates.

    Attributes:
        sizes: The size of each dimension by name.
        coordinates: The state; real symbols, positive ones on positive domains.
        drift: v, one expression for each coordinate.
        diffusion: The non-zero entries of the full matrix D, by a pair of positions.
        hamiltonian: H, or None.
        target: The target's potential, or None.
        target_coordinates: The coordinates of the target.
        domains: The domain of each coordinate.
        variables: Each variable of the declaration with the positions of its coordinates.
        definite: Matrices of symbols or functions declared positive definite.
        semidefinite: Matrices declared positive semidefinite.
    """

    sizes: Mapping[str, int]
    coordinates: tuple[sp.Symbol, ...]
    drift: tuple[Expr, ...]
    diffusion: Mapping[tuple[int, int], Expr]
    hamiltonian: Expr
    target: Expr
    target_coordinates: tuple[sp.Symbol, ...]
    domains: tuple[Domain, ...]
    variables: tuple[tuple[Variable, tuple[int, ...]], ...] = ()
    definite: tuple[sp.ImmutableMatrix, ...] = ()
    semidefinite: tuple[sp.ImmutableMatrix, ...] = ()

    @property
    def dimension(self) -> int:
        """The number of coordinates."""
        return len(self.coordinates)

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """All free symbols that are no coordinates, sorted by name."""
        found: set[Any] = set()
        for expression in self.expressions():
            found |= expression.free_symbols
        return tuple(sorted(found - set(self.coordinates), key=lambda symbol: symbol.name))

    def expressions(self) -> tuple[Expr, ...]:
        """v, the entries of D, H and the target."""
        energies = tuple(e for e in (self.hamiltonian, self.target) if e is not None)
        return self.drift + tuple(self.diffusion.values()) + energies

    def diffusion_matrix(self) -> sp.ImmutableMatrix:
        """D as a dense matrix."""
        size = self.dimension
        return sp.ImmutableMatrix(size, size, lambda i, j: self.diffusion.get((i, j), 0))


def components_at(dynamics: Dynamics, sizes: Mapping[str, int]) -> Components:
    """The Ito components of a declaration at given sizes.

    Args:
        dynamics: Any declaration; a Stratonovich one is converted.
        sizes: One positive integer for each open dimension, by name.

    Raises:
        DeclarationError: If a size is missing, unknown or no positive integer.
    """
    dynamics = dynamics.ito()
    reader = ComponentReader(check_sizes(dynamics, sizes), dynamics.names)
    coordinates: list[sp.Symbol] = []
    domains: list[Domain] = []
    variables = []
    targets: list[sp.Symbol] = []
    drift: list[Expr] = []
    for x in dynamics.variables:
        entries = reader.independent_indices(x)
        positions = tuple(range(len(coordinates), len(coordinates) + len(entries)))
        variables.append((x, positions))
        names = [reader.coordinate(x, index) for index in entries]
        coordinates += names
        domains += [x.domain] * len(entries)
        if x in dynamics.target_variables:
            targets += names
        value = reader.block(dynamics.drift[x], x)
        drift += [_projected(value, x, index) for index in entries]
    return Components(
        sizes=dict(reader.sizes),
        coordinates=tuple(coordinates),
        drift=tuple(drift),
        diffusion=_diffusion(dynamics, reader, dict(variables)),
        hamiltonian=None if dynamics.hamiltonian is None else reader.scalar(dynamics.hamiltonian),
        target=None if dynamics.target is None else reader.scalar(dynamics.target),
        target_coordinates=tuple(targets),
        domains=tuple(domains),
        variables=tuple(variables),
        definite=reader.definite("positive_definite"),
        semidefinite=reader.definite("positive_semidefinite"),
    )


def check_sizes(dynamics: Dynamics, sizes: Mapping[str, int]) -> dict[str, int]:
    """All sizes of the model, the fixed ones filled in.

    Raises:
        DeclarationError: If a size is missing, unknown or no positive integer.
    """
    dims = {dim.name: dim for dim in dynamics.dimensions}
    checked = {name: dim.size for name, dim in dims.items() if dim.size is not None}
    for name, size in sizes.items():
        if name not in dims:
            raise DeclarationError(
                f"the model has no dimension {name}",
                expected=f"sizes of {', '.join(dims) or 'nothing, all blocks are scalar'}",
            )
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise DeclarationError(
                f"the size of {name} is no positive integer", expected="an integer >= 1",
                found=repr(size), fix=f"write at({name}=2)",
            )  # fmt: skip
        if checked.get(name, size) != size:
            raise DeclarationError(
                f"dimension {name} has a fixed size", expected=checked[name], found=size
            )
        checked[name] = size
    missing = [name for name in dims if name not in checked]
    if missing:
        raise DeclarationError(
            f"the size of {', '.join(missing)} is missing",
            fix=f"write at({', '.join(f'{name}=2' for name in missing)})",
        )
    return checked


def _projected(entries: Any, x: Variable, index: Index) -> Expr:
    """Entry of a block whose variable is symmetric: the mean over its mirror images."""
    if x.symmetry is None:
        return entries[index]
    mirror = entries[index[::-1]] * (1 if x.symmetry == "symmetric" else -1)
    return (entries[index] + mirror) / 2


def _images(x: Variable, index: Index) -> tuple[Index, ...]:
    """An index and, for a symmetric variable, its mirror image."""
    return (index,) if x.symmetry is None else (index, index[::-1])


def _diffusion(
    dynamics: Dynamics, reader: ComponentReader, positions: Mapping[Variable, tuple[int, ...]]
) -> dict[tuple[int, int], Expr]:
    entries: dict[tuple[int, int], Expr] = {}
    for (x, y), block in dynamics.blocks():
        value = reader.array(block)
        rows, columns = reader.independent_indices(x), reader.independent_indices(y)
        for (i, a), (j, b) in itertools.product(
            zip(positions[x], rows, strict=True), zip(positions[y], columns, strict=True)
        ):
            half = {
                index: _projected({other: value[index + other] for other in _images(y, b)}, y, b)
                for index in _images(x, a)
            }
            entry = _projected(half, x, a)
            if entry != 0:
                entries[i, j] = entry
    return entries


def components_from_sympy(
    coordinates: Sequence[sp.Symbol],
    drift: Sequence[Any],
    diffusion: Mapping[tuple[int, int], Any] | sp.MatrixBase,
    hamiltonian: Any = None,
    *,
    target: Any = None,
    target_coordinates: Sequence[sp.Symbol] | None = None,
    domains: Sequence[Domain] | None = None,
) -> Components:
    """A triple that is written in SymPy coordinates from the start.

    Args:
        coordinates: d symbols.
        drift: d expressions.
        diffusion: The full matrix D, or its non-zero entries by position.
        hamiltonian: H.
        target: The target's potential.
        target_coordinates: Coordinates of the target; all when left out.
        domains: One for each coordinate; the real line when left out.

    Raises:
        DeclarationError: If the lengths differ.
    """
    if len(drift) != len(coordinates):
        raise DeclarationError(
            "drift and coordinates differ in length", expected=len(coordinates), found=len(drift)
        )
    if isinstance(diffusion, sp.MatrixBase):
        matrix = diffusion
        diffusion = {(i, j): matrix[i, j] for i in range(matrix.rows) for j in range(matrix.cols)}
    return Components(
        sizes={},
        coordinates=tuple(coordinates),
        drift=tuple(sp.sympify(v) for v in drift),
        diffusion={key: sp.sympify(value) for key, value in diffusion.items() if value != 0},
        hamiltonian=None if hamiltonian is None else sp.sympify(hamiltonian),
        target=None if target is None else sp.sympify(target),
        target_coordinates=tuple(coordinates if target_coordinates is None else target_coordinates),
        domains=tuple(domains or (REAL,) * len(coordinates)),
    )
