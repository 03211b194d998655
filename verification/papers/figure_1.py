"""Figure 1 of the SGNHT paper: a double well, noise in the gradient, no injected noise.

U = (theta + 4)(theta + 1)(theta - 1)(theta - 3)/14 + 0.5, h = 0.01, gradient noise of level B = 1.
A fixed friction xi keeps the law only where it equals B; the thermostat finds it. The gradient's
noise comes from a `Minibatch` of one row, whose log likelihood is linear in theta: B = h V / 2.
"""

from __future__ import annotations

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import sdekit as sk
from sdekit.diagnostics.draw_statistics import mean_estimate
from verification.double_well import EXACT, potential
from verification.papers._experiment import experiment

SETTINGS = {
    "seed": 1,
    "h": 0.01,
    "B": 1.0,
    "steps": 1_000_000,
    "thin": 10,
    "chains": 4,
    "rows": 2**17,
    "frictions": (1.0, 10.0, 0.1),
    "words": ("BADODAB", "BADOBAD"),
}
QUICK = {"steps": 4000, "chains": 2, "rows": 2**10, "words": ("BADODAB",)}
#: Kinetic energy where the law is exp(-U - p^2/2).
COLD = 0.5


def noisy_target(settings):
    """U with a gradient whose noise is that of dp = N(0, 2 B dt) over one step."""
    rows = np.random.default_rng(settings["seed"]).standard_normal(settings["rows"])
    rows = (rows - rows.mean()) / rows.std()
    # V = N^2 Var(row) is to be 2 B / h.
    scale = np.sqrt(2 * settings["B"] / settings["h"]) / len(rows)
    return sk.Minibatch(
        lambda theta: -potential(theta[0]),
        lambda theta, row: row * theta[0],
        jnp.asarray(scale * rows, jnp.float32),
        batch_size=1,
    )


def fixed_friction():
    """Langevin dynamics with friction xi and no injected noise: (3) of the paper, B unknown."""
    n = sk.dim("n")
    theta, p = sk.vector("theta", n), sk.vector("p", n)
    u, xi = sk.potential("U", theta), sk.parameter("xi", positive=True)
    drift = {theta: p, p: -sk.grad(u, theta) - xi * p}
    return sk.Dynamics(drift=drift, hamiltonian=u + sk.dot(p, p) / 2, target=u)


def run(settings, dynamics, scheme, parameters):
    found = sk.simulate(
        dynamics,
        np.array([-2.0]),
        potential=noisy_target(settings),
        parameters=parameters,
        scheme=scheme,
        step_size=settings["h"],
        steps=settings["steps"],
        thin=settings["thin"],
        burn_in=settings["steps"] // 100,
        chains=settings["chains"],
        seed=settings["seed"],
    )
    theta = found.samples["theta"][..., 0].astype(float)
    kinetic = found.samples["p"][..., 0].astype(float) ** 2 / 2
    series = {"mean": theta, "variance": (theta - EXACT["mean theta"]) ** 2, "kinetic": kinetic}
    if "xi" in found.samples:
        series["xi"] = found.samples["xi"].astype(float)
    numbers = {}
    for name, values in series.items():
        estimate = mean_estimate(values)
        numbers[name] = [float(estimate.value), float(estimate.standard_error)]
    density, edges = np.histogram(theta, 80, (-6, 5), density=True)
    return {**numbers, "density": density, "edges": edges}


def columns(record, settings):
    """The four columns of the figure, and the thermostat by each splitting."""
    paper = {"A": 0.0, "B": settings["B"], "mu": 1.0}
    found = {}
    for xi in settings["frictions"]:
        found[f"xi = {xi:g}"] = record.part(
            {"xi": xi}, lambda xi=xi: run(settings, fixed_friction(), "Algorithm1", {"xi": xi})
        )
    for scheme in ("Algorithm1", *settings["words"]):
        found[f"thermostat, {scheme}"] = record.part(
            {"scheme": scheme},
            lambda s=scheme: run(settings, sk.catalog.get("sgnht-gradient-noise"), s, paper),
        )
    return found


