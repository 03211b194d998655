r"""How a step of Euler's kind takes its drift: at its beginning, tamed, or at its end.

$$\text{tamed: } \frac{h\,v(x)}{1 + h\,|v(x)|} \qquad
  \text{implicit: } d = h\,v(x + \sqrt h\,S(x)\zeta + d)$$

Not for the noise of the step (`sdekit.simulation.steps.stages`) nor for the names of such schemes
(`sdekit.schemes.split.scheme_names`).

Notation: x the state before the step, v its drift, h the step, d what the drift adds, N the number
of entries that move.
Source: Hutzenthaler, Jentzen and Kloeden (2012), doi:10.1214/11-AAP803 (tamed).
Checked by: tests/simulation/stiff/test_stiff_drifts.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from sdekit.errors import SimulationError
from sdekit.schemes.split.flow_records import Inexact, Updates
from sdekit.schemes.split.unroll import Move
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import Environment
from sdekit.simulation.steps.stage import Moved, shifted, still_known

Drift = Callable[[Environment, Updates, ArrayLike, Moved], Moved]

#: Newton steps after which a chain counts as unsolved, which ends its run as not finite.
MOST_NEWTON_STEPS = 50
#: Rounding errors of the state below which a Newton step counts as none.
CLOSE = 64


def explicit_drift(environment: Environment, updates: Updates, h: ArrayLike, noise: Moved) -> Moved:
    """h v at the beginning of the step."""
    return shifted(environment, updates, h, {})


def tamed_drift(environment: Environment, updates: Updates, h: ArrayLike, noise: Moved) -> Moved:
    """h v / (1 + h |v|), |v| over all entries of a chain."""
    whole = _Stacked(environment, updates)
    drift = whole.stack(shifted(environment, updates, h, {}))
    return whole.split(drift / (1.0 + jnp.sqrt(jnp.sum(drift**2, axis=0))))


def implicit_drift(environment: Environment, updates: Updates, h: ArrayLike, noise: Moved) -> Moved:
    """d = h v(x + noise + d), by Newton's method; NaN where it does not converge."""
    whole = _Stacked(environment, updates)
    time = None if environment.time is None else environment.time + h
    known = still_known(environment, tuple(x for x, _ in updates))
    shaken = {name: environment.values[name] + change for name, change in noise.items()}

    def drift(d: Array) -> Array:
        moved = {
            x.name: shaken.get(x.name, environment.values[x.name]) + change
            for (x, _), change in zip(updates, whole.split(d).values(), strict=True)
        }
        values = {**environment.values, **shaken, **moved}
        there = replace(environment, values=values, known=known, time=time)
        return whole.stack(shifted(there, updates, h, {}))

    size = whole.stack({x.name: environment.values[x.name] for x, _ in updates})
    start = jnp.zeros_like(size)
    found = lax.custom_root(
        lambda d: d - drift(d), start, lambda f, d: _newton(f, d, jnp.abs(size)), _solved
    )
    return whole.split(found)


#: By the method of `Inexact`.
DRIFTS: Mapping[str, Drift] = MappingProxyType(
    {
        "euler_maruyama": explicit_drift,
        "tamed_euler": tamed_drift,
        "implicit_euler": implicit_drift,
    }
)


def check_gradients(problem: Problem, moves: Sequence[Move]) -> None:
    """Refuse stochastic gradients where a step solves equations.

    Raises:
        SimulationError: If there are some.
    """
    implicit = any(isinstance(m.flow, Inexact) and m.method == "implicit_euler" for m in moves)
    if implicit and problem.source is not None and problem.source.words:
        raise SimulationError(
            "ImplicitEuler solves for a gradient that stands still",
            expected="the full potential",
            found="a minibatch",
            fix='give the potential as a function, or use "TamedEuler" or a splitting word',
        )


class _Stacked:
    """All entries of some blocks as one array (N[, chains])."""

    def __init__(self, environment: Environment, updates: Updates) -> None:
        self.blocks = {x.name: environment.values[x.name] for x, _ in updates}
        ranks = {x.name: x.ndim for x, _ in updates}
        self.tails = {name: b.shape[ranks[name] :] for name, b in self.blocks.items()}
        self.counts = {name: math.prod(b.shape[: ranks[name]]) for name, b in self.blocks.items()}

    def stack(self, parts: Mapping[str, Any]) -> Array:
        """Values by name, broadcast to their blocks."""
        full = (jnp.broadcast_to(parts[name], b.shape) for name, b in self.blocks.items())
        rows = zip(full, self.counts.items(), strict=True)
        return jnp.concatenate([b.reshape(n, *self.tails[name]) for b, (name, n) in rows])

    def split(self, stacked: Array) -> Moved:
        """Blocks by name."""
        found, offset = {}, 0
        for name, block in self.blocks.items():
            count = self.counts[name]
            found[name] = stacked[offset : offset + count].reshape(block.shape)
            offset += count
        return found


def _newton(f: Callable[[Array], Array], start: Array, size: Array) -> Array:
    eps = jnp.finfo(start.dtype).eps

    def goes_on(carried: tuple[Array, Array, Array]) -> Array:
        _, moved, count = carried
        return (count < MOST_NEWTON_STEPS) & jnp.any(moved)

    def turn(carried: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        d, moved, count = carried
        value, linear = jax.linearize(f, d)
        step = _solved(linear, value)
        # A chain that has arrived rests, so that the others do not change its digits.
        d = jnp.where(moved, d - step, d)
        far = jnp.max(jnp.abs(step) - CLOSE * eps * (jnp.abs(d) + size), axis=0) > 0
        return d, moved & far, count + 1

    first = jnp.ones(start.shape[1:], bool)
    d, moved, _ = lax.while_loop(goes_on, turn, (start, first, jnp.asarray(0)))
    return jnp.where(moved, jnp.nan, d)


def _solved(linear: Callable[[Array], Array], right: Array) -> Array:
    """The solution of linear(d) = right, chain by chain."""
    n = len(right)
    if n == 1:
        return right / linear(jnp.ones_like(right))
    units = jnp.broadcast_to(
        jnp.eye(n, dtype=right.dtype).reshape(n, n, *(1,) * (right.ndim - 1)), (n, *right.shape)
    )
    columns = jax.vmap(linear)(units)
    if right.ndim == 1:
        return jnp.linalg.solve(columns.T, right)
    matrices = jnp.transpose(columns, (2, 1, 0))
    return jnp.linalg.solve(matrices, right.T[..., None])[..., 0].T
