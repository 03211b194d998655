"""One chain of the double well by the thermostat, every position kept; times per step.

The peers take the fastest form that their users can write: BlackJAX in a scan over keys that were
split before, Numba with the fastest generator of NumPy. SGMCMCJax no longer imports; its loop
(key in the carry, one split for the step and one inside) is written anew from its sources.

Not for torch (`torch_peers`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import sdekit as sk
from verification.performance.claims import Measure, at_least, at_most
from verification.performance.timing import Case

GROUP = "one chain"
H = 0.01
LEVEL = 1.0  # of the noise, and start of the thermostat


def double_well(q: Any) -> Any:
    return (q**4 + q**3 - 13 * q**2 - q + 12) / 14 + 0.5


def slope(q: Any) -> Any:
    return (((4 * q + 3) * q - 26) * q - 1) / 14


def thermostat() -> sk.Dynamics:
    """SGNHT with scalar blocks."""
    theta, p, xi = sk.scalar("theta"), sk.scalar("p"), sk.scalar("xi")
    level, mu = sk.parameter("A", positive=True), sk.parameter("mu", positive=True)
    u = sk.potential("U", theta)
    return sk.Dynamics(
        drift={theta: p, p: -sk.grad(u, theta) - xi * p, xi: (p * p - 1) / mu},
        diffusion={p: level},
        hamiltonian=u + p**2 / 2 + mu * (xi - level) ** 2 / 2,
        target=u,
    )


def ours(scheme: str, precision: str, steps: int) -> Callable[[], object]:
    """`simulate`, from its call to the arrays."""
    sampler = sk.sampler(
        thermostat(), potential=double_well, parameters={"A": LEVEL, "mu": 1.0}, scheme=scheme,
        precision=precision,
    )  # fmt: skip
    return lambda: sk.simulate(sampler, 0.0, step_size=H, steps=steps, record=["theta"])


def compiled(run: Callable[..., Any], *arguments: Any) -> Callable[[], object]:
    """A call of a jitted function that waits for its result."""
    of_arguments = jax.jit(run)
    return lambda: jax.block_until_ready(of_arguments(*arguments))


def doubled(make: Callable[[], Callable[[], object]]) -> Callable[[], object]:
    """The same in JAX's 64-bit mode, where it must be made as well as run."""
    with jax.enable_x64(True):
        run = make()

    def call() -> object:
        with jax.enable_x64(True):
            return run()

    return call


