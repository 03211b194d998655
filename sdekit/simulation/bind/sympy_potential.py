"""A potential given as a SymPy expression of the coordinates.

Symbols are matched by name with the coordinates as `Dynamics.at` names them (theta_1, theta_2, ...;
theta for a scalar or a single entry) and with the parameters of the model.

Not for the compilation itself (`lower_sympy`).

Checked by: tests/simulation/bind/test_lower_sympy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import jax.numpy as jnp
import sympy as sp
from jax.core import Tracer

from sdekit.errors import SimulationError
from sdekit.simulation.bind.lower_sympy import evaluate_sympy
from sdekit.simulation.bind.position import PositionLayout
from sdekit.simulation.gradients.sources import FunctionSource


def coordinate_names(layout: PositionLayout) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Block and index of every coordinate, by its name."""
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for x, shape in zip(layout.variables, layout.shapes, strict=True):
        for index in product(*(range(size) for size in shape)):
            found["_".join([x.name, *(str(i + 1) for i in index)])] = (x.name, index)
            if all(size == 1 for size in shape):
                found[x.name] = (x.name, index)
    return found


def sympy_source(
    expression: sp.Expr, layout: PositionLayout, parameters: Mapping[str, Any]
) -> FunctionSource:
    """The gradient source of a SymPy expression.

    Raises:
        SimulationError: If it is no scalar expression or has symbols that are no coordinates.
    """
    if not isinstance(expression, sp.Expr):
        raise SimulationError(
            "the potential is no scalar SymPy expression", found=type(expression).__name__
        )
    coordinates = coordinate_names(layout)
    scalars = {
        name: array if isinstance(array, Tracer) else float(array)
        for name, array in parameters.items()
        if array.ndim == 0
    }
    symbols = sorted(expression.free_symbols, key=str)
    for symbol in symbols:
        if str(symbol) not in coordinates and str(symbol) not in scalars:
            raise SimulationError(
                f"symbol {symbol} of the potential is no coordinate",
                expected=", ".join(list(coordinates)[:8]),
                found=str(symbol),
            )

    def potential(position: Any) -> Any:
        blocks = layout.blocks(position, jnp.result_type(float))
        values = {}
        for symbol in symbols:
            if str(symbol) in coordinates:
                block, index = coordinates[str(symbol)]
                values[symbol] = blocks[block][index]
            else:
                values[symbol] = scalars[str(symbol)]
        return jnp.asarray(evaluate_sympy(expression, values), jnp.result_type(float))

    return FunctionSource(potential)
