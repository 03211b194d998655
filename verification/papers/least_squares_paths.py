"""The slides' solution paths on least squares: gradient descent, SGD, the flow and ridge.

Gaussian rows, n = 100, p = 10, batches of m = 10, eta = 0.02: coefficients against t = k eta (ridge
at penalty 1/t), one path of SGD and of the flow beside their means over many.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from sdekit.theory import LeastSquaresFlow
from sdekit.theory.least_squares import linear_processes
from sdekit.theory.least_squares.paths import simulate
from verification.papers._experiment import experiment

SETTINGS = {"seed": 10, "n": 100, "p": 10, "batch": 10, "eta": 0.02, "steps": 2000, "paths": 400}
QUICK = {"steps": 100, "paths": 20}


def problem(settings):
    rng = np.random.default_rng(settings["seed"])
    design = rng.normal(size=(settings["n"], settings["p"]))
    y = design @ rng.normal(size=settings["p"]) / np.sqrt(settings["p"])
    y = y + rng.normal(size=settings["n"])
    return LeastSquaresFlow(
        design, y, batch_size=settings["batch"], step_size=settings["eta"]
    ), design, y  # fmt: skip


def descent(design, y, eta, steps):
    """Every iterate from 0."""
    found = [np.zeros(design.shape[1])]
    for _ in range(steps):
        found.append(found[-1] - eta * design.T @ (design @ found[-1] - y) / len(y))
    return np.array(found)


def main() -> None:
    record, settings = experiment("least_squares_paths", SETTINGS, QUICK)
    flow, design, y = problem(settings)
    marks = np.unique(np.geomspace(1, settings["steps"], 60).astype(int)).tolist()
    times = settings["eta"] * np.array(marks)
    exact = descent(design, y, settings["eta"], settings["steps"])[marks]
    continuous = np.asarray(linear_processes.gradient_flow(flow.problem, times))
    ridge = np.asarray(linear_processes.ridge(flow.problem, 1 / times))
    found = {}
    for scheme in ("sgd", "midpoint"):
        sample = simulate(
            flow, scheme, steps=settings["steps"], paths=settings["paths"],
            seed=settings["seed"], record=marks,
        )  # fmt: skip
        found[scheme] = np.asarray(sample.states)

    def score(states, mean):
        error = states.std(axis=1, ddof=1) / np.sqrt(states.shape[1])
        return float(np.max(np.abs(states.mean(axis=1) - mean) / np.maximum(error, 1e-12)))

    scores = score(found["sgd"], exact), score(found["midpoint"], continuous)
    # The largest of 600 dependent normals.
    record.row(
        "Slides: SGD's paths fluctuate about gradient descent, the flow's about gradient flow",
        "figure", f"largest z of the means {scores[0]:.2f} and {scores[1]:.2f} over "
        f"{len(marks)} times and {settings['p']} coefficients", max(scores) < 4.5,
    )  # fmt: skip
    gap = np.abs(continuous - ridge).max() / np.abs(continuous).max()
    end = np.abs(exact[-1] - continuous[-1]).max()
    record.row(
        "Slides: gradient flow's path is near ridge's at lambda = 1/t", "figure",
        f"at most {100 * gap:.1f} % of the largest coefficient apart; descent and flow end "
        f"{end:.1e} apart", None,
    )  # fmt: skip
    panels = {
        "gradient descent": exact, "SGD, one path": found["sgd"][:, 0],
        "flow, one path": found["midpoint"][:, 0], "ridge, lambda = 1/t": ridge,
    }  # fmt: skip
    figure, axes = plt.subplots(1, 4, figsize=(14, 3), sharey=True)
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        axis.semilogx(times, lines)
        axis.set(title=title, xlabel="t")
    axes[0].set_ylabel("coefficients")
    record.add("largest z", scores)
    record.write(figure)


if __name__ == "__main__":
    main()
