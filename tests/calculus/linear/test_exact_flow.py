"""The exact flow of a linear SDE against 60 digits, at rates from 1e-6 to 1e6 times the step."""

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm

from sdekit.calculus.linear.exact_flow import exact_flow, scaled_spectrum

RATES = [1e-6, 1e-3, 1.0, 14.0, 34.0, 1e3, 1e6]


def memory(rate):
    """Langevin dynamics with one memory, q' = p, p' = -q + c s, s' = -c p - rate s + noise.

    Its stationary covariance is the identity; with c^2 = rate all slow rates are about 1.
    """
    c = np.sqrt(rate)
    matrix = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, c], [0.0, -c, -rate]])
    return matrix, np.diag([0.0, 0.0, rate])


def by_digits(matrix, diffusion, force, h):
    """e^{Mh} - 1, the shift and the covariance, by Van Loan's block with digits to spare."""
    d = len(matrix)
    with mpmath.workdps(60 + int(h * np.abs(matrix).sum())):
        block = mpmath.zeros(2 * d + 1)
        for i in range(d):
            for j in range(d):
                block[i, j] = -mpmath.mpf(matrix[i, j])
                block[i, d + j] = 2 * mpmath.mpf(diffusion[i, j])
                block[d + i, d + j] = mpmath.mpf(matrix[j, i])
            # A last row under M^T: its entries are the transposed shift.
            block[2 * d, d + i] = mpmath.mpf(force[i])
        power = mpmath.expm(block * mpmath.mpf(h), method="pade")
        propagator = power[d : 2 * d, d : 2 * d].T
        covariance = propagator * power[:d, d : 2 * d]
        change = propagator - mpmath.eye(d)
        found = [change, power[2 * d : 2 * d + 1, d : 2 * d].T, covariance]
        return [np.array(m.tolist(), float) for m in found]


@pytest.mark.parametrize("rate", RATES[:5])
def test_the_flow_has_all_digits(rate):
    matrix, diffusion = memory(rate)
    force = np.array([0.5, -1.0, 2.0])
    for h in (1e-6, 1.0):
        exact = by_digits(matrix, diffusion, force, h)
        found = exact_flow(matrix, diffusion, force, h)
        for one, other in zip(found, exact, strict=True):
            # Doubling multiplies the rounding of slow directions by h |M|.
            bound = 64 * 2.0**-53 * max(1.0, h * rate)
            assert np.abs(one - other.reshape(one.shape)).max() <= bound * np.abs(other).max()


def identity_gap(rate, h=1.0):
    change, _, covariance = exact_flow(*memory(rate), np.zeros(3), h)
    propagator = np.eye(3) + change
    return np.abs(propagator @ propagator.T + covariance - np.eye(3)).max()


@pytest.mark.parametrize("rate", [*RATES, 1e9])
def test_the_stationary_law_is_kept_at_every_rate(rate):
    assert identity_gap(rate) < 64 * 2.0**-53 * max(1.0, rate)


def test_van_loans_block_would_lose_the_law():
    """Twin: at rate 60 the growing exponential has used up double precision."""
    matrix, diffusion = memory(60.0)
    power = expm(np.block([[-matrix, 2 * diffusion], [np.zeros((3, 3)), matrix.T]]))
    propagator = power[3:, 3:].T
    kept = propagator @ propagator.T + propagator @ power[:3, 3:]
    assert np.abs(kept - np.eye(3)).max() > 1e-3 > 1e9 * identity_gap(60.0)


def test_the_variance_of_a_short_step_has_all_digits():
    """Var q = 2/3 h^3 D beside Var p = 2 h D: nothing is lost at h = 1e-9."""
    matrix, diffusion = np.array([[0.0, 1.0], [0.0, 0.0]]), np.diag([0.0, 1.0])
    covariance = exact_flow(matrix, diffusion, np.zeros(2), 1e-9)[2]
    exact = np.array([[2e-27 / 3, 1e-18], [1e-18, 2e-9]])
    np.testing.assert_allclose(covariance, exact, rtol=4 * 2.0**-53)


def test_a_flow_that_overflows_is_not_finite():
    with np.errstate(over="ignore", invalid="ignore"):
        found = exact_flow(np.eye(2), np.eye(2), np.zeros(2), 1e4)
    assert not np.isfinite(found[0]).all()


def test_the_spectrum_multiplies_back_over_25_decades():
    covariance = np.array([[2e-27 / 3, 1e-18], [1e-18, 2e-9]])
    values, vectors = scaled_spectrum(covariance)
    np.testing.assert_allclose(vectors * values @ vectors.T, covariance, rtol=1e-14)
