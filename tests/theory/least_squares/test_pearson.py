"""The law of one feature: density against quadrature, the stationary equation and simulation."""

import numpy as np
import pytest
from scipy.integrate import quad

from sdekit.errors import DataError, SimulationError
from sdekit.theory import LeastSquaresFlow, pearson_law
from sdekit.theory.least_squares.paths import simulate


def one_feature(step_size=0.4, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20, 1))
    return LeastSquaresFlow(
        x, 0.7 * x[:, 0] + rng.normal(size=20), batch_size=1, step_size=step_size
    )


#: y - 2x is orthogonal to x in the combination that puts the double root of q at c > 0.
TWO_ROWS = LeastSquaresFlow([[1.0], [2.0]], [1.0, 3.0], batch_size=1, step_size=0.1)
MIRRORED = LeastSquaresFlow([[1.0], [2.0]], [-1.0, -3.0], batch_size=1, step_size=0.1)
EQUAL_SQUARES = LeastSquaresFlow(
    [[1.0], [-1.0], [1.0]], [1.0, 1.0, 0.0], batch_size=1, step_size=0.5
)


def integral(law, function):
    ends = (-np.inf, np.inf)
    if law.kind == "inverse gamma":
        centre = -law.noise[1] / (2 * law.noise[2])
        ends = (-np.inf, centre) if centre > 0 else (centre, np.inf)
    return quad(lambda e: function(e) * np.exp(law.log_density(e)), *ends, limit=500)[0]


@pytest.mark.parametrize(
    ("flow", "kind"),
    [
        (one_feature(), "pearson"),
        (TWO_ROWS, "inverse gamma"),
        (MIRRORED, "inverse gamma"),
        (EQUAL_SQUARES, "gaussian"),
    ],
)
def test_the_density_is_normalized_centred_and_has_the_exact_variance(flow, kind):
    law = pearson_law(flow)
    assert law.kind == kind
    assert integral(law, lambda e: 1.0) == pytest.approx(1.0, abs=1e-9)
    assert integral(law, lambda e: e) == pytest.approx(0.0, abs=1e-8)
    assert integral(law, lambda e: e * e) == pytest.approx(law.variance(), rel=1e-7)
    assert law.variance() == pytest.approx(flow.limit_covariance()[0, 0], rel=1e-9)


@pytest.mark.parametrize("flow", [one_feature(), TWO_ROWS, EQUAL_SQUARES])
def test_the_density_has_no_probability_current(flow):
    """(q rho)'/2 = -s e rho, with Q from the flow itself, by central differences."""
    law = pearson_law(flow)
    beta_hat = float(flow.mean(1e9)[0])
    points, h = np.array([-1.5, -0.4, 0.1, 0.2]), 1e-5

    def flux(e):
        q = np.array([flow.noise_covariance([beta_hat + v])[0, 0] for v in e])
        return q * np.exp(law.log_density(e))

    slope = (flux(points + h) - flux(points - h)) / (2 * h) / 2
    exact = -law.rate * points * np.exp(law.log_density(points))
    assert np.abs(slope - exact).max() < 1e-6 * np.abs(exact).max()
    # Twin: with the sign of the drift turned, nothing balances.
    assert np.abs(slope + exact).max() > 0.1 * np.abs(exact).max()


def test_the_tail_is_a_power_with_the_stated_index():
    law = pearson_law(one_feature())
    for side in (-1.0, 1.0):
        far = law.log_density(side * np.array([1e6, 1e8]))
        assert (far[1] - far[0]) / np.log(1e2) == pytest.approx(-law.tail_index, rel=1e-5)
    assert law.moment_exists(2) and not law.moment_exists(law.tail_index)


def test_the_variance_becomes_infinite_where_the_limit_covariance_does():
    critical = one_feature().critical_step_size()
    below, above = (pearson_law(one_feature(f * critical)) for f in (0.99, 1.01))
    assert below.moment_exists(2) and not above.moment_exists(2)
    with pytest.raises(SimulationError, match="stationary variance is infinite"):
        above.variance()
    assert integral(above, lambda e: 1.0) == pytest.approx(1.0, abs=1e-8)


def test_simulated_paths_have_its_quantiles():
    flow = one_feature()
    law = pearson_law(flow)
    sample = simulate(flow, "midpoint", steps=600, paths=4000, seed=3, step_size=0.02)
    errors = sample.states[0, :, 0] - flow.mean(1e9)[0]
    for edge in (-0.5, 0.0, 0.4):
        share = quad(lambda e: np.exp(law.log_density(e)), -np.inf, edge)[0]
        z = ((errors < edge).mean() - share) / np.sqrt(share * (1 - share) / 4000)
        assert abs(z) < 4.5
    # Twin: the law of a smaller step size is refuted.
    smaller = pearson_law(one_feature(step_size=0.2))
    share = quad(lambda e: np.exp(smaller.log_density(e)), -np.inf, 0.4)[0]
    assert abs((errors < 0.4).mean() - share) > 7 * np.sqrt(share * (1 - share) / 4000)


def test_without_noise_at_the_minimum_the_law_is_a_point():
    law = pearson_law(LeastSquaresFlow([[1.0], [2.0]], [2.0, 4.0], batch_size=1, step_size=0.1))
    assert law.kind == "point" and law.variance() == 0.0
    with pytest.raises(SimulationError, match="no density"):
        law.log_density(0.0)
    with pytest.raises(DataError, match="for one feature: expected X with 1 column, found 2"):
        pearson_law(LeastSquaresFlow(np.eye(2), [1.0, 2.0], batch_size=1, step_size=0.1))
