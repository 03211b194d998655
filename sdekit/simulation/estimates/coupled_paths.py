"""Ends of paths with different numbers of steps on the same noise.

Not for estimates from them (`multilevel`).

Checked by: tests/simulation/estimates/test_multilevel.py.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.simulation.steps.sampler import Bound, Sampler
from sdekit.simulation.steps.scheme import Scheme, StepInput
from sdekit.simulation.steps.small_steps import with_care


def halved(scheme: Scheme, normals: Array) -> Array:
    """The normals of half as many steps on the same path, (steps, elements) -> (steps/2, elements).

    Two increments make one, (a + b)/sqrt(2), unless the scheme says how its noise adds up.
    """
    first, second = normals[::2], normals[1::2]
    if scheme.merge is None:
        return (first + second) / np.sqrt(2)
    return jax.vmap(scheme.merge)(first, second)


def path_end(
    sampler: Sampler, bound: Bound, position: Any, noise: tuple[Array, Array], *,
    h: Any, t0: Any = 0.0,
) -> dict[str, Array]:  # fmt: skip
    """The blocks at the end of a path.

    Args:
        sampler: What runs.
        bound: For this position.
        position: Start of the target variables.
        noise: JAX key of the start, and normals of all steps, (steps, elements).
        h: Step size.
        t0: Time at the start.
    """
    scheme, problem = bound.scheme, bound.problem
    keys, normals = jax.random.key_data(noise[0]), noise[1]
    target = problem.layout.blocks(position, sampler.dtype)
    blocks = sampler.start(bound, target, {}, keys)
    cache = sampler.first_cache(bound, blocks, keys, position)
    step, begun = with_care(problem, scheme, (dict(blocks), cache), h)
    constants = scheme.prepare(problem.parameters, h, sampler.dtype)
    draws = tuple(() for _ in scheme.evaluations)

    def body(carry: tuple[Any, Any], given: Any) -> Any:
        number, normal = given
        time = t0 + number * h
        moved = StepInput(normal, draws, None, h, constants, problem.parameters, time)
        return step(*carry, moved), None

    numbers = jnp.arange(len(normals), dtype=sampler.dtype)
    (blocks, _), _ = jax.lax.scan(body, begun, (numbers, normals))
    return dict(blocks)
