"""What tracing a function finds: its operations, for several uses, and the data it closes over.

Tracing a step takes longer than compiling it where expressions are long. Not for what a program
does (`compiled_loop`).

Checked by: tests/simulation/loop/test_tracing.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

#: Bytes from which on an array that a function closes over is handed to its program at each call.
LARGE = 2**20


@dataclass(frozen=True)
class Traced:
    """What `traced` found.

    Attributes:
        call: The function, for arguments of the shapes and types of the example.
        jaxpr: Its operations.
    """

    call: Callable[..., Any]
    jaxpr: Jaxpr

    @property
    def operations(self) -> int:
        """How many operations it has, those of functions inside included."""
        return sum(1 for _ in equations(self.jaxpr))


def traced(function: Callable[..., Any], *example: Any) -> Traced:
    """The function as the operations that it does on arguments like the example.

    Args:
        function: Of PyTrees of arrays to a PyTree of arrays.
        example: Arguments.

    Example:
        >>> import jax.numpy as jnp
        >>> found = traced(lambda x: jnp.sin(x) + x, jnp.zeros(3))
        >>> found.operations, found.call(jnp.ones(3)).shape
        (2, (3,))
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*example)
    structure, run = jax.tree.structure(shape), jaxpr_as_fun(closed)

    def call(*arguments: Any) -> Any:
        return jax.tree.unflatten(structure, run(*jax.tree.leaves(arguments)))

    return Traced(call, closed.jaxpr)


def jitted(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`jax.jit` that hands large arrays which the function closes over to the program as arguments.

    As constants of the program they would be written into it, hashed, and searched for what can be
    computed beforehand: seconds, and their size several times over, for data of some 10 MB.

    Args:
        function: Of PyTrees of arrays to a PyTree of arrays.
        **options: Of `jax.jit`.
    """
    plain = jax.jit(function, **options)
    programs: dict[Any, Callable[..., Any]] = {}

    def call(*arguments: Any) -> Any:
        leaves, structure = jax.tree.flatten(arguments)
        key = (structure, *map(jax.typeof, leaves))
        if key not in programs:
            programs[key] = _with_data(plain, arguments, options) or plain
        return programs[key](*arguments)

    return call


def _with_data(
    plain: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> Callable[..., Any] | None:
    """The function as a program that is given its large constants; None where it has none."""
    traced = plain.trace(*arguments)
    closed, structure = traced.jaxpr, jax.tree.structure(traced.out_info)
    # NumPy's arrays are copied: their owner may write into them while the program runs.
    data = {
        i: c if isinstance(c, jax.Array) else jnp.asarray(np.array(c))
        for i, c in enumerate(closed.consts)
        if getattr(c, "nbytes", 0) >= LARGE
    }
    if not data:
        return None
    small = [None if i in data else constant for i, constant in enumerate(closed.consts)]

    def run(given: dict[int, Any], *own: Any) -> Any:
        constants = [given.get(i, constant) for i, constant in enumerate(small)]
        found = jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, constants))(*jax.tree.leaves(own))
        return jax.tree.unflatten(structure, found)

    return partial(jax.jit(run, **options), data)


def equations(jaxpr: Jaxpr) -> Iterable[Any]:
    """All operations, those of functions inside after the one that calls them."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in functions_of(equation):
            yield from equations(inner)


def functions_of(equation: Any) -> list[Jaxpr]:
    """Functions that an operation calls."""
    found = []
    for parameter in equation.params.values():
        for value in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
            if isinstance(value, ClosedJaxpr):
                found.append(value.jaxpr)
            elif isinstance(value, Jaxpr):
                found.append(value)
    return found
