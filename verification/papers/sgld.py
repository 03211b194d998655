"""The SGLD exposition's example (Welling and Teh 2011): a mixture with two modes, batches of one.

theta_1 ~ N(0, 10), theta_2 ~ N(0, 1), x ~ N(theta_1, 2)/2 + N(theta_1 + theta_2, 2)/2, 100 rows at
(0, 1), steps eps_t = a (b + t)^-0.55 from 0.01 to 0.0001 over 10,000 passes. The injected noise has
variance eps, that of the gradient (eps/2)^2 V: below eps = 4 / lambda(V) the first is larger.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import sdekit as sk
from sdekit.theory import sgld as theory
from verification.papers._experiment import experiment

SETTINGS = {
    "seed": 8, "rows": 100, "passes": 10_000, "first": 0.01, "last": 1e-4, "chains": 16, "thin": 50,
    "constant": (1e-2, 1e-3),
}  # fmt: skip
QUICK = {"passes": 20, "chains": 4, "constant": (1e-2,)}
#: Of the grid on which the posterior is summed.
GRID = np.linspace(-3, 3, 601)


def rows_of(settings):
    rng = np.random.default_rng(settings["seed"])
    mean = rng.integers(0, 2, settings["rows"]).astype(float)
    return mean + np.sqrt(2) * rng.standard_normal(settings["rows"])


def log_prior(theta):
    return -(theta[0] ** 2) / 20 - theta[1] ** 2 / 2


def log_likelihood(theta, row):
    near, far = -((row - theta[0]) ** 2) / 4, -((row - theta[0] - theta[1]) ** 2) / 4
    return jnp.logaddexp(near, far)


def exact(x):
    """Means of theta_1 and |theta_2|, the share of theta_1 < 1/2, from sums over a grid."""
    first, second = np.meshgrid(GRID, GRID, indexing="ij")
    total = -(first**2) / 20 - second**2 / 2
    for row in x:
        total = total + np.logaddexp(-((row - first) ** 2) / 4, -((row - first - second) ** 2) / 4)
    weights = np.exp(total - total.max())
    weights /= weights.sum()
    values = (first, np.abs(second), first < 0.5)
    return [float((weights * value).sum()) for value in values], weights


def sampled(settings, x, step_size):
    """Chain means of the three quantities, weighted with the steps, and a histogram."""
    target = sk.Minibatch(log_prior, log_likelihood, jnp.asarray(x, jnp.float32), 1)
    run = sk.simulate(
        sk.catalog.get("overdamped"), starts=np.random.default_rng(0).normal(
            size=(settings["chains"], 2)).astype(np.float32),
        potential=target, scheme="SGLD", step_size=step_size, seed=settings["seed"],
        steps=settings["passes"] * len(x), thin=settings["thin"], chains=settings["chains"],
        burn_in=len(x), parameters={},
    )  # fmt: skip
    theta = run.samples["theta"].astype(float)
    weights = np.ones(run.draws) if run.step_sizes is None else run.step_sizes.astype(float)
    series = (theta[..., 0], np.abs(theta[..., 1]), theta[..., 0] < 0.5)
    means = [np.average(values, axis=1, weights=weights) for values in series]
    found = [[float(m.mean()), float(m.std(ddof=1) / np.sqrt(len(m)))] for m in means]
    density = np.histogram2d(
        *theta.reshape(-1, 2).T, bins=60, range=[[-1.5, 2.5], [-3, 3]],
        weights=np.tile(weights, settings["chains"]), density=True,
    )[0]  # fmt: skip
    return {"moments": found, "density": density}


def gradient_covariance(x):
    """V of one row's gradient at the mode near (0, 1), drawn with replacement."""
    at = jnp.array([0.0, 1.0])
    scores = jax.vmap(jax.grad(log_likelihood), (None, 0))(at, jnp.asarray(x))
    return theory.gradient_noise_covariance(np.asarray(scores, float), 1)


def main() -> None:
    record, settings = experiment("sgld", SETTINGS, QUICK)
    x = rows_of(settings)
    truth, weights = exact(x)
    steps = settings["passes"] * len(x)
    # The source's eps is 2 h: theta += (eps/2) grad + N(0, eps).
    schedule = sk.schedules.robbins_monro(settings["first"] / 2, settings["last"] / 2, steps)
    found = {"decaying": record.part({"step": "decaying"}, lambda: sampled(settings, x, schedule))}
    for eps in settings["constant"]:
        found[f"eps = {eps:g}"] = record.part(
            {"step": eps}, lambda eps=eps: sampled(settings, x, eps / 2)
        )
    names = ("mean theta_1", "mean |theta_2|", "P(theta_1 < 1/2)")
    for name, part in found.items():
        told = [
            f"{what} {m[0]:.3f} +- {m[1]:.3f} (exact {t:.3f})"
            for what, m, t in zip(names, part["moments"], truth, strict=True)
        ]
        near = all(abs(m[0] - t) <= 4 * m[1] for m, t in zip(part["moments"], truth, strict=True))
        judged = near if name == "decaying" else None
        record.row(
            f"SGLD, two modes, steps {name}: the posterior", "both modes", "; ".join(told), judged
        )
    V = gradient_covariance(x)
    largest = float(np.linalg.eigvalsh(V).max())
    threshold = 4 / largest
    at_first, at_last = (
        (eps / 2) ** 2 * largest / eps for eps in (settings["first"], settings["last"])
    )
    found_step = theory.transition_step(V, ratio=1.0)
    record.row(
        "SGLD: injected noise overtakes the gradient's as steps fall",
        "from the optimization to the sampling phase",
        f"gradient over injected {at_first:.2f} at the first step, {at_last:.3f} at the last; "
        f"equal at eps = 4/lambda(V) = {threshold:.3g} (transition_step: {found_step:.3g})",
        at_first > 1 > at_last,
    )
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.5))
    axes[0].contour(GRID, GRID, weights.T)
    axes[0].set(xlim=(-1.5, 2.5), xlabel="theta_1", ylabel="theta_2", title="posterior")
    density = np.array(found["decaying"]["density"]).T
    axes[1].imshow(density, origin="lower", extent=(-1.5, 2.5, -3, 3), aspect="auto")
    axes[1].set(title="SGLD", xlabel="theta_1")
    eps = np.geomspace(settings["last"], settings["first"], 50)
    axes[2].loglog(eps, eps, label="injected")
    axes[2].loglog(eps, (eps / 2) ** 2 * largest, label="gradient")
    axes[2].set(xlabel="eps", ylabel="variance of a step")
    axes[2].legend()
    record.add("exact", truth)
    record.add("measured", {k: v["moments"] for k, v in found.items()})
    record.write(figure)


if __name__ == "__main__":
    main()
