r"""Levels of a barrier beside the end of a domain: whether and how a step can reach them.

A path that is reflected at a wall behind a level has passed the level unseen: with a, c the
distances of the level from the ends of a step, r that of the wall from it and v the variance,
$$P(\text{passed}) = \frac{e_0 + e_r}{1 + e_r},\quad e_r = \exp(-2 (a + r)(c + r)/v),$$
by the image at the wall; a level beyond the wall is never passed. At an end where the noise
vanishes a path has arrived where a step ends there, not before.

Not for levels far from walls (`watching`).

Checked by: tests/simulation/events/test_reachable_levels.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.schemes.ends.vanishing_noise import vanishing_ends
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import Environment, evaluate, shape_of
from sdekit.simulation.events.barrier import Barrier
from sdekit.simulation.steps.boundaries import ends_of, walls_of

#: Share of a level by which it may differ from a wall and still be it: single precision rounds.
SAME = 1e-6
#: Stands for an end that there is not.
_FAR = 1e30
#: Where other variables are, when the drift at an end is asked.
_ELSEWHERE = 0.37


@dataclass(frozen=True)
class WallAhead:
    """The end of the domain that lies in the direction of a level.

    Attributes:
        room: Its distance behind the level; 0 where the level is the end, negative where the level
            lies beyond it and is never reached.
        is_still: Whether noise vanishes there.
        is_upper: Whether it is the upper end.
    """

    room: Any
    is_still: Any
    is_upper: Any


def bounded_variable(own: Barrier) -> Variable | None:
    """The variable with ends that a barrier is about, if it is one and alone."""
    if len(own.variables) != 1 or not own.is_affine or not own.variables[0].domain.is_bounded:
        return None
    return own.variables[0]


def wall_ahead(
    own: Barrier, problem: Problem, environment: Environment, *, side: int, level: Any
) -> WallAhead | None:
    """The end of the domain behind a level; None where the function has none.

    Args:
        own: The barrier.
        problem: The bound dynamics.
        environment: At the beginning of a step.
        side: 1 for an upper level, -1 for a lower one.
        level: Its value.
    """
    x = bounded_variable(own)
    if x is None:
        return None
    lower, upper = (side * _at(own, x, environment, end) for end in ends_of(x))
    block = problem.dynamics.diffusion.get((x, x))
    still = (False, False) if block is None else vanishing_ends(x, block)
    room = jnp.maximum(lower, upper) - side * level
    is_same = jnp.abs(room) <= SAME * jnp.maximum(jnp.abs(level), 1.0)
    is_upper = upper > lower
    return WallAhead(jnp.where(is_same, 0.0, room), jnp.where(is_upper, *still[::-1]), is_upper)


def _at(own: Barrier, x: Variable, environment: Environment, end: float) -> Any:
    """The function where x is at an end."""
    there = float(np.clip(end, -_FAR, _FAR))
    if own.index:
        return there
    values = {**environment.values, x.name: jnp.asarray(there, environment.dtype)}
    return jnp.asarray(evaluate(own.function, replace(environment, values=values)))


def passing_chance(wall: WallAhead, begin: Any, end: Any, variance: Any) -> Any:
    """The probability that a step whose ends lie before a level has passed it."""
    plain = jnp.exp(-2 * begin * end / variance)
    image = jnp.exp(-2 * (begin + wall.room) * (end + wall.room) / variance)
    reflected = (plain + image) / (1 + image)
    # Frozen noise would lead through an end where the noise is none.
    inside = jnp.where(wall.is_still, jnp.where(wall.room > 0, plain, 0.0), reflected)
    return jnp.where(wall.room < 0, 0.0, inside)


def check_reachable(name: str, own: Barrier, problem: Problem) -> None:
    """Refuse a level at an end of the domain that steps reach and leave unseen.

    Raises:
        SimulationError: Where a momentum turns there, or noise vanishes and the drift does not.
    """
    x = bounded_variable(own)
    turns = x is not None and walls_of(problem)[x.name].momentum is not None
    elsewhere = {
        y.name: jnp.full(shape_of(y, problem.sizes), _ELSEWHERE, problem.dtype)
        for y in problem.dynamics.variables
    }
    environment = problem.environment({**problem.parameters, **elsewhere}, time=0.0)
    for side, bound in ((1, own.upper), (-1, own.lower)):
        if x is None or bound is None:
            continue
        level = evaluate(bound, environment)
        ahead = wall_ahead(own, problem, environment, side=side, level=level)
        if ahead is None or ahead.room != 0:
            continue
        end = jnp.full_like(elsewhere[x.name], ends_of(x)[int(ahead.is_upper)])
        there = problem.environment({**environment.values, x.name: end}, time=0.0)
        is_driven = jnp.any(jnp.asarray(evaluate(problem.dynamics.drift[x], there)) != 0)
        if turns or (ahead.is_still and is_driven):
            raise SimulationError(
                f"the event {name} is at the end of the domain of {x.name}, where a path "
                + ("turns" if turns else "is driven back") + " within a step",
                expected="a level at which paths stay or are reflected, or one inside",
                found=f"{float(level):g}",
                fix=f"give a level inside, or declare {x.name} without domain and stop it there",
            )  # fmt: skip
