"""The state of a chain as a user's program holds it, and as the loop wants it.

Not for the steps themselves (`scheme`, `many_steps`).

Checked by: tests/simulation/steps/test_sampler.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.position import PositionLayout
from sdekit.simulation.gradients.branching import value_when
from sdekit.simulation.steps.scheme import Acceptance, Cache, Scheme, renewed_cache


class SamplerState(NamedTuple):
    """The state of one chain.

    Attributes:
        position: Target variables, in the structure of the user.
        auxiliary: Other variables, by name.
        gradients: Gradients shared between steps.
        sources: What gradient sources carry along.
        acceptance: What Metropolis steps hand on; None for other schemes.
        origin: Blocks at which gradients and acceptance were computed: where the user has put
            others in their place since, the next step computes them anew.
    """

    position: Any
    auxiliary: dict[str, Array]
    gradients: dict[str, dict[str, Array]]
    sources: dict[str, Any]
    acceptance: Acceptance | None = None
    origin: dict[str, Array] | None = None


def public_state(layout: PositionLayout, blocks: Mapping[str, Array], cache: Cache) -> SamplerState:
    """The state of one chain as the user gets it."""
    targets = {x.name for x in layout.variables}
    auxiliary = {name: block for name, block in blocks.items() if name not in targets}
    origin = dict(blocks) if cache.gradients or cache.acceptance is not None else None
    kept = (cache.gradients, cache.sources, cache.acceptance, origin)
    return SamplerState(layout.position(blocks), auxiliary, *kept)


def loop_cache(state: SamplerState) -> Cache:
    """What a step reads beside the blocks."""
    return Cache(state.gradients, state.sources, acceptance=state.acceptance)


def renewed(
    scheme: Scheme,
    problem: Problem,
    cache: Cache,
    blocks: Mapping[str, Array],
    *,
    origin: Mapping[str, Array],
    bits: Callable[[int], Array],
) -> Cache:
    """The cache, computed anew if blocks are others than those it was computed at.

    Args:
        scheme: Of the sampler.
        problem: The bound dynamics.
        cache: Of the state.
        blocks: Where the chain stands.
        origin: Where it stood when the cache was made.
        bits: Number of words -> random words, (1, words).
    """
    words = bits(scheme.carried_words)[0]

    def anew(given: tuple[Mapping[str, Array], Array, Cache]) -> Cache:
        own, words, old = given
        return renewed_cache(scheme, old, own, words, tables=None, parameters=problem.parameters)

    moved = jnp.any(jnp.stack([jnp.any(block != origin[name]) for name, block in blocks.items()]))
    return value_when(moved, anew, (dict(blocks), words, cache), cache)
