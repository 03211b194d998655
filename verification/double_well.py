"""The double well of the SGNHT paper: one chain of a million steps against exact moments.

Run `python -m verification.double_well`. The paper's setting A = 0, B = 1 (no injected noise,
gradient noise of level 1) is Algorithm 1 with total noise level 1: both add N(0, 2 h) to the
momentum in each step. Exact values by quadrature of exp(-U), to all digits shown.
"""

from __future__ import annotations

import numpy as np

import sdekit as sk
from sdekit.diagnostics.draw_statistics import Estimate, mean_estimate
from verification._results import Report, arguments

#: Mean, variance and left weight of exp(-U); thermostat at the noise level; energy k_B T / 2.
EXACT = {
    "mean theta": -2.14795530,
    "variance theta": 2.86176737,
    "weight of the left well": 0.87087216,
    "mean xi": 1.0,
    "kinetic energy": 0.5,
}
SADDLE = -0.0383009


def potential(theta):
    return (theta**4 + theta**3 - 13 * theta**2 - theta + 12) / 14 + 0.5


def sample(h: float, steps: int, chains: int, seed: int, thin: int = 10) -> dict[str, np.ndarray]:
    """Series of the quantities of `EXACT`, shape (chain, draw) each."""
    run = sk.simulate(
        sk.catalog.get("sgnht"), np.array([-2.0]), potential=lambda q: potential(q[0]),
        parameters={"A": 1.0, "mu": 1.0}, scheme="Algorithm1", step_size=h, steps=steps,
        thin=thin, burn_in=steps // 100, chains=chains, seed=seed,
    )  # fmt: skip
    theta = run.samples["theta"][..., 0].astype(float)
    return {
        "mean theta": theta,
        "variance theta": (theta - EXACT["mean theta"]) ** 2,
        "weight of the left well": (theta < SADDLE).astype(float),
        "mean xi": run.samples["xi"].astype(float),
        "kinetic energy": run.samples["p"][..., 0].astype(float) ** 2 / 2,
    }


def bias(h: float, steps: int, chains: int) -> dict[str, Estimate]:
    """Step-size bias of a first-order scheme from two step sizes: 2 (m_h - m_{h/2})."""
    coarse = sample(h, steps, chains, seed=101)
    fine = sample(h / 2, 2 * steps, chains, seed=202, thin=20)
    found = {}
    for name in EXACT:
        a, b = mean_estimate(coarse[name]), mean_estimate(fine[name])
        error = 2 * np.hypot(a.standard_error, b.standard_error)
        found[name] = Estimate(2 * (a.value - b.value), error)
    return found


def check(steps: int = 1_000_000, chains_for_bias: int = 64) -> tuple[dict, bool]:
    """Compare one chain at h = 0.01 with the exact values: 4 standard errors plus the bias."""
    h, rows, passed = 0.01, {}, True
    series = sample(h, steps, 1, seed=0)
    biases = bias(h, steps, chains_for_bias)
    for name, exact in EXACT.items():
        estimate = mean_estimate(series[name])
        allowed = 4 * estimate.standard_error + abs(biases[name].value)
        holds = abs(estimate.value - exact) <= allowed
        passed = passed and bool(holds)
        rows[name] = {
            "exact": exact,
            "found": estimate.value,
            "standard_error": estimate.standard_error,
            "bias": biases[name].value,
            "bias_standard_error": biases[name].standard_error,
            "holds": bool(holds),
        }
        print(f"{name:24s} exact {exact:9.5f} found {estimate} bias {biases[name]}")
    return {"step_size": h, "steps": steps, "quantities": rows}, passed


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("double_well", options, seed=0)
    report.judge(*(check(50_000, 8) if options.quick else check()))
    report.write()


if __name__ == "__main__":
    main()
