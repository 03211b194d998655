"""Two measures of the least-squares flow: exact moments against replicas, and one noisy step.

1. Exact covariance at 200 times for n = 1000, p = 100 against simulated replicas over the same 200
   steps. Replicas are counted twice: 20,000, and as many as the measured standard error of the
   trace needs for 1 %: a trace over 100 coordinates averages, so that is far fewer.
2. One Euler-Maruyama step with the factored noise against one full-gradient step
   X^T (X beta - y), with `jax.random` normals and with fast ones, and against the noise by a
   Cholesky root of Q at every step (float32, one path, a compiled loop).

Times are processor time of one thread, so that waiting for a busy core does not count. Cases are
interleaved in rounds; the targets are judged by the median of the ratio over rounds, its quartiles
and the ratio of the smallest times stand beside it, and the load of the machine. Run it on one
thread, or waiting threads count as work: OPENBLAS_NUM_THREADS=1 PJRT_NPROC=1.
"""

from __future__ import annotations

import os
import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from _results import Report, arguments, table
from jax import lax

from sdekit.simulation.loop.compiled_loop import compiler_options
from sdekit.theory import LeastSquaresFlow
from sdekit.theory.least_squares.jax_paths import fast_normals
from sdekit.theory.least_squares.jax_paths import simulate as simulate_jax
from sdekit.theory.least_squares.paths import simulate

SEED = 0
REPLICAS = 20_000
TIMES = 200


def problem(n, p, dtype=np.float64):
    rng = np.random.default_rng(SEED)
    design = rng.standard_normal((n, p), dtype=np.float32).astype(dtype)
    signal = rng.normal(size=p).astype(dtype) / dtype(np.sqrt(p))
    y = design @ signal + rng.standard_normal(n, dtype=np.float32).astype(dtype)
    return design, y


def seconds(function):
    """Seconds of processor time, and the value: waiting for a busy core does not count."""
    begin = time.process_time()
    value = function()
    return time.process_time() - begin, value


