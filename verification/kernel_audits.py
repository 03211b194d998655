"""Audits of Markov kernels: the compiled step of every kernel of the catalogue against its law.

Every kernel that is proved has to be consistent with exp(-H) (and with detailed balance, where that
is proved), every one that is refuted inconsistent, at two dimensions with a quartic target; states
are drawn with weights, and make one step. Claim: no kernel is judged otherwise than by its proof.

    python verification/kernel_audits.py [--quick] [--out DIR]
"""

from __future__ import annotations

import time

import jax.numpy as jnp
import matplotlib.pyplot as plt
from _results import Report, arguments

import sdekit as sk
from sdekit.catalog.markov_kernels import ENTRIES, WRONG, KernelEntry

DRAWS, FEW = 40_000, 20_000
VALUES = {"A": 1.0, "c": 0.5, "T": 2.0, "s": 1.0, "mu": 1.0}


def potential(*blocks):
    return sum(jnp.sum(x**2) / 2 + jnp.sum(x**4) / 4 for x in blocks)


def metric(x):
    return jnp.eye(x.size) * (1 + jnp.sum(x**2) / 4)


def audited(entry: KernelEntry, draws: int):
    """The audit of the compiled step of one kernel."""
    kernel = sk.kernels.published_kernel(entry.name)
    names = {line.partition(" = ")[0] for line in kernel.to_toml().splitlines()}
    parameters = {name: value for name, value in VALUES.items() if name in names}
    functions = {"G": metric} if entry.model == "riemannian" else {}
    return sk.audit(
        kernel, potential=potential, parameters=parameters, functions=functions, draws=draws
    )


def main() -> None:
    options = arguments(__doc__)
    report = Report("kernel_audits", options, seed=0)
    draws = FEW if options.quick else DRAWS
    rows, wrong = {}, []
    for entry in (*ENTRIES, *WRONG):
        begun = time.perf_counter()
        found = audited(entry, draws)
        expected = "inconsistent" if entry.is_wrong else "consistent"
        worst = max(check["z"] / check["threshold"] for check in found.checks.values())
        rows[entry.name] = {
            "verdict": found.verdict, "expected": expected, "step_size": found.step_size,
            "moved": found.moved, "draws": found.draws, "largest z over its threshold": worst,
            "discrepancies": list(found.discrepancies), "seconds": time.perf_counter() - begun,
        }  # fmt: skip
        wrong += [] if found.verdict == expected else [entry.name]
        print(f"{entry.name}: {found.verdict}, {worst:.2f} of the threshold", flush=True)
    report.add("kernels", rows)
    report.claim(
        "Compiled steps of proved kernels are consistent with their law, those of refuted ones not",
        f"{len(rows) - len(wrong)} of {len(rows)}"
        + (f"; otherwise: {', '.join(wrong)}" if wrong else ""),
        not wrong,
    )
    report.write(_figure(rows))


def _figure(rows: dict) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(6, 5))
    names = list(rows)[::-1]
    colours = ["C3" if rows[name]["expected"] == "inconsistent" else "C0" for name in names]
    axes.barh(names, [rows[name]["largest z over its threshold"] for name in names], color=colours)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlabel("largest deviation over its threshold (red: refuted kernels)")
    return figure


if __name__ == "__main__":
    main()
