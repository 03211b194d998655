"""Sources of gradients: what stands behind `potential=...`, and their sharing within a step.

A gradient source gives grad U at a position of one chain, from random words if it is stochastic
(`minibatch.Minibatch` is one). An oracle ties a source to the nodes grad(U(theta), theta) of the
expressions, so that a gradient is computed once for each change of theta, however many stages read
it.

Not for minibatches themselves (`minibatch`) nor for the order of stages (`scheme`).

Checked by: tests/simulation/steps/test_scheme.py, tests/simulation/gradients/test_minibatch.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.simulation.bind.jax_reader import is_batched
from sdekit.simulation.updates.extra import ExtraLayout


@runtime_checkable
class GradientSource(Protocol):
    """Where grad U comes from; all methods are about one chain and the user's position."""

    @property
    def words(self) -> int:
        """Random 32-bit words of one gradient; 0 for a deterministic one."""
        ...

    def init(self, key: Array, position: Any) -> Any:
        """What the source carries along a chain, a PyTree of arrays."""
        ...

    def prepare(self, bits: Array) -> Any:
        """What one gradient needs, from uint32 of shape (words,); runs outside the inner loop."""
        ...

    def gradient(self, draw: Any, position: Any, state: Any) -> tuple[Any, Any]:
        """The gradient, shaped like the position, and the state of the next step."""
        ...

    def potential(self, position: Any) -> Array:
        """The value of U."""
        ...


@dataclass(frozen=True)
class FunctionSource:
    """The gradient of a JAX function, by automatic differentiation."""

    function: Callable[[Any], Any]
    words: int = 0

    def init(self, key: Array, position: Any) -> Any:
        """Nothing is carried."""
        return ()

    def prepare(self, bits: Array) -> Any:
        """Nothing is drawn."""
        return ()

    def gradient(self, draw: Any, position: Any, state: Any) -> tuple[Any, Any]:
        """grad U at the position."""
        return jax.grad(self.function)(position), state

    def potential(self, position: Any) -> Array:
        """U at the position."""
        return jnp.asarray(self.function(position))

    def given(self, extra: Any) -> FunctionSource:
        """The source of a function of (position, extra), for these extra arrays."""
        function: Any = self.function
        return FunctionSource(lambda position: function(position, extra))


@dataclass(frozen=True)
class Oracle:
    """A source tied to the gradient nodes of one unknown function at given variables.

    Attributes:
        name: Text of the call, such as "U(theta)".
        arguments: The variables it is called at.
        nodes: grad(U(theta), theta) for each argument that occurs.
        source: Where the gradient comes from.
        position: Blocks of one chain -> position of the source.
        blocks: Gradient of the source -> blocks by name.
        extra: Extra arrays that the source reads (`given`), if there are any.
    """

    name: str
    arguments: tuple[Variable, ...]
    nodes: tuple[ex.Gradient, ...]
    source: GradientSource
    position: Callable[[Mapping[str, Array]], Any]
    blocks: Callable[[Any], dict[str, Array]]
    extra: ExtraLayout | None = None

    def read(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the source reads, by name."""
        names = () if self.extra is None else self.extra.names
        return {name: values[name] for name in (*(x.name for x in self.arguments), *names)}

    def source_at(self, blocks: Mapping[str, Any]) -> GradientSource:
        """The source as one of the position alone, for the extra arrays among these blocks."""
        if self.extra is None:
            return self.source
        reader: Any = self.source  # `bind` has seen that it reads extra arrays
        return reader.given(self.extra.gathered(blocks))

    def evaluate(
        self, values: Mapping[str, Any], draw: Any, state: Any, tables: Any = None
    ) -> tuple[dict[str, Array], Any]:
        """Gradient blocks and the new state, for one chain or all chains on the last axis."""
        own = self.read(values)
        tabled = () if tables is None else (tables,)

        def of_one(blocks: Any, draw_of_one: Any, state_of_one: Any) -> Any:
            gradient, after = self.source_at(blocks).gradient(
                draw_of_one, self.position(blocks), state_of_one, *tabled
            )
            return self.blocks(gradient), after

        if not any(is_batched(own[x.name], x) for x in self.arguments):
            found, after = of_one(own, draw, state)
        else:
            found, after = jax.vmap(of_one, in_axes=-1, out_axes=-1)(own, draw, state)
        return {x.name: _projected(found[x.name], x) for x in self.arguments}, after

    def known(self, gradient: Mapping[str, Array]) -> dict[Expression, Array]:
        """Values of the nodes from gradient blocks."""
        return {node: gradient[node.variable.name] for node in self.nodes}


def _projected(gradient: Array, x: Variable) -> Array:
    if x.symmetry is None:
        return gradient
    sign = 1.0 if x.symmetry == "symmetric" else -1.0
    return (gradient + sign * jnp.swapaxes(gradient, 0, 1)) * 0.5


def gradient_nodes(
    expressions: Iterable[Expression],
) -> dict[tuple[ex.Call, tuple[Variable, ...]], tuple[ex.Gradient, ...]]:
    """Nodes grad(f(x, ...), x) of scalar unknown functions at plain variables, by call."""
    found: dict[tuple[ex.Call, tuple[Variable, ...]], list[ex.Gradient]] = {}
    for expression in expressions:
        for node in expression.walk():
            if not isinstance(node, ex.Gradient) or not isinstance(node.operand, ex.Call):
                continue
            call = node.operand
            variables = tuple(a for a in call.arguments if isinstance(a, Variable))
            plain = len(set(variables)) == len(call.arguments)
            if plain and not call.shape and node.variable in variables:
                nodes = found.setdefault((call, variables), [])
                if node not in nodes:
                    nodes.append(node)
    return {key: tuple(nodes) for key, nodes in found.items()}


def function_oracle(
    call: ex.Call,
    arguments: tuple[Variable, ...],
    nodes: tuple[ex.Gradient, ...],
    function: Callable[..., Any],
) -> Oracle:
    """The oracle of a function that takes its blocks one by one."""
    names = tuple(x.name for x in arguments)
    return Oracle(
        name=repr(call),
        arguments=arguments,
        nodes=nodes,
        source=FunctionSource(lambda position, *extra: function(*position, *extra)),
        position=lambda blocks: tuple(blocks[name] for name in names),
        blocks=lambda gradient: dict(zip(names, gradient, strict=True)),
    )


def position_oracle(
    call: ex.Call,
    nodes: tuple[ex.Gradient, ...],
    source: GradientSource,
    layout: Any,
    dtype: np.dtype,
) -> Oracle:
    """The oracle of the potential, which takes the user's position."""
    return Oracle(
        name=repr(call),
        arguments=layout.variables,
        nodes=nodes,
        source=source,
        position=layout.position,
        blocks=lambda gradient: layout.blocks(gradient, dtype),
    )
