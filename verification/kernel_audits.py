"""Audits of Markov kernels: the compiled step of every kernel of the catalogue against its law.

Every kernel that is proved has to be consistent with exp(-H) (and with detailed balance, where that
is proved), every one that is refuted inconsistent, at two dimensions with a quartic target; states
are drawn with weights, and make one step. One that accepts with a number above one is refuted as no
probability, and is the rule of Metropolis when it is run. Claim: no kernel is judged otherwise.

    python verification/kernel_audits.py [--quick] [--out DIR]
"""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
from _results import Report, arguments

import sdekit as sk
from sdekit.catalog.markov_kernels import ENTRIES, WRONG, KernelEntry

DRAWS, FEW = 20_000, 10_000
#: What a run makes right: a chance above one is one.
CLIPPED = ("hmc-exponential",)
#: Small mistakes, seen with more states, and where first attempts are often rejected.
SMALL = {
    "hmc-delayed-forgetful": {"step_size": 1.0, "draws": 5 * DRAWS},
    "hmc-steps-of-state": {"draws": 3 * DRAWS},
}
VALUES = {"A": 1.0, "c": 0.5, "T": 2.0, "s": 1.0, "mu": 1.0}


def potential(position):
    return sum(jnp.sum(x**2) / 2 + jnp.sum(x**4) / 4 for x in jax.tree.leaves(position))


def metric(x):
    return jnp.eye(x.size) * (1 + jnp.sum(x**2) / 4)


#: A block whose conditional law is Gaussian, as an exact draw needs it.
COUPLED = "((1 + dot(theta, theta))*dot(lam, lam)/2 + dot(theta, theta)/2)"


def audited(entry: KernelEntry, draws: int):
    """The audit of the compiled step of one kernel."""
    kernel = sk.kernels.published_kernel(entry.name)
    if entry.model == "two blocks":
        text = kernel.to_toml().replace("U(theta, lam)", COUPLED)
        kernel = sk.loads(text.replace('[functions]\nU = ["theta", "lam"]\n', ""))
        return sk.audit(kernel, draws=draws)
    names = {line.partition(" = ")[0] for line in kernel.to_toml().splitlines()}
    parameters = {name: value for name, value in VALUES.items() if name in names}
    functions = {"G": metric} if entry.model == "riemannian" else {}
    given = {"draws": draws, **SMALL.get(entry.name, {})}
    return sk.audit(
        kernel, potential=potential, parameters=parameters, functions=functions, **given
    )


def main() -> None:
    options = arguments(__doc__)
    report = Report("kernel_audits", options, seed=0)
    draws = FEW if options.quick else DRAWS
    rows, wrong = {}, []
    for entry in (*ENTRIES, *WRONG):
        begun = time.perf_counter()
        found = audited(entry, draws)
        is_seen = entry.is_wrong and entry.name not in CLIPPED
        expected = "inconsistent" if is_seen else "consistent"
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
