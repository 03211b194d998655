"""The user's position, any PyTree, as the blocks of the target variables, and back.

One vector variable takes a whole PyTree, flattened leaf after leaf; several variables take a
mapping by name (or a sequence in their order). Everything here is about one chain.

Not for auxiliary variables (`start`).

Checked by: tests/simulation/steps/test_sampler.py, tests/simulation/runs/test_run.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer

from sdekit.declaration.tree.declared import shape_text
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError


@dataclass(frozen=True)
class PositionLayout:
    """How a position of one structure maps to blocks; hashable, so that it can key a cache.

    Attributes:
        variables: The target variables.
        shapes: Shape of the block of each.
        tree: Structure of the user's PyTree.
        leaves: Shape of each leaf.
        by_variable: Whether the leaves are the blocks of the variables, not pieces of one vector.
        order: For leaves that are blocks, the place of each variable's block among them.
    """

    variables: tuple[Variable, ...]
    shapes: tuple[tuple[int, ...], ...]
    tree: Any
    leaves: tuple[tuple[int, ...], ...]
    by_variable: bool
    order: tuple[int, ...] = ()

    def blocks(self, position: Any, dtype: np.dtype) -> dict[str, Array]:
        """Blocks by name of a position of this structure."""
        leaves = [_array(leaf, dtype) for leaf in jax.tree.leaves(position)]
        if self.by_variable:
            pairs = zip(self.variables, self.order, strict=True)
            return {x.name: leaves[place] for x, place in pairs}
        if len(leaves) == 1:
            return {self.variables[0].name: leaves[0].reshape(self.shapes[0])}
        whole = _side_by_side([leaf.reshape(-1) for leaf in leaves], dtype)
        return {self.variables[0].name: whole.reshape(self.shapes[0])}

    def example(self, position: Any, dtype: np.dtype) -> dict[str, Array] | None:
        """`blocks`, or None for a position without numbers, as within a trace of the user's."""
        leaves = jax.tree.leaves(position)
        if any(isinstance(leaf, (Tracer, jax.ShapeDtypeStruct)) for leaf in leaves):
            return None
        return self.blocks(position, dtype)

    def position(self, blocks: Mapping[str, Any], axes: int = 0) -> Any:
        """The PyTree of the user made of blocks, which may have more axes in front (of chains)."""
        if self.by_variable:
            leaves: list[Any] = [None] * len(self.variables)
            for x, place in zip(self.variables, self.order, strict=True):
                leaves[place] = blocks[x.name]
            return jax.tree.unflatten(self.tree, leaves)
        whole = blocks[self.variables[0].name]
        front = whole.shape[:axes]
        if len(self.leaves) == 1:
            return jax.tree.unflatten(self.tree, [whole.reshape(*front, *self.leaves[0])])
        flat, pieces, first = whole.reshape(*front, -1), [], 0
        whole_axes = (slice(None),) * axes
        for shape in self.leaves:
            count = math.prod(shape)
            pieces.append(flat[(*whole_axes, slice(first, first + count))].reshape(*front, *shape))
            first += count
        return jax.tree.unflatten(self.tree, pieces)


def _side_by_side(pieces: list[Array], dtype: np.dtype) -> Array:
    """The pieces one after the other; within a trace each is written where it belongs.

    XLA's concatenation for CPUs runs the loop of each piece over all entries of the result, with
    masked loads from behind the piece's end. Those take a hundred times as long where the memory
    there is not mapped, which is a matter of chance. A pad of zeros does the same; the barrier
    keeps writing into zeros from becoming one.
    """
    if not any(isinstance(piece, Tracer) for piece in pieces):
        return jnp.concatenate(pieces)
    whole, first = lax.optimization_barrier(jnp.zeros(sum(p.size for p in pieces), dtype)), 0
    for piece in pieces:
        whole = lax.dynamic_update_slice_in_dim(whole, piece, first, axis=0)
        first += piece.size
    return whole


def _array(leaf: Any, dtype: np.dtype) -> Any:
    """An array; NumPy's for what is not JAX's, since a compiled call takes it ten times faster."""
    if isinstance(leaf, Array):
        return jnp.asarray(leaf, dtype)
    with np.errstate(over="ignore"):  # what becomes infinite is refused where the chains start
        return np.asarray(leaf, dtype)


