"""Figure 2 of the SGNHT paper: a normal with known variance, and one with unknown variance.

N = 100 rows of a standard normal, batches of 10, flat prior on the mean: the posterior is known.
The gradient's noise has V = N^2/10 Var(x) ~ 1000, so that B = h V / 2 and the thermostat's theory
says xi = A + B; SGHMC without an estimate of B samples at the temperature (A + B)/A.
Unknown variance: prior mu | gamma ~ N(0, 1/gamma), gamma ~ Gamma(1, 1), sampled in (mu, log gamma);
the error of the marginal density of mu against the autocorrelation time of mu + gamma.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

import sdekit as sk
from sdekit.diagnostics.draw_statistics import mean_estimate
from verification.papers._experiment import experiment

SETTINGS = {
    "seed": 2,
    "rows": 100,
    "batch": 10,
    "steps": 1_000_000,
    "thin": 10,
    "chains": 4,
    "h": (0.001, 0.01),
    "A": (1.0, 10.0),
    "unknown": {"steps": 1_000_000, "h": (0.001, 0.003, 0.01), "A": (1.0, 10.0)},
}
QUICK = {
    "steps": 4000,
    "chains": 2,
    "h": (0.001,),
    "A": (1.0,),
    "unknown": {"steps": 4000, "h": (0.003,), "A": (1.0,)},
}


def rows_of(settings):
    """The data: mean 0 and variance 1 as drawn."""
    return np.random.default_rng(settings["seed"]).standard_normal(settings["rows"])


def known_variance(settings):
    x = rows_of(settings)
    return sk.Minibatch(
        lambda theta: 0.0,
        lambda theta, row: -((row - theta[0]) ** 2) / 2,
        jnp.asarray(x, jnp.float32),
        settings["batch"],
    )


def unknown_variance(settings):
    """Position (mu, log gamma); the Jacobian gamma belongs to the prior."""
    x = rows_of(settings)

    def log_prior(at):
        mu, gamma = at[0], jnp.exp(at[1])
        return -gamma * mu**2 / 2 + at[1] / 2 - gamma + at[1]

    def log_likelihood(at, row):
        return at[1] / 2 - jnp.exp(at[1]) * (row - at[0]) ** 2 / 2

    data = jnp.asarray(x, jnp.float32)
    return sk.Minibatch(log_prior, log_likelihood, data, settings["batch"])


def sghmc():
    """Langevin dynamics that takes the gradient's noise to be none (B-hat = 0)."""
    return sk.catalog.get("langevin")


def gradient_noise(settings, h):
    """B = h V / 2 of batches drawn with replacement, known variance."""
    x = rows_of(settings)
    return h / 2 * len(x) ** 2 / settings["batch"] * x.var()


def sampled(settings, target, name, h, level, steps, start):
    dynamics = sk.catalog.get("sgnht-paper") if name == "SGNHT" else sghmc()
    return sk.simulate(
        dynamics,
        np.asarray(start),
        potential=target,
        parameters={"A": level},
        scheme="Algorithm1",
        step_size=h,
        steps=steps,
        thin=settings["thin"],
        burn_in=steps // 10,
        chains=settings["chains"],
        seed=settings["seed"],
    )


def estimate(values):
    found = mean_estimate(values)
    return [float(found.value), float(found.standard_error)]


def known(settings, name, h, level):
    run = sampled(settings, known_variance(settings), name, h, level, settings["steps"], [0.0])
    theta = run.samples["theta"][..., 0].astype(float)
    x = rows_of(settings)
    posterior: Any = stats.norm(x.mean(), 1 / np.sqrt(len(x)))
    lower, upper = posterior.ppf(1e-6), posterior.ppf(1 - 1e-6)
    density, edges = np.histogram(theta, 60, (x.mean() - 1, x.mean() + 1), density=True)
    found = {
        "variance_ratio": estimate(len(x) * (theta - x.mean()) ** 2),
        "rmse": sk.diagnostics.density_rmse(theta, posterior.pdf, lower, upper),
        "density": density,
        "edges": edges,
    }
    if "xi" in run.samples:
        found["xi"] = estimate(run.samples["xi"].astype(float))
    return found


def unknown(settings, name, h, level):
    options = settings["unknown"]
    target = unknown_variance(settings)
    run = sampled(settings, target, name, h, level, options["steps"], [0.0, 0.0])
    mu, gamma = run.samples["theta"][..., 0], np.exp(run.samples["theta"][..., 1])
    x = rows_of(settings)
    n = len(x)
    # Normal-gamma: mu | gamma ~ N(n xbar/(n+1), 1/((n+1) gamma)), gamma ~ Gamma(a, b).
    a = 1 + n / 2
    b = 1 + n * x.var() / 2 + n * x.mean() ** 2 / (2 * (n + 1))
    marginal: Any = stats.t(2 * a, n * x.mean() / (n + 1), np.sqrt(b / (a * (n + 1))))
    lower, upper = marginal.ppf(1e-5), marginal.ppf(1 - 1e-5)
    time = float(np.max(sk.diagnostics.autocorrelation_time(mu + gamma)))
    return {
        "rmse": sk.diagnostics.density_rmse(mu, marginal.pdf, lower, upper),
        "autocorrelation_time": time * settings["thin"],
        "gamma_over_exact": estimate(gamma.astype(float) / (a / b)),
    }