def kinetic_energy(xi, settings):
    """B / (2 xi), as Algorithm 1 has it without a force: 2 B h / (1 - (1 - xi h)^2) / 2."""
    h, level = settings["h"], settings["B"]
    return level * h / (1 - (1 - xi * h) ** 2)


def within(pair, exact, slack=0.0):
    return abs(pair[0] - exact) <= 4 * pair[1] + slack


def shown(pair):
    return f"{pair[0]:.4f} +- {pair[1]:.4f}"


def judge(record, found, settings):
    right, cold, hot = (found[f"xi = {xi:g}"] for xi in settings["frictions"])
    thermostat = found["thermostat, Algorithm1"]
    # Algorithm 1 has order one: its bias is allowed as h times numbers of order one.
    bias = 3 * settings["h"]
    record.row(
        "Figure 1: xi = B = 1 fixed is right",
        "the density agrees, K near 0.5",
        f"mean {shown(right['mean'])}, exact {EXACT['mean theta']:.4f}; "
        f"K {shown(right['kinetic'])}",
        within(right["mean"], EXACT["mean theta"], bias) and within(right["kinetic"], COLD, bias),
    )
    record.row(
        "Figure 1: xi = 10 is stuck and cold",
        "too cold",
        f"K {shown(cold['kinetic'])}, "
        f"theory B/(2 xi) = {kinetic_energy(10, settings):.4f} with the step's bias",
        within(cold["kinetic"], kinetic_energy(10, settings), bias),
    )
    record.row(
        "Figure 1: xi = 0.1 is hot",
        "too hot",
        f"K {shown(hot['kinetic'])}, theory B/(2 xi) = {kinetic_energy(0.1, settings):.3f}",
        within(hot["kinetic"], kinetic_energy(0.1, settings), bias),
    )
    record.row(
        "Figure 1: the thermostat with A = 0 is right and K near 0.5",
        "K near 0.5",
        f"mean {shown(thermostat['mean'])}; K {shown(thermostat['kinetic'])}",
        within(thermostat["mean"], EXACT["mean theta"], bias)
        and within(thermostat["kinetic"], COLD, bias),
    )
    record.row(
        "Figure 1: xi converges to B = 1",
        "1",
        shown(thermostat["xi"]),
        within(thermostat["xi"], settings["B"], bias),
    )
    splits = {k.split(", ")[1]: v for k, v in found.items() if k.startswith("thermostat")}
    record.row(
        "The same by splittings of the declaration",
        "-",
        "; ".join(f"{k}: K {shown(v['kinetic'])}, xi {shown(v['xi'])}" for k, v in splits.items()),
        all(within(v["kinetic"], COLD, bias) for v in splits.values()),
    )


def draw(found):
    grid = np.linspace(-6, 5, 400)
    exact = np.exp(-potential(grid))
    exact /= exact.sum() * (grid[1] - grid[0])
    first = [*found][:4]
    figure, axes = plt.subplots(1, len(first), figsize=(13, 3), sharey=True)
    for axis, name in zip(axes, first, strict=True):
        part = found[name]
        axis.stairs(part["density"], part["edges"], fill=True, alpha=0.4)
        axis.plot(grid, exact, "k", lw=1)
        axis.set(title=f"{name}\nK = {part['kinetic'][0]:.3g}", xlabel="theta", ylim=(0, 1.2))
    return figure


def main() -> None:
    record, settings = experiment("figure_1", SETTINGS, QUICK)
    found = columns(record, settings)
    judge(record, found, settings)
    record.add(
        "columns",
        {k: {n: v[n] for n in v if n not in ("density", "edges")} for k, v in found.items()},
    )
    record.write(draw(found))


if __name__ == "__main__":
    main()
