"""Stochastic gradient flow: noise by enumeration, moments by independent solvers, edge cases."""

import itertools

import numpy as np
import pytest
import scipy.sparse
from scipy.linalg import expm

from sdekit.errors import DataError, SimulationError
from sdekit.theory import LeastSquaresFlow
from sdekit.theory.least_squares.flow import TOLERANCE
from tests.theory.least_squares.problems import data, dense_generator, relative, small_flow


def enumerated_gradients(design, y, beta, m, replace):
    """Minibatch descent directions of all equally likely batches."""
    n = len(y)
    batches = (
        itertools.product(range(n), repeat=m) if replace else itertools.combinations(range(n), m)
    )
    chosen = np.array(list(batches))
    residual = y[chosen] - design[chosen] @ beta
    return np.einsum("bmp,bm->bp", design[chosen], residual) / m


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("m", [1, 2, 3])
def test_noise_covariance_is_that_of_all_batches(replace, m):
    design, y, _ = data(n=5, scales=np.ones(2))
    beta, eta = np.array([0.3, -1.0]), 0.3
    flow = LeastSquaresFlow(design, y, batch_size=m, step_size=eta, replace=replace)
    directions = enumerated_gradients(design, y, beta, m, replace)
    exact = eta * np.cov(directions.T, bias=True)
    assert relative(flow.noise_covariance(beta), exact) < 1e-12
    # One SGD step has covariance eta Q: the lemma that makes the flow's Euler step match.
    assert (
        relative(eta * flow.noise_covariance(beta), np.cov(eta * directions.T, bias=True)) < 1e-12
    )
    assert relative(-flow.gradient(beta), directions.mean(axis=0)) < 1e-12


def test_the_enumeration_tells_the_two_ways_of_drawing_apart():
    """Twin: with the factor for the other way the match fails by (n-m)/(n-1)."""
    design, y, _ = data(n=5, scales=np.ones(2))
    flow = LeastSquaresFlow(design, y, batch_size=2, step_size=0.3, replace=True)
    exact = 0.3 * np.cov(enumerated_gradients(design, y, np.zeros(2), 2, False).T, bias=True)
    assert relative(flow.noise_covariance(np.zeros(2)), exact) > 0.1


@pytest.mark.parametrize("sparse", [False, True])
def test_the_factor_is_a_root_without_any_matrix_root(sparse):
    design, y, _ = data(n=12)
    flow = LeastSquaresFlow(
        scipy.sparse.csr_array(design) if sparse else design, y, batch_size=3, step_size=0.2
    )
    beta = np.arange(5.0)
    factor, covariance = flow.noise_factor(beta), flow.noise_covariance(beta)
    assert factor.shape == (5, 12)
    assert relative(factor @ factor.T, covariance) < 1e-12
    z = np.random.default_rng(0).normal(size=12)
    assert relative(flow.noise(beta, z), factor @ z) < 1e-12


def test_the_factor_without_centring_is_wrong():
    """Twin: leaving out I - 11^T/n misses g g^T."""
    flow = small_flow()
    beta = np.zeros(5)
    residual = flow.problem.response - flow.problem.design @ beta
    factor = np.sqrt(flow.noise_scale / 40) * flow.problem.design.T * residual
    assert relative(factor @ factor.T, flow.noise_covariance(beta)) > 0.05


def reference_moments(flow, time):
    """E e and E e e^T at a time by the matrix exponential of the whole closed linear system."""
    design, y, n = flow.problem.design, flow.problem.response, flow.problem.shape[0]
    p = design.shape[1]
    best = np.linalg.lstsq(design, y, rcond=None)[0]
    residual, gram = y - design @ best, design.T @ design / n

    def slope(state):
        one, mu, second = state[0], state[1 : 1 + p], state[1 + p :].reshape(p, p)
        weights = (
            one * residual**2
            - 2 * residual * (design @ mu)
            + np.einsum("ij,jk,ik->i", design, second, design)
        )
        noise = flow.noise_scale * (
            (design * weights[:, None]).T @ design / n - gram @ second @ gram
        )
        return np.concatenate([[0.0], -gram @ mu, (noise - gram @ second - second @ gram).ravel()])

    size = 1 + p + p * p
    system = np.array([slope(unit) for unit in np.eye(size)]).T
    start = np.concatenate([[1.0], -best, np.outer(best, best).ravel()])
    state = expm(time * system) @ start
    mu = state[1 : 1 + p]
    return best + mu, state[1 + p :].reshape(p, p) - np.outer(mu, mu)


