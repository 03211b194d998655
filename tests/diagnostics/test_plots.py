"""Figures show the numbers they are given."""

import numpy as np
import pytest

from sdekit.diagnostics import plots
from sdekit.errors import DataError

DRAWS = np.random.default_rng(0).normal(size=(2, 5_000))


def lines(figure):
    return figure.axes[0].get_lines()


def test_a_trace_has_one_thinned_line_per_chain():
    figure = plots.trace_plot(DRAWS, "theta")
    assert [len(line.get_xdata()) for line in lines(figure)] == [1667, 1667]
    assert np.array_equal(lines(figure)[1].get_ydata(), DRAWS[1, ::3])


def test_a_density_shows_the_exact_one_beside_the_draws():
    figure = plots.density_plot(DRAWS, lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), bins=40)
    heights = np.array([patch.get_height() for patch in figure.axes[0].patches])
    widths = np.array([patch.get_width() for patch in figure.axes[0].patches])
    assert np.sum(heights * widths) == pytest.approx(1.0)
    assert lines(figure)[0].get_ydata().max() == pytest.approx(1 / np.sqrt(2 * np.pi), rel=1e-2)


def test_the_temperature_ends_at_the_mean_square():
    figure = plots.temperature_plot(DRAWS[..., None][:, :100], exact=1.0)
    assert lines(figure)[0].get_ydata()[-1] == pytest.approx((DRAWS[0, :100] ** 2).mean())
    assert lines(figure)[2].get_ydata()[0] == 1.0


def test_the_autocorrelation_starts_at_one_and_names_its_time():
    figure = plots.autocorrelation_plot(DRAWS, lags=7, name="theta")
    assert lines(figure)[0].get_ydata()[0] == pytest.approx(1.0)
    assert figure.axes[0].get_title().startswith("theta time")


def test_figures_of_more_than_a_scalar_are_refused():
    with pytest.raises(DataError, match="one scalar"):
        plots.trace_plot(DRAWS[..., None])
