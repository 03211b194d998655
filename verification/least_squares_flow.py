"""The numerical example of the slides: n = 100, p = 10, m = 10, and p > n (n = 40, p = 60).

Risk of SGD, of stochastic gradient flow (simulated and exact), gradient flow, ridge at 1/t, and the
bound, over the whole path. The slides give neither step size nor design nor signal-to-noise ratio:
here Gaussian rows, a signal of norm about 1, noise variance 1, eta = 0.02 (p > n: 0.002).
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from _results import Report, arguments, table

from sdekit.theory import LeastSquaresFlow, Risks, averaged_bound_constants, excess_risks
from sdekit.theory.least_squares.bounds import PRINTED_VARIANCE_RATIO, VARIANCE_RATIO
from sdekit.theory.least_squares.oracle import bayes_oracles, fixed_signal_counterexample
from sdekit.theory.least_squares.paths import simulate

SEED = 0
BATCH = 10


def problem(n, p, step_size):
    rng = np.random.default_rng(SEED)
    design, signal = rng.normal(size=(n, p)), rng.normal(size=p) / np.sqrt(p)
    y = design @ signal + rng.normal(size=n)
    return LeastSquaresFlow(design, y, batch_size=BATCH, step_size=step_size), signal


def simulated_risk(flow, signal, scheme, record, draws, paths):
    """Mean loss and standard error over draws of y, at the recorded steps."""
    rng = np.random.default_rng(SEED + 1)
    n = flow.problem.shape[0]
    losses = []
    for draw in range(draws):
        y = flow.problem.design @ signal + rng.normal(size=n)
        drawn = LeastSquaresFlow(flow.problem.design, y, batch_size=BATCH, step_size=flow.step_size)
        sample = simulate(
            drawn, scheme, steps=record[-1], paths=paths, seed=1000 + draw, record=record
        )
        losses.append(((sample.states - signal) ** 2).sum(axis=2).mean(axis=1))
    return np.mean(losses, axis=0), np.std(losses, axis=0, ddof=1) / np.sqrt(draws)


def curves(report, name, flow, signal, longest, draws):
    """All risks of one problem; returns what the figure needs."""
    record = np.unique(np.geomspace(1, longest / flow.step_size, 30).astype(int)).tolist()
    times = flow.step_size * np.array(record)
    risks = Risks(flow, signal, noise_variance=1.0)
    slides, sharp = (excess_risks(risks, times, form) for form in (False, True))
    exact_sgd = [risk.total for risk in risks.sgd(record)]
    exact_flow = [side.flow.total for side in slides]
    rows = {
        "time": times,
        "sgd_exact": exact_sgd,
        "flow_exact": exact_flow,
        "gradient_flow": [risks.gradient_flow(t).total for t in times],
        "ridge": [side.ridge.total for side in slides],
        "excess": [side.excess for side in slides],
        "bound_slides": [side.bound for side in slides],
        "bound_sharp": [side.bound for side in sharp],
        "injected": [side.flow.injected for side in slides],
        "constant_covariance": [
            risks.linear(flow.constant_covariance(1.0), t).total for t in times
        ],
    }
    for scheme, exact in (("sgd", exact_sgd), ("midpoint", exact_flow)):
        mean, error = simulated_risk(flow, signal, scheme, record, draws, paths=4)
        rows[f"{scheme}_simulated"], rows[f"{scheme}_error"] = mean, error
        rows[f"{scheme}_largest_z"] = np.abs((mean - exact) / error).max()
    constants = averaged_bound_constants(flow, risks)
    rows["constants"] = {**vars(constants), "holds": constants.holds}
    rows["theorem_holds"] = all(s.excess <= s.bound for s in [*slides, *sharp])
    rows["sharp_is_tighter_by"] = [
        np.min(np.divide(rows["bound_slides"], rows["bound_sharp"])),
        np.max(np.divide(rows["bound_slides"], rows["bound_sharp"])),
    ]
    report.add(name, rows)
    return rows


def tables(results):
    """Every fifth time of both problems."""
    text = ""
    columns = ["time", "ridge", "gradient_flow", "flow_exact", "midpoint_simulated", "sgd_exact",
               "sgd_simulated", "injected", "excess", "bound_sharp", "bound_slides"]  # fmt: skip
    for name in ("n=100, p=10", "n=40, p=60"):
        rows = results[name]
        count = len(rows["time"])
        text += table(
            f"Estimation risk, {name}",
            [column.replace("_", " ") for column in columns],
            [[float(rows[column][k]) for column in columns] for k in range(0, count, 5)],
        )
    return text


def panel(axes, rows, title):
    top, bottom = axes
    t = rows["time"]
    top.plot(t, rows["ridge"], label="ridge at 1/t", lw=2)
    top.plot(t, rows["gradient_flow"], "--", label="gradient flow")
    top.plot(t, rows["flow_exact"], label="stochastic gradient flow, exact")
    top.plot(t, rows["sgd_exact"], ":", label="SGD, exact", color="k")
    for name, mark in (("midpoint", "o"), ("sgd", "x")):
        top.errorbar(
            t, rows[f"{name}_simulated"], 2 * rows[f"{name}_error"], fmt=mark, ms=3, lw=0.7,
            label={"midpoint": "flow, simulated", "sgd": "SGD, simulated"}[name],
        )  # fmt: skip
    top.set(xscale="log", title=title, ylabel="estimation risk")
    bottom.plot(t, np.maximum(rows["excess"], 1e-6), label="excess risk over ridge")
    bottom.plot(t, rows["injected"], "--", label="E tr Cov, exact")
    bottom.plot(t, rows["bound_sharp"], label="bound, sharpened")
    bottom.plot(t, rows["bound_slides"], label="bound, slides' form")
    bottom.set(xscale="log", yscale="log", ylim=(1e-4, None), xlabel="t", ylabel="risk")
    for axis in axes:
        axis.legend(fontsize=7)


def main():
    options = arguments(__doc__)
    report = Report("least_squares_flow", options, SEED)
    figure, axes = plt.subplots(2, 2, figsize=(11, 8))
    draws = 60 if options.quick else 400
    tall, signal = problem(100, 10, 0.02)
    rows = curves(report, "n=100, p=10", tall, signal, 20, draws)
    panel(axes[:, 0], rows, "n = 100, p = 10, m = 10, eta = 0.02")
    wide, wide_signal = problem(40, 60, 0.002)
    rows = curves(report, "n=40, p=60", wide, wide_signal, 4 if options.quick else 20, draws // 8)
    panel(axes[:, 1], rows, "n = 40, p = 60, m = 10, eta = 0.002")
    averaged = averaged_bound_constants(wide, Risks(wide, wide_signal, 1.0))
    report.add("third term at p > n", averaged.gamma)
    report.add("variance constant", {"sharp": VARIANCE_RATIO, "slides": PRINTED_VARIANCE_RATIO})
    bayes = bayes_oracles(tall.problem, 1 / 10, 1.0)
    fixed = fixed_signal_counterexample()
    report.add(
        "oracles",
        {
            "bayes ratio flow/ridge": bayes.ratio,
            "fixed signal, ridge": fixed.ridge,
            "fixed signal, gradient flow": fixed.flow,
            "note": "ridge never loses in Bayes risk; for a fixed signal it can (last two lines)",
        },
    )
    report.write(figure, tables(report.content["results"]))


if __name__ == "__main__":
    main()
