"""diffrax: its step inside our loop, and its own loop; one chain of the double well, per step.

`diffeqsolve` runs in the form that is fastest for it: noise on the momentum alone, no product
with zeros, `UnsafeBrownianPath`, and only the end kept where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from verification.performance.claims import Measure, at_least, at_most
from verification.performance.one_chain import LEVEL, H, compiled, ours, slope
from verification.performance.timing import Case

GROUP = "diffrax"
EM, STEP = "sdekit EM", "diffrax's Euler step in our loop"
SOLVE = "diffeqsolve, Euler, UnsafeBrownianPath, end kept"


class MomentumNoise(diffrax.AbstractTerm):
    """Additive noise of the momentum, state (theta, p, xi)."""

    path: diffrax.AbstractPath

    def vf(self, t: Any, y: Any, args: Any) -> Array:
        return jnp.asarray(np.sqrt(2 * LEVEL), jnp.float32)

    def contr(self, t0: Any, t1: Any, **rest: Any) -> Any:
        return self.path.evaluate(t0, t1, **rest)

    def prod(self, vf: Any, control: Any) -> Any:
        zero = jnp.zeros_like(control)
        return zero, vf * control, zero


def drift(t: Any, y: Any, args: Any) -> Any:
    q, p, xi = y
    return p, -slope(q) - xi * p, p * p - 1


def solved(steps: int, saveat: diffrax.SaveAt) -> Callable[[], object]:
    """`diffeqsolve` over so many steps."""
    shape = jax.ShapeDtypeStruct((), jnp.float32)

    def run(key: Array) -> Any:
        noise = MomentumNoise(diffrax.UnsafeBrownianPath(shape, key))
        return diffrax.diffeqsolve(
            diffrax.MultiTerm(diffrax.ODETerm(drift), noise), diffrax.Euler(), 0.0, steps * H, H,
            (jnp.zeros(()), jnp.zeros(()), jnp.asarray(LEVEL)), saveat=saveat,
            # Time in single precision drifts, so that a few steps more may be taken.
            max_steps=steps + 10, adjoint=diffrax.DirectAdjoint(),
        ).ys  # fmt: skip

    return compiled(run, jax.random.key(0))


def cases(quick: bool) -> list[Case]:
    """All cases of the group."""
    steps = 10**5 if quick else 10**6
    slow = steps // 20
    return [
        Case(EM, ours("EM", "float32", steps), steps),
        Case(STEP, ours("euler", "float32", steps), steps),
        Case(SOLVE, solved(slow, diffrax.SaveAt(t1=True)), slow),
        Case("diffeqsolve, the same, every step kept",
             solved(slow, diffrax.SaveAt(steps=True)), slow),
    ]  # fmt: skip


def measures() -> list[Measure]:
    """Both measures."""
    return [
        at_most("diffrax's Euler step in our loop, cost over our own step", GROUP, STEP, EM, 1.2),
        at_least(
            "diffrax's step in our loop, every step kept, faster than diffeqsolve with "
            "UnsafeBrownianPath, the end kept",
            GROUP, SOLVE, STEP, 15,
        ),
    ]  # fmt: skip
