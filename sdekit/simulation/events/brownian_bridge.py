r"""Whether and when a Brownian bridge between the ends of a step passes a level.

Not for which function and levels are watched (`watching`).

Checked by: tests/simulation/events/test_events.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtri

from sdekit.simulation.events.reachable_levels import WallAhead, passing_chance


class Relative(NamedTuple):
    """A step of log |x| towards a level.

    Attributes:
        distances: Of the level from both ends.
        variance: Of the increment.
        holds: Whether both ends and the level have one sign.
    """

    distances: tuple[Array, Array]
    variance: Array
    holds: Array


def relative(side: int, ends: tuple[Any, Any], levels: tuple[Any, Any], variance: Any) -> Relative:
    """The step of a geometric Brownian motion in its logarithm, where its bridge is Brownian.

    Args:
        side: 1 for an upper level, -1 for a lower one.
        ends: The state at both ends.
        levels: The level there.
        variance: Of the increment of the state, with the noise at the beginning.
    """
    begin, end = ends
    first, last = levels
    holds = (begin * end > 0) & (begin * first > 0) & (begin * last > 0)
    rises = side * jnp.sign(begin)
    gaps = [jnp.log(jnp.where(holds, b / a, 1.0)) for a, b in ((begin, first), (end, last))]
    spread = variance / jnp.where(holds, begin, 1.0) ** 2
    return Relative((rises * gaps[0], rises * gaps[1]), spread, holds)


def bridge_passage(
    begin: Any,
    end: Any,
    variance: Any,
    draws: tuple[Any, Any, Any],
    *,
    wall: WallAhead | None = None,
) -> tuple[Array, Array]:
    r"""Whether a Brownian bridge passes a level, and at which share of its time.

    With a = |begin|, c = |end|, v = variance: it passes with probability $\exp(-2ac/v)$ where both
    ends lie before the level, and surely where not. The share is s/(1 + s) with s inverse Gaussian
    of mean a/c and shape a^2/v, drawn as Michael, Schucany and Haas do.

    Args:
        begin: Distance of the level from the beginning, negative behind it.
        end: Distance from the end.
        variance: Of the increment; 0 for a straight line.
        draws: Uniform numbers on (0, 1).
        wall: The end of the domain behind the level; None where there is none.

    Source: Michael, Schucany and Haas (1976), The American Statistician 30, 88.
    """
    is_before = (begin > 0) & (end > 0)
    known = variance > 0
    spread = jnp.where(known, variance, 1.0)
    chance = jnp.exp(-2 * begin * end / spread)
    if wall is not None:
        chance = passing_chance(wall, begin, end, spread)
    chance = jnp.where(is_before, jnp.where(known, chance, 0.0), 1.0)
    a = jnp.where(begin > 0, begin, 1.0)
    ratio = jnp.abs(end) / a
    half = ndtri(draws[1]) ** 2 * variance / (2 * a**2)
    inverse = ratio + half + jnp.sqrt(2 * ratio * half + half**2)
    takes_small = draws[2] * (inverse + ratio) <= inverse
    other = ratio**2 / jnp.where(inverse > 0, inverse, 1.0)
    share = 1 / (1 + jnp.where(takes_small, inverse, other))
    return draws[0] < chance, jnp.where(begin > 0, share, 0.0)
