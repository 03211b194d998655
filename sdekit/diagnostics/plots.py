"""Standard figures of draws: trace, density against the exact one, temperature, autocorrelation.

Each takes draws (chain, draw) of one scalar and gives a matplotlib Figure. Not for numbers
(`diagnostics.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from sdekit.diagnostics.draw_statistics import autocorrelation, autocorrelation_time, checked_draws
from sdekit.errors import DataError, MissingDependencyError

#: More points than pixels only make a file larger.
MOST_POINTS = 2_000


def trace_plot(draws: Any, name: str = "") -> Any:
    """Draws against their number, one line per chain; thinned to what can be seen.

    Args:
        draws: Shape (chain, draw).
        name: Label of the axis.

    Raises:
        DataError: For draws of another shape.

    Checked by: tests/diagnostics/test_plots.py.
    """
    values = _scalar_draws(draws)
    every = -(-values.shape[1] // MOST_POINTS)
    figure, axes = axes_of_figure()
    for chain in values:
        axes.plot(np.arange(0, len(chain), every), chain[::every], linewidth=0.6)
    axes.set(xlabel="draw", ylabel=name)
    return figure


def density_plot(
    draws: Any,
    density: Callable[[np.ndarray], Any] | None = None,
    name: str = "",
    bins: int = 100,
) -> Any:
    """Histogram of all chains, with the exact density where it is given.

    Args:
        draws: Shape (chain, draw).
        density: Exact normalized density, vectorized.
        name: Label of the axis.
        bins: Number of bins.

    Raises:
        DataError: For draws of another shape.

    Checked by: tests/diagnostics/test_plots.py.
    """
    values = _scalar_draws(draws).ravel()
    figure, axes = axes_of_figure()
    axes.hist(values, bins=bins, density=True, alpha=0.5, label="draws")
    if density is not None:
        grid = np.linspace(values.min(), values.max(), 400)
        axes.plot(grid, density(grid), "k", label="exact")
        axes.legend()
    axes.set(xlabel=name, ylabel="density")
    return figure


def temperature_plot(momentum: Any, exact: float | None = None) -> Any:
    """Kinetic temperature averaged from the first draw on, one line per chain.

    Args:
        momentum: Draws of the momenta, shape (chain, draw, *event), of unit mass.
        exact: The temperature of the bath, drawn as a line.

    Raises:
        DataError: For draws of another shape.

    Checked by: tests/diagnostics/test_plots.py.
    """
    values = checked_draws(momentum)
    squares = (values**2).reshape(*values.shape[:2], -1).mean(-1)
    number = np.arange(1, squares.shape[1] + 1)
    every = -(-len(number) // MOST_POINTS)
    figure, axes = axes_of_figure()
    for chain in squares:
        axes.plot(number[::every], (np.cumsum(chain) / number)[::every], linewidth=0.8)
    if exact is not None:
        axes.axhline(exact, color="k", linewidth=0.8)
    axes.set(xlabel="draw", ylabel="mean kinetic temperature", xscale="log")
    return figure


def autocorrelation_plot(draws: Any, lags: int | None = None, name: str = "") -> Any:
    """Autocorrelation up to a few autocorrelation times, with that time in the title.

    Args:
        draws: Shape (chain, draw).
        lags: How many; default ten autocorrelation times.
        name: What is shown.

    Raises:
        DataError: For draws of another shape.

    Checked by: tests/diagnostics/test_plots.py.
    """
    values = _scalar_draws(draws)
    time = float(autocorrelation_time(values))
    chosen = min(values.shape[1], int(10 * time) + 2) if lags is None else lags
    figure, axes = axes_of_figure()
    axes.plot(autocorrelation(values, chosen))
    axes.axhline(0, color="k", linewidth=0.8)
    axes.set(xlabel="lag", ylabel="autocorrelation", title=f"{name} time {time:.3g} draws".strip())
    return figure


def _scalar_draws(draws: Any) -> np.ndarray:
    values = checked_draws(draws)
    if values.ndim != 2:
        raise DataError(
            "a figure shows one scalar", expected="(chain, draw)", found=values.shape,
            fix="choose a component with draws[..., 0]",
        )  # fmt: skip
    return values


def axes_of_figure() -> tuple[Any, Any]:
    """A figure that belongs to no window, so that no backend is needed."""
    try:
        module = import_module("matplotlib.figure")
    except ImportError as error:
        raise MissingDependencyError(
            "figures need matplotlib", fix="pip install 'sdekit[report]'"
        ) from error
    figure = module.Figure(figsize=(6, 3.5), layout="constrained")
    return figure, figure.add_subplot()
