"""Gradient flow, ridge and the processes of constant noise against solvers and simulation."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm, solve_continuous_lyapunov

from sdekit.errors import DataError, SimulationError
from sdekit.theory import LeastSquaresFlow
from sdekit.theory.fluctuation_dissipation import LinearSDE, fluctuation_dissipation_noise
from tests.theory.least_squares.problems import data, relative, small_flow


def test_gradient_flow_solves_its_equation_and_ridge_its_normal_equations():
    flow = small_flow()
    path = solve_ivp(
        lambda t, b: -flow.gradient(b),
        (0, 5),
        np.zeros(5),
        "Radau",
        [1.0, 5.0],
        rtol=1e-11,
        atol=1e-13,
    )
    assert relative(flow.mean([1.0, 5.0]), path.y.T) < 1e-9
    design, y = flow.problem.design, flow.problem.response
    for penalty in (1e-3, 2.0):
        exact = np.linalg.solve(design.T @ design / 40 + penalty * np.eye(5), design.T @ y / 40)
        assert relative(flow.ridge(penalty), exact) < 1e-12
    assert flow.ridge([0.0, 1.0]).shape == (2, 5)
    assert relative(flow.ridge(0.0), np.linalg.lstsq(design, y, rcond=None)[0]) < 1e-12
    # Twin: at penalty 1/t the two paths are near but not equal.
    assert 1e-2 < relative(flow.ridge(1.0), flow.mean(1.0)) < 1


def lyapunov_covariance(gram, noise, time):
    """Covariance of d b = -gram b dt + N(0, noise dt) from 0, by the stationary solution."""
    limit = solve_continuous_lyapunov(gram, noise)
    return limit - expm(-time * gram) @ limit @ expm(-time * gram)


def test_constant_noise_processes_have_the_covariance_of_their_linear_sde():
    flow = small_flow()
    gram = flow.problem.design.T @ flow.problem.design / 40
    variance = float((flow.problem.residual**2).mean())
    for process, noise in (
        (flow.constant_covariance(), flow.noise_scale * variance * gram),
        (flow.constant_covariance(1.0), flow.noise_scale * gram),
        (flow.langevin(0.3), 0.3 * np.eye(5)),
    ):
        exact = lyapunov_covariance(gram, noise, 2.0)
        assert relative(process.covariance(2.0), exact) < 1e-10
        assert relative(process.limit_covariance(), solve_continuous_lyapunov(gram, noise)) < 1e-10
        assert relative(process.mean(2.0), flow.mean(2.0)) < 1e-14
        assert process.covariance([1.0, 2.0]).shape == (2, 5, 5)


def test_stationary_covariances_are_the_printed_ones():
    flow = small_flow()
    gram = flow.problem.design.T @ flow.problem.design / 40
    printed = flow.constant_covariance(residual_variance=1.0).limit_covariance()
    assert relative(printed, flow.step_size / (2 * flow.batch_size) * np.eye(5)) < 1e-12
    assert relative(flow.langevin(0.3).limit_covariance(), 0.15 * np.linalg.inv(gram)) < 1e-10
    # Twin: with its own residual variance the printed unit is wrong.
    assert relative(flow.constant_covariance().limit_covariance(), printed) > 0.05


def test_langevin_noise_wanders_in_the_null_space():
    design, y, _ = data(n=3)
    flow = LeastSquaresFlow(design, y, batch_size=1, step_size=0.1)
    covariance = flow.langevin(0.2).covariance(4.0)
    null = np.linalg.svd(design)[2][3:].T
    assert relative(null.T @ covariance @ null, 0.8 * np.eye(2)) < 1e-10
    with pytest.raises(SimulationError, match="no stationary law: expected X of full column rank"):
        flow.langevin(0.2).limit_covariance()
    assert np.isfinite(flow.constant_covariance(1.0).limit_covariance()).all()


def test_impossible_processes_are_refused():
    flow = small_flow()
    with pytest.raises(DataError, match="temperature must be positive"):
        flow.langevin(0.0)
    with pytest.raises(DataError, match="residual variance must not be negative"):
        flow.constant_covariance(-1.0)
    with pytest.raises(DataError, match="penalties must be finite and not negative"):
        flow.ridge(-0.1)


DRIFT = np.array([[0.0, 1.0], [-2.0, -0.7]])
DIFFUSION = np.diag([0.0, 0.7])


def test_linear_sde_covariance_solves_its_matrix_equation():
    sde = LinearSDE(DRIFT, DIFFUSION)

    def slope(t, c):
        matrix = c.reshape(2, 2)
        return (DRIFT @ matrix + matrix @ DRIFT.T + 2 * DIFFUSION).ravel()

    exact = solve_ivp(slope, (0, 1.5), np.zeros(4), rtol=1e-11, atol=1e-13).y[:, -1]
    assert relative(sde.covariance(1.5), exact.reshape(2, 2)) < 1e-9
    assert relative(sde.covariance(200.0 / 7), sde.stationary_covariance()) < 1e-6
    assert relative(sde.mean(1.5, [1.0, 0.0]), expm(1.5 * DRIFT)[:, 0]) < 1e-12


def test_fluctuation_and_dissipation_balance_at_the_temperature():
    """Friction and noise tied by the relation give Var v = k_B T / m, untied ones do not."""
    friction, temperature, mass = 0.7, 1.3, 2.0
    noise = fluctuation_dissipation_noise(friction, temperature, mass)
    velocity = LinearSDE([[-friction / mass]], [[noise]])
    assert abs(velocity.stationary_covariance()[0, 0] - temperature / mass) < 1e-14
    untied = LinearSDE([[-2 * friction / mass]], [[noise]])
    assert abs(untied.stationary_covariance()[0, 0] - temperature / mass) > 0.1
    matrix, masses = np.array([[0.7, 0.1], [0.1, 0.4]]), np.diag([2.0, 0.5])
    inverse = np.linalg.inv(masses)
    both = LinearSDE(-inverse @ matrix, fluctuation_dissipation_noise(matrix, 1.3, masses))
    assert relative(both.stationary_covariance(), 1.3 * inverse) < 1e-12


def test_linear_sde_refuses_what_it_cannot_mean():
    with pytest.raises(SimulationError, match="diffusion matrix is not symmetric"):
        LinearSDE(DRIFT, [[1.0, 0.5], [0.0, 1.0]])
    with pytest.raises(SimulationError, match="wrong shape"):
        LinearSDE(DRIFT, [[1.0]])
    with pytest.raises(SimulationError, match="no stationary law"):
        LinearSDE([[0.0]], [[1.0]]).stationary_covariance()