@pytest.mark.parametrize("replace", [True, False])
def test_moments_agree_with_the_matrix_exponential_of_the_closed_system(replace):
    flow = small_flow(replace=replace)
    times = [3.0, 0.2, 40.0]
    means, covariances = flow.mean(times), flow.covariance(times)
    for mean, covariance, time in zip(means, covariances, times, strict=True):
        exact_mean, exact = reference_moments(flow, time)
        assert relative(mean, exact_mean) < 1e-11
        assert relative(covariance, exact) < TOLERANCE
        assert abs(flow.covariance_trace(time) - np.trace(exact)) < TOLERANCE * np.trace(exact)
        gram = flow.problem.design.T @ flow.problem.design / 40
        assert abs(flow.covariance_trace(time, prediction=True) - np.trace(gram @ exact)) < (
            TOLERANCE * np.trace(gram @ exact)
        )


def test_that_comparison_sees_a_missing_gradient_term():
    """Twin: with Q lacking - g g^T the covariance is off by far more than 1e-8."""
    flow = small_flow()
    beta = np.zeros(5)
    gradient = flow.gradient(beta)
    wrong = flow.noise_covariance(beta) + flow.noise_scale * np.outer(gradient, gradient)
    assert relative(wrong, flow.noise_covariance(beta)) > 1e-2


def enumerated_sgd(design, y, m, eta, steps, replace):
    """Exact mean and covariance of SGD by following every sequence of batches."""
    states = np.zeros((1, design.shape[1]))
    n = len(y)
    batches = np.array(
        list(
            itertools.product(range(n), repeat=m)
            if replace
            else itertools.combinations(range(n), m)
        )
    )
    for _ in range(steps):
        residual = y[batches][None] - np.einsum("bmp,sp->sbm", design[batches], states)
        directions = np.einsum("sbm,bmp->sbp", residual, design[batches]) / m
        states = (states[:, None] + eta * directions).reshape(-1, design.shape[1])
    return states.mean(axis=0), np.cov(states.T, bias=True)


@pytest.mark.parametrize("replace", [True, False])
def test_sgd_moments_are_those_of_all_sequences_of_batches(replace):
    design, y, _ = data(n=3, scales=np.ones(2))
    flow = LeastSquaresFlow(design, y, batch_size=2, step_size=0.3, replace=replace)
    for steps in (0, 1, 4):
        mean, covariance = enumerated_sgd(design, y, 2, 0.3, steps, replace)
        assert np.abs(flow.sgd_mean(steps) - mean).max() < 1e-13
        assert np.abs(flow.sgd_covariance(steps) - covariance).max() < 1e-13
    assert flow.sgd_mean([1, 4]).shape == (2, 2)
    assert flow.sgd_covariance([4, 1]).shape == (2, 2, 2)
    # Twin: the flow itself is not SGD, at relative order eta s.
    assert relative(flow.covariance(4 * 0.3), covariance) > 0.01


def test_limits_solve_their_stationary_equations_and_are_reached():
    flow = small_flow(scales=np.ones(3))
    assert flow.limit_exists() and flow.limit_exists("sgd")
    assert relative(flow.covariance(1e6), flow.limit_covariance()) < 1e-9
    assert relative(flow.sgd_covariance(1000), flow.limit_covariance("sgd")) < 1e-9
    for discrete in (False, True):
        values = np.linalg.eigvals(dense_generator(flow, discrete)).real
        assert (values.max() < 0) == flow.limit_exists("sgd" if discrete else "flow")
    # Twin: the two limits differ by more than that.
    assert relative(flow.limit_covariance(), flow.limit_covariance("sgd")) > 1e-3


def test_the_flow_becomes_unstable_exactly_at_the_critical_step_size():
    design, y, _ = data(n=20, scales=np.ones(3))
    critical = LeastSquaresFlow(design, y, batch_size=1, step_size=0.1).critical_step_size()
    for factor, exists in ((0.999, True), (1.001, False)):
        flow = LeastSquaresFlow(design, y, batch_size=1, step_size=factor * critical)
        assert flow.limit_exists() is exists
    with pytest.raises(SimulationError, match="no finite limit covariance"):
        flow.limit_covariance()
    with pytest.raises(SimulationError, match="unknown process"):
        flow.limit_exists("sde")


def test_more_features_than_rows_interpolate_and_the_noise_dies():
    rng = np.random.default_rng(3)
    design, y = rng.normal(size=(8, 12)), rng.normal(size=8)
    flow = LeastSquaresFlow(design, y, batch_size=4, step_size=0.01)
    exact_mean, exact = reference_moments(flow, 1.0)
    assert relative(flow.mean(1.0), exact_mean) < 1e-10
    assert relative(flow.covariance(1.0), exact) < TOLERANCE
    assert not flow.limit_covariance().any()
    assert flow.covariance_trace(500.0) < 1e-6 * flow.covariance_trace(1.0)


