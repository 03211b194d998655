"""From a SymPy expression of concrete symbols to a JAX function.

Written as a walk of our own over SymPy's tree: `lambdify` would generate and execute source text.

Not for declared dynamics (`lower`).

Checked by: tests/simulation/bind/test_lower_sympy.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import sympy as sp

from sdekit.errors import SimulationError
from sdekit.simulation.bind.jax_functions import jax_function_of_sympy

#: Functions of several arguments.
_FUNCTIONS: Mapping[type, Callable[..., Any]] = {
    sp.Max: lambda *xs: _fold(jnp.maximum, xs),
    sp.Min: lambda *xs: _fold(jnp.minimum, xs),
}


def _fold(function: Callable[[Any, Any], Any], values: tuple[Any, ...]) -> Any:
    first, *others = values
    for other in others:
        first = function(first, other)
    return first


def evaluate_sympy(expression: sp.Expr, values: Mapping[sp.Symbol, Any]) -> Any:
    """The value of a SymPy expression at JAX values of its symbols.

    Raises:
        SimulationError: If a symbol has no value, or a function has no counterpart in JAX.

    Example:
        >>> x = sp.Symbol("x")
        >>> float(evaluate_sympy(x**2 / 2 + 1, {x: jnp.asarray(2.0)}))
        3.0
    """
    done: dict[sp.Basic, Any] = {}

    def value(node: sp.Basic) -> Any:
        if node not in done:
            done[node] = _node_value(node, values, value)
        return done[node]

    return value(sp.sympify(expression))


def _node_value(
    node: sp.Basic, values: Mapping[sp.Symbol, Any], value: Callable[[sp.Basic], Any]
) -> Any:
    if isinstance(node, sp.Symbol):
        if node not in values:
            known = ", ".join(sorted(s.name for s in values))
            raise SimulationError(
                f"symbol {node.name} of the potential has no value",
                expected=f"symbols among {known}",
                fix="name the coordinates as Dynamics.at does, and give values of parameters",
            )
        return values[node]
    if node.is_Number or node.is_NumberSymbol:
        return float(node)  # type: ignore[arg-type]
    if isinstance(node, sp.Add):
        return _fold(lambda a, b: a + b, tuple(value(term) for term in node.args))
    if isinstance(node, sp.Mul):
        return _fold(lambda a, b: a * b, tuple(value(factor) for factor in node.args))
    if isinstance(node, sp.Pow):
        base, exponent = node.args
        if exponent == sp.S.Half:
            return jnp.sqrt(value(base))
        return value(base) ** (int(exponent) if exponent.is_Integer else value(exponent))
    if isinstance(node, sp.Piecewise):
        return _piecewise(node, value)
    if isinstance(node, sp.core.relational.Relational):
        return _relation(node, value)
    if type(node) in _FUNCTIONS:
        return _FUNCTIONS[type(node)](*(value(argument) for argument in node.args))
    function = jax_function_of_sympy(type(node))
    if function is not None:
        return function(value(node.args[0]))
    raise SimulationError(
        "the potential contains what cannot be compiled",
        found=f"{type(node).__name__} in {node}",
        fix="give the potential as a JAX function",
    )


def _piecewise(node: sp.Piecewise, value: Callable[[sp.Basic], Any]) -> Any:
    branches = list(node.args)
    result: Any = jnp.nan
    for branch, condition in reversed(branches):  # type: ignore[misc]
        chosen = value(branch)
        result = chosen if condition is sp.true else jnp.where(value(condition), chosen, result)
    return result


def _relation(node: Any, value: Callable[[sp.Basic], Any]) -> Any:
    compare = {"<": jnp.less, "<=": jnp.less_equal, ">": jnp.greater, ">=": jnp.greater_equal}
    if node.rel_op not in compare:
        raise SimulationError("the potential compares for equality", found=str(node))
    return compare[node.rel_op](value(node.lhs), value(node.rhs))
