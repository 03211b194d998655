"""Components read back as expressions, so that theorems about expressions apply to them.

Not for the exact engines, which take components as they are (`calculus.field`).
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from sdekit.calculus.limits import Unsupported
from sdekit.declare.components import Components
from sdekit.declare.expression import Expression
from sdekit.declare.symbols import Variable
from sdekit.declare.sympy_reader import from_sympy
from sdekit.errors import DeclarationError


def current_of(components: Components, i: int) -> sp.Expr:
    """Component i of the current v - div D + D grad H."""
    assert components.hamiltonian is not None
    total = components.drift[i]
    for (row, column), entry in components.diffusion.items():
        if row == i:
            x = components.coordinates[column]
            total += entry * components.hamiltonian.diff(x) - entry.diff(x)
    return sp.expand(total)


def read_back(expression: sp.Expr, symbols: Mapping[sp.Symbol, Variable]) -> Expression:
    """A SymPy expression in the grammar again.

    Raises:
        Unsupported: If the grammar has no word for a part of it.
    """
    try:
        return from_sympy(expression, dict(symbols))
    except DeclarationError as reason:
        raise Unsupported(f"{reason.what}") from reason
