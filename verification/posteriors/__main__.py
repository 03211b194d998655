"""`sk.sample` on the posteriors of posteriordb against their reference draws, and against NUTS.

Run `SDEKIT_DATA=... python -m verification.posteriors [--quick] [--nuts] [--parts DIR] [NAME ...]`.
A mean or standard deviation agrees if it differs from the reference by at most the stated bias plus
4.5 combined Monte Carlo errors. Gradient evaluations are counted over all chains, tuning and checks
included; those of NUTS (BlackJAX and NumPyro, 4 chains of 1,000 draws after 1,000 of adaptation)
are its leapfrog steps, adaptation included. Effective draws are those of the worst entry, bulk.
With `--parts` every finished run is kept there, and one that is kept is not run again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import sdekit as sk
from sdekit.diagnostics.draw_statistics import (
    deviation_estimate,
    effective_sample_size,
    mean_estimate,
)
from sdekit.tuning.sampled_target import target_of
from verification._results import Report, arguments
from verification.posteriors.models import Posterior, load, names

QUICK = ("kidiq-kidscore_momiq", "hmm_example-hmm_example")
SEEDS = (1, 2, 3)
LIBRARIES = ("blackjax", "numpyro")
SURE = 4.5
#: At most this many of all posteriors may be refused, with a reason.
MOST_REFUSED = 2


def reported(model: Posterior, position: Any) -> np.ndarray:
    """Draws of the values of the reference, (chain, draw, k)."""
    with jax.enable_x64(True):
        draws = jax.tree.map(jnp.asarray, position)
        return np.asarray(jax.jit(jax.vmap(jax.vmap(model.reported)))(draws))


def against_reference(model: Posterior, values: np.ndarray, bias: float) -> dict[str, Any]:
    """The largest gaps of means and deviations, in what they may be."""
    shares = {}
    for k, name in enumerate(model.parameters):
        known = model.summary[name]
        for kind, estimator in (("mean", mean_estimate), ("sd", deviation_estimate)):
            found = estimator(values[..., k])
            error = SURE * np.hypot(found.standard_error, known[f"mcse_{kind}"])
            gap = abs(found.value - known[kind])
            shares[f"{kind} of {name}"] = float(gap / (bias * known["sd"] + error))
    worst = max(shares, key=lambda name: shares[name])
    return {"worst": worst, "share": shares[worst], "holds": shares[worst] <= 1}


def sampled(model: Posterior, seed: int) -> dict[str, Any]:
    """One default run of `sk.sample`."""
    run = sk.sample(
        log_density=model.log_density, position=model.start, domains=model.domains, seed=seed
    )
    values = reported(model, run.position)
    facts = {
        "verdict": run.verdict, "scheme": run.tuned.scheme, "bias": run.bias, "draws": run.draws,
        "deviation_bias": run.tuned.deviation_bias, "gradients": run.gradients,
        "tuning_gradients": run.tuned.gradients, "seconds": run.seconds, "notes": list(run.notes),
    }  # fmt: skip
    if not np.isfinite(run.bias):
        return {**facts, "bias": None, "deviation_bias": None}
    effective = float(effective_sample_size(values).min())
    facts |= {"effective": effective, "gradients_per_effective_draw": run.gradients / effective}
    bias = max(run.bias, run.tuned.deviation_bias)
    return {**facts, **against_reference(model, values, bias)}


def no_u_turn(model: Posterior, seed: int, library: str, count: int = 1000) -> dict[str, Any]:
    """NUTS with its own adaptation, on the same potential without limits."""
    with jax.enable_x64(True):
        target = target_of(None, model.start, model.domains, log_density=model.log_density)
        draws, gradients = {"blackjax": _blackjax, "numpyro": _numpyro}[library](
            target, seed, count
        )
        position = jax.jit(jax.vmap(jax.vmap(target.position)))(draws)
    values = reported(model, position)
    effective = float(effective_sample_size(values).min())
    found = {"effective": effective, "gradients": gradients}
    return {**found, "gradients_per_effective_draw": gradients / effective}


def _blackjax(target: Any, seed: int, count: int) -> tuple[Any, int]:
    import blackjax

    def log_density(y: Any) -> Any:
        return -target.potential(y)

    adaptation: Any = blackjax.window_adaptation(blackjax.nuts, log_density)

    def chain(key: Any) -> tuple[Any, Any]:
        first, second = jax.random.split(key)
        made: Any = adaptation.run(first, jnp.asarray(target.start), count)
        (state, parameters), info = made
        kernel: Any = blackjax.nuts(log_density, **parameters)

        def one(state: Any, key: Any) -> tuple[Any, Any]:
            told: Any
            state, told = kernel.step(key, state)
            return state, (state.position, told.num_integration_steps)

        _, (draws, steps) = jax.lax.scan(one, state, jax.random.split(second, count))
        return draws, steps.sum() + info.info.num_integration_steps.sum()

    draws, steps = jax.jit(jax.vmap(chain))(jax.random.split(jax.random.key(seed), 4))
    return draws, int(steps.sum())


def _numpyro(target: Any, seed: int, count: int) -> tuple[Any, int]:
    from numpyro.infer import MCMC, NUTS

    run = MCMC(
        NUTS(potential_fn=target.potential), num_warmup=count, num_samples=count, num_chains=4,
        chain_method="vectorized", progress_bar=False,
    )  # fmt: skip
    starts = jnp.tile(jnp.asarray(target.start), (4, 1))
    key = jax.random.key(seed)
    run.warmup(key, init_params=starts, extra_fields=("num_steps",), collect_warmup=True)
    steps = int(run.get_extra_fields()["num_steps"].sum())
    run.run(key, extra_fields=("num_steps",))
    return run.get_samples(group_by_chain=True), steps + int(
        run.get_extra_fields()["num_steps"].sum()
    )


def kept(folder: Path | None, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A result of this folder, or a new one that is written there, with its processor time."""
    path = None if folder is None else folder / f"{name}.json"
    if path is not None and path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    began = time.process_time()
    found = make()
    found["processor_seconds"] = round(time.process_time() - began, 1)
    found = json.loads(json.dumps(found, default=float))
    jax.clear_caches()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), encoding="utf-8")
    return found


