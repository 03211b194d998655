"""Paths against the time."""

import numpy as np
import pytest

import sdekit as sk
from sdekit.diagnostics.path_bands import Paths
from sdekit.errors import DataError, SimulationError

X = sk.scalar("x")
WALK = sk.Dynamics(drift={X: 1}, noise={X: 1})
TIMES = np.array([0.0, 0.1, 0.5, 2.0])
CHAINS = 4000


@pytest.fixture(scope="module")
def paths():
    run = sk.simulate(WALK, 0.0, step_size=0.1, times=TIMES, chains=CHAINS, seed=1, scheme="EM")
    return run.paths()


def test_mean_and_quantiles_are_those_of_the_law_at_each_time(paths):
    """X(t) is N(t, t); the q-quantile has the variance q (1 - q) / (n density^2)."""
    np.testing.assert_array_equal(paths.times, TIMES)
    error = paths.standard_error()[1:]
    assert np.abs((paths.mean()[1:] - TIMES[1:]) / error).max() < 4.5
    np.testing.assert_allclose(error, np.sqrt(TIMES[1:] / CHAINS), rtol=0.06)
    z = 1.2815515655446004  # of the 90 % quantile of a normal
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi * TIMES[1:])
    spread = np.sqrt(0.09 / CHAINS) / density
    found = paths.quantiles(levels=[0.1, 0.9])[:, 1:]
    exact = TIMES[1:] + np.array([[-z], [z]]) * np.sqrt(TIMES[1:])
    assert np.abs((found - exact) / spread).max() < 4.5
    # Twin: the 85 % quantile is another number.
    assert np.abs((paths.quantiles(levels=0.85)[0, 1:] - exact[1]) / spread).min() > 7


def test_the_figure_shows_the_mean_and_the_band(paths):
    axes = paths.plot(level=0.8, shown=5).axes[0]
    *single, mean = axes.get_lines()
    assert len(single) == 5
    np.testing.assert_allclose(mean.get_ydata(), paths.mean())
    np.testing.assert_allclose(mean.get_xdata(), TIMES)
    corners = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert corners.max() == pytest.approx(paths.quantiles(levels=0.9).max())


def test_an_entry_of_a_vector_is_shown_by_its_index():
    values = np.random.default_rng(0).normal(size=(40, 3, 2))
    found = Paths(np.arange(3.0), {"v": values, "x": values[..., 0]})
    line = found.plot("v", entry=1).axes[0].get_lines()[-1]
    np.testing.assert_allclose(line.get_ydata(), values[..., 1].mean(axis=0))
    assert found.mean("v").shape == (3, 2)
    with pytest.raises(DataError, match="entry= with 1 indices"):
        found.plot("v")
    with pytest.raises(DataError, match=r"no such variable.*v, x"):
        found.mean()


def test_what_the_paths_do_not_show_is_refused():
    few = Paths(np.arange(3.0), {"x": np.zeros((10, 3))})
    with pytest.raises(DataError, match=r"at least 20 chains.*found 10"):
        few.quantiles()
    assert few.quantiles(levels=0.9).shape == (1, 3)
    with pytest.raises(DataError, match="between 0 and 1"):
        few.quantiles(levels=1.5)
    with pytest.raises(DataError, match="one path has no spread"):
        Paths(np.arange(3.0), {"x": np.zeros((1, 3))}).standard_error()
    scheduled = sk.simulate(WALK, 0.0, step_size=lambda k: 0.1 / (1 + k), steps=3)
    with pytest.raises(SimulationError, match="have no time"):
        scheduled.paths()
