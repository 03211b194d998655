"""Scalar against matrix thermostat under gradient noise that differs between directions.

A normal target in two dimensions, N(0, 1) each; the gradient's noise has B = h V / 2 = (0.5, 8)
along axes turned by 30 degrees, from a `Minibatch` of one row that is linear in theta. Section 4.2
of the SGNHT paper: a matrix Xi takes out any constant noise, xi -> A + B; a scalar one takes out
its mean, so that a direction of noise B_i alone would have the temperature (A + B_i)/xi.
"""

from __future__ import annotations

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import sdekit as sk
from sdekit.diagnostics.draw_statistics import mean_estimate
from verification.papers._experiment import experiment

SETTINGS = {
    "seed": 6, "h": 0.005, "levels": (0.5, 8.0), "A": 1.0, "degrees": 30.0, "rows": 2**14,
    "steps": 400_000, "thin": 20, "chains": 8, "mu": 10.0,
}  # fmt: skip
QUICK = {"steps": 2000, "chains": 2, "rows": 2**8}


def axes_of(settings):
    angle = np.deg2rad(settings["degrees"])
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def noisy_target(settings):
    """|theta|^2 / 2, one row of the data for each gradient: V = N^2 Cov(row) = 2 B / h."""
    rows = np.random.default_rng(settings["seed"]).standard_normal((settings["rows"], 2))
    rows -= rows.mean(axis=0)
    root = np.linalg.cholesky(np.linalg.inv(np.cov(rows.T, bias=True)))
    scale = np.sqrt(2 * np.array(settings["levels"]) / settings["h"]) / len(rows)
    rows = (rows @ root * scale) @ axes_of(settings).T
    return sk.Minibatch(
        lambda theta: -jnp.sum(theta**2) / 2, lambda theta, row: row @ theta,
        jnp.asarray(rows, jnp.float32), batch_size=1,
    )  # fmt: skip


def sampled(settings, name):
    """Variance of each axis of the noise, and the thermostat along them."""
    matrix = name == "sgnht-matrix-symmetric"
    level = settings["A"] * np.eye(2) if matrix else settings["A"]
    run = sk.simulate(
        sk.catalog.get(name), np.zeros(2), potential=noisy_target(settings),
        parameters={"A": level, "mu": settings["mu"]}, scheme="Algorithm1",
        step_size=settings["h"], steps=settings["steps"], burn_in=settings["steps"] // 10,
        thin=settings["thin"], chains=settings["chains"], seed=settings["seed"],
    )  # fmt: skip
    turn = axes_of(settings)
    along = run.samples["theta"].astype(float) @ turn
    xi = run.samples["xi"].astype(float)
    xi = np.einsum("ki,...kl,li->...i", turn, xi, turn) if matrix else xi[..., None]
    found = {}
    for key, values in (("variance", along**2), ("xi", xi)):
        each = mean_estimate(values)
        found[key] = [np.asarray(each.value).tolist(), np.asarray(each.standard_error).tolist()]
    return found


def main() -> None:
    record, settings = experiment("anisotropic_noise", SETTINGS, QUICK)
    names = ("sgnht", "sgnht-matrix-symmetric")
    found = {n: record.part({"name": n}, lambda n=n: sampled(settings, n)) for n in names}
    levels, told = settings["levels"], {}
    for name in names:
        pairs = zip(*found[name]["variance"], strict=True)
        told[name] = "; ".join(
            f"B = {b:g}: variance {v:.3f} +- {e:.3f}"
            for b, (v, e) in zip(levels, pairs, strict=True)
        )
    # Algorithm 1 has order one: its bias is (A + B) h and the like.
    slack = 2 * settings["h"] * (settings["A"] + max(levels))
    matrix = list(zip(*found[names[1]]["variance"], strict=True))
    record.row(
        "Section 4.2: a matrix thermostat keeps the law under any constant gradient noise",
        "exact in theory", told[names[1]] + "; exact 1",
        all(abs(v - 1) <= 4 * e + slack for v, e in matrix),
    )  # fmt: skip
    scalar = list(zip(*found[names[0]]["variance"], strict=True))
    record.row(
        "A scalar one does not: quiet directions are cold, noisy ones hot",
        "stated for B = b I only",
        told[names[0]], scalar[0][0] + 4 * scalar[0][1] < 1 < scalar[1][0] - 4 * scalar[1][1],
    )  # fmt: skip
    xi = list(zip(*found[names[1]]["xi"], strict=True))
    wanted = [settings["A"] + b for b in levels]
    record.row(
        "Section 4.2: E Xi = A + B", "A + B",
        "; ".join(
            f"{v:.2f} +- {e:.2f} (A + B = {w:g})" for (v, e), w in zip(xi, wanted, strict=True)
        ),
        all(abs(v - w) <= 4 * e + slack * w for (v, e), w in zip(xi, wanted, strict=True)),
    )  # fmt: skip
    figure, axis = plt.subplots(figsize=(4.5, 3))
    for name, mark in zip(names, ("x", "o"), strict=True):
        values, errors = found[name]["variance"]
        axis.errorbar(levels, values, 2 * np.array(errors), fmt=mark, label=name)
    axis.axhline(1, color="k", lw=0.6)
    axis.set(xlabel="gradient noise B of a direction", ylabel="variance", xscale="log")
    axis.legend(fontsize=7)
    record.add("found", found)
    record.write(figure)


if __name__ == "__main__":
    main()
