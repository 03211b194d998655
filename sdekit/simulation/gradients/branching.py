"""A branch that stays a branch when chains are vectorized.

Not for branches whose condition differs between chains: those cost both sides anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax


def value_when(due: Array, make: Callable[[Any], Any], argument: Any, otherwise: Any) -> Any:
    """`make(argument)` where due, else `otherwise`, for a condition that all chains share.

    A plain `lax.cond` under vmap becomes a select, which would compute `make` at every step.

    Args:
        due: Scalar boolean, the same for all chains of a vmapped call.
        make: Function of `argument`.
        argument: PyTree.
        otherwise: PyTree like the result of `make`.

    Returns:
        One of the two.

    Checked by: tests/simulation/gradients/test_minibatch.py.
    """

    @jax.custom_batching.custom_vmap
    def choose(due: Array, argument: Any, otherwise: Any) -> Any:
        return lax.cond(due, lambda: make(argument), lambda: otherwise)

    @choose.def_vmap
    def choose_for_all(size: int, batched: Any, due: Array, argument: Any, otherwise: Any) -> Any:
        wide = jax.tree.map(
            lambda leaf, is_wide: leaf if is_wide else jnp.broadcast_to(leaf, (size, *leaf.shape)),
            (due, argument, otherwise),
            tuple(batched),
        )
        result = lax.cond(jnp.any(wide[0]), lambda: jax.vmap(make)(wide[1]), lambda: wide[2])
        return result, jax.tree.map(lambda _: True, result)

    return choose(due, argument, otherwise)
