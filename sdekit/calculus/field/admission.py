"""What is turned away before an engine reads a SymPy expression: inexact, unreal, or too deep.

Not for functions that an engine does not know; its reader names those.
"""

from __future__ import annotations

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits

from sdekit.calculus.limits import BudgetExceeded, Unsupported, tick
from sdekit.declaration.model.sympy_types import Expr

#: The readers are recursive; Python's own limit must stay out of reach.
_DEEPEST = 100
#: Distinct sub-expressions.
_MOST_NODES = 500_000
_UNREAL = (sp.I, sp.nan, sp.oo, -sp.oo, sp.zoo)


def check_input(*expressions: Expr, heights: dict[sp.Basic, int] | None = None) -> None:
    """Turn away what no exact real engine can read.

    Args:
        expressions: What to look at.
        heights: Height of each sub-expression seen before, which is filled in.

    Raises:
        Unsupported: For floats, infinities, NaN, the imaginary unit, complex symbols, matrices,
            and expressions nested too deeply.
        BudgetExceeded: For expressions with too many parts.
    """
    heights = {} if heights is None else heights
    stack: list[sp.Basic] = list(expressions)
    while stack:
        node = stack[-1]
        if node in heights:
            stack.pop()
            continue
        waiting = [child for child in node.args if child not in heights]
        if waiting:
            stack.extend(waiting)
            continue
        tick()
        _check_node(node)
        heights[node] = 1 + max((heights[child] for child in node.args), default=0)
        if heights[node] > _DEEPEST:
            raise Unsupported(f"the expression is nested more than {_DEEPEST} deep")
        if len(heights) > _MOST_NODES:
            raise BudgetExceeded("the expression has too many parts")


def _check_node(node: sp.Basic) -> None:
    if not isinstance(node, (sp.Expr, sp.Tuple)):
        raise Unsupported(
            f"{type(node).__name__} is no real scalar expression; "
            "cases are written with Abs, sign, Max or Min"
        )
    if isinstance(node, ExprWithLimits):
        raise Unsupported(f"{type(node).__name__} is not worked out here")
    if isinstance(node, sp.Tuple):
        return
    if node.is_Float:
        raise Unsupported(f"the float {node} is not exact: write a Rational")
    if node.is_Atom and node in _UNREAL:
        raise Unsupported(f"{node} is not a real number")
    if node.is_Symbol and (node.is_real is False or node.is_commutative is False):
        raise Unsupported(f"the symbol {node} is not real")
    if getattr(node, "is_Matrix", False):
        raise Unsupported("a matrix where a scalar belongs")
