"""Passes over the data: every row once per pass, in a new random order for each chain and pass.

A chain's place is part of its state; the order follows from its round keys, so that no permutation
is stored. Not for independent batches (`row_numbers.py`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from sdekit.simulate import row_numbers, rows

#: Passes after which contiguous batches get newly ordered rows: re-ordering moves every row once,
#: which costs about as much as gathering the batches of one pass.
RESHUFFLE = 16


def begin(key: Array) -> dict[str, Array]:
    """The state of a chain before its first pass."""
    round_keys = jax.random.bits(key, (row_numbers.ROUNDS,), jnp.uint32)
    return {"round_keys": round_keys, "epoch": jnp.int32(0), "place": jnp.int32(0)}


def moved(state: dict[str, Any], batches: int) -> dict[str, Any]:
    """The state one batch later."""
    is_last = state["place"] + 1 >= batches
    return {
        **state,
        "place": jnp.where(is_last, 0, state["place"] + 1),
        "epoch": state["epoch"] + is_last.astype(jnp.int32),
    }


def batch_numbers(state: dict[str, Any], size: int, batch: int) -> Array:
    """Row numbers of the batch at this place, int32 of shape (batch,)."""
    positions = (state["place"] * batch + jnp.arange(batch)).astype(jnp.uint32)
    return row_numbers.permuted(positions, _keys(state), size)


def first_row(state: dict[str, Any], batches: int, batch: int) -> Array:
    """Where the contiguous batch at this place begins on the circle of re-ordered rows."""
    keys, used = _keys(state), batches * batch
    place = row_numbers.permuted(state["place"].astype(jnp.uint32), keys, batches)
    start = row_numbers.mixed(keys[0], keys[1]) % jnp.uint32(used)
    return (start.astype(jnp.int32) + place * batch) % used


def _keys(state: dict[str, Any]) -> Array:
    return row_numbers.epoch_keys(state["round_keys"], state["epoch"])


def reordered(key: Array, matrices: tuple[Array, ...], batches: int, batch: int) -> Any:
    """All rows that a pass uses in a new random order, the first batch repeated at the end.

    Args:
        key: JAX key of this order.
        matrices: Packed rows, shape (rows, columns) each.
        batches: Batches of a pass.
        batch: Rows of a batch.

    Returns:
        Shape ((batches + 1) * batch, columns) each: every slice of neighbours on the circle of
        rows is a slice of these.
    """
    round_keys = jax.random.bits(key, (row_numbers.ROUNDS,), jnp.uint32)
    return _reordered(matrices, round_keys, batches, batch)


@partial(jax.jit, static_argnums=(2, 3))
def _reordered(
    matrices: tuple[Array, ...], round_keys: Array, batches: int, batch: int
) -> tuple[Array, ...]:
    used = jnp.arange(batches * batch, dtype=jnp.uint32)
    order = row_numbers.permuted(used, round_keys, matrices[0].shape[0])
    return rows.take(matrices, jnp.concatenate([order, order[:batch]]))
