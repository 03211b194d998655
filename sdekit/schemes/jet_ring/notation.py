"""Formulas with unknown functions as one writes them on paper: U', U'', U_xy.

Not for LaTeX of declarations (`sdekit.declaration.text.latex`).
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.sympy_types import Expr


def compact(expression: Expr) -> str:
    """The expression as text, derivatives as primes, or with subscripts for several arguments.

    Example:
        >>> x = sp.Symbol("x")
        >>> U = sp.Function("U")(x)
        >>> compact(x * sp.diff(U, x, x))
        "U''*x"
    """
    jets: dict[Any, sp.Symbol] = {}
    for node in expression.atoms(sp.Derivative) | expression.atoms(AppliedUndef):
        jets[node] = sp.Symbol(_jet_name(node))
    written = expression.xreplace(jets)
    return sp.sstr(written.xreplace(_short_names(written)), order="grevlex")


def _jet_name(node: Any) -> str:
    if isinstance(node, AppliedUndef):
        return node.func.__name__
    function = node.expr.func.__name__
    if len(node.expr.args) == 1:
        count = int(node.variable_count[0][1])
        return function + ("'" * count if count < 4 else f"^({count})")
    by = "".join(f"_{variable.name}" * int(count) for variable, count in node.variable_count)
    return function + by


def _short_names(expression: Expr) -> dict[sp.Symbol, sp.Symbol]:
    """theta_1 becomes theta where there is no theta_2: the formula is one of a single particle."""
    symbols = {symbol.name: symbol for symbol in expression.free_symbols}
    short = {}
    for name, symbol in symbols.items():
        stem, _, index = name.rpartition("_")
        alone = not any(other.startswith(stem + "_") and other != name for other in symbols)
        if index == "1" and stem and "_" not in stem and stem not in symbols and alone:
            short[symbol] = sp.Symbol(stem)
    return short