def layout_of(position: Any, variables: tuple[Variable, ...]) -> PositionLayout:
    """Match a position with the target variables.

    Args:
        position: Arrays or a PyTree of arrays, for one chain.
        variables: The target variables.

    Raises:
        SimulationError: If it has no numbers in it or does not fit the variables.
    """
    leaves, tree = jax.tree.flatten(position)
    if not leaves:
        raise SimulationError("the position is empty", expected=_described(variables))
    shapes = tuple(_leaf_shape(leaf) for leaf in leaves)
    if len(variables) == 1 and variables[0].ndim <= 1:
        return _flat_layout(variables[0], shapes, tree)
    order = order_of(position, variables, len(leaves))
    for x, place in zip(variables, order, strict=True):
        if len(shapes[place]) != x.ndim:
            raise SimulationError(
                f"the position of {x.name} has the wrong shape",
                expected=f"shape {shape_text(x.shape)}",
                found=f"shape {shapes[place]}",
            )
    blocks = tuple(shapes[place] for place in order)
    return PositionLayout(variables, blocks, tree, shapes, True, order)


def _flat_layout(x: Variable, shapes: tuple[tuple[int, ...], ...], tree: Any) -> PositionLayout:
    count = sum(math.prod(shape) for shape in shapes)
    if x.ndim and not count:
        raise SimulationError(f"the position of {x.name} has no entries", expected="at least one")
    if x.ndim == 0 and count != 1:
        raise SimulationError(
            f"the position of {x.name} has the wrong shape",
            expected="one number",
            found=f"shapes {', '.join(str(shape) for shape in shapes)}",
            fix="give starts as one array, of as many rows as chains=...",
        )
    return PositionLayout((x,), ((count,) if x.ndim else (),), tree, shapes, False)


def order_of(position: Any, variables: tuple[Variable, ...], leaves: int) -> tuple[int, ...]:
    """The place of each variable among the leaves of a position that holds their blocks.

    Raises:
        SimulationError: If the position does not name them.
    """
    names = [x.name for x in variables]
    if isinstance(position, Mapping):
        missing = [name for name in names if name not in position]
        extra = [str(key) for key in position if key not in names]
        if missing or extra:
            raise SimulationError(
                "the position does not name the target variables",
                expected=", ".join(names),
                found=", ".join(str(key) for key in position),
                fix="give auxiliary variables through auxiliary={...}"
                if extra
                else f"add {', '.join(missing)}",
            )
        if leaves == len(names):
            # JAX sorts the keys of a dict, and keeps the order of other mappings.
            paths = jax.tree_util.tree_flatten_with_path(position)[0]
            in_order = [path[0].key for path, _ in paths]
            return tuple(in_order.index(name) for name in names)
    elif sorted(getattr(position, "_fields", ())) == sorted(names) and leaves == len(names):
        return tuple(position._fields.index(name) for name in names)
    elif isinstance(position, (tuple, list)) and len(position) == len(names) == leaves:
        return tuple(range(len(names)))
    elif len(names) == leaves == 1:
        return (0,)
    raise SimulationError(
        "the position does not fit the target variables",
        expected=_described(variables),
        found=f"{type(position).__name__} with {leaves} arrays",
        fix=f"write {{{', '.join(f'{name!r}: ...' for name in names)}}}",
    )


def _described(variables: tuple[Variable, ...]) -> str:
    parts = [f"{x.name} of shape {shape_text(x.shape)}" for x in variables]
    return ", ".join(parts) if len(parts) == 1 else "a mapping with " + ", ".join(parts)


def _leaf_shape(leaf: Any) -> tuple[int, ...]:
    array = leaf if isinstance(leaf, Tracer) else np.asarray(leaf)
    kinds = (jnp.floating, jnp.integer)
    if not any(jnp.issubdtype(array.dtype, kind) for kind in kinds):
        raise SimulationError(
            "the position holds something that is no array of real numbers",
            found=repr(leaf)[:80],
            fix="give numbers or arrays of numbers",
        )
    return tuple(array.shape)
