"""Extra arrays that a run carries beside its variables: read by potentials, changed by updates.

The leaves of the user's PyTree travel with the blocks of the variables, by names such as
`extra.tau`, so that whatever keeps blocks (samples, stores, observables) keeps them as well. Not
for the updates themselves (`update`).

Checked by: tests/simulation/updates/test_update.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.errors import SimulationError

#: What the names of the leaves begin with.
EXTRA = "extra"


@dataclass(frozen=True)
class ExtraLayout:
    """How a PyTree of extra arrays maps to blocks; hashable, so that it can key a cache.

    Attributes:
        tree: Its structure.
        names: Of its leaves.
        shapes: Of its leaves, for one chain.
        dtypes: Of its leaves.
    """

    tree: Any
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype, ...]

    def gathered(self, blocks: Mapping[str, Any]) -> Any:
        """The PyTree of the user made of blocks; the blocks may have more axes."""
        return jax.tree.unflatten(self.tree, [blocks[name] for name in self.names])

    def spread(self, extra: Any) -> dict[str, Any]:
        """Blocks by name of a PyTree of this structure."""
        return dict(zip(self.names, jax.tree.leaves(extra), strict=True))


@dataclass(frozen=True, eq=False)
class ReadsExtra:
    """An unknown function that reads the extra arrays behind its arguments.

    Attributes:
        function: (*blocks, extra) -> value, for one chain.
        layout: Of the extra arrays.
    """

    function: Callable[..., Any]
    layout: ExtraLayout

    def __call__(self, *values: Any) -> Any:
        """The value from blocks and then leaves."""
        count = len(values) - len(self.layout.names)
        return self.function(*values[:count], jax.tree.unflatten(self.layout.tree, values[count:]))


def extra_ranks(functions: Iterable[Any]) -> dict[str, int]:
    """Ranks in one chain of the extra arrays that functions read, by name."""
    layouts = [each.layout for each in functions if isinstance(each, ReadsExtra)]
    pairs = (pair for each in layouts for pair in zip(each.names, each.shapes, strict=True))
    return {name: len(shape) for name, shape in pairs}


def read_extra(
    extra: Any, variables: Collection[str], dtype: np.dtype
) -> tuple[ExtraLayout, dict[str, Array]]:
    """The layout of what the user gives as `extra=`, and its leaves by name.

    Args:
        extra: PyTree of arrays of numbers or truth values; the start of every chain.
        variables: Names that are taken.
        dtype: Of leaves of real numbers; integers stay integers.

    Raises:
        SimulationError: If a leaf is no array of real numbers, or a name is taken.
    """
    paths, tree = jax.tree_util.tree_flatten_with_path(extra)
    leaves = [_array(leaf, path, dtype) for path, leaf in paths]
    names = _names([path for path, _ in paths])
    taken = sorted(set(names) & set(variables))
    if taken:
        raise SimulationError(
            "an extra array has the name of a variable",
            expected="other names than those of the dynamics",
            found=", ".join(taken),
            fix="give extra as a dictionary with another key, or rename the variable",
        )
    shapes = tuple(tuple(leaf.shape) for leaf in leaves)
    dtypes = tuple(np.dtype(leaf.dtype) for leaf in leaves)
    return ExtraLayout(tree, names, shapes, dtypes), dict(zip(names, leaves, strict=True))


def _array(leaf: Any, path: Any, dtype: np.dtype) -> Array:
    try:
        array = jnp.asarray(leaf)
    except (TypeError, ValueError):
        array = None
    kinds = (jnp.floating, jnp.integer, np.bool_)
    if array is None or not any(jnp.issubdtype(array.dtype, kind) for kind in kinds):
        raise SimulationError(
            "extra holds something that is no array of real numbers, integers or truth values",
            expected="a PyTree of arrays",
            found=f"{leaf!r:.60} at {EXTRA}{jax.tree_util.keystr(path)}",
            fix="leave it out; an update may close over what does not change",
        )
    return array.astype(dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _names(paths: Sequence[Any]) -> tuple[str, ...]:
    told = [jax.tree_util.keystr(path, simple=True, separator=".") for path in paths]
    names = [f"{EXTRA}.{text}" if text else EXTRA for text in told]
    if len(set(names)) == len(names) and all("/" not in name for name in names):
        return tuple(names)
    return tuple(f"{EXTRA}[{k}]" for k in range(len(names)))
