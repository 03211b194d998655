"""Values of SymPy expressions at exact admissible points, for refutations in components.

Points respect every assumption: signs, domains, positive definite matrices as L L^T. Values of
unknown functions and of their derivatives are free, because some polynomial has them. Not for
proofs.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.ring.partials import JetOf, read_jet
from sdekit.calculus.field.scenes import scene_of
from sdekit.calculus.field.witnesses.ball_functions import Number, working_precision
from sdekit.calculus.field.witnesses.balls import number_value
from sdekit.calculus.field.witnesses.random_points import Point, Scene
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.components import Components

#: Points tried for one matrix or expression.
TRIED_POINTS = 40
#: Digits of a ball in a witness.
_DIGITS = 12


def admissible_points(components: Components | Scene, count: int = TRIED_POINTS) -> Iterator[Point]:
    """Random exact points, the same in every run."""
    scene = components if isinstance(components, Scene) else scene_of(components)
    for seed in range(count):
        try:
            yield Point(scene, seed)
        except Unsupported:
            continue


def unknowns(expression: sp.Expr) -> list[sp.Expr]:
    """The symbols, and the calls and derivatives of unknown functions, that need a value."""
    found: dict[sp.Expr, None] = {}
    stack: list[Any] = [sp.sympify(expression)]
    while stack:
        node = stack.pop()
        if isinstance(node, (sp.Derivative, sp.Subs, AppliedUndef)) or node.is_Symbol:
            found.setdefault(node)
        else:
            stack.extend(node.args)
    return sorted(found, key=str)


def value_at(expression: sp.Expr, point: Point) -> Number | None:
    """The value there: an exact rational where possible, else a ball; None if it has none."""
    environment = {}
    try:
        for unknown in unknowns(expression):
            key: Any = unknown if unknown.is_Symbol else read_jet(unknown)
            environment[unknown] = point(key)
        with working_precision(160):
            value = number_value(expression, environment, 160)
    except (Unsupported, ZeroDivisionError):
        return None
    return None if isinstance(value, arb) and not value.is_finite() else value


def surely_negative(value: Number) -> bool:
    """Whether a number, or every number of a ball, is negative."""
    return bool(value < 0)


def surely_nonzero(value: Number) -> bool:
    """Whether a number is not zero, or a ball excludes zero."""
    return bool(value != 0)


def nonzero_at(
    expression: sp.Expr, where: Components | Scene, count: int = TRIED_POINTS
) -> tuple[dict[str, str], str] | None:
    """The first admissible point at which an expression is surely not zero, and the value there."""
    for point in admissible_points(where, count):
        value = value_at(expression, point)
        if value is not None and surely_nonzero(value):
            return point_text(point), number_text(value)
    return None


def number_text(value: Number) -> str:
    """An exact number, or a ball, as text."""
    if isinstance(value, arb):
        return value.str(_DIGITS)
    return str(fraction(value))


def fraction(exact: Any) -> Fraction:
    """A rational number of FLINT or SymPy."""
    return Fraction(int(exact.p), int(exact.q))


def point_text(point: Point) -> dict[str, str]:
    """What was asked of the point, as text."""
    texts = {}
    for key, value in point.values.items():
        name = key.expression() if isinstance(key, JetOf) else key
        texts[str(name)] = str(fraction(value))
    return dict(sorted(texts.items()))


def midpoint(value: Number) -> float:
    """A floating-point number near the value, for guessing only."""
    if isinstance(value, arb):
        return float(value.mid())
    return int(value.p) / int(value.q)