def judge_known(record, found, settings):
    right, wrong = [], []
    for (name, h, level), part in found.items():
        noise = gradient_noise(settings, h)
        ratio = part["variance_ratio"]
        text = f"h = {h:g}, A = {level:g}: variance {ratio[0]:.3f} +- {ratio[1]:.3f} of the exact"
        # The step's own bias of the variance is of the order h^2 N, and xi h acts within a step.
        slack = settings["rows"] * h**2 + (level + noise) * h
        if name == "SGNHT":
            right.append((text, abs(ratio[0] - 1) <= 4 * ratio[1] + slack))
        else:
            theory = (level + noise) / level
            close = abs(ratio[0] / theory - 1) <= 4 * ratio[1] / theory + slack
            wrong.append((f"{text}, theory {theory:.3f}", close))
    record.row(
        "Figure 2(a): SGNHT has the right law for every (h, A)",
        "the densities agree",
        "; ".join(text for text, _ in right),
        all(ok for _, ok in right),
    )
    record.row(
        "Figure 2(a): SGHMC is right only for small h and large A; (A + B)/A says how wrong",
        "only h = 0.001, A = 10",
        "; ".join(text for text, _ in wrong),
        all(ok for _, ok in wrong),
    )
    thermostats = [(k, v["xi"]) for k, v in found.items() if "xi" in v]
    told, holds = [], True
    for (_, h, level), xi in thermostats:
        theory = level + gradient_noise(settings, h)
        told.append(
            f"h = {h:g}, A = {level:g}: {xi[0]:.3f} +- {xi[1]:.3f}, theory A + B = {theory:.3f}"
        )
        holds &= abs(xi[0] - theory) <= 4 * xi[1] + theory * (theory * h + settings["rows"] * h**2)
    record.row(
        "Figure 2(a): mean xi is near A at h = 0.001 and much larger at h = 0.01",
        "near A; much larger",
        "; ".join(told),
        holds,
    )


def judge_unknown(record, found):
    pairs = {}
    for (name, h, level), part in found.items():
        pairs.setdefault((h, level), {})[name] = part
    lower = [p["SGNHT"]["rmse"] < p["SGHMC"]["rmse"] for p in pairs.values()]
    told = [
        f"h = {h:g}, A = {level:g}: RMSE {p['SGNHT']['rmse']:.3f} / {p['SGHMC']['rmse']:.3f}, "
        f"time {p['SGNHT']['autocorrelation_time']:.0f} / "
        f"{p['SGHMC']['autocorrelation_time']:.0f}"
        for (h, level), p in pairs.items()
    ]
    record.row(
        "Figure 2(b): the density error of SGNHT is lower (SGNHT / SGHMC)",
        "lower at every autocorrelation time",
        "; ".join(told),
        all(lower),
    )


def draw(settings, known_parts, unknown_parts):
    x = rows_of(settings)
    posterior: Any = stats.norm(x.mean(), 1 / np.sqrt(len(x)))
    grid = np.linspace(x.mean() - 1, x.mean() + 1, 400)
    settings_of = sorted({key[1:] for key in known_parts})
    figure, axes = plt.subplots(1, len(settings_of) + 1, figsize=(16, 3))
    for axis, (h, level) in zip(axes, settings_of, strict=False):
        for name in ("SGNHT", "SGHMC"):
            part = known_parts[name, h, level]
            axis.stairs(part["density"], part["edges"], label=name)
        xi = known_parts["SGNHT", h, level]["xi"][0]
        axis.plot(grid, posterior.pdf(grid), "k", lw=1)
        axis.set(title=f"h = {h:g}, A = {level:g}, mean xi = {xi:.3g}", xlabel="mu")
    axes[0].legend(fontsize=7)
    for name, mark in (("SGNHT", "o"), ("SGHMC", "x")):
        parts = [v for k, v in unknown_parts.items() if k[0] == name]
        axes[-1].loglog(
            [p["autocorrelation_time"] for p in parts], [p["rmse"] for p in parts], mark, label=name
        )
    axes[-1].set(xlabel="autocorrelation time of mu + gamma, steps", ylabel="RMSE of the density")
    axes[-1].legend(fontsize=7)
    return figure


def main() -> None:
    record, settings = experiment("figure_2", SETTINGS, QUICK)
    parts: dict[str, dict] = {"known": {}, "unknown": {}}
    for kind, make in (("known", known), ("unknown", unknown)):
        grid = settings if kind == "known" else settings["unknown"]
        for name in ("SGNHT", "SGHMC"):
            for h in grid["h"]:
                for level in grid["A"]:
                    key = (name, h, level)
                    parts[kind][key] = record.part(
                        {"kind": kind, "key": key},
                        lambda make=make, key=key: make(settings, *key),
                    )
    judge_known(record, parts["known"], settings)
    judge_unknown(record, parts["unknown"])
    for kind, found in parts.items():
        rows = {str(k): {n: v[n] for n in v if n != "density"} for k, v in found.items()}
        record.add(kind, {k: {n: v[n] for n in v if n != "edges"} for k, v in rows.items()})
    record.write(draw(settings, parts["known"], parts["unknown"]))


if __name__ == "__main__":
    main()
