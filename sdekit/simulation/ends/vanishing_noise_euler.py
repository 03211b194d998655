r"""Euler-Maruyama near an end of the domain at which the noise vanishes.

A normal increment could leave the domain there, and a point that is mirrored back has another
mean. Where the end is nearer than `NEAR` standard deviations, the step is a variable that stays
inside and has the same mean and variance, driven by the same normal variable $\zeta$: with the
distance d of the mean from the end and $\psi$ the variance over $d^2$

* $\psi \le 3/2$: $a(b+\zeta)^2$, $b^2 = 2/\psi - 1 + \sqrt{2/\psi(2/\psi-1)}$, $a = d/(1+b^2)$;
* else: 0 with probability $(\psi-1)/(\psi+1)$ and an exponential variable otherwise.

A mean outside becomes the end. Not for what has a letter of its own (`vanishing_noise_stages`).

Source: Andersen 2008, "Simple and efficient simulation of the Heston model", sections 3.2.1-3.2.2
    [recalled].
Checked by: tests/simulation/ends/test_vanishing_noise_euler.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.ends.vanishing_noise import vanishing_ends
from sdekit.schemes.solvers.noise_type import diagonal_entries
from sdekit.simulation.bind.jax_reader import Environment, evaluate
from sdekit.simulation.steps.boundaries import ends_of
from sdekit.simulation.steps.stage import at_block

#: Distance of the mean from the end, in standard deviations, from which on a normal step is safe.
NEAR = 6.5
#: Where both rules have the same mean and variance.
SWITCH = 1.5

Blocks = Mapping[tuple[Variable, Variable], Expression]


def variables_at_ends(diffusion: Blocks) -> tuple[Variable, ...]:
    """Variables whose noise vanishes at an end of their domain."""
    own = {x: block for (x, y), block in diffusion.items() if x == y and x.ndim < 2}
    return tuple(x for x, block in own.items() if any(vanishing_ends(x, block)))


def kept_inside(
    x: Variable, block: Expression, environment: Environment, *, drift: Any, noise: Array, h: Any
) -> Array:
    """The increment of a step from the present value of x.

    Args:
        x: The variable.
        block: Its own block of D.
        environment: At the state before the step.
        drift: h times its drift.
        noise: Its normal increment.
        h: The step.
    """
    before = environment.values[x.name]
    variance = 2.0 * h * _diagonal(block, environment, x)
    normal = noise / jnp.sqrt(jnp.where(variance > 0, variance, 1.0))
    mean = before + drift
    end = mean + noise
    for is_vanishing, face, sign in zip(
        vanishing_ends(x, block), ends_of(x), (1.0, -1.0), strict=True
    ):
        if not is_vanishing:
            continue
        distance = sign * (mean - face)
        is_near = distance < NEAR * jnp.sqrt(variance)
        inside = face + sign * _not_negative(distance, variance, sign * normal)
        end = jnp.where(is_near | (distance <= 0), inside, end)
    lower, upper = ends_of(x)
    vanishing = vanishing_ends(x, block)
    end = jnp.clip(end, lower if vanishing[0] else None, upper if vanishing[1] else None)
    return end - before


def _diagonal(block: Expression, environment: Environment, x: Variable) -> Array:
    like = environment.values[x.name]
    entries = diagonal_entries(block, x)
    if entries is not None:
        return at_block(jnp.asarray(evaluate(entries, environment), like.dtype), entries, x, like)
    matrix = jnp.asarray(evaluate(block, environment), like.dtype)
    return at_block(jnp.moveaxis(jnp.diagonal(matrix), -1, 0), x, x, like)


def _not_negative(mean: Array, variance: Array, normal: Array) -> Array:
    """A variable >= 0 of this mean and variance, increasing in the normal variable."""
    is_inside = (mean > 0) & (variance > 0)
    m = jnp.where(is_inside, mean, 1.0)
    spread = jnp.where(is_inside, variance, 1.0) / m**2
    twice = 2 / jnp.minimum(spread, SWITCH)
    square = twice - 1 + jnp.sqrt(twice * (twice - 1))
    quadratic = m / (1 + square) * (jnp.sqrt(square) + normal) ** 2
    # The probability of 0 is (spread - 1) / (spread + 1).
    rest = 2 / (jnp.maximum(spread, SWITCH) + 1)
    exponential = m / rest * (jnp.log(rest) - jax.scipy.special.log_ndtr(-normal))
    found = jnp.where(spread <= SWITCH, quadratic, jnp.maximum(exponential, 0.0))
    return jnp.where(is_inside, found, jnp.maximum(mean, 0.0))
