"""Passes over the data: every row once per pass, in a new random order for each chain and pass.

A chain's place is part of its state; the order follows from its round keys, so that no permutation
is stored. Not for independent batches (`row_numbers.py`).
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.simulation.gradients import row_numbers

#: Passes after which contiguous batches get newly ordered rows: re-ordering moves every row once,
#: which costs about as much as gathering the batches of one pass.
RESHUFFLE = 32
#: Strides to choose from, about.
MOST_STRIDES = 1024


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
    """Where the contiguous batch at this place begins on the circle of re-ordered rows.

    With s a random row and k a random stride without a common divisor with the number n of batches,
    both new in each pass, batch i begins at row s + M (k i mod n). A permutation of the places
    would cost a third of the step.
    """
    keys, used, strides = _keys(state), batches * batch, _strides(batches)
    stride = jnp.asarray(strides)[row_numbers.mixed(keys[0], keys[1]) % jnp.uint32(len(strides))]
    place = state["place"].astype(jnp.uint32) * stride % jnp.uint32(batches)
    start = row_numbers.mixed(keys[1], keys[0]) % jnp.uint32(used)
    return (start.astype(jnp.int32) + place.astype(jnp.int32) * batch) % used


@cache
def _strides(batches: int) -> np.ndarray:
    """Numbers without a common divisor with `batches`, uint32, evenly spread where there are many.

    Their products with a place fit 32 bits.
    """
    most = max(1, min(batches - 1, (2**32 - 1) // batches))
    found = np.arange(1, most + 1, dtype=np.uint64)
    if most > MOST_STRIDES:
        found = np.unique(np.linspace(1, most, 8 * MOST_STRIDES).astype(np.uint64))
    found = found[np.gcd(found, batches) == 1]
    return found[:: max(1, len(found) // MOST_STRIDES)].astype(np.uint32)


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
    numbers = jnp.concatenate([order, order[:batch]])
    return tuple(matrix.at[numbers].get(mode="promise_in_bounds") for matrix in matrices)
