"""A function traced once, for several uses within one program.

Tracing a step takes longer than compiling it where expressions are long. Not for compiling.

Checked by: tests/simulation/loop/test_tracing.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun


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
