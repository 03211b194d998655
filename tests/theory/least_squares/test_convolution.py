"""The exponential collocation solves stiff matrix equations to its tolerance."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from sdekit.errors import SimulationError
from sdekit.theory.least_squares.convolution import (
    LAGRANGE,
    NODES,
    Segment,
    monomial_integrals,
    solve,
    step_weights,
)
from tests.theory.least_squares.problems import relative


@pytest.mark.parametrize("decay", [0.0, 1e-3, 0.5, 6.9, 7.1, 30.0, 1e4])
def test_monomial_integrals_agree_with_quadrature(decay):
    integrals = monomial_integrals(np.array(decay), 6)
    for k, found in enumerate(integrals):
        end = min(1.0, 60 / max(decay, 1.0))
        exact = quad(lambda v, k=k: np.exp(-decay * v) * (1 - v) ** k, 0, end, epsabs=1e-15)[0]
        assert abs(found - exact) < 1e-12 * max(exact, 1e-3)


def test_upward_recurrence_alone_would_fail():
    """Twin: the upward recurrence at small z loses all digits, which is why there are two."""
    z, value = 1e-3, -np.expm1(-1e-3) / 1e-3
    for k in range(1, 7):
        value = (1 - k * value) / z
    assert abs(value - monomial_integrals(np.array(z), 6)[6]) > 1.0


def test_weights_are_exact_for_polynomials_under_decay():
    rate, step = np.array([[3.0]]), 0.7
    values = [np.array([[(step * u) ** 5 - 2.0]]) for u in NODES]
    weights = step_weights(rate, step, 1.0, np.asarray)
    exact = quad(lambda t: np.exp(-3 * (step - t)) * (t**5 - 2), 0, step, epsabs=1e-14)[0]
    # The coefficients of the cardinal polynomials reach 1e3 and cancel.
    assert np.abs(LAGRANGE).max() < 2e3
    assert abs(weights.apply(np.zeros((1, 1)), values)[0, 0] - exact) < 2e3 * 1e-15
    assert np.abs(LAGRANGE.sum(axis=1) - np.eye(7)[0]).max() < 1e-9


class Oscillator:
    """C' = -rates C + sin(t) + 0.3 C^T: linear, stiff in one entry."""

    def source(self, time):
        return np.sin(time) * np.ones((2, 2))

    def feedback(self, matrix):
        return 0.3 * matrix.T


RATES = np.array([[500.0, 2.0], [2.0, 1.0]])


def test_solution_agrees_with_an_implicit_solver():
    times = np.array([0.0, 0.1, 1.0, 7.0])
    initial = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = solve(Oscillator(), RATES, initial, times, 1e-9, lambda part, t: part.at(t, RATES))

    def slope(t, c):
        matrix = c.reshape(2, 2)
        return (-RATES * matrix + np.sin(t) + 0.3 * matrix.T).ravel()

    exact = solve_ivp(slope, (0, 7), initial.ravel(), "Radau", times, rtol=1e-11, atol=1e-13)
    for k in range(4):
        assert relative(found[k], exact.y[:, k].reshape(2, 2)) < 1e-8


def test_a_coarse_tolerance_is_visibly_coarser():
    """Twin: the comparison above can tell 1e-2 from 1e-9."""
    start = np.ones((2, 2))
    exact, coarse = (
        solve(Oscillator(), RATES, start, np.array([7.0]), tol, lambda part, t: part.at(t, RATES))
        for tol in (1e-10, 1e-2)
    )
    assert 1e-6 < relative(coarse[0], exact[0]) < 1e-2


def test_diagonal_output_is_the_diagonal():
    rng = np.random.default_rng(0)
    values = tuple(rng.normal(size=(2, 2)) for _ in NODES)
    part = Segment(1.0, 0.5, rng.normal(size=(2, 2)), values)
    assert np.allclose(part.diagonal_at(1.3, RATES), part.at(1.3, RATES).diagonal(), rtol=1e-14)


class Explosion:
    """C' = -C + 50 C: grows beyond every number."""

    def source(self, time):
        return np.ones((1, 1))

    def feedback(self, matrix):
        return 50 * matrix


def test_an_explosion_is_an_error_and_not_an_infinite_loop():
    with pytest.raises(SimulationError, match="no finite solution up to the last time"):
        solve(
            Explosion(),
            np.ones((1, 1)),
            np.zeros((1, 1)),
            np.array([100.0]),
            1e-6,
            lambda part, t: part.at(t, np.ones((1, 1))),
        )
