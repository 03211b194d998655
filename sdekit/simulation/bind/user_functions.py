"""The user's functions, tried against their declaration before anything is compiled.

Not for the potential, which may be given in other forms (`problem`).

Checked by: tests/simulation/bind/test_user_functions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from sdekit.declaration.model.assumptions import holds
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import PROPERTIES, FunctionSymbol
from sdekit.errors import SimulationError
from sdekit.simulation.bind.jax_reader import shape_of, size_of

#: What a user's function may raise when it is tried on a position.
USER_ERRORS = (TypeError, ValueError, KeyError, IndexError, AttributeError, ZeroDivisionError)
#: For what runs once on one state: compiling it takes longer than any speed of it can save.
QUICK = {"xla_backend_optimization_level": 0}
#: How far values in single precision may be from what they are declared to be.
SLACK = 1e-4


def told(error: Exception) -> str:
    """An error of the user's code in one line."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:200]


def checked_functions(
    dynamics: Dynamics,
    functions: Mapping[str, Callable[..., Any]],
    position: Mapping[str, Any] | None,
    sizes: Mapping[str, int],
    dtype: np.dtype,
) -> dict[str, Callable[..., Any]]:
    """The functions by name.

    Args:
        dynamics: What declares them.
        functions: Those that are given.
        position: Blocks of the target variables where values are looked at; None where there are
            no numbers yet.
        sizes: Of the dimensions.
        dtype: Of the blocks.

    Raises:
        SimulationError: If one is unknown, fails, returns another shape than it is declared with,
            or contradicts what the declaration assumes of it at the position.
    """
    declared = {symbol.name: symbol for symbol in dynamics.functions}
    for name, function in functions.items():
        if name not in declared:
            raise SimulationError(
                f"unknown function {name}",
                expected=", ".join(declared) or "a dynamics with unknown functions",
                found=name,
            )
        if not callable(function):
            raise SimulationError(f"function {name} cannot be called", found=repr(function)[:80])
        _check_shape(declared[name], function, sizes, dtype)
        if position is not None and {x.name for x in declared[name].arguments} <= set(position):
            _check_assumptions(declared[name], function, position)
    return dict(functions)


def reads_tracers(function: Callable[..., Any], *blocks: Any) -> bool:
    """Whether a function reads values of a user's transformation beside its arguments."""
    return any(isinstance(value, Tracer) for value in jax.make_jaxpr(function)(*blocks).consts)


def _check_shape(
    symbol: FunctionSymbol, function: Callable[..., Any], sizes: Mapping[str, int], dtype: np.dtype
) -> None:
    shapes = {x.name: shape_of(x, sizes) for x in symbol.arguments}
    blocks = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes.values()]
    told_shapes = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    try:
        value = jax.eval_shape(lambda *b: jnp.asarray(function(*b)), *blocks)
    except USER_ERRORS as error:
        raise SimulationError(
            f"the function {symbol.name} fails",
            expected=f"a JAX function of one chain's blocks {told_shapes}",
            found=told(error),
        ) from error
    wanted = tuple(size_of(dim, sizes) for dim in symbol.shape)
    if value.shape != wanted or jnp.issubdtype(value.dtype, jnp.complexfloating):
        raise SimulationError(
            f"the function {symbol.name} returns something else than it is declared",
            expected=f"real numbers of shape {wanted}",
            found=f"{value.dtype} of shape {value.shape}",
            fix=f"return one chain's value at {told_shapes}",
        )


def _check_assumptions(
    symbol: FunctionSymbol, function: Callable[..., Any], position: Mapping[str, Any]
) -> None:
    blocks = tuple(position[x.name] for x in symbol.arguments)
    if not symbol.assumptions or reads_tracers(function, *blocks):
        return
    # Quick to compile: a function is evaluated once here, and operation by operation takes longer.
    quick = jax.jit(function, compiler_options=QUICK)
    value = np.asarray(quick(*blocks), np.float64)
    # What is not finite at the start is refused where the chains start.
    if not np.all(np.isfinite(value)):
        return
    for assumption in sorted(symbol.assumptions - set(PROPERTIES)):
        if not holds(assumption, value, slack=SLACK):
            raise SimulationError(
                f"the function {symbol.name} contradicts its declaration at the position given",
                expected=assumption.replace("_", " "),
                found=" ".join(str(value).split())[:80],
                fix="give a function of that kind, or declare it without the assumption",
            )
