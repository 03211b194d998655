"""Step functions of the zoo: the mistakes of shipped samplers re-written, and BlackJAX as it is.

Not for judging them (`zoo`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import blackjax.sgmcmc.diffusions as diffusions
import jax
import jax.numpy as jnp
import numpy as np

import sdekit as sk

FRICTION, TAU, MU, SIZE = 4.0, 0.25, 1.0, 2


def quartic(theta):
    return jnp.sum(theta**4) / 4 + jnp.sum(theta**2) / 2


def normal(theta):
    return jnp.sum(theta**2) / 2


@dataclass(frozen=True)
class Case:
    """A step function with the SDE it claims to be.

    Attributes:
        name: Package and what it does.
        build: potential -> step(key, state, h) on blocks by name.
        dynamics: The claim.
        parameters: Its parameters.
        is_right: Whether the step is the SDE.
        options: Further arguments of the audit.
        seen: What the package was seen to do on a standard normal target.
        shows_in_one_step: Whether one step from a fresh state shows what is wrong.
    """

    name: str
    build: Callable[[Callable], Callable]
    dynamics: sk.Dynamics
    parameters: dict[str, float]
    is_right: bool
    options: dict[str, Any] = field(default_factory=dict)
    seen: str = ""
    shows_in_one_step: bool = True

    @property
    def has_potential(self) -> bool:
        """Whether the step takes a potential at all."""
        return any(function.name == "U" for function in self.dynamics.functions)


def frozen(potential):
    """SGMCMCJax 0.2.13 passes (update1, update1): the position it returns never changes."""

    def step(key, state, h):
        noise = jnp.sqrt(2 * FRICTION * h) * jax.random.normal(key, state["p"].shape)
        gradient = jax.grad(potential)(state["theta"])
        return {**state, "p": (1 - FRICTION * h) * state["p"] - h * gradient + noise}

    return step


def badodab_norm(potential):
    """SGMCMCJax (development version): norm(v) - v.size drives the thermostat."""

    def step(key, state, h):
        theta, p, xi = state["theta"], state["p"], state["xi"]
        p = p - h / 2 * jax.grad(potential)(theta)
        theta = theta + h / 2 * p
        xi = xi + h / 2 * (jnp.sqrt(p @ p) - p.size) / MU
        decay = jnp.exp(-xi * h)
        variance = FRICTION * jnp.where(jnp.abs(xi) < 1e-4, 2 * h, -jnp.expm1(-2 * xi * h) / xi)
        p = decay * p + jnp.sqrt(variance) * jax.random.normal(key, p.shape)
        xi = xi + h / 2 * (jnp.sqrt(p @ p) - p.size) / MU
        theta = theta + h / 2 * p
        return {"theta": theta, "p": p - h / 2 * jax.grad(potential)(theta), "xi": xi}

    return step


def baoab(noise_scale):
    """BAOAB with the noise of its O part multiplied by `noise_scale`."""

    def build(potential):
        def step(key, state, h):
            theta, p = state["theta"], state["p"]
            p = p - h / 2 * jax.grad(potential)(theta)
            theta = theta + h / 2 * p
            decay = jnp.exp(-FRICTION * h)
            noise = noise_scale * jnp.sqrt(1 - decay**2) * jax.random.normal(key, p.shape)
            p = decay * p + noise
            theta = theta + h / 2 * p
            return {"theta": theta, "p": p - h / 2 * jax.grad(potential)(theta)}

        return step

    return build


def friction_leapfrog(potential):
    """jax-sgmc 0.1.5: noise friction*sqrt(2 h) where sqrt(2*friction*h) belongs."""

    def step(key, state, h):
        theta = state["theta"] + h * state["p"]
        noise = FRICTION * jnp.sqrt(2 * h) * jax.random.normal(key, theta.shape)
        p = state["p"] - h * jax.grad(potential)(theta) - h * FRICTION * state["p"] + noise
        return {"theta": theta, "p": p}

    return step


def psgld(potential):
    """SGMCMCJax and jax-sgmc: a preconditioner G(theta) without the drift div G."""

    def step(key, state, h):
        theta = state["theta"]
        G = preconditioner(theta)
        noise = jnp.sqrt(2 * G * h) * jax.random.normal(key, theta.shape)
        return {"theta": theta - h * G * jax.grad(potential)(theta) + noise}

    return step


def preconditioner(theta):
    return 1 / (0.5 + theta**2)


DRIFT = np.array([[1.0, 3.0], [0.0, 1.5]])


def thermox(_potential):
    """thermox 0.0.6: the covariance of a step from the eigenvalues of (A + A^T)/2."""
    values, vectors = np.linalg.eigh((DRIFT + DRIFT.T) / 2)

    def step(key, state, h):
        spread = jnp.asarray(vectors) * jnp.sqrt((1 - jnp.exp(-2 * values * h)) / values)
        z = jax.scipy.linalg.expm(-jnp.asarray(DRIFT) * h) @ jnp.stack([state["x"], state["y"]])
        z = z + spread @ jax.random.normal(key, (2,))
        return {"x": z[0], "y": z[1]}

    return step


def blackjax_sgld(potential):
    solver = diffusions.overdamped_langevin()

    def step(key, state, h):
        return {"theta": solver(key, state["theta"], -jax.grad(potential)(state["theta"]), h)}

    return step


def blackjax_sghmc(potential):
    solver = diffusions.sghmc(alpha=FRICTION)

    def step(key, state, h):
        gradient = -jax.grad(potential)(state["theta"])
        theta, p = solver(key, state["theta"], state["p"], gradient, h)
        return {"theta": theta, "p": p}

    return step


def blackjax_sgnht(potential):
    solver = diffusions.sgnht(alpha=FRICTION)

    def step(key, state, h):
        gradient = -jax.grad(potential)(state["theta"])
        theta, p, xi = solver(key, state["theta"], state["p"], state["xi"], gradient, h)
        return {"theta": theta, "p": p, "xi": xi}

    return step


def key_twice(potential):
    """Euler-Maruyama that draws every second noise from the key of the step before."""

    def step(key, state, h):
        theta, (count, old) = state
        bits = jnp.where(count % 2 == 1, old, jax.random.key_data(key))
        noise = jax.random.normal(jax.random.wrap_key_data(bits), theta.shape)
        theta = theta - h * jax.grad(potential)(theta) + jnp.sqrt(2 * h) * noise
        return theta, (count + 1, bits)

    return step


WITH_KEY = {
    "to_state": lambda blocks: (blocks["theta"], (jnp.int32(0), jnp.zeros(2, dtype=jnp.uint32))),
    "from_state": lambda state: {"theta": state[0]},
}


def preconditioned() -> sk.Dynamics:
    n = sk.dim("n")
    theta = sk.vector("theta", n)
    U, G = sk.potential("U", theta), sk.function("G", theta, shape=(n,), positive=True)
    drift = sk.div(sk.diag(G), theta) - G * sk.grad(U, theta)
    return sk.Dynamics({theta: drift}, {theta: sk.diag(G)}, hamiltonian=U)


def linear() -> sk.Dynamics:
    x, y = sk.scalar("x"), sk.scalar("y")
    return sk.Dynamics({x: -x - 3 * y, y: -3 * y / 2}, {x: 1, y: 1})


def cases() -> list[Case]:
    langevin, physical = sk.catalog.get("langevin"), sk.catalog.get("langevin-physical")
    sgnht, paper = sk.catalog.get("sgnht"), sk.catalog.get("sgnht-paper")
    A = {"A": FRICTION}
    warm = {"m": 1.0, "lam": FRICTION, "kT": TAU}
    return [
        Case("SGMCMCJax 0.2.13 BAOAB, (update1, update1)", frozen, langevin, A, False, {},
             "constant, variance 0.0000"),
        Case("SGMCMCJax badodab, norm(v) for its square", badodab_norm, sgnht, {**A, "mu": MU},
             False, {}, "variance 1.70 (d = 1), 4.70 (d = 4)"),
        Case("SGMCMCJax baoab(tau), noise tau for sqrt(tau)", baoab(TAU), physical, warm, False, {},
             "tau = 0.25 gives variance tau**2 = 0.0625"),
        Case("jax-sgmc SGHMC, noise friction for its root", friction_leapfrog, langevin, A, False,
             {}, "friction 4 gives variance 3.92"),
        Case("pSGLD without div G", psgld, preconditioned(), {}, False,
             {"functions": {"G": preconditioner}}, "a known approximation"),
        Case("thermox 0.0.6, one step of an OU process", thermox, linear(), {}, False,
             {"exact": True, "step_size": 1.0}, "covariance [[4.30, -1.53], [-1.53, 1.39]]"),
        Case("Euler-Maruyama that uses each key twice", key_twice, sk.catalog.get("overdamped"), {},
             False, WITH_KEY, shows_in_one_step=False),
        Case("BAOAB as published", baoab(np.sqrt(TAU)), physical, warm, True),
        Case("BlackJAX sgld", blackjax_sgld, sk.catalog.get("overdamped"), {}, True),
        Case("BlackJAX sghmc, the step inside", blackjax_sghmc, langevin, A, True),
        Case("BlackJAX sgnht", blackjax_sgnht, paper, A, True),
    ]  # fmt: skip
