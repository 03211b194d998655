"""Quick form of verification/double_well.py: exact moments, and a level that must fail."""

import numpy as np

from sdekit.diagnostics.draw_statistics import mean_estimate
from verification import double_well


def test_exact_values_are_those_of_the_density():
    grid = np.linspace(-10, 10, 400_001)
    weights = np.exp(-double_well.potential(grid))
    weights /= weights.sum()
    mean = (weights * grid).sum()
    np.testing.assert_allclose(mean, double_well.EXACT["mean theta"], rtol=1e-8)
    variance = (weights * (grid - mean) ** 2).sum()
    np.testing.assert_allclose(variance, double_well.EXACT["variance theta"], rtol=1e-8)
    left = weights[grid < double_well.SADDLE].sum()
    np.testing.assert_allclose(left, double_well.EXACT["weight of the left well"], rtol=1e-5)


def test_the_thermostat_samples_the_double_well():
    """Sixteen chains, together as long as the full one; their errors exceed the bias."""
    series = double_well.sample(0.01, 60_000, 16, seed=5)
    for name, exact in double_well.EXACT.items():
        assert abs(mean_estimate(series[name]).z(exact)) < 4.5, name
    # Twin: the kinetic energy is known to better than 6 percent.
    assert abs(mean_estimate(series["kinetic energy"]).z(0.54)) > 7
