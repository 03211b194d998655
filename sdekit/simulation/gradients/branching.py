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

    make_of, read = jax.closure_convert(make, argument)

    # JAX goes backwards neither through a rule of vectorization nor through a vectorized branch of
    # tangents: a derivative computes both sides.
    @jax.custom_jvp
    def chosen(due: Array, argument: Any, otherwise: Any, read: Any) -> Any:
        return _one_branch(lambda given: make_of(*given), due, (argument, *read), otherwise)

    @chosen.defjvp
    def moved(primals: Any, tangents: Any) -> Any:
        due = primals[0]

        def selected(argument: Any, otherwise: Any, read: Any) -> Any:
            made = make_of(argument, *read)
            return jax.tree.map(lambda a, b: jnp.where(due, a, b), made, otherwise)

        # The value by the same way as without derivative: its axes of chains must be the same.
        return chosen(*primals), jax.jvp(selected, primals[1:], tangents[1:])[1]

    return chosen(due, argument, otherwise, read)


def _one_branch(make: Callable[[Any], Any], due: Array, argument: Any, otherwise: Any) -> Any:
    @jax.custom_batching.custom_vmap
    def choose(due: Array, argument: Any, otherwise: Any) -> Any:
        return lax.cond(due, lambda: make(argument), lambda: otherwise)

    @choose.def_vmap
    def choose_for_all(size: int, batched: Any, due: Array, argument: Any, otherwise: Any) -> Any:
        wide = jax.tree.map(
            lambda leaf, is_wide: (
                leaf if is_wide else jnp.broadcast_to(leaf, (size, *jnp.shape(leaf)))
            ),
            (due, argument, otherwise),
            tuple(batched),
        )
        result = lax.cond(jnp.any(wide[0]), lambda: jax.vmap(make)(wide[1]), lambda: wide[2])
        return result, jax.tree.map(lambda _: True, result)

    return choose(due, argument, otherwise)
