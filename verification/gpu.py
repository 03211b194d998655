"""Langevin, minibatches and the least-squares flow on whatever accelerator is there.

    python -m verification.gpu [--quick] [--out DIR]

Wall time per chain, step and dimension, of warm calls in turns: `sampler.steps` with exact and with
weak noise, a scan written by hand, BlackJAX vmapped, `diffeqsolve` on all chains at once (the two
where they are installed), and a kernel that only copies the state, which bounds every program that
touches memory once a step. Minibatch SGLD and the least-squares flow are timed as they come. The
noise of the accelerator is held against that of the CPU. No case starts after `SECONDS`; what was
left out is named. On a CPU the script runs to show that it does, and claims nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

import sdekit as sk
from sdekit.simulation.loop.compiled_loop import compiler_options
from sdekit.simulation.noise.streams import NORMALS, NoiseSource, chain_keys
from sdekit.theory import LeastSquaresFlow
from sdekit.theory.least_squares.jax_paths import simulate as simulate_flow
from verification._results import Report, arguments, installed, table
from verification.performance.many_chains import FRICTION, H, blackjax_vmapped, moved, stiffness
from verification.performance.one_chain import compiled

#: No case starts later than this after the script did.
SECONDS = 200.0
ROUNDS = 5
#: Chains, dimensions, steps of a call.
SIZES = ((1_000_000, 10, 1000), (100_000, 100, 1000))
QUICK = ((2_000, 10, 20), (500, 100, 20))
#: What is aimed at on an H100: nanoseconds per element, and times faster than `diffeqsolve`.
LEAST, RATIO = 0.02, 50.0
EXACT, WEAK, THEIRS = "sdekit BAOAB", "sdekit BAOAB, weak noise", "diffeqsolve, Euler"


def ours(chains: int, size: int, steps: int, noise: str) -> Callable[[], object]:
    """`sampler.steps` for all chains in one program."""
    k = stiffness(size)
    sampler = sk.sampler(
        sk.catalog.get("langevin"), lambda q: jnp.sum(k * q * q) / 2, {"A": FRICTION}, "BAOAB",
        noise=noise,
    )  # fmt: skip
    keys = jax.random.split(jax.random.key(0), chains)
    begun = jax.jit(jax.vmap(sampler.init))(keys, jnp.zeros((chains, size)))
    run = jax.jit(
        lambda keys, state: sampler.steps(keys, state, H, steps),
        compiler_options=compiler_options(),
    )
    return lambda: jax.block_until_ready(run(keys, begun))


def by_hand(chains: int, size: int, steps: int) -> Callable[[], object]:
    """Chains last, `jax.random`, one scan."""
    begin, k = jnp.zeros((size, chains)), stiffness(size)[:, None]

    def one(state: Any, key: Array) -> Any:
        return moved(*state, k, jax.random.normal(key, begin.shape)), None

    def run(key: Array) -> Any:
        return lax.scan(one, (begin, begin), jax.random.split(key, steps))[0]

    return compiled(run, jax.random.key(0))


def solved(chains: int, size: int, steps: int) -> Callable[[], object]:
    """`diffeqsolve` of all chains as one state."""
    import diffrax

    begin, k = jnp.zeros((size, chains)), stiffness(size)[:, None]
    shape = jax.ShapeDtypeStruct(begin.shape, begin.dtype)
    spread = float(np.sqrt(2 * FRICTION))

    class Noise(diffrax.ControlTerm):
        def prod(self, vf: Any, control: Any) -> Any:
            return jnp.zeros_like(control), spread * control

    def run(key: Array) -> Any:
        path = diffrax.UnsafeBrownianPath(shape, key)
        drift = diffrax.ODETerm(lambda t, y, args: (y[1], -k * y[0] - FRICTION * y[1]))
        return diffrax.diffeqsolve(
            diffrax.MultiTerm(drift, Noise(lambda t, y, args: None, path)), diffrax.Euler(),
            0.0, steps * H, H, (begin, begin), max_steps=steps + 10,
            adjoint=diffrax.DirectAdjoint(),
        ).ys  # fmt: skip

    return compiled(run, jax.random.key(0))


def copied(chains: int, size: int, steps: int) -> Callable[[], object]:
    """Position and momentum read and written once a step, which nothing can do without."""
    state = jnp.ones((2, size, chains))
    return compiled(lambda x: lax.fori_loop(0, steps, lambda i, x: x * (1 + 1e-7), x), state)


def minibatches(quick: bool) -> tuple[Callable[[], object], float]:
    """SGLD on a logistic regression, `simulate` from its call to the arrays."""
    rows, columns, chains, steps = (1000, 10, 10, 20) if quick else (100_000, 50, 1000, 1000)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns)).astype(np.float32)
    y = (rng.random(rows) < 0.5).astype(np.float32)
    target = sk.Minibatch(
        lambda q: -jnp.sum(q**2) / 2,
        lambda q, row: row[1] * (row[0] @ q) - jnp.logaddexp(0.0, row[0] @ q),
        (x, y), 100, vectorized=True,
    )  # fmt: skip
    sampler = sk.sampler(sk.catalog.get("overdamped"), target, {}, "SGLD")

    def run() -> object:
        return sk.simulate(
            sampler, np.zeros(columns, np.float32), step_size=1e-5, steps=steps, thin=steps,
            chains=chains,
        )  # fmt: skip

    return run, chains * steps


def flow(quick: bool) -> tuple[Callable[[], object], float]:
    """Paths of the least-squares flow with the factored noise."""
    n, p, paths, steps = (100, 10, 8, 10) if quick else (10_000, 100, 256, 200)
    rng = np.random.default_rng(0)
    design, y = rng.normal(size=(n, p)).astype(np.float32), rng.normal(size=n).astype(np.float32)
    least = LeastSquaresFlow(jnp.asarray(design), jnp.asarray(y), batch_size=10, step_size=0.01)
    run = lambda: jax.block_until_ready(  # noqa: E731
        simulate_flow(least, "euler-maruyama", steps=steps, paths=paths, key=jax.random.key(0))
    )
    return run, paths * steps


def noise_difference() -> float:
    """Largest difference of 10^5 normals between the accelerator and the CPU."""

    def made(device: Any) -> np.ndarray:
        with jax.default_device(device):
            keys = chain_keys(jax.random.key(1), jnp.arange(1000, dtype=jnp.uint32), NORMALS)
            return np.asarray(jax.jit(lambda k: NoiseSource().normals(k, 0, 10, 10))(keys))

    return float(np.abs(made(jax.devices()[0]) - made(jax.devices("cpu")[0])).max())


def groups(quick: bool) -> Iterator[tuple[str, dict[str, tuple[Callable[[], Any], float]]]]:
    """What makes each call, and its units of work, by group and case."""
    for chains, size, steps in QUICK if quick else SIZES:
        all_of_them, few = (chains, size, steps), (chains, size, max(2, steps // 20))
        made: dict[str, tuple[Callable[[], Any], float]] = {
            EXACT: (lambda a=all_of_them: ours(*a, "threefry-fast"), np.prod(all_of_them)),
            WEAK: (lambda a=all_of_them: ours(*a, "weak"), np.prod(all_of_them)),
            "scan, chains last": (lambda a=few: by_hand(*a), np.prod(few)),
            "limit: copy": (lambda a=all_of_them: copied(*a), np.prod(all_of_them)),
        }
        if installed("blackjax"):
            made["BlackJAX sghmc, vmap"] = (lambda a=few: blackjax_vmapped(*a), np.prod(few))
        if installed("diffrax"):
            made[THEIRS] = (lambda a=few: solved(*a), np.prod(few))
        yield f"Langevin, {chains:,} chains x {size}", made
    for name, make in (("minibatch SGLD", minibatches), ("least-squares flow", flow)):
        yield name, {"sdekit": (lambda m=make: m(quick)[0], make(quick)[1])}


def timed(
    cases: dict[str, tuple[Callable[[], Any], float]], until: float, left_out: list[str]
) -> dict[str, list[float]]:
    """Nanoseconds of wall time per unit of work of each case, in turns."""
    calls = {}
    for name, (make, _) in cases.items():
        if time.perf_counter() > until:
            left_out.append(name)
            continue
        calls[name] = make()
        calls[name]()
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            if time.perf_counter() > until and found[name]:
                continue
            began = time.perf_counter()
            call()
            found[name].append((time.perf_counter() - began) / float(cases[name][1]) * 1e9)
    return found


def main() -> None:
    began = time.perf_counter()
    options = arguments("Speed on the accelerator that is there.")
    report = Report("gpu", options, seed=0)
    device = jax.devices()[0]
    has_accelerator = device.platform != "cpu"
    report.add("device", f"{device.platform}: {device.device_kind}")
    print(f"device: {device.platform}, {device.device_kind}", flush=True)
    rows, left_out = [], []
    for group, cases in groups(options.quick):
        found = timed(cases, began + SECONDS, left_out)
        report.add(group, found)
        middle = {name: float(np.median(times)) for name, times in found.items()}
        rows += [[group, name, middle[name], min(found[name]), max(found[name])] for name in middle]
        print(group, {name: f"{ns:.3g} ns" for name, ns in middle.items()}, flush=True)
        if has_accelerator and {EXACT, THEIRS} <= set(middle):
            ratio = middle[THEIRS] / middle[EXACT]
            report.claim(
                f"{group}: {RATIO:g} times faster than diffeqsolve, {LEAST:g} ns per element",
                f"{ratio:.3g} times, {middle[EXACT]:.3g} ns",
                ratio >= RATIO and middle[EXACT] <= LEAST,
            )  # fmt: skip
    difference = noise_difference()
    report.add("largest difference of normals from those of the CPU", difference)
    report.add("left out for want of time", left_out)
    if has_accelerator:
        told = f"largest difference {difference:.2g}"
        report.claim("The noise is that of the CPU to rounding", told, difference < 1e-5)
    else:
        print("No accelerator is here: no claim is made.")
    text = table("Wall nanoseconds", ["group", "case", "median", "least", "most"], rows)
    report.write(tables=text)


if __name__ == "__main__":
    main()
