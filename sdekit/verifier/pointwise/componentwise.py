"""Components read back as expressions, so that theorems about expressions apply to them.

Not for the exact engines, which take components as they are (`calculus.field`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.sympy_reader import from_sympy
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import DeclarationError


@dataclass(frozen=True)
class Space:
    """The coordinates of a model at given sizes, without its drift and diffusion.

    Attributes:
        sizes: The size of each dimension by name.
        coordinates: The state.
        target_coordinates: Those of the target.
        domains: The domain of each coordinate.
    """

    sizes: Mapping[str, int]
    coordinates: tuple[sp.Symbol, ...]
    target_coordinates: tuple[sp.Symbol, ...]
    domains: tuple[Domain, ...]


def space_at(dynamics: Dynamics, reader: ComponentReader) -> Space:
    """The coordinates of a dynamics, as a reader at some sizes writes them."""
    every = [
        (reader.coordinate(x, i), x)
        for x in dynamics.variables
        for i in reader.independent_indices(x)
    ]
    return Space(
        sizes=dict(reader.sizes),
        coordinates=tuple(symbol for symbol, _ in every),
        target_coordinates=tuple(s for s, x in every if x in dynamics.target_variables),
        domains=tuple(x.domain for _, x in every),
    )


def current_velocity(components: Components) -> list[sp.Expr]:
    """The current v - div D + D grad H, as it comes."""
    return [_entry_of_current(components, i) for i in range(len(components.coordinates))]


def current_of(components: Components, i: int) -> sp.Expr:
    """Component i of the current, multiplied out."""
    return sp.expand(_entry_of_current(components, i))


def _entry_of_current(components: Components, i: int) -> sp.Expr:
    assert components.hamiltonian is not None
    total = components.drift[i]
    for (row, column), entry in components.diffusion.items():
        if row == i:
            x = components.coordinates[column]
            total += entry * components.hamiltonian.diff(x) - entry.diff(x)
    return total


def read_back(expression: sp.Expr, symbols: Mapping[sp.Symbol, Variable]) -> Expression:
    """A SymPy expression in the grammar again.

    Raises:
        Unsupported: If the grammar has no word for a part of it.
    """
    try:
        return from_sympy(expression, dict(symbols))
    except DeclarationError as reason:
        raise Unsupported(f"{reason.what}") from reason