def moments_against_replicas(report, options):
    n, p = (300, 30) if options.quick else (1000, 100)
    paths = 200 if options.quick else 400
    design, y = problem(n, p)
    flow = LeastSquaresFlow(design, y, batch_size=10, step_size=0.02)
    times = flow.step_size * np.arange(1, TIMES + 1)
    rows = {"n": n, "p": p, "times": TIMES, "step": flow.step_size}
    exact_seconds = []
    for tolerance in (1e-6, 1e-3):
        spent = [seconds(lambda t=tolerance: flow.covariance(times, t)) for _ in range(3)]
        exact_seconds.append(min(s for s, _ in spent))
        rows[f"seconds_exact_tolerance_{tolerance:g}"] = exact_seconds[-1]
        if tolerance == 1e-6:
            exact = np.trace(spent[0][1], axis1=1, axis2=2)
        else:
            coarse = np.trace(spent[0][1], axis1=1, axis2=2)
            rows["error_of_the_coarse_tolerance"] = np.max(np.abs(coarse / exact - 1))
    rows["seconds_exact_trace_only"] = min(
        seconds(lambda: flow.covariance_trace(times, 1e-3))[0] for _ in range(3)
    )

    def batch(count, seed):
        return simulate(
            flow, "midpoint", steps=TIMES, paths=count, seed=seed,
            record=[TIMES // 4, TIMES // 2, TIMES],
        )  # fmt: skip

    numpy_seconds, sample = seconds(lambda: batch(paths, SEED))
    trace, error = sample.trace()
    kept = exact[[TIMES // 4 - 1, TIMES // 2 - 1, TIMES - 1]]
    rows["z_of_the_trace"] = (trace - kept) / error
    relative = float((error / trace).max() * np.sqrt(paths))
    needed = int(np.ceil((relative / 0.01) ** 2))

    def device(count):
        data = LeastSquaresFlow(
            jnp.asarray(design), jnp.asarray(y), batch_size=10, step_size=flow.step_size
        )
        return lambda: simulate_jax(
            data, "euler-maruyama", steps=TIMES, paths=count, key=jax.random.key(SEED),
            normals=fast_normals,
        ).block_until_ready()  # fmt: skip

    run = device(paths)
    run()
    jax_seconds = min(seconds(run)[0] for _ in range(3))
    per_path = {"numpy midpoint": numpy_seconds / paths, "jax euler float32": jax_seconds / paths}
    rows["seconds_per_replica"] = per_path
    rows["replicas_timed"] = paths
    rows["replicas_needed_for_1_percent_of_the_trace"] = needed
    for name, each in per_path.items():
        rows[f"speed-up over 20,000 replicas, {name}"] = each * REPLICAS / exact_seconds[0]
        rows[f"speed-up over the replicas needed, {name}"] = each * needed / exact_seconds[1]
    rows["target"] = "50 times 20,000 replicas; within 4 standard errors"
    rows["target_met"] = bool(
        min(per_path.values()) * REPLICAS / exact_seconds[0] >= 50
        and np.abs(rows["z_of_the_trace"]).max() < 4
    )
    report.add("exact moments against replicas", rows)


def rival_loops(n, p, step, noise_scale):
    """Compiled loops (x, y, count) to beta: the plain gradient step, and noise by a matrix root."""
    key = jax.random.key(SEED)

    def gradient(i, beta, x, y):
        return beta + (step / n) * ((y - x @ beta) @ x)

    def rooted(i, beta, x, y):
        residual = y - x @ beta
        drift = residual @ x / n
        q = (x * (residual**2)[:, None]).T @ x / n - jnp.outer(drift, drift)
        root = jnp.linalg.cholesky(q + 1e-6 * jnp.eye(p, dtype=x.dtype))
        z = jax.random.normal(jax.random.fold_in(key, i), (p,), jnp.float32)
        return beta + step * drift + jnp.float32(np.sqrt(step * noise_scale)) * (root @ z)

    def loop(one):
        def run(x, y, count):
            return lax.fori_loop(
                0, count, lambda i, beta: one(i, beta, x, y), jnp.zeros(p, jnp.float32)
            )

        # The same options as the flow's own loop, or the comparison would favour it.
        return jax.jit(run, compiler_options=compiler_options())

    return loop(gradient), loop(rooted)


def noisy_step(report, n, p, count, rounds, roots):
    design, y = (jnp.asarray(part) for part in problem(n, p, np.float32))
    flow = LeastSquaresFlow(design, y, batch_size=10, step_size=0.1 / p)
    gradient, rooted = rival_loops(n, p, flow.step_size, flow.noise_scale)

    def factored(normals):
        return simulate_jax(
            flow, "euler-maruyama", steps=count, paths=1, key=jax.random.key(SEED),
            normals=normals,
        )  # fmt: skip

    loops = {
        "gradient": (lambda: gradient(design, y, count), count),
        "factored, jax.random": (lambda: factored(jax.random.normal), count),
        "factored, fast normals": (lambda: factored(fast_normals), count),
        "matrix root": (lambda: rooted(design, y, roots), roots),
    }
    for run, _ in loops.values():
        run().block_until_ready()
    spent = {name: [] for name in loops}
    for index in range(rounds):
        for name in list(loops)[:: 1 if index % 2 == 0 else -1]:
            run, steps = loops[name]
            taken, _ = seconds(lambda run=run: run().block_until_ready())
            spent[name].append(taken / steps)
    smallest = {name: min(values) for name, values in spent.items()}
    best = {name: value / smallest["gradient"] for name, value in smallest.items()}
    base = np.array(spent["gradient"])
    ratios = {name: np.array(values) / base for name, values in spent.items()}
    rows = {
        "microseconds_per_step_smallest": {name: 1e6 * v for name, v in smallest.items()},
        "ratio_to_gradient_of_smallest": best,
        "ratio_to_gradient_median": {name: np.median(v) for name, v in ratios.items()},
        "ratio_quartiles": {name: np.percentile(v, [25, 75]) for name, v in ratios.items()},
        "targets": {"factored, jax.random": 2.2, "factored, fast normals": 1.5},
    }
    rows["targets_met"] = {
        name: bool(rows["ratio_to_gradient_median"][name] <= limit)
        for name, limit in rows["targets"].items()
    }
    report.add(f"one step, n={n}, p={p}", rows)
    return rows["ratio_to_gradient_median"]


def tables(results):
    """Ratios of one step, and the speed-up of exact moments."""
    steps = {name: row for name, row in results.items() if name.startswith("one step")}
    first = next(iter(steps.values()))["ratio_to_gradient_median"]
    text = table(
        "One step over one full-gradient step: median [quartiles], processor time",
        ["case", *steps],
        [
            [case]
            + [
                f"{row['ratio_to_gradient_median'][case]:.2f} "
                f"[{row['ratio_quartiles'][case][0]:.2f}, {row['ratio_quartiles'][case][1]:.2f}]"
                for row in steps.values()
            ]
            for case in first
        ],
    )
    moments = results["exact moments against replicas"]
    return text + table(
        f"Exact moments at {moments['times']} times, n={moments['n']}, p={moments['p']}",
        ["quantity", "value"],
        [
            [name, value]
            for name, value in moments.items()
            if name.startswith(("speed-up", "seconds_exact", "replicas"))
        ],
    )


def main():
    options = arguments(__doc__)
    report = Report("flow_performance", options, SEED)
    report.add("load average at the start", os.getloadavg())
    threads = ("OPENBLAS_NUM_THREADS", "PJRT_NPROC")
    report.add("threads", {name: os.environ.get(name) for name in threads})
    moments_against_replicas(report, options)
    medians = {}
    small = (1000, 10, 20) if options.quick else (3000, 40, 100)
    medians["n=1000, p=100"] = noisy_step(report, 1000, 100, *small)
    large = (10_000, 100) if options.quick else (100_000, 500)
    medians[f"n={large[0]}, p={large[1]}"] = noisy_step(
        report, *large, *((20, 6, 2) if options.quick else (10, 8, 1))
    )
    report.add("load average at the end", os.getloadavg())
    figure, axis = plt.subplots(figsize=(8, 4))
    names = list(next(iter(medians.values())))
    for offset, (title, values) in enumerate(medians.items()):
        axis.barh(np.arange(len(names)) + 0.4 * offset, list(values.values()), 0.38, label=title)
    axis.set_yticks(np.arange(len(names)) + 0.2, names)
    axis.set(xscale="log", xlabel="time of one step / full-gradient step")
    for limit in (1.5, 2.2):
        axis.axvline(limit, color="k", lw=0.6, ls=":")
    axis.legend()
    report.write(figure, tables(report.content["results"]))


if __name__ == "__main__":
    main()