def case_of(name: str, seeds: tuple[int, ...], folder: Path | None, nuts: bool) -> dict[str, Any]:
    """All runs of one posterior."""
    model = load(name)
    case: dict[str, Any] = {"check": model.worst_check(), "sdekit": []}
    for seed in seeds:
        found = kept(folder, f"{name}.{seed}", lambda seed=seed: sampled(model, seed))
        case["sdekit"].append(found)
        print(f"{name}, seed {seed}: {found['verdict']}, share {found.get('share', 0):.2f}, "
              f"{found['gradients']} gradients", flush=True)  # fmt: skip
    for library in LIBRARIES if nuts else ():
        case[library] = kept(
            folder, f"{name}.{library}", lambda library=library: no_u_turn(model, 1, library)
        )
    return case


def costs(case: Mapping[str, Any]) -> dict[str, float]:
    """Gradients per effective draw by method; of several seeds the mean."""
    runs = {method: case.get(method, []) for method in ("sdekit", *LIBRARIES)}
    listed = {method: each if isinstance(each, list) else [each] for method, each in runs.items()}
    key = "gradients_per_effective_draw"
    known = {method: [run[key] for run in each if key in run] for method, each in listed.items()}
    return {method: float(np.mean(values)) for method, values in known.items() if values}


def judged(report: Report, cases: Mapping[str, dict[str, Any]]) -> None:
    """The claims, of what was run."""
    runs = [(name, run) for name, case in cases.items() for run in case["sdekit"]]
    refused = sorted({name for name, run in runs if run["verdict"] != "converged"})
    believed = [(name, run) for name, run in runs if run["verdict"] == "converged"]
    wrong = [name for name, run in believed if not run["holds"]]
    checks = all((case["check"] or 0) < 1e-5 for case in cases.values())
    worst = max((run["share"] for _, run in believed), default=0.0)
    report.claim(
        f"{len(cases)} posteriors of posteriordb by sk.sample: means and deviations of converged "
        "runs within the stated bias plus 4.5 Monte Carlo errors of the reference draws",
        f"{len(believed) - len(wrong)} of {len(believed)} runs, at most {worst:.2f} of what is "
        "allowed",
        checks and not wrong,
    )
    report.claim(
        f"At most {MOST_REFUSED} posteriors are not called converged",
        ", ".join(refused) or "none",
        len(refused) <= MOST_REFUSED,
    )
    shares = []
    for _, run in believed:
        sampling = (run["gradients"] - run["tuning_gradients"]) / run["draws"] * 2000
        shares.append(run["tuning_gradients"] / sampling)
    report.claim(
        "Tuning takes at most a fifth of the gradients of 4 x 2,000 draws",
        f"{sum(s <= 0.2 for s in shares)} of {len(shares)} runs; median {np.median(shares):.2f}, "
        f"at most {max(shares):.2f}",
        max(shares) <= 0.2,
    )
    both = {name: costs(case) for name, case in cases.items() if LIBRARIES[0] in case}
    ratios = [
        c["sdekit"] / min(c[library] for library in LIBRARIES)
        for c in both.values()
        if "sdekit" in c
    ]
    if ratios:
        share = sum(r <= 0.5 for r in ratios) / len(both)
        report.claim(
            "Gradients per effective draw (worst entry, tuning included) at most half of those of "
            "the better NUTS (BlackJAX, NumPyro) on three quarters of the posteriors",
            f"{100 * share:.0f} % of {len(both)}; median ratio {np.median(ratios):.3f}, "
            f"at most {max(ratios):.2f}",
            share >= 0.75,
        )


def draw(cases: dict[str, Any]) -> Figure:
    """Gradients per effective draw, of this package and of NUTS."""
    figure, axes = plt.subplots(figsize=(8, 0.28 * len(cases) + 1.5))
    rows = np.arange(len(cases))
    for method, mark in (("sdekit", "o"), ("blackjax", "s"), ("numpyro", "^")):
        points = [costs(case).get(method, np.nan) for case in cases.values()]
        axes.plot(points, rows, mark, label=method)
    axes.set(xscale="log", xlabel="gradients per effective draw (worst entry), tuning included")
    axes.set_yticks(rows, list(cases), fontsize=7)
    axes.legend()
    return figure


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="posteriors; all when left out")
    parser.add_argument("--nuts", action="store_true", help="also run NUTS of BlackJAX and NumPyro")
    parser.add_argument("--parts", type=Path, help="folder of finished runs, to go on from")
    options = arguments(__doc__ or "", parser)
    chosen = options.names or (QUICK if options.quick else names())
    seeds = SEEDS[:1] if options.quick else SEEDS
    report = Report("posteriors", options, seed=SEEDS[0])
    cases = {name: case_of(name, seeds, options.parts, options.nuts) for name in chosen}
    judged(report, cases)
    report.add("cases", cases)
    report.write(draw(cases))


if __name__ == "__main__":
    main()
