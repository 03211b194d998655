"""Speed of the runner beside other tools, in one process, case by case in turns.

    PJRT_NPROC=1 python verification/performance.py [--quick]

Groups: one chain (double-well thermostat, every step kept), many chains (Langevin, Gaussian
target), minibatches (logistic regression), diffrax's step inside our loop, two forced host devices
(a process of its own). Times are processor time of one thread, the smallest over rounds taken in
turns, so that waiting for a busy core does not count; run it with PJRT_NPROC=1, or waiting threads
count as work. Ratios carry over to other machines, absolute times do not. Every case includes what
its user pays: our own cases run `sk.simulate` from its call to the arrays.

Writes results/performance.json and results/performance.png.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from _results import Report, arguments, table
from jax import lax

import sdekit as sk
from sdekit import catalog
from sdekit.simulate.loop import compiler_options
from sdekit.simulate.noise import NORMALS, NoiseSource, chain_keys

H = 0.01


@dataclass
class Case:
    """Something to time.

    Args:
        name: For the table.
        run: Does the work once and waits for it.
        work: Units of work of one call.
    """

    name: str
    run: Callable[[], object]
    work: float


def measured(cases, rounds):
    """Nanoseconds of processor time per unit: smallest and median over rounds, in turns."""
    for case in cases:
        case.run()
    spent = {case.name: [] for case in cases}
    for number in range(rounds):
        for case in cases if number % 2 == 0 else cases[::-1]:
            begin = time.process_time()
            case.run()
            spent[case.name].append((time.process_time() - begin) / case.work * 1e9)
    return {
        name: {"smallest": min(times), "median": float(np.median(times))}
        for name, times in spent.items()
    }


def double_well(q):
    return (q**4 + q**3 - 13 * q**2 - q + 12) / 14 + 0.5


def thermostat():
    theta, p, xi = sk.scalar("theta"), sk.scalar("p"), sk.scalar("xi")
    level, mu = sk.parameter("A", positive=True), sk.parameter("mu", positive=True)
    u = sk.potential("U", theta)
    return sk.Dynamics(
        drift={theta: p, p: -sk.grad(u, theta) - xi * p, xi: (p * p - 1) / mu},
        diffusion={p: level},
        hamiltonian=u + p**2 / 2 + mu * (xi - level) ** 2 / 2,
        target=u,
    )


def blackjax_one_chain(steps, dtype):
    import blackjax

    slope = jax.grad(double_well)
    algorithm = blackjax.sgnht(lambda q, batch: -slope(q), alpha=1.0, beta=0.0)

    def run(key):
        first, rest = jax.random.split(key)
        state = algorithm.init(jnp.asarray(0.0, dtype), first)

        def one(state, key):
            state = algorithm.step(key, state, 0.0, H)
            return state, state.position

        return lax.scan(one, state, jax.random.split(rest, steps))[1]

    compiled = jax.jit(run)
    return lambda: jax.block_until_ready(compiled(jax.random.key(0)))


def numba_one_chain(steps):
    import numba

    @numba.njit
    def run(generator, h, out):
        q, p, xi, spread = 0.0, 0.0, 1.0, np.sqrt(2 * h)
        for i in range(out.size):
            slope = (((4 * q + 3) * q - 26) * q - 1) / 14
            p = p - xi * p * h - slope * h + spread * generator.standard_normal()
            q = q + p * h
            xi = xi + (p * p - 1) * h
            out[i] = q

    generator, out = np.random.Generator(np.random.SFC64(1)), np.empty(steps)
    return lambda: run(generator, H, out)


def one_chain(steps):
    dynamics = thermostat()
    cases = []
    for precision in ("float32", "float64"):
        for scheme in ("Algorithm1", "BADODAB", "EM"):
            sampler = sk.sampler(
                dynamics, potential=double_well, parameters={"A": 1.0, "mu": 1.0}, scheme=scheme,
                precision=precision,
            )  # fmt: skip

            def ours(sampler=sampler):
                return sk.simulate(sampler, 0.0, step_size=H, steps=steps, record=["theta"])

            cases.append(Case(f"sdekit {scheme} {precision}", ours, steps))
    cases.append(Case("BlackJAX sgnht float32", blackjax_one_chain(steps, np.float32), steps))

    def double(inner=[]):  # noqa: B006 - compiled on the first call, inside the 64-bit mode
        with jax.enable_x64(True):
            if not inner:
                inner.append(blackjax_one_chain(steps, np.float64))
            return inner[0]()

    cases.append(Case("BlackJAX sgnht float64", double, steps))
    cases.append(Case("Numba loop, SFC64, float64", numba_one_chain(steps), steps))
    return cases


def blackjax_many(chains, size, steps, precision):
    from blackjax.sgmcmc.diffusions import sghmc

    integrator, start = sghmc(1.0, 0.0), jnp.zeros((chains, size))

    def run(key):
        def one(state, key):
            q, p = state
            keys = jax.random.split(key, chains)
            step = jax.vmap(lambda k, q, p: integrator(k, q, p, -precision * q, H))
            return step(keys, q, p), None

        return lax.scan(one, (start, start), jax.random.split(key, steps))[0]

    compiled = jax.jit(run)
    return lambda: jax.block_until_ready(compiled(jax.random.key(0)))


def normals_alone(chains, size, steps):
    """The same normals, added up."""
    source = NoiseSource()
    keys = chain_keys(jax.random.key(0), np.arange(chains, dtype=np.uint32), NORMALS)

    def run(keys):
        def one(index, total):
            pairs = source.pairs(keys, index.astype(jnp.uint32), 1, size)[0]
            return total + pairs.real + pairs.imag

        return lax.fori_loop(0, steps // 2, one, jnp.zeros((size, chains)))

    compiled = jax.jit(run, compiler_options=compiler_options())
    return lambda: jax.block_until_ready(compiled(keys))


def many_chains(chains, size, steps):
    precision = jnp.linspace(0.5, 2.0, size)
    work = chains * size * steps
    cases = []
    for scheme in ("Algorithm1", "BAOAB"):
        sampler = sk.sampler(
            catalog.get("langevin"), potential=lambda q: jnp.sum(precision * q * q) / 2,
            parameters={"A": 1.0}, scheme=scheme,
        )  # fmt: skip

        def ours(sampler=sampler):
            return sk.simulate(
                sampler, jnp.zeros(size), step_size=H, steps=steps, thin=steps, chains=chains,
                record=["theta"],
            )  # fmt: skip

        cases.append(Case(f"sdekit {scheme}", ours, work))
    cases.append(Case("BlackJAX sghmc, vmap", blackjax_many(chains, size, steps, precision), work))
    cases.append(Case("normals alone", normals_alone(chains, size, steps), work))
    return cases


def minibatches(rows, columns, batch, steps):
    """Logistic regression: SGLD and the thermostat against BlackJAX's SGLD."""
    import blackjax

    rng = np.random.default_rng(0)
    design = rng.standard_normal((rows, columns)).astype(np.float32)
    labels = (rng.uniform(size=rows) < 0.5).astype(np.float32)

    def log_likelihood(theta, batch):
        x, y = batch
        logits = x @ theta
        return y * logits - jnp.logaddexp(0.0, logits)

    def prior(theta):
        return -jnp.sum(theta**2) / 2

    cases = []
    samplings = {
        "independent": {},
        "without replacement": {"sampling": "without replacement"},
        "epochs": {"sampling": "epochs", "contiguous": True},
    }
    for name, options in samplings.items():
        target = sk.Minibatch(
            prior, log_likelihood, (design, labels), batch, vectorized=True, **options
        )
        for entry, scheme, parameters in (
            ("overdamped", "EM", {}),
            ("sgnht", "BADODAB", {"A": 1.0, "mu": float(columns)}),
        ):
            sampler = sk.sampler(
                catalog.get(entry), potential=target, parameters=parameters, scheme=scheme
            )

            def ours(sampler=sampler):
                return sk.simulate(
                    sampler, jnp.zeros(columns), step_size=1e-6, steps=steps, thin=10,
                    record=["theta"],
                )  # fmt: skip

            cases.append(Case(f"sdekit {entry} {scheme}, {name}", ours, steps))
    data = (jnp.asarray(design), jnp.asarray(labels))

    def slope(theta, rows_of_batch):
        total = jax.grad(lambda t: jnp.sum(log_likelihood(t, rows_of_batch)))(theta)
        return -theta + rows / batch * total

    algorithm = blackjax.sgld(slope)

    def run(key, data):
        def one(theta, key):
            first, second = jax.random.split(key)
            index = jax.random.randint(first, (batch,), 0, rows)
            theta = algorithm.step(second, theta, (data[0][index], data[1][index]), 1e-6)
            return theta, None

        return lax.scan(one, jnp.zeros(columns), jax.random.split(key, steps))[0]

    compiled = jax.jit(run)
    cases.append(
        Case("BlackJAX sgld, randint", lambda: jax.block_until_ready(compiled(KEY, data)), steps)
    )
    return cases


