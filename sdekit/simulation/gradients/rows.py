"""Data as rows: any PyTree of arrays with a common first axis, kept so that whole rows move.

Not for choosing rows (`row_numbers.py`) and not for likelihoods (`minibatch.py`).

XLA on a CPU gathers element by element unless the gather ends in a loop over rows, and then only
while nothing is cut off the rows afterwards: one matrix for each leaf, never columns of a common
one (measured for a batch of 100 rows of 50 numbers and a label, gradient included: 2.8
microseconds, against 7.9 with the label in the row).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from sdekit.errors import DataError


@dataclass(frozen=True)
class Column:
    """Where one leaf of the data lies in the packed rows.

    Args:
        group: Index of the matrix.
        start: First column.
        stop: Column after the last.
        shape: Shape of the leaf without its first axis.
        dtype: Type the user gets back.
    """

    group: int
    start: int
    stop: int
    shape: tuple[int, ...]
    dtype: Any


@dataclass(frozen=True, eq=False)
class Rows:
    """Packed data: `matrices[g][i]` holds what row i has of group g.

    Args:
        matrices: One matrix per leaf, shape (rows, columns); on the device, or NumPy
            arrays (memory maps included) that stay where they are.
        columns: One entry per leaf of the data.
        structure: The tree structure of the data.
        size: Number of rows.
    """

    matrices: tuple[Any, ...]
    columns: tuple[Column, ...]
    structure: Any
    size: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return sum(m.dtype.itemsize * int(np.prod(m.shape[1:])) for m in self.matrices)


def check_data(data: Any) -> int:
    """Number of rows of a PyTree of arrays.

    Raises:
        DataError: If there is no array, an array has no rows, or their lengths differ.
    """
    leaves = jax.tree.leaves(data)
    if not leaves:
        raise DataError("the data of a minibatch is empty", fix="give arrays of N rows each")
    for leaf in leaves:
        if not hasattr(leaf, "shape") or len(leaf.shape) == 0:
            raise DataError(
                "data of a minibatch is an array with one row per datum",
                found=f"a {type(leaf).__name__} without rows",
                fix="put constants into log_likelihood, not into the data",
            )
    lengths = sorted({leaf.shape[0] for leaf in leaves})
    if len(lengths) > 1:
        raise DataError(
            "the arrays of the data differ in length",
            found=lengths,
            fix="give every array the same number of rows",
        )
    if lengths[0] == 0:
        raise DataError("the data of a minibatch has no rows", found=0, fix="give at least one row")
    return lengths[0]


def check_finite(data: Any) -> None:
    """Refuse NaN and infinities, which a gradient would carry silently into every later step.

    Raises:
        DataError: Naming the first bad row.
    """
    for leaf in jax.tree.leaves(data):
        values = np.asarray(leaf)
        if values.dtype.kind != "f":
            continue
        bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        if bad.any():
            raise DataError(
                "the data holds numbers that are not finite",
                found=f"{int(bad.sum())} rows, the first is row {int(np.argmax(bad))}",
                fix="remove or impute them before sampling",
            )


def packed(data: Any) -> Rows:
    """Rows on the device, one matrix per leaf.

    Args:
        data: PyTree of arrays, all of the same first length.

    Returns:
        The packed rows; memory about that of the data.

    Checked by: tests/simulation/gradients/test_rows.py.
    """
    leaves, structure = jax.tree.flatten(data)
    size = check_data(data)
    matrices, columns = [], []
    for index, leaf in enumerate(leaves):
        array = jnp.asarray(leaf)
        matrices.append(array.reshape(size, -1))
        columns.append(Column(index, 0, matrices[-1].shape[1], array.shape[1:], array.dtype))
    return Rows(tuple(matrices), tuple(columns), structure, size)


def on_host(data: Any) -> Rows:
    """Rows that stay where they are (memory-mapped files): one matrix per leaf, nothing copied."""
    leaves, structure = jax.tree.flatten(data)
    columns = []
    for index, leaf in enumerate(leaves):
        width = int(np.prod(leaf.shape[1:], dtype=int))
        dtype = jax.dtypes.canonicalize_dtype(leaf.dtype)
        columns.append(Column(index, 0, width, leaf.shape[1:], dtype))
    return Rows(tuple(leaves), tuple(columns), structure, check_data(data))


def take(matrices: tuple[Array, ...], numbers: Array) -> tuple[Array, ...]:
    """The rows `numbers` of each matrix, copied row by row.

    Args:
        matrices: Shape (rows, columns) each.
        numbers: int32, shape (batch,).

    Returns:
        Shape (batch, columns) each.
    """
    return tuple(_row_by_row(m.at[numbers].get(mode="promise_in_bounds")) for m in matrices)


def _row_by_row(batch: Array) -> Array:
    """The same rows, moved by a loop over rows.

    A zero row that the compiler cannot see through makes it fuse a gather into such a loop, which
    would be linearised element by element without it, and a copy of rows as well.
    """
    if not jnp.issubdtype(batch.dtype, jnp.floating) or batch.shape[1] == 1:
        return batch
    return batch + lax.optimization_barrier(jnp.zeros(batch.shape[1], batch.dtype))


def cut(matrices: tuple[Array, ...], first: Array | int, count: int) -> tuple[Array, ...]:
    """`count` neighbouring rows of each matrix, starting at `first`."""
    return tuple(_row_by_row(lax.dynamic_slice_in_dim(m, first, count)) for m in matrices)


def unpacked(rows: Rows, batch: tuple[Array, ...]) -> Any:
    """The user's PyTree for some packed rows.

    Args:
        rows: Says how the rows are packed.
        batch: Matrices of shape (batch, columns).

    Returns:
        PyTree like the data, every leaf with first axis `batch`.
    """
    leaves = []
    for column in rows.columns:
        flat = batch[column.group]
        leaf = flat.reshape(flat.shape[0], -1)[:, column.start : column.stop]
        leaves.append(leaf.reshape(-1, *column.shape).astype(column.dtype))
    return jax.tree.unflatten(rows.structure, leaves)


def total(rows: Rows, function: Callable[[Any, Any], Any], position: Any, count: int = 4096) -> Any:
    """Sum of function(position, batch) over all rows in memory, `count` rows at a time.

    Args:
        rows: Packed rows.
        function: Sum over the rows of a batch; any PyTree of arrays.
        position: Handed on.
        count: Rows per slice, which bounds the memory.

    Returns:
        PyTree like the result of `function`.
    """
    count = min(rows.size, count)
    whole, rest = divmod(rows.size, count)

    def at(first: Array | int, width: int) -> Any:
        return function(position, unpacked(rows, cut(rows.matrices, first, width)))

    def add(so_far: Any, index: Array) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, so_far, at(index * count, count)), None

    result, _ = lax.scan(add, at(0, count), jnp.arange(1, whole))
    return jax.tree.map(jnp.add, result, at(whole * count, rest)) if rest else result


def fetched(rows: Rows, numbers: Array) -> tuple[Array, ...]:
    """Rows of a memory map inside compiled code; vmapped over steps it reads them in one go.

    Args:
        rows: From `on_host`.
        numbers: int32, shape (batch,).

    Returns:
        Shape (batch, ...) per leaf.
    """
    kinds = tuple(
        jax.ShapeDtypeStruct((numbers.shape[0], *matrix.shape[1:]), column.dtype)
        for matrix, column in zip(rows.matrices, rows.columns, strict=True)
    )

    def read(wanted: Any) -> tuple[np.ndarray, ...]:
        wanted = np.asarray(wanted)
        # Ascending order: neighbouring rows of a file are read together.
        unique, back = np.unique(wanted, return_inverse=True)
        return tuple(
            np.asarray(matrix[unique], dtype=kind.dtype)[back.reshape(wanted.shape)]
            for matrix, kind in zip(rows.matrices, kinds, strict=True)
        )

    return jax.pure_callback(read, kinds, numbers, vmap_method="broadcast_all")
