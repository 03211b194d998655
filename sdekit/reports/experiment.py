"""What an experiment found, as plain numbers, and its figure.

Not for running it: the command line does that and hands the numbers over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdekit.reports.formats.drawing import FILL, INK, Drawing, drawing_of, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Panel:
    """One run beside the exact density of its target.

    Attributes:
        title: What was run, with formulas between dollar signs.
        edges: Edges of the histogram's bins.
        density: Height of each bin; the area is 1.
        kinetic_energy: Mean kinetic energy per degree of freedom.
        kinetic_error: Its standard error.
        expected_kinetic_energy: What theory gives at step size zero.
        moments: Pairs of a quantity (with formulas) and its estimate, in order.
    """

    title: str
    edges: tuple[float, ...]
    density: tuple[float, ...]
    kinetic_energy: float
    kinetic_error: float
    expected_kinetic_energy: float
    moments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Experiment:
    """Several runs on one target.

    Attributes:
        title: Heading of the section.
        setting: What was done, with formulas between dollar signs.
        grid: Points at which the exact density is drawn.
        exact_density: The density there.
        panels: The runs.
        findings: What the runs show, as sentences.
        seed: Seed of all runs.
        made: Seed, command and versions, as sentences.
    """

    title: str
    setting: str
    grid: tuple[float, ...]
    exact_density: tuple[float, ...]
    panels: tuple[Panel, ...]
    findings: tuple[str, ...]
    seed: int
    made: str = ""


def figure_of(experiment: Experiment) -> Drawing:
    """The panels, two in a row.

    Raises:
        MissingDependencyError: If matplotlib is not installed.
    """
    rows = (len(experiment.panels) + 1) // 2
    figure = new_figure(9.0, 3.3 * rows)
    axes = figure.subplots(rows, 2, squeeze=False, sharex=True).ravel()
    for axis, panel in zip(axes, experiment.panels, strict=False):
        _draw(axis, panel, experiment)
    for axis in axes[len(experiment.panels) :]:
        axis.set_visible(False)
    return drawing_of(figure)


def _draw(axis: Axes, panel: Panel, experiment: Experiment) -> None:
    axis.stairs(panel.density, panel.edges, fill=True, color=FILL, label="samples")
    axis.plot(experiment.grid, experiment.exact_density, color=INK, lw=1.6, label="exact")
    axis.set_title(panel.title, fontsize=11)
    axis.set_xlim(experiment.grid[0], experiment.grid[-1])
    axis.set_ylim(0, 1.3 * max(experiment.exact_density))
    axis.text(
        0.97,
        0.94,
        f"mean kinetic energy {panel.kinetic_energy:.3f}",
        transform=axis.transAxes,
        ha="right",
        va="top",
        fontsize=9,
    )
    axis.set_xlabel(r"$\theta$")
    axis.set_ylabel("density")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(loc="upper left", frameon=False, fontsize=9)