KEY = jax.random.key(0)


def diffrax_steps(steps):
    """diffrax's Euler step as a scheme of our loop against our own, one chain."""
    dynamics = thermostat()
    cases = []
    schemes = (("our own Euler-Maruyama", "EM"), ("diffrax's Euler in our loop", "euler"))
    for name, scheme in schemes:
        sampler = sk.sampler(
            dynamics, potential=double_well, parameters={"A": 1.0, "mu": 1.0}, scheme=scheme
        )

        def ours(sampler=sampler):
            return sk.simulate(sampler, 0.0, step_size=H, steps=steps, record=["theta"])

        cases.append(Case(name, ours, steps))
    return cases


TWO_DEVICES = """
import time, jax.numpy as jnp, sdekit as sk
from sdekit import catalog
sampler = sk.sampler(catalog.get("langevin"), potential=lambda q: jnp.sum(q * q) / 2,
                     parameters={"A": 1.0}, scheme="BAOAB")
def run(devices):
    begin = time.perf_counter()
    sk.simulate(sampler, jnp.zeros(10), step_size=0.01, steps=STEPS, thin=STEPS, chains=1000,
                record=["theta"], devices=devices)
    return time.perf_counter() - begin
run(1), run(2)
print(min(run(1) for _ in range(5)) / min(run(2) for _ in range(5)))
"""