def test_one_row_has_no_noise_and_one_feature_is_a_scalar():
    single = LeastSquaresFlow([[1.0, 2.0]], [3.0], batch_size=2, step_size=0.1)
    assert np.abs(single.covariance(1.0)).max() < 1e-15
    assert single.critical_step_size() == float("inf")
    assert relative(single.mean(1e9), np.array([0.6, 1.2])) < 1e-12
    one = LeastSquaresFlow(np.ones((1, 1)), [1.0], batch_size=1, step_size=0.1, replace=False)
    assert one.noise_scale == 0.0
    assert one.covariance(1.0).shape == (1, 1)


def test_full_batches_without_replacement_have_no_noise():
    flow = small_flow(batch_size=40, replace=False)
    assert flow.noise_scale == 0.0
    assert not flow.covariance(2.0).any()
    assert not flow.noise_covariance(np.zeros(5)).any()


def test_rank_deficient_designs_move_in_the_row_space_only():
    design, y, _ = data()
    doubled = LeastSquaresFlow(np.hstack([design, design]), y, batch_size=5, step_size=0.05)
    # The sum of the two copies is the plain problem at twice the speed.
    summed = np.hstack([np.eye(5), np.eye(5)])
    plain = LeastSquaresFlow(np.sqrt(2) * design, y, batch_size=5, step_size=0.05)
    assert relative(summed @ doubled.covariance(1.0) @ summed.T, 2 * plain.covariance(1.0)) < 1e-8
    difference = np.hstack([np.eye(5), -np.eye(5)])
    assert np.abs(difference @ doubled.covariance(1.0)).max() < 1e-14


def test_sparse_data_give_the_moments_of_dense_data():
    sparse = scipy.sparse.random(60, 5, density=0.4, random_state=0, format="csc")
    y = np.random.default_rng(1).normal(size=60)
    options = {"batch_size": 4, "step_size": 0.3}
    first, second = (LeastSquaresFlow(x, y, **options) for x in (sparse, sparse.toarray()))
    assert relative(first.covariance([1.0, 30.0]), second.covariance([1.0, 30.0])) < 1e-10
    assert relative(first.sgd_covariance(7), second.sgd_covariance(7)) < 1e-11
    assert relative(first.limit_covariance(), second.limit_covariance()) < 1e-10
    assert relative(first.noise_covariance(np.ones(5)), second.noise_covariance(np.ones(5))) < 1e-12
    assert relative(first.gradient(np.ones(5)), second.gradient(np.ones(5))) < 1e-12
    assert abs(first.objective(np.ones(5)) - second.objective(np.ones(5))) < 1e-12


def test_a_large_problem_needs_no_matrix_over_pairs_of_features():
    """p = 120: the p^2 x p^2 generator would take 1.7 GB; the limit solves its equation."""
    rng = np.random.default_rng(0)
    design = rng.normal(size=(400, 120))
    flow = LeastSquaresFlow(design, rng.normal(size=400), batch_size=10, step_size=0.02)
    limit = flow.limit_covariance()
    gram = design.T @ design / 400
    best = np.linalg.lstsq(design, flow.problem.response, rcond=None)[0]
    weights = (flow.problem.response - design @ best) ** 2 + np.einsum(
        "ij,jk,ik->i", design, limit, design
    )
    noise = flow.noise_scale * ((design * weights[:, None]).T @ design / 400 - gram @ limit @ gram)
    assert np.abs(noise - gram @ limit - limit @ gram).max() < 1e-10 * np.abs(noise).max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch size must be a positive integer: found 0"),
        ({"batch_size": 2.5}, "batch size must be a positive integer"),
        ({"batch_size": 41, "replace": False}, "without replacement cannot have more rows"),
        ({"step_size": 0.0}, "step size must be positive"),
        ({"step_size": float("nan")}, "step size must be positive"),
        ({"step_size": "fast"}, "step size must be a number: found 'fast'"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        small_flow(**options)


def test_impossible_questions_are_refused():
    flow = small_flow()
    with pytest.raises(DataError, match="times must be finite and not negative"):
        flow.covariance(-1.0)
    with pytest.raises(DataError, match="SGD steps must be integers"):
        flow.sgd_mean(1.5)
    with pytest.raises(DataError, match="SGD steps must not be negative"):
        flow.sgd_covariance([-1])
    with pytest.raises(DataError, match="beta has the wrong length: expected 5, found 2"):
        flow.noise_covariance([1.0, 2.0])
    assert "rank=5" in repr(flow)


def test_exploding_second_moments_are_an_error():
    design, y, _ = data(n=20, scales=np.ones(3))
    flow = LeastSquaresFlow(design, y, batch_size=1, step_size=60.0)
    with pytest.raises(SimulationError, match="no finite solution up to the last time"):
        flow.covariance(1e4)
