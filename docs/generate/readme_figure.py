"""The figure of the README: `python -m docs.generate.readme_figure` draws it from the product.

Left, the thermostat finds a friction that matches noise nobody told it about; right, its draws and
the density of the double well. Not for the site, whose pages draw their own.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

import sdekit as sk
from sdekit.catalog.targets import DOUBLE_WELL

FIGURE = Path(__file__).resolve().parents[1] / "_static" / "readme.svg"


def draw(path: Path) -> None:
    """Run the thermostat on the double well and draw both panels."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sgnht = sk.catalog.get("sgnht")
    verdict = sk.verify(sgnht)
    run = sk.simulate(
        sgnht, np.zeros(1), potential=DOUBLE_WELL.potential, parameters={"A": 1.0, "mu": 5.0},
        auxiliary={"xi": 0.0}, step_size=0.05, steps=20_000, thin=10, chains=200, seed=1,
    )  # fmt: skip
    theta = np.asarray(run.samples["theta"])[..., 0]
    friction = np.asarray(run.samples["xi"]).mean(axis=0)
    with mpl.rc_context({"svg.hashsalt": "readme", "font.size": 9, "svg.fonttype": "none"}):
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.5))
        left.plot(np.asarray(run.times)[:200], friction[:200], linewidth=1.2)
        left.axhline(1.0, color="k", linewidth=0.7, linestyle=":")
        left.set(xlabel="t", ylabel="mean friction", title=f"{verdict.headline}: {verdict.scope}")
        bins = np.linspace(-6, 4, 81)
        right.hist(theta[:, 400:].ravel(), bins, density=True, alpha=0.5, label="draws")
        grid = np.linspace(-6, 4, 201)
        density = np.exp([-DOUBLE_WELL.potential(x) for x in grid[:, None]])
        weights = np.asarray(density, dtype=float).ravel()
        right.plot(grid, weights / (weights.sum() * (grid[1] - grid[0])), "k", label="exp(-U)")
        right.set(xlabel="theta", ylabel="density", title="run: BADODAB")
        right.legend(frameon=False)
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    draw(FIGURE)
