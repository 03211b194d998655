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
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.sympy_types import Expr, Matrix
from sdekit.declaration.tree.domains import Domain, Irrational, as_constant

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
            bounds[symbol] = bounds_of(domain)
    return Scene(components.coordinates, bounds, components.definite, components.semidefinite)


def bounds_of(domain: Domain) -> Interval:
    """The bounds of a coordinate on an interval."""
    ends = (domain.lower, domain.upper)
    if not any(isinstance(end, Irrational) for end in ends):
        return Interval(domain.lower, domain.upper)  # type: ignore[arg-type]
    reader = ComponentReader({})
    low, high = (reader.scalar(as_constant(end)) for end in ends if end is not None)
    return Interval(*domain.simple_ends, (low, high))


def plain_scene(coordinates: Sequence[sp.Symbol]) -> Scene:
    """Coordinates about which nothing is known beyond their SymPy assumptions."""
    return Scene(tuple(coordinates), {})


def reader_of(scene: Scene, *, is_fine: bool, scales: Scales | None = None) -> Reader:
    """A reader into a new tower that knows the scene's signs."""
    tower = Tower(scene.coordinates, is_fine=is_fine, scales=scales)
    reader = Reader(tower)
    for symbol, bounds in scene.bounds.items():
        low, high = bounds.ends or (_rational(bounds.lower), _rational(bounds.upper))
        if low is not None:
            tower.assume_positive(reader.read(symbol - low))
        if high is not None:
            tower.assume_positive(reader.read(high - symbol))
    matrix: Matrix
    for matrix in scene.matrices:
        for size in range(1, min(matrix.rows, _LARGEST_MINOR) + 1):
            minor = matrix[:size, :size].det(method="berkowitz")
            if minor.free_symbols:
                tower.assume_positive(reader.read(minor))
    return reader


def _rational(value: Fraction | None) -> Expr | None:
    return None if value is None else sp.Rational(value.numerator, value.denominator)
