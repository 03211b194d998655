"""The zoo: mistakes of shipped samplers, judged from their SDE or from their step function.

Every mistake of `zoo/*.toml` is a model file that `sk.verify` refutes for all n; every wrong step
is re-written here as a small JAX function that `sk.audit` compares with the SDE it claims to be:
on a quartic target by its one-step law, and on a harmonic one by its stationary moments as well,
with the variance of theta in a long run beside it. A step that uses each key twice is right in
every one-step law and wrong in the long run. The installed BlackJAX is audited as it is.

Claims: the wrong ones are inconsistent, BlackJAX's diffusion steps consistent (its `sghmc` kernel
redraws the momentum at each call, so the step inside is audited), at most 10 s each with
compilation, and over 30 seeds of all of them no false alarm and no miss. Seeds after the first
read compiled programs from a cache on disk, which changes no number.

    python verification/zoo.py [--quick] [--out DIR]
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
from _results import Report, arguments
from _zoo_steps import (
    FRICTION,
    SIZE,
    TAU,
    Case,
    badodab_norm,
    blackjax_sgnht,
    cases,
    normal,
    quartic,
)
from jax.experimental.compilation_cache import compilation_cache
from matplotlib.figure import Figure

import sdekit as sk

ZOO = Path(__file__).resolve().parent / "zoo"
CHAINS, STEP = 256, 0.02
EXPECTED = {True: "consistent", False: "inconsistent"}


def audited(case: Case, target: Callable = normal, seed: int = 0):
    options = dict(case.options)
    if case.has_potential:
        options["functions"] = {**options.get("functions", {}), "U": target}
    return sk.audit(
        case.build(target), case.dynamics, sizes={d.name: SIZE for d in case.dynamics.dimensions},
        parameters=case.parameters, seed=seed, **options,
    )  # fmt: skip


def timed(case: Case, target: Callable) -> dict[str, Any]:
    """The record of one audit in a fresh state of JAX, with compilation."""
    jax.clear_caches()
    started, cpu = time.perf_counter(), time.process_time()
    found = audited(case, target)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {
        "verdict": found.verdict, "discrepancies": list(found.discrepancies),
        "resolution": found.resolution, "stationary": found.stationary.to_dict(),
        "wall seconds": seconds, "cpu seconds": cpu,
    }  # fmt: skip


def variance(case: Case, steps: int) -> float | None:
    """Mean variance of theta on a standard normal target over the second half of a run."""
    names = [x.name for x in case.dynamics.variables]
    if "theta" not in names:
        return None
    step = case.build(normal)
    blocks = {"theta": jnp.ones(SIZE), "p": jnp.ones(SIZE), "xi": jnp.asarray(FRICTION)}
    blocks = {name: value for name, value in blocks.items() if name in names}
    enter = case.options.get("to_state", lambda state: state)
    leave = case.options.get("from_state", lambda state: state)

    def chain(key):
        def body(carry, k):
            carry = step(k, carry, STEP)
            return carry, leave(carry)["theta"]

        _, thetas = jax.lax.scan(body, enter(blocks), jax.random.split(key, steps))
        return thetas[steps // 2 :].var()

    return float(jax.jit(jax.vmap(chain))(jax.random.split(jax.random.key(1), CHAINS)).mean())


def main() -> None:
    options = arguments(__doc__)
    report = Report("zoo", options, seed=0)
    models = _models()
    rows = [_row(case, 2000 if options.quick else 20_000) for case in cases()]
    rates = _error_rates(2 if options.quick else 30)
    report.add("models", models)
    report.add("steps", rows)
    report.add("error rates", rates)
    report.content["claims"] = _claims(models, rows, rates)
    report.write(_figure(rows))


def _claims(models: list[dict], rows: list[dict], rates: dict[str, int]) -> list[dict]:
    wrong_files = [m for m in models if m["verdict"] == "proved" and "corrected" not in m["file"]]
    by_moments = {r["step"]: r["audits"]["harmonic"]["stationary"]["verdict"] for r in rows}
    audits = [audit for row in rows for audit in row["audits"].values()]
    longest = max(audits, key=lambda audit: audit["wall seconds"])
    return [
        {
            "claim": "Every peer mistake that its SDE shows is refuted for all n",
            "result": f"{sum(m['verdict'] == 'refuted' for m in models)} refuted, "
            "the corrected law proved",
            "passed": not wrong_files,
        },
        {
            "claim": "Wrong steps are inconsistent, right ones consistent",
            "result": "; ".join(f"{r['step']}: {r['verdict']}" for r in rows),
            "passed": all(r["verdict"] == EXPECTED[r["is right"]] for r in rows),
        },
        {
            "claim": "So they are by their stationary moments alone on a harmonic target",
            "result": "; ".join(f"{step}: {verdict}" for step, verdict in by_moments.items()),
            "passed": all(by_moments[r["step"]] == EXPECTED[r["is right"]] for r in rows),
        },
        {
            "claim": "An audit takes at most 10 s, compilation included",
            "result": f"longest {longest['wall seconds']:.1f} s, {longest['cpu seconds']:.1f} s of "
            "processor time",
            "passed": longest["wall seconds"] <= 10,
        },
        {
            "claim": "Over 30 seeds false alarms and misses stay within the level of 0.1 %",
            "result": f"{rates['false alarms']} false alarms in {rates['audits of right steps']} "
            f"audits of right steps, {rates['misses']} misses in {rates['audits of wrong steps']} "
            f"of wrong ones, {rates['seeds']} seeds",
            "passed": rates["false alarms"] == rates["misses"] == 0,
        },
    ]


def _models() -> list[dict]:
    models = []
    for path in sorted(ZOO.glob("*.toml")):
        dynamics = sk.load(path)
        verification = sk.verify(dynamics)
        check = verification.checks["stationarity"]
        models.append({
            "file": path.name, "model": dynamics.name, "verdict": str(verification.verdict),
            "left over": check.residual, "witness": str(check.witness) if check.witness else None,
        })  # fmt: skip
        print(f"{dynamics.name}: {verification.verdict}")
    return models


def _row(case: Case, steps: int) -> dict[str, Any]:
    """The audits of one step, on each target that it can have, and its variance in a long run."""
    targets: dict[str, Callable] = {"harmonic": normal}
    if case.has_potential and case.shows_in_one_step:
        targets["quartic"] = quartic
    audits = {name: timed(case, target) for name, target in targets.items()}
    verdicts = {audit["verdict"] for audit in audits.values()}
    measured = variance(case, steps)
    row = {
        "step": case.name, "verdict": verdicts.pop() if len(verdicts) == 1 else "differs",
        "is right": case.is_right, "audits": audits,
        "variance of theta, 1 expected": measured, "package was seen to give": case.seen,
    }  # fmt: skip
    print(f"{case.name}: {row['verdict']}; variance {measured}", flush=True)
    for name, audit in audits.items():
        print(f"  {name}: {audit['verdict']} in {audit['wall seconds']:.1f} s, stationary moments "
              f"{audit['stationary']['verdict']}", flush=True)  # fmt: skip
        for text in audit["discrepancies"]:
            print(f"    {text}")
    return row


def _error_rates(seeds: int) -> dict[str, int]:
    """Audits of all steps on the harmonic target, of an SGNHT pair on the quartic one as well."""
    pair = [case for case in cases() if case.build in (blackjax_sgnht, badodab_norm)]
    plan = [(case, normal) for case in cases()] + [(case, quartic) for case in pair]
    counts = {"seeds": seeds, "audits of right steps": 0, "audits of wrong steps": 0,
              "false alarms": 0, "misses": 0, "right steps not seen to be right": 0}  # fmt: skip
    with _compiled_once():
        for case, target in plan:
            verdicts = [audited(case, target, seed).verdict for seed in range(seeds)]
            wrong = verdicts.count("inconsistent")
            if case.is_right:
                counts["audits of right steps"] += seeds
                counts["false alarms"] += wrong
                counts["right steps not seen to be right"] += seeds - verdicts.count("consistent")
            else:
                counts["audits of wrong steps"] += seeds
                counts["misses"] += seeds - wrong
    return counts


@contextmanager
def _compiled_once() -> Iterator[None]:
    """Programs compiled inside are kept on disk: an audit builds the same ones for every seed."""
    with tempfile.TemporaryDirectory() as folder:
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        compilation_cache.reset_cache()
        yield
        jax.config.update("jax_compilation_cache_dir", None)
        compilation_cache.reset_cache()


def _figure(rows: list[dict]) -> Figure:
    shown = [row for row in rows if row["variance of theta, 1 expected"] is not None]
    figure, axes = plt.subplots(figsize=(8, 3.8))
    colours = ["#3b7d4f" if row["verdict"] == "consistent" else "#b2432f" for row in shown]
    values = [row["variance of theta, 1 expected"] for row in shown]
    axes.barh([row["step"] for row in shown], values, color=colours)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.axvline(TAU, color="black", linewidth=0.8, linestyle=":")
    axes.invert_yaxis()
    axes.set_xlabel("variance of theta on a standard normal (dotted: at tau = 0.25)")
    axes.set_title("Consistent steps (green) and inconsistent ones (red)")
    return figure


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"{time.perf_counter() - started:.0f} s")
