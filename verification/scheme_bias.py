"""Predicted against simulated bias of <theta^2>: three words, two potentials, three step sizes.

Chains start from the exact law and run independently, so that the spread of their means is the
standard error. A prediction stands if the simulation agrees within three standard errors plus the
next-order term, whose coefficient is what is left over at a fourth, larger step size, which is
not judged. The time of a prediction is that of its only call, in a process that has loaded what
predictions need by making one of another observable; that first one is reported beside them.
"""

from __future__ import annotations

import time

import jax
import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
from _results import Report, arguments, table

import sdekit as sk

SEED = 7
FRICTION = 2.0
THETA = sp.Symbol("theta")
#: Potential and step sizes, the largest at about two thirds of the stability limit.
TARGETS = {
    "quartic": ("theta**2/2 + theta**4/20", (0.15, 0.3, 0.45)),
    "double-well": ("(theta**4 + theta**3 - 13*theta**2 - theta + 12)/14 + 1/2", (0.1, 0.2, 0.3)),
}
WORDS = ("BAOAB", "ABOBA", "OBABO")
#: The step size at which the next-order term is measured, in units of the largest that is judged.
BEYOND = 1.25
#: Palindromes have even powers of h only.
NEXT_POWER = 4
#: The most that a prediction may cost, in units of the simulations that it foretells.
MOST_COST = 0.01


def exact_start(potential):
    """A function of a JAX key that draws theta from exp(-U), by the inverse distribution."""
    grid = np.linspace(-8.0, 8.0, 40_001)
    heights = np.asarray(sp.lambdify(THETA, sp.sympify(potential), "numpy")(grid))
    below = np.cumsum(np.exp(-(heights - heights.min())))
    below = jax.numpy.asarray(below / below[-1])
    points = jax.numpy.asarray(grid)
    return lambda key: jax.numpy.interp(jax.random.uniform(key, (1,)), below, points)


def simulated(potential, word, step_size, options):
    """Mean of theta^2, its standard error, and the seconds it took."""
    # Long enough for most of the biases to stand out of the error; draws some two units apart.
    chains, time_span = (1000, 60.0) if options.quick else (20_000, 4000.0)
    thin = int(2 / step_size)
    started = time.perf_counter()
    run = sk.simulate(
        sk.catalog.get("langevin"),
        exact_start(potential),
        step_size=step_size,
        steps=int(time_span / step_size),
        burn_in=int(20 / step_size),
        thin=thin,
        chains=chains,
        seed=SEED,
        record=("theta",),
        potential=sp.sympify(potential),
        parameters={"A": FRICTION},
        scheme=word,
    )
    means = (run.samples["theta"].astype(np.float64) ** 2).mean(axis=(1, 2))
    return means.mean(), means.std() / np.sqrt(chains), time.perf_counter() - started


def prediction(potential, word, observable="theta**2"):
    """The predicted bias and the seconds it took."""
    started = time.perf_counter()
    predicted = sk.bias(
        sk.catalog.get("langevin"), word, potential=potential, parameters={"A": FRICTION},
        observable=observable,
    )  # fmt: skip
    return predicted, time.perf_counter() - started


def compared(name, word, options):
    """Rows of one target and word, the prediction and its seconds."""
    potential, steps = TARGETS[name]
    predicted, cost = prediction(potential, word)
    rows = []
    for step_size in steps:
        mean, error, seconds = simulated(potential, word, step_size, options)
        rows.append({"h": step_size, "mean": mean, "error": error, "seconds": seconds})
    largest = BEYOND * steps[-1]
    mean, error, _ = simulated(potential, word, largest, options)
    left = abs(mean - predicted.predicted_mean(largest)) + 3 * error
    for row in rows:
        row["predicted"] = predicted.predicted_mean(row["h"])
        next_order = left * (row["h"] / largest) ** NEXT_POWER
        row["next_order"] = next_order
        row["agrees"] = bool(abs(row["mean"] - row["predicted"]) < 3 * row["error"] + next_order)
    return predicted, cost, rows


def drawn(results):
    """Bias against step size, prediction as a line, simulation as points."""
    figure, axes = plt.subplots(1, len(TARGETS), figsize=(10, 4))
    for axis, name in zip(axes, TARGETS, strict=True):
        for word in WORDS:
            predicted, _, rows = results[name, word]
            h = np.linspace(0, max(row["h"] for row in rows), 100)
            (line,) = axis.plot(h, predicted.coefficient * h**2, label=word)
            axis.errorbar(
                [row["h"] for row in rows],
                [row["mean"] - predicted.mean for row in rows],
                yerr=[3 * row["error"] for row in rows],
                fmt="o",
                color=line.get_color(),
            )
        axis.set_title(f"{name}: bias of <theta^2>, 3 standard errors")
        axis.set_xlabel("step size h")
        axis.legend()
    return figure


def main():
    options = arguments(__doc__)
    report = Report("scheme_bias", options, SEED)
    _, first = prediction("theta**2", "BAOAB", observable="p**2")
    report.add("first prediction", {"seconds": first})
    results, lines = {}, []
    for name in TARGETS:
        for word in WORDS:
            predicted, cost, rows = results[name, word] = compared(name, word, options)
            share = cost / sum(row["seconds"] for row in rows)
            report.add(
                f"{name} {word}",
                {"coefficient": predicted.coefficient, "error_bound": predicted.error_bound,
                 "exact_mean": predicted.mean, "rows": rows, "seconds": cost, "cost_share": share},
            )  # fmt: skip
            lines += [
                [name, word, row["h"], row["mean"] - predicted.mean, row["error"],
                 row["predicted"] - predicted.mean, row["next_order"], row["agrees"]]
                for row in rows
            ]  # fmt: skip
    agree = [line[-1] for line in lines]
    report.claim(
        "Predicted bias agrees with simulation within three standard errors plus the next-order "
        "term: 3 words, 2 potentials, 3 step sizes",
        f"{sum(agree)} of {len(agree)}", all(agree),
    )  # fmt: skip
    shares = [report.content["results"][f"{n} {w}"]["cost_share"] for n in TARGETS for w in WORDS]
    report.claim(
        "A prediction takes at most 1 % of the time of the three simulations that it foretells",
        f"{100 * min(shares):.2g} to {100 * max(shares):.2g} %", max(shares) <= MOST_COST,
    )  # fmt: skip
    header = ["target", "word", "h", "bias", "error", "predicted", "next order", "agrees"]
    report.write(drawn(results), table("Bias of <theta^2>", header, lines))


if __name__ == "__main__":
    main()
