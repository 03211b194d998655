"""Every valid constant against 10,000 random trials with gradient ascent, and the printed ones.

A trial draws a design (Gaussian, heavy-tailed or unit-interval rows), labels, and a start; the
norm of the gradient is then increased by ascent along its own Hessian. Reported for each loss:
violations of the bound (must be 0), the tightness reached (largest gradient over the bound), and
how often and by how much the printed constant is exceeded.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from _results import Report, arguments, table

from sdekit.theory.lipschitz import rates as lipschitz
from sdekit.theory.lipschitz.lipschitz_table import LOSSES
from sdekit.theory.lipschitz.losses import POINTWISE, mean_gradient

SEED = 0
#: Starts that share one design.
STARTS = 50
CLASSES = 4
ROUNDING = 1e-12


def norms(gradient):
    return np.sqrt((gradient**2).sum(axis=tuple(range(gradient.ndim - 1))))


def draw_problem(loss, rng):
    """Design, labels, quantile, radius (None where the ball is not needed)."""
    rows, columns = rng.integers(1, 30), rng.integers(1, 6)
    design = {
        0: lambda: rng.normal(size=(rows, columns)),
        1: lambda: rng.standard_t(2, size=(rows, columns)),
        2: lambda: rng.random((rows, columns)),
    }[int(rng.integers(3))]()
    quantile = float(rng.uniform(0.05, 0.95))
    if loss == "softmax":
        return design, rng.integers(0, CLASSES, size=rows).astype(float), quantile, None
    y = rng.normal(size=rows) * 10.0 ** rng.uniform(-1, 1)
    if POINTWISE[loss].binary:
        y = (y > rng.normal()).astype(float)
    radius = float(10.0 ** rng.uniform(-1, 1)) if loss in ("least-squares", "log-cosh") else None
    return design, y, quantile, radius


def ascend(loss, design, y, quantile, radius, rng, steps):
    """Largest gradient norm reached from each start."""
    columns = design.shape[1]
    shape = (columns, CLASSES, STARTS) if loss == "softmax" else (columns, STARTS)
    scale = radius if radius else 10.0 ** rng.uniform(-1, 3, size=STARTS)

    def confined(weights):
        # Without a ball, weights of norm 10^6 are as good as infinite ones.
        longest = 1e6 if radius is None else radius
        return weights * np.minimum(1, longest / np.maximum(norms(weights), 1e-300))

    weights = confined(rng.normal(size=shape) * scale)
    best = norms(mean_gradient(loss, design, y, weights, quantile))
    for step in range(steps):
        gradient = mean_gradient(loss, design, y, weights, quantile)
        unit = gradient / np.maximum(norms(gradient), 1e-300)
        reach = 1e-4 * np.maximum(norms(weights), 1e-3)
        ahead = mean_gradient(loss, design, y, weights + reach * unit, quantile)
        direction = (ahead - gradient) / np.maximum(norms(ahead - gradient), 1e-300)
        weights = confined(weights + 0.5 * 0.9**step * norms(weights) * direction)
        best = np.maximum(best, norms(mean_gradient(loss, design, y, weights, quantile)))
    return best


def examine(loss, trials, rng):
    ratios, printed = [], []
    for _ in range(trials // STARTS):
        design, y, quantile, radius = draw_problem(loss, rng)
        options = {"radius": radius, "quantile": quantile, "classes": CLASSES}
        found = ascend(loss, design, y, quantile, radius, rng, steps=25)
        bound = lipschitz.constant(loss, design, y, **options).value
        paper = lipschitz.constant(loss, design, y, mode="paper", **options)
        ratios.append(found / bound)
        printed.append(found / paper.value if paper.value > 0 else np.full(STARTS, np.inf))
    ratios, printed = np.concatenate(ratios), np.concatenate(printed)
    # A NaN would count as no violation.
    assert np.isfinite(ratios).all(), loss
    per_logit = "per logit" in LOSSES[loss].paper_note
    row = {
        "trials": len(ratios),
        "violations": int((ratios > 1 + ROUNDING).sum()),
        "tightness": ratios.max(),
        "median_tightness_of_designs": np.median(ratios.reshape(-1, STARTS).max(axis=1)),
        "paper_is_bound": LOSSES[loss].paper_is_bound,
        "paper_note": LOSSES[loss].paper_note,
    }
    if not per_logit:
        finite = printed[np.isfinite(printed)]
        row["paper_exceeded_share"] = (printed > 1 + ROUNDING).mean()
        row["paper_exceeded_by"] = finite.max() if len(finite) else None
    return row, ratios


def examine_penalty(trials, rng):
    """||Gamma w||^2 on ||w|| <= K, and lambda/2 ||w||^2 as its case Gamma = sqrt(lambda/2) I."""
    ratios = []
    for index in range(trials // STARTS):
        columns, radius = int(rng.integers(1, 7)), float(10.0 ** rng.uniform(-1, 1))
        strength = float(10.0 ** rng.uniform(-3, 1))
        plain = index % 2 == 0
        shape = (int(rng.integers(1, 8)), columns)
        gamma = np.sqrt(strength / 2) * np.eye(columns) if plain else rng.normal(size=shape)
        bound = (
            lipschitz.l2_constant(strength, radius)
            if plain
            else lipschitz.tikhonov_constant(gamma, radius)
        )
        weights = rng.normal(size=(columns, STARTS))
        for _ in range(25):
            weights = gamma.T @ (gamma @ weights)
            weights *= radius / np.maximum(norms(weights), 1e-300)
        ratios.append(norms(2 * gamma.T @ (gamma @ weights)) / bound)
    ratios = np.concatenate(ratios)
    row = {
        "trials": len(ratios),
        "violations": int((ratios > 1 + ROUNDING).sum()),
        "tightness": ratios.max(),
        "median_tightness_of_designs": np.median(ratios.reshape(-1, STARTS).max(axis=1)),
    }
    return row, ratios


def tables(results):
    """One line per loss."""
    columns = ["trials", "violations", "tightness", "median_tightness_of_designs",
               "paper_is_bound", "paper_exceeded_share", "paper_exceeded_by"]  # fmt: skip
    return table(
        "Valid constants against gradient ascent, printed ones beside them",
        ["loss", *(column.replace("_", " ") for column in columns)],
        [[name, *(row.get(c) for c in columns)] for name, row in results["losses"].items()],
    )


def main():
    options = arguments(__doc__)
    report = Report("lipschitz_bounds", options, SEED)
    rng = np.random.default_rng(SEED)
    trials = 1_000 if options.quick else 10_000
    figure, axis = plt.subplots(figsize=(9, 4.5))
    rows, everything = {}, []
    for loss in LOSSES:
        rows[loss], ratios = examine(loss, trials, rng)
        everything.append(ratios)
    rows["l2 and tikhonov"], ratios = examine_penalty(trials, rng)
    everything.append(ratios)
    report.add("losses", rows)
    report.add("violations in all", sum(row["violations"] for row in rows.values()))
    axis.boxplot(everything, tick_labels=list(rows), whis=(0, 100))
    axis.axhline(1.0, color="r", lw=0.8)
    axis.set(ylabel="largest gradient norm / bound", ylim=(0, 1.1))
    axis.tick_params(axis="x", rotation=30)
    report.write(figure, tables(report.content["results"]))


if __name__ == "__main__":
    main()
