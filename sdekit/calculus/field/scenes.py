"""What a triple at given sizes assumes, told to the two routes: to points and to towers.

Not for the declaration itself (`sdekit.declaration.model.components`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy as sp

from sdekit.calculus.field.reading import Reader
from sdekit.calculus.field.ring.tower import Scales, Tower
from sdekit.calculus.field.witnesses.random_points import Interval, Scene
from sdekit.declaration.model.sympy_types import Expr, Matrix

if TYPE_CHECKING:
    from sdekit.declaration.model.components import Components

#: Minors of larger matrices are not worked out: a determinant has too many terms.
_LARGEST_MINOR = 4


def scene_of(components: Components) -> Scene:
    """The bounds and definite matrices of a triple."""
    bounds = {}
    for symbol, domain in zip(components.coordinates, components.domains, strict=True):
        if domain.kind == "positive":
            bounds[symbol] = Interval(lower=Fraction(0))
        elif domain.kind == "interval":
            bounds[symbol] = Interval(domain.lower, domain.upper)
    return Scene(components.coordinates, bounds, components.definite, components.semidefinite)


def plain_scene(coordinates: Sequence[sp.Symbol]) -> Scene:
    """Coordinates about which nothing is known beyond their SymPy assumptions."""
    return Scene(tuple(coordinates), {})


def reader_of(scene: Scene, *, is_fine: bool, scales: Scales | None = None) -> Reader:
    """A reader into a new tower that knows the scene's signs."""
    tower = Tower(scene.coordinates, is_fine=is_fine, scales=scales)
    reader = Reader(tower)
    for symbol, bounds in scene.bounds.items():
        if bounds.lower is not None:
            tower.assume_positive(reader.read(symbol - _rational(bounds.lower)))
        if bounds.upper is not None:
            tower.assume_positive(reader.read(_rational(bounds.upper) - symbol))
    matrix: Matrix
    for matrix in scene.matrices:
        for size in range(1, min(matrix.rows, _LARGEST_MINOR) + 1):
            minor = matrix[:size, :size].det(method="berkowitz")
            if minor.free_symbols:
                tower.assume_positive(reader.read(minor))
    return reader


def _rational(value: Fraction) -> Expr:
    return sp.Rational(value.numerator, value.denominator)
