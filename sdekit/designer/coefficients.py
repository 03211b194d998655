"""Rational functions of parameters and sizes, from SymPy back to expressions of a declaration."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression, Size
from sdekit.declaration.tree.operators import add, divide, multiply, number, power


def coefficient_expression(value: sp.Expr, dynamics: Dynamics) -> Expression:
    """A rational function of the scalar parameters and sizes as an expression.

    Args:
        value: In symbols that are named like parameters and dimensions of the dynamics.
        dynamics: Where the names come from.
    """
    known: dict[str, Expression] = {p.name: p for p in dynamics.parameters}
    known.update({dim.name: Size(dim) for dim in dynamics.dimensions})
    top, bottom = sp.fraction(sp.factor(value))
    if bottom == 1:
        return _polynomial(top, known)
    return divide(_polynomial(top, known), _polynomial(bottom, known))


def _polynomial(value: Any, known: dict[str, Expression]) -> Expression:
    if isinstance(value, sp.Rational):
        return number(Fraction(int(value.p), int(value.q)))
    if isinstance(value, sp.Symbol):
        return known[value.name]
    if isinstance(value, sp.Pow):
        return power(_polynomial(value.base, known), int(value.exp))
    parts = [_polynomial(part, known) for part in value.args]
    result = parts[0]
    for part in parts[1:]:
        result = add(result, part) if isinstance(value, sp.Add) else multiply(result, part)
    return result