def blackjax_thermostat(steps: int, dtype: Any) -> Callable[[], object]:
    """BlackJAX's `sgnht` in a scan over split keys; unrolled twice it takes seven times longer."""
    import blackjax

    algorithm = blackjax.sgnht(lambda q, batch: -slope(q), alpha=LEVEL, beta=0.0)

    def run(key: jax.Array) -> jax.Array:
        first, rest = jax.random.split(key)
        state = algorithm.init(jnp.asarray(0.0, dtype), first)
        state = state._replace(xi=jnp.asarray(LEVEL, dtype))

        def one(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            state = algorithm.step(key, state, 0.0, H)
            return state, state.position

        return lax.scan(one, state, jax.random.split(rest, steps))[1]

    return compiled(run, jax.random.key(0))


State = tuple[jax.Array, jax.Array, jax.Array]


def euler(state: State, z: jax.Array) -> tuple[State, jax.Array]:
    """One step of the thermostat with its noise given, and the position."""
    q, p, xi = state
    moved = q + H * p
    p = p - xi * p * H - slope(q) * H + np.sqrt(2 * LEVEL * H).astype(z.dtype) * z
    return (moved, p, xi + (p * p - 1) * H), moved


def start(dtype: Any) -> State:
    return jnp.asarray(0.0, dtype), jnp.asarray(0.0, dtype), jnp.asarray(LEVEL, dtype)


def noise_up_front(steps: int, dtype: Any) -> Callable[[], object]:
    """A scan by hand over normals that `jax.random` draws in one call."""
    return compiled(
        lambda key: lax.scan(euler, start(dtype), jax.random.normal(key, (steps,), dtype))[1],
        jax.random.key(0),
    )


def noise_given(steps: int, dtype: Any) -> Callable[[], object]:
    """A scan by hand over normals that are there already: the step alone."""
    normals = jax.random.normal(jax.random.key(0), (steps,), dtype)
    return compiled(lambda z: lax.scan(euler, start(dtype), z)[1], normals)


def sgmcmcjax_thermostat(steps: int, dtype: Any) -> Callable[[], object]:
    """SGMCMCJax's loop: the key is carried along and split in every step."""

    def one(carry: Any, number: jax.Array) -> tuple[Any, jax.Array]:
        key, state = carry
        key, own = jax.random.split(key)
        _, second = jax.random.split(own)
        # One key for each leaf of the position, though there is only one leaf.
        (leaf,) = jax.random.split(second, 1)
        state, position = euler(state, jax.random.normal(leaf, (), dtype))
        return (key, state), position

    return compiled(
        lambda key: lax.scan(one, (key, start(dtype)), jnp.arange(steps))[1], jax.random.key(0)
    )


def normals_up_front(steps: int) -> Callable[[], object]:
    return compiled(lambda key: jax.random.normal(key, (steps,)), jax.random.key(0))


def numba_loop(steps: int) -> Callable[[], object]:
    """The recursion by hand in Numba, in double precision as NumPy's generators are there."""
    import numba

    @numba.njit
    def run(generator: Any, h: float, out: np.ndarray) -> None:
        q, p, xi, spread = 0.0, 0.0, LEVEL, np.sqrt(2 * LEVEL * h)
        for i in range(out.size):
            gradient = (((4 * q + 3) * q - 26) * q - 1) / 14
            p = p - xi * p * h - gradient * h + spread * generator.standard_normal()
            q = q + p * h
            xi = xi + (p * p - 1) * h
            out[i] = q

    generator, out = np.random.Generator(np.random.SFC64(1)), np.empty(steps)
    return lambda: run(generator, H, out)


def python_loop(steps: int) -> Callable[[], object]:
    """Python numbers and NumPy's normals."""
    generator, spread = np.random.Generator(np.random.SFC64(1)), float(np.sqrt(2 * LEVEL * H))

    def run() -> list[float]:
        q, p, xi, kept = 0.0, 0.0, LEVEL, []
        for z in generator.standard_normal(steps).tolist():
            p = p - xi * p * H - slope(q) * H + spread * z
            q = q + p * H
            xi = xi + (p * p - 1) * H
            kept.append(q)
        return kept

    return run


def numpy_loop(steps: int) -> Callable[[], object]:
    """A NumPy array for each state."""
    generator, spread = np.random.Generator(np.random.SFC64(1)), np.sqrt(2 * LEVEL * H)

    def run() -> np.ndarray:
        state, kept = np.array([0.0, 0.0, LEVEL]), np.empty((steps, 3))
        for i in range(steps):
            q, p, xi = state
            drift = np.array([p, -slope(q) - xi * p, p * p - 1])
            state = state + H * drift + np.array([0, spread * generator.standard_normal(), 0])
            kept[i] = state
        return kept

    return run


def cases(quick: bool) -> tuple[list[Case], list[str]]:
    """The cases, and lines about what is missing."""
    steps = 10**5 if quick else 10**6
    slow = steps // 20
    single, double = np.float32, np.float64
    made = [
        Case(f"sdekit {scheme} {precision}", ours(scheme, precision, steps), steps)
        for precision in ("float32", "float64")
        for scheme in ("Algorithm1", "BADODAB", "EM")
    ]
    made += [
        Case("BlackJAX sgnht float32", blackjax_thermostat(steps, single), steps),
        Case("BlackJAX sgnht float64", doubled(lambda: blackjax_thermostat(steps, double)), steps),
        Case("scan, noise up front, float32", noise_up_front(steps, single), steps),
        Case(
            "scan, noise up front, float64", doubled(lambda: noise_up_front(steps, double)), steps
        ),
        Case("SGMCMCJax's loop float32", sgmcmcjax_thermostat(slow, single), slow),
        Case("NumPy array for each step", numpy_loop(slow), slow),
        Case("Python numbers, NumPy normals", python_loop(slow), slow),
        Case("limit: step alone, noise given, float32", noise_given(steps, single), steps),
        Case("limit: normals alone, jax.random, float32", normals_up_front(steps), steps),
    ]
    if find_spec("numba") is None:
        return made, ["Numba is not installed: its loop is left out."]
    return [*made, Case(NUMBA, numba_loop(steps), steps)], []


NUMBA = "Numba loop, SFC64, float64"
FIRST = "sdekit Algorithm1 float32"


def measures(present: Sequence[str]) -> list[Measure]:
    """The measures whose cases are there."""
    found = [
        at_least(
            "One chain, double well by Algorithm 1, float32, every step kept, faster than "
            "BlackJAX's sgnht in a scan over split keys",
            GROUP, "BlackJAX sgnht float32", FIRST, 10,
        ),
        at_least(
            "One chain, Algorithm 1, float32, faster than a Numba loop with NumPy's SFC64",
            GROUP, NUMBA, FIRST, 1.4,
        ),
        at_least(
            "One chain, Algorithm 1, float64, faster than BlackJAX in float64",
            GROUP, "BlackJAX sgnht float64", "sdekit Algorithm1 float64", 4,
        ),
        at_most(
            "One chain, cost of BADODAB over that of Algorithm 1, float32",
            GROUP, "sdekit BADODAB float32", FIRST, 3,
        ),
    ]  # fmt: skip
    return [measure for measure in found if {measure.over, measure.under} <= set(present)]