def speed_of_two_devices(steps):
    """Wall time of one device over that of two; needs two idle cores."""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES.replace("STEPS", str(steps))],
        env={**os.environ, "XLA_FLAGS": flags}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def main():
    options = arguments(__doc__ or "")
    rounds, scale = (3, 10) if options.quick else (9, 1)
    groups = {"one chain": one_chain(10**6 // scale)}
    for chains, size, steps in (
        (1000, 1, 20_000), (1000, 10, 2000), (1000, 100, 400), (100_000, 1, 200), (100_000, 10, 40),
    ):  # fmt: skip
        groups[f"{chains} chains x {size}"] = many_chains(chains, size, max(20, steps // scale))
    groups["minibatches"] = minibatches(100_000 // scale, 50, 100, 20_000 // scale)
    groups["diffrax"] = diffrax_steps(10**6 // scale)
    report = Report("performance", options, 0)
    found = {}
    for name, cases in groups.items():
        found[name] = measured(cases, rounds)
        print(name)
        for case, times in found[name].items():
            print(f"  {case:45s} {times['smallest']:10.2f} {times['median']:10.2f} ns")
    report.add("nanoseconds", found)
    report.add("two devices over one", speed_of_two_devices(2000 // scale))
    report.add("load", os.getloadavg())
    figure, axes = plt.subplots(1, len(groups), figsize=(4 * len(groups), 3.5))
    for axis, (name, times) in zip(axes, found.items(), strict=True):
        axis.barh(list(times), [t["smallest"] for t in times.values()])
        axis.set(title=name, xlabel="ns")
        axis.tick_params(labelsize=6)
    report.write(figure, tables(found))


def tables(found):
    """One Markdown table for each group."""
    return "".join(
        table(group, ["case", "ns, smallest", "ns, median"],
              [[case, t["smallest"], t["median"]] for case, t in cases.items()])
        for group, cases in found.items()
    )  # fmt: skip


if __name__ == "__main__":
    main()
