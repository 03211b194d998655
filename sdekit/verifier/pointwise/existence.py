"""Do the coefficients have real values at every admissible state? Without them nothing is proved.

Roots, logarithms and log-Gamma need positive arguments, log det a positive determinant, an inverse
a regular matrix. Scalars have to be shown to have them; of matrices it is asked whether they fail
at exact points. Sizes are judged by `size_gaps`, poles on thin sets by `regularity`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.forms import form_signs, is_regular
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.declaration.functions import record
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree import expression as ex

if TYPE_CHECKING:
    from sdekit.calculus.field.witnesses.random_points import Scene
    from sdekit.declaration.model.component_reader import ComponentReader

#: Points at which a determinant or an operand is evaluated.
_POINTS = 6


class Sized(Protocol):
    """A dynamics with the sizes at which to look."""

    @property
    def dynamics(self) -> Dynamics: ...

    def trial_sizes(self) -> Iterator[dict[str, int]]: ...

    def all_sizes(self, chosen: Mapping[str, int]) -> dict[str, int]: ...


def missing_value(problem: Sized) -> str | None:
    """Why a coefficient may have no real value at an admissible state; None if all have one.

    Args:
        problem: Any dynamics.

    Checked by: tests/verifier/pointwise/test_existence.py.
    """
    for expression in problem.dynamics.expressions():
        for node, operand in demanding(expression):
            found = _failing(problem, node, operand)
            if found is not None:
                return found
    return None


def demanding(expression: ex.Expression) -> Iterator[tuple[ex.Expression, ex.Expression]]:
    """Nodes that need a positive argument or a regular matrix and were not shown to have one."""
    for node in expression.walk():
        match node:
            case ex.Elementwise() if FUNCTIONS[node.name].smooth == record.POSITIVE:
                signs = entry_signs(node.operand)
                is_root = FUNCTIONS[node.name].edge == "root"
                if -1 in signs or (signs == frozenset({0}) and not is_root):
                    yield node, node.operand
            case ex.Power() if _is_root(node.exponent) and -1 in entry_signs(node.base):
                yield node, node.base
            case ex.LogDet() if -1 in form_signs(node.operand):
                yield node, node.operand
            case ex.Inverse() if not is_regular(node.operand):
                yield node, node.operand


def _is_root(exponent: ex.Expression) -> bool:
    return isinstance(exponent, ex.Number) and exponent.value.denominator > 1


def _failing(problem: Sized, node: ex.Expression, operand: ex.Expression) -> str | None:
    if not operand.shape:
        signs = decided_signs(operand)
        if signs == frozenset({0}) and not isinstance(node, ex.Inverse):
            return f"{node!r} has no value at 0, and without one nothing is proved"
        if -1 not in signs:
            return None
    is_matrix = isinstance(node, (ex.LogDet, ex.Inverse))
    for sizes in problem.trial_sizes():
        try:
            place = _bad_place(problem, operand, sizes, isinstance(node, ex.Inverse), is_matrix)
        except (Unsupported, ValueError, ZeroDivisionError, KeyError):
            place = ""
        if place:
            return f"{node!r} has no value at {place}, and without one nothing is proved"
    if not is_matrix:
        where = "state" if operand.variables else "value of its parameters"
        return f"{node!r} is not shown to be real at every {where}"
    return None


def _bad_place(
    problem: Sized, operand: ex.Expression, sizes: dict[str, int], inverse: bool, matrix: bool
) -> str:
    """A point at which the operand is negative, or sizes at which it is singular; else ''."""
    import sympy as sp

    from sdekit.declaration.model.component_reader import ComponentReader
    from sdekit.verifier.pointwise.exact_points import (
        admissible_points,
        point_text,
        surely_negative,
        value_at,
    )

    reader = ComponentReader(problem.all_sizes(sizes), problem.dynamics.names)
    entries = reader.array(operand)
    numbers: list[Expr] = list(entries.flat)
    if matrix:
        numbers = [sp.Matrix(entries.tolist()).det(method="berkowitz")]
    values = []
    for point in admissible_points(_scene(problem, reader), _POINTS):
        for number in numbers:
            value = value_at(number, point)
            if value is None:
                continue
            values.append(value)
            if not inverse and surely_negative(value):
                return _shown({**sizes, **point_text(point)})
    # A determinant that vanishes at every point is no thin set.
    return _shown(sizes) if inverse and values and all(value == 0 for value in values) else ""


def _shown(place: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in place.items()) or "any state"


def _scene(problem: Sized, reader: ComponentReader) -> Scene:
    from sdekit.calculus.field.scenes import bounds_of
    from sdekit.calculus.field.witnesses.random_points import Interval, Scene

    bounds = {}
    for x in problem.dynamics.variables:
        for index in reader.independent_indices(x):
            if x.domain.kind == "positive":
                bounds[reader.coordinate(x, index)] = Interval(lower=Fraction(0))
            elif x.domain.kind == "interval":
                bounds[reader.coordinate(x, index)] = bounds_of(x.domain)
    definite, semidefinite = (
        reader.definite(f"positive_{kind}") for kind in ("definite", "semidefinite")
    )
    return Scene((), bounds, definite, semidefinite)
