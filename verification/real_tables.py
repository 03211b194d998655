"""The slides' comparison on real tables: diabetes, anes96, fair and star98.

Features and target are standardized. Two readings of each table:

- plug-in: the least-squares fit plays beta*, its residual variance sigma^2, so that all risks are
  exact for the real design: flow, gradient flow, ridge at 1/t and the bound;
- held out: over random splits (70 % to fit), test error of ridge and gradient flow at their best
  penalty or time, and of simulated SGD at the best time of gradient flow.

eta is half of the largest step size at which the bound holds, but at least 1e-3 (where the bound
does not hold, as for ill-conditioned tables, the JSON says so).
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from _data import folder, read_inventory, read_table
from _results import Report, arguments, table

from sdekit.theory import LeastSquaresFlow, Risks, averaged_bound_constants, bound_constants
from sdekit.theory.least_squares.bounds import excess_risks
from sdekit.theory.least_squares.paths import simulate

SEED = 0
BATCH = 10
TABLES = {
    "sk_diabetes": "target", "sm_anes96": "PID", "sm_fair": "affairs", "sm_star98": "NABOVE",
}  # fmt: skip
#: Times relative to 1 / s_1; the longest stays below 10^4 so that a run takes seconds.
TIMES = np.geomspace(0.05, 2000, 36)


def chosen_step_size(design, y):
    """(eta, whether the condition of the bound decides it)."""
    trial = LeastSquaresFlow(design, y, batch_size=BATCH, step_size=1e-3)
    half = bound_constants(trial).largest_step_size / 2
    # Above 1 / s_1 SGD itself would oscillate.
    cap = 0.5 / float(trial.problem.rates[0])
    return min(max(half, 1e-3), cap)


def plug_in(design, y):
    flow = LeastSquaresFlow(design, y, batch_size=BATCH, step_size=chosen_step_size(design, y))
    problem, (n, _) = flow.problem, design.shape
    noise = float((problem.residual**2).sum()) / (n - problem.rank)
    risks = Risks(flow, problem.from_basis(problem.minimizer), noise, kind="prediction")
    times = TIMES / float(problem.rates[0])
    slides, sharp = (excess_risks(risks, times, form, tolerance=1e-5) for form in (False, True))
    constants = averaged_bound_constants(flow, risks)
    ridge = np.array([side.ridge.total for side in slides])
    stochastic = np.array([side.flow.total for side in slides])
    return flow, {
        "rows": n,
        "rank": problem.rank,
        "condition": float(problem.rates[0] / problem.rates[-1]),
        "noise_variance": noise,
        "step_size": flow.step_size,
        "largest_step_size_of_bound": constants.largest_step_size,
        "bound_holds": constants.holds,
        "critical_step_size": flow.critical_step_size(),
        "time": times,
        "flow": stochastic,
        "gradient_flow": [risks.gradient_flow(t).total for t in times],
        "ridge": ridge,
        "injected": [side.flow.injected for side in slides],
        "excess": [side.excess for side in slides],
        "bound_slides": [side.bound for side in slides],
        "bound_sharp": [side.bound for side in sharp],
        # Where the step-size condition fails the theorem says nothing.
        "theorem_holds": all(s.excess <= s.bound for s in [*slides, *sharp])
        if constants.holds
        else None,
        "best_ratio_flow_over_ridge": stochastic.min() / ridge.min(),
    }


def held_out(design, y, step_size, splits):
    rng = np.random.default_rng(SEED)
    n = len(y)
    errors = {"ridge": [], "gradient_flow": [], "sgd": []}
    for split in range(splits):
        order = rng.permutation(n)
        train, test = order[: int(0.7 * n)], order[int(0.7 * n) :]
        flow = LeastSquaresFlow(design[train], y[train], batch_size=BATCH, step_size=step_size)
        times = TIMES / float(flow.problem.rates[0])

        def test_error(betas, test=test):
            return ((y[test] - betas @ design[test].T) ** 2).mean(axis=-1)

        along = test_error(flow.mean(times))
        best = times[along.argmin()]
        errors["gradient_flow"].append(along.min())
        errors["ridge"].append(test_error(flow.ridge(1 / times)).min())
        steps = max(1, min(round(best / step_size), 20_000))
        sample = simulate(flow, "sgd", steps=steps, paths=20, seed=split)
        errors["sgd"].append(test_error(sample.states[0]).mean())
    return {
        name: {"mean": np.mean(values), "standard_error": np.std(values, ddof=1) / splits**0.5}
        for name, values in errors.items()
    }


def tables(results):
    """One line per table."""
    columns = ["rows", "rank", "condition", "step_size", "critical_step_size", "bound_holds",
               "theorem_holds", "best_ratio_flow_over_ridge"]  # fmt: skip
    held = ("ridge", "gradient_flow", "sgd")
    return table(
        "Real tables: plug-in risks, and held-out error with its standard error",
        ["table", *(c.replace("_", " ") for c in columns), *(f"held out {name}" for name in held)],
        [
            [name, *(row[c] for c in columns)]
            + [
                f"{row['held_out'][h]['mean']:.4f} +- {row['held_out'][h]['standard_error']:.4f}"
                for h in held
            ]
            for name, row in results.items()
        ],
    )


def main():
    options = arguments(__doc__)
    tables = folder("tabular")
    if tables is None:
        return
    inventory = read_inventory(tables / "INVENTORY.json")
    report = Report("real_tables", options, SEED)
    figure, axes = plt.subplots(2, len(TABLES), figsize=(14, 7))
    for column, (name, target) in enumerate(TABLES.items()):
        design, y = read_table(tables / f"{name}.csv.gz").regression(target)
        flow, rows = plug_in(design, y)
        rows["licence"] = inventory[name]["licence"][:80]
        rows["held_out"] = held_out(design, y, flow.step_size, 5 if options.quick else 30)
        report.add(name, rows)
        top, bottom = axes[:, column]
        for key, style in (("ridge", "-"), ("gradient_flow", "--"), ("flow", "-")):
            top.plot(rows["time"], rows[key], style, label=key.replace("_", " "))
        top.set(xscale="log", title=f"{name}: n={rows['rows']}, p={rows['rank']}")
        bottom.plot(rows["time"], np.maximum(rows["excess"], 1e-7), label="excess over ridge")
        bottom.plot(rows["time"], rows["injected"], "--", label="E tr Cov, exact")
        if rows["bound_holds"]:
            bottom.plot(rows["time"], rows["bound_sharp"], label="bound, sharpened")
            bottom.plot(rows["time"], rows["bound_slides"], label="bound, slides' form")
        bottom.set(xscale="log", yscale="log", xlabel="t", ylim=(1e-6, None))
        for axis in (top, bottom):
            axis.legend(fontsize=6)
    axes[0, 0].set_ylabel("prediction risk (plug-in)")
    report.write(figure, tables(report.content["results"]))


if __name__ == "__main__":
    main()
