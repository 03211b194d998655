"""Order of Algorithm 1 against splittings: the bias of <theta^2> over the step size.

The SGNHT paper: a symmetric splitting has a bias O(h^2), Algorithm 1 O(h). The thermostat on
U = theta^2/2 + theta^4/20 with n = 1, A = 1, mu = 10; `sk.order` and `sk.bias` say order and
leading coefficient, simulated chains what is there. The next order is measured at a larger step
size that is not judged.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import sympy as sp

import sdekit as sk
from sdekit.diagnostics.draw_statistics import mean_estimate
from verification.papers._experiment import experiment

SETTINGS = {
    "seed": 8, "schemes": ("Algorithm1", "BAODOAB", "BADODAB"),
    "potential": "theta**2/2 + theta**4/20",
    "parameters": {"A": 1.0, "mu": 10.0},
    "h": (0.05, 0.1, 0.2), "beyond": 0.25, "span": 4000.0,
    "burn_in": 50.0, "apart": 2.0, "chains": 2000,
}  # fmt: skip
QUICK = {"schemes": ("Algorithm1",), "h": (0.1,), "span": 20.0, "burn_in": 4.0, "chains": 50}


def simulated(settings, scheme, h):
    """Mean of theta^2 and its standard error over chains."""
    run = sk.simulate(
        sk.catalog.get("sgnht"), 0.0, potential=sp.sympify(settings["potential"]), scheme=scheme,
        step_size=h, parameters=settings["parameters"], steps=round(settings["span"] / h),
        burn_in=round(settings["burn_in"] / h), thin=round(settings["apart"] / h),
        chains=settings["chains"], seed=settings["seed"], record=["theta"],
    )  # fmt: skip
    found = mean_estimate(run.samples["theta"][..., 0].astype(float) ** 2)
    return {"mean": float(found.value), "error": float(found.standard_error)}


def predicted(settings, scheme):
    """Order, coefficient of the leading bias, and the exact mean."""
    dynamics = sk.catalog.get("sgnht")
    found = sk.bias(
        dynamics, scheme, potential=settings["potential"], parameters=settings["parameters"],
        observable="theta**2",
    )  # fmt: skip
    order = sk.order(dynamics, scheme).invariant_order
    return {"order": order, "coefficient": found.coefficient, "exact": found.mean}


def main() -> None:
    record, settings = experiment("thermostat_order", SETTINGS, QUICK)
    figure, axis = plt.subplots(figsize=(5, 3))
    found, largest = {}, settings["beyond"]
    for scheme in settings["schemes"]:
        theory = record.part({"of": scheme}, lambda s=scheme: predicted(settings, s))
        runs = {
            h: record.part({"of": scheme, "h": h}, lambda s=scheme, h=h: simulated(settings, s, h))
            for h in (*settings["h"], largest)
        }
        order = theory["order"]
        bias = {h: run["mean"] - theory["exact"] for h, run in runs.items()}
        leading = {h: theory["coefficient"] * h**order for h in runs}
        left = abs(bias[largest] - leading[largest]) + 3 * runs[largest]["error"]
        # Palindromes have even powers of h only.
        power = order + (2 if scheme == scheme[::-1] else 1)
        record.row(
            f"{scheme} of the thermostat has a bias O(h{'' if order == 1 else f'^{order}'})",
            "O(h)" if scheme == "Algorithm1" else "O(h^2) for symmetric splittings",
            "; ".join(
                f"h = {h:g}: {bias[h]:.5f} +- {runs[h]['error']:.1g}, theory {leading[h]:.5f}"
                for h in settings["h"]
            ),
            all(
                abs(bias[h] - leading[h]) <= 3 * runs[h]["error"] + left * (h / largest) ** power
                for h in settings["h"]
            ) and order == (1 if scheme == "Algorithm1" else 2),
        )  # fmt: skip
        found[scheme] = {"theory": theory, "runs": {str(h): run for h, run in runs.items()}}
        h = np.linspace(0, max(settings["h"]), 50)
        (line,) = axis.plot(h, theory["coefficient"] * h**order, label=scheme)
        axis.errorbar(
            settings["h"], [bias[h] for h in settings["h"]], fmt="o", color=line.get_color(),
            yerr=[3 * runs[h]["error"] for h in settings["h"]],
        )  # fmt: skip
    axis.set(xlabel="step size h", ylabel="bias of <theta^2>, 3 errors")
    axis.legend(fontsize=7)
    record.add("found", found)
    record.write(figure)


if __name__ == "__main__":
    main()
