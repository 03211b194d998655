"""HMC, MALA and unadjusted schemes: bias against cost.

Ten coordinates, U = sum k_i theta_i^2/2 + theta_i^4/20 with stiffnesses from 1 to 100, whose second
moments quadrature gives. Each method runs at three step sizes; its bias is that of the mean of
sum k_i theta_i^2, its cost the gradients for a standard error of one percent of it. A method that
corrects has no bias at any step size; one that does not buys speed with bias. The step sizes are in
units of 1/sqrt(100) for methods with momenta and of 1/100 for the two without.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

import sdekit as sk
from sdekit.diagnostics.draw_statistics import mean_estimate
from verification.papers._experiment import experiment

#: Entry of the catalogue, its parameters, whether it corrects, whether it has momenta.
METHODS = {
    "EM": ("overdamped", {}, False, False),
    "MALA": ("overdamped", {}, True, False),
    "BAOAB": ("langevin", {"A": 2.0}, False, True),
    "OBABO": ("langevin", {"A": 2.0}, False, True),
    "HMC": ("hamiltonian", {}, True, True),
}
SETTINGS = {
    "seed": 9, "dimensions": 10, "stiffest": 100.0, "quartic": 0.05, "leapfrog": 10,
    "steps": (0.4, 0.8, 1.2), "gradients": 200_000, "chains": 50, "methods": tuple(METHODS),
}  # fmt: skip
QUICK = {"steps": (0.4,), "gradients": 400, "chains": 4, "methods": ("EM", "HMC")}


def stiffness(settings):
    return np.geomspace(1, settings["stiffest"], settings["dimensions"])


def exact(settings):
    """sum k_i <theta_i^2> by quadrature."""
    grid = np.linspace(-12, 12, 200_001)
    total = 0.0
    for k in stiffness(settings):
        heights = np.exp(-(k * grid**2 / 2 + settings["quartic"] * grid**4))
        total += k * np.sum(grid**2 * heights) / np.sum(heights)
    return total


def measured(settings, method, unit):
    """Mean, standard error, and gradients of a chain."""
    name, parameters, _, has_momenta = METHODS[method]
    k = stiffness(settings).astype(np.float32)
    h = unit / np.sqrt(settings["stiffest"]) if has_momenta else unit / settings["stiffest"]
    each = settings["leapfrog"] if method == "HMC" else 1
    steps = settings["gradients"] // each
    run = sk.simulate(
        sk.catalog.get(name), np.zeros(len(k)), parameters=parameters, scheme=method, step_size=h,
        potential=lambda q: (k * q**2 / 2 + settings["quartic"] * q**4).sum(), steps=steps,
        burn_in=steps // 10, thin=max(1, 10 // each), chains=settings["chains"],
        seed=settings["seed"], record=["theta"],
        leapfrog_steps=each if method == "HMC" else None,
    )  # fmt: skip
    found = mean_estimate((k * run.samples["theta"].astype(float) ** 2).sum(axis=-1))
    return {
        "h": h, "mean": float(found.value), "error": float(found.standard_error),
        "gradients": steps * each * settings["chains"], "notes": list(run.notes),
    }  # fmt: skip


def main() -> None:
    record, settings = experiment("methods", SETTINGS, QUICK)
    truth, found = exact(settings), {}
    figure, axis = plt.subplots(figsize=(5, 3))
    for method in settings["methods"]:
        corrected = METHODS[method][2]
        told, fits, points = [], [], []
        for unit in settings["steps"]:
            part = record.part(
                {"method": method, "step": unit}, lambda m=method, u=unit: measured(settings, m, u)
            )
            bias, error = (part["mean"] - truth) / truth, part["error"] / truth
            # Gradients at which the standard error is one percent.
            cost = part["gradients"] * (error / 0.01) ** 2
            points.append((cost, abs(bias), error))
            text = f"h = {part['h']:.3g}: bias {100 * bias:+.2f} +- {100 * error:.2f} %"
            if corrected:
                fits.append(abs(bias) <= 4.5 * error)
            found[f"{method} {unit}"] = part
            told.append(f"{text}, {cost:.2g} gradients")
        record.row(
            f"{method}: bias and cost of one percent", "exact" if corrected else "biased",
            "; ".join(told), all(fits) if corrected else None,
        )  # fmt: skip
        cost, bias, error = np.array(points).T
        axis.errorbar(cost, bias, yerr=2 * error, fmt="o-", label=method)
    axis.set(
        xlabel="gradients for a standard error of 1 %", ylabel="relative bias", xscale="log",
        yscale="symlog",
    )  # fmt: skip
    axis.legend(fontsize=7)
    record.add("exact", truth)
    record.add("found", found)
    record.write(figure)


if __name__ == "__main__":
    main()
